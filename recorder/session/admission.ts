// Who may open a session to which target now: policy's answer with the grant behind it, and whether an earlier end of theirs
// stands in the way. Invariant: a target that does not exist and one that is not this person's to know get the same
// answer; the record has the true reason.
import { AppError } from "../../shared/errors.ts";
import type { CompiledPolicy } from "../../shared/policy/compile.ts";
import {
  type Decision,
  decideOpening,
  type GrantFacts,
  type ReasonCode,
  reasonSentences,
} from "../../shared/policy/decide.ts";
import { momentInWords } from "../../shared/policy/explain.ts";
import type { Conduit, Policy, Target } from "../../shared/policy/policy.ts";
import { toldReason } from "../../shared/policy/told.ts";
import type { AuthenticatedPerson, ClientAddress } from "../tap/tap.ts";

export interface InventoryView {
  targets: readonly Target[];
  conduits: readonly Conduit[];
  policy: Policy;
  policyHash: string;
  compiled: CompiledPolicy;
}

/** What is known of requests, grants and blocks; recorder/access/requests has it. */
export interface AccessStates {
  /** Wall time that never goes back. */
  nowMs(): number;
  /** The grant that is open now, else the one that explains best why there is none. `only`: that grant or none. */
  grantFor(person: string, target: string, nowMs?: number, options?: { only?: string }): Promise<GrantFacts | null>;
  /** POLICY_REFUSED when the grant has ended or is used up in the meantime. */
  use(grant: string, session: { id: string; target: string; address: string }): Promise<void>;
  /** The person is refused at this target, too, until a new approval. */
  endGrant(
    grant: string,
    ended: { by: string; address: string; reason: string; session: string; target: string },
  ): Promise<unknown>;
  blockReconnection(block: {
    person: string;
    target: string;
    session: string | null;
    by: string;
    address: string;
    reason: string;
  }): Promise<unknown>;
  blockFor(person: string, target: string): Promise<{ reason: string; at: string } | null>;
}

export interface Admitted<T extends Target> {
  inventory: InventoryView;
  target: T;
  decision: Decision;
  /** What the session stands on; null where it stands on the rule alone. */
  grant: GrantFacts | null;
}

export interface SessionRefusal {
  type: "refused";
  reason: string;
  rule?: string;
  request?: string;
}

export interface AdmissionDependencies {
  inventory(): InventoryView;
  access: AccessStates | undefined;
  /** What stops every session through this conduit now. */
  stopOf(conduit: string): { reason: string } | null;
  /** Written before the person is answered. `target` is fit for a log. */
  refused(person: AuthenticatedPerson, target: string, client: ClientAddress, refusal: SessionRefusal): Promise<void>;
}

export class Admission {
  readonly #deps: AdmissionDependencies;
  /** Whose access was ended a moment ago, while that is being written. */
  readonly #held = new Map<string, number>();

  constructor(deps: AdmissionDependencies) {
    this.#deps = deps;
  }

  /** POLICY_REFUSED, in words for the person. */
  async admit<T extends Target>(
    protocol: T["protocol"],
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<Admitted<T>> {
    const inventory = this.#deps.inventory();
    const target = inventory.targets.find((candidate) => candidate.name.toLowerCase() === targetName.toLowerCase());
    if (target === undefined) {
      // What is prohibited is so by its name, whether or not it is there: names cannot be probed.
      const { reason, rule } = whyNotThere(inventory.compiled, protocol, targetName);
      return this.#refuse(person, printable(targetName), client, { type: "refused", reason, rule }, null);
    }
    const { decision, grant } = await this.#decide(inventory, protocol, person, target);
    const { reason, rule } = decision;
    if (decision.effect === "deny") {
      const request = grant === null ? {} : { request: grant.request };
      return this.#refuse(person, target.name, client, { type: "refused", reason, rule, ...request }, grant);
    }
    if (target.protocol !== protocol) {
      const [spoken, asked] = [target.protocol.toUpperCase(), protocol.toUpperCase()];
      const message = `${target.name} is reached by ${spoken}, not by ${asked}.`;
      return this.#refuse(
        person,
        target.name,
        client,
        { type: "refused", reason: "other-protocol", rule },
        null,
        message,
      );
    }
    const stop = this.#deps.stopOf(target.conduit);
    if (stop !== null) {
      const message = `${target.name} does not open: ${reasonSentences.stopped} Reason: ${stop.reason}`;
      return this.#refuse(person, target.name, client, { type: "refused", reason: "stopped", rule }, null, message);
    }
    if (await this.#isBlocked(person.name, target.name)) {
      const refusal = { type: "refused", reason: "reconnection-blocked", rule } as const;
      return this.#refuse(person, target.name, client, refusal, null);
    }
    return { inventory, target: target as T, decision, grant: decision.obligations.approval ? grant : null };
  }

