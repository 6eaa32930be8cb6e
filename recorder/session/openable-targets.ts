// What the portal offers a person to open: the same decisions that will be made when the session opens.
import type { OpenableTarget } from "../../shared/api/types.ts";
import { decideOpening, type Subject } from "../../shared/policy/decide.ts";
import type { Target } from "../../shared/policy/policy.ts";
import type { AccessStates, InventoryView } from "./admission.ts";

type Grants = Pick<AccessStates, "grantFor" | "nowMs">;

export async function openableTargets(
  { compiled, targets }: Pick<InventoryView, "compiled" | "targets">,
  person: Subject,
  access: Grants,
): Promise<OpenableTarget[]> {
  const open: Target[] = [];
  for (const target of targets) {
    if (await isOpen(compiled, person, target, access)) open.push(target);
  }
  return open.map(({ name, conduit, protocol, tags, description }) => ({ name, conduit, protocol, tags, description }));
}

async function isOpen(
  compiled: InventoryView["compiled"],
  person: Subject,
  target: Target,
  access: Grants,
): Promise<boolean> {
  const nowMs = access.nowMs();
  const query = { person, target, protocol: target.protocol, nowMs };
  const { effect, reason } = decideOpening(compiled, { ...query, grant: null });
  // Most targets are open or closed whatever was granted: grants are asked for where one could make the difference.
  if (reason !== "approval-needed" && reason !== "outside-hours") return effect === "allow";
  const grant = await access.grantFor(person.name, target.name, nowMs);
  return grant !== null && decideOpening(compiled, { ...query, grant }).effect === "allow";
}
