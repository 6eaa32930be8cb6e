// What the portal tells a person of each target: whether it opens now, by which request and until when, or what is in the
// way. The same decisions that are made when a session opens. Invariant: whom the lists of targets are not for hears only of
// those that a rule of the policy has for them.
import type { MyTarget } from "../../shared/api/access.ts";
import {
  type Decision,
  decideOpening,
  decideReach,
  findRule,
  type GrantFacts,
  reasonSentences,
  type Subject,
} from "../../shared/policy/decide.ts";
import type { Conduit, Target } from "../../shared/policy/policy.ts";
import type { AccessStates, InventoryView } from "./admission.ts";

type Grants = Pick<AccessStates, "grantFor" | "blockFor" | "nowMs">;
type View = Pick<InventoryView, "compiled" | "targets" | "conduits">;

export async function targetsForPerson(
  { compiled, targets, conduits }: View,
  person: Subject,
  access: Grants,
  { all }: { all: boolean },
): Promise<MyTarget[]> {
  const nowMs = access.nowMs();
  const told: MyTarget[] = [];
  for (const target of targets) {
    const rule = findRule(compiled, person, target, target.protocol, nowMs)?.rule;
    if (!all && rule?.effect !== "allow") continue;
    const reach = decideReach(compiled, person, target, target.protocol, nowMs);
    if (!all && reach.reason === "conduit-not-serving") continue;
    const mayAsk = reach.effect === "allow" || reach.reason === "outside-hours";
    const found = await decide(compiled, person, target, access, nowMs, mayAsk);
    told.push(
      describe(
        target,
        conduits.find(({ id }) => id.toLowerCase() === target.conduit.toLowerCase()),
        found,
        mayAsk,
      ),
    );
  }
  return told;
}

interface Found {
  decision: Decision;
  grant: GrantFacts | null;
  blocked: boolean;
}

async function decide(
  compiled: View["compiled"],
  person: Subject,
  target: Target,
  access: Grants,
  nowMs: number,
  mayAsk: boolean,
): Promise<Found> {
  const query = { person, target, protocol: target.protocol, nowMs };
  // Of what no request can open, grants and blocks change nothing.
  const grant = mayAsk ? await access.grantFor(person.name, target.name, nowMs) : null;
  const decision = decideOpening(compiled, { ...query, grant });
  const blocked = decision.effect === "allow" && (await access.blockFor(person.name, target.name)) !== null;
  return { decision, grant, blocked };
}

function describe(target: Target, conduit: Conduit | undefined, found: Found, mayAsk: boolean): MyTarget {
  const { decision, grant, blocked } = found;
  const { name, protocol, tags, description } = target;
  const { approval, mfa, escort, windowEndsMs, breakGlass } = decision.obligations;
  const open = decision.effect === "allow" && !blocked;
  const reason = blocked ? "reconnection-blocked" : decision.reason;
  return {
    name,
    conduit: target.conduit,
    sourceZone: conduit?.sourceZone ?? "",
    destinationZone: conduit?.destinationZone ?? "",
    protocol,
    tags: [...tags],
    description,
    open,
    reason,
    sentence: reasonSentences[reason],
    prohibited: reason === "prohibited-target",
    mayAsk,
    needs: { approval, mfa, escort },
    until: open && windowEndsMs !== null && Number.isFinite(windowEndsMs) ? new Date(windowEndsMs).toISOString() : null,
    request: open && approval && grant !== null ? grant.request : null,
    breakGlass: open && breakGlass,
  };
}