  /** Refused from memory until the function that is returned is called. */
  hold(person: string, target: string): () => void {
    const key = keyOf(person, target);
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(key) ?? 1) - 1;
      if (left <= 0) this.#held.delete(key);
      else this.#held.set(key, left);
    };
  }

  async #decide(
    { compiled }: InventoryView,
    protocol: string,
    person: AuthenticatedPerson,
    target: Target,
  ): Promise<{ decision: Decision; grant: GrantFacts | null }> {
    const { access } = this.#deps;
    const nowMs = access?.nowMs() ?? Date.now();
    const only = person.grant === undefined ? undefined : { only: person.grant };
    const grant = (await access?.grantFor(person.name, target.name, nowMs, only)) ?? null;
    return { decision: decideOpening(compiled, { person, target, protocol, nowMs, grant }), grant };
  }

  async #isBlocked(person: string, target: string): Promise<boolean> {
    if (this.#held.has(keyOf(person, target))) return true;
    return ((await this.#deps.access?.blockFor(person, target)) ?? null) !== null;
  }

  async #refuse(
    person: AuthenticatedPerson,
    target: string,
    client: ClientAddress,
    refusal: SessionRefusal,
    grant: GrantFacts | null,
    message?: string,
  ): Promise<never> {
    await this.#deps.refused(person, target, client, refusal);
    const told = toldReason(refusal.reason as ReasonCode, person.roles);
    const said = message ?? `${person.name} may not reach ${target}: ${sentenceOf(told, grant)}`;
    throw new AppError("POLICY_REFUSED", said, { op: "session.open", details: { reason: told } });
  }
}

/** Of a name that is none: what would be said of it first if it were one. */
function whyNotThere(compiled: CompiledPolicy, protocol: string, name: string): { reason: ReasonCode; rule: string } {
  if (compiled.prohibitedBy({ name, conduit: "", tags: [] }) !== null) {
    return { reason: "prohibited-target", rule: "prohibited" };
  }
  if (compiled.isBlocked(protocol)) return { reason: "protocol-blocked", rule: "blocked" };
  return { reason: "no-rule", rule: "default" };
}

/** Why not, and what can be done about it. */
function sentenceOf(reason: ReasonCode, grant: GrantFacts | null): string {
  const sentence = reasonSentences[reason];
  switch (reason) {
    case "approval-needed":
    case "window-over":
    case "access-used-up":
    case "not-in-request":
      return `${sentence} Ask for access in the portal, or with conduit request create.`;
    case "window-not-begun":
      return grant === null ? sentence : `${sentence} It begins at ${momentInWords(grant.fromMs)}.`;
    case "access-revoked":
      return `${sentence} Reconnection is refused until there is a new approval.`;
    case "mfa-needed":
      return `${sentence} The portal shows how, under Account.`;
    case "reconnection-blocked":
    case "prohibited-target":
      return sentence;
    default:
      return `${sentence} Ask the plant for access.`;
  }
}

function keyOf(person: string, target: string): string {
  return JSON.stringify([person.toLowerCase(), target.toLowerCase()]);
}

/** Names come from the wire: what is not printable ASCII must not reach a terminal or a log as it is. */
function printable(text: string): string {
  return text.slice(0, 64).replaceAll(/[^\x20-\x7e]/g, "?");
}
