// All live sessions of this recorder. One ticker applies the limits; stopping ends every session and waits for its seal.
import type { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { Policy, Role } from "../../shared/policy/policy.ts";
import { afterReload, afterRoleChange, type PolicyNow } from "./access-now.ts";
import type { GatewaySession } from "./session.ts";
import type { EndedBy, Releaser } from "./session-facts.ts";

interface GrantEnd {
  /** A session that is ended already. */
  but?: string;
  why?: EndedBy;
}

export interface Followed {
  /** Of these people, those with an enabled account, under the names that were asked for. */
  rolesOf(people: readonly string[]): Promise<ReadonlyMap<string, readonly Role[]>>;
  policy(): PolicyNow;
  /** Wall time that never goes back. */
  nowMs(): number;
}

export class SessionRegistry {
  readonly #sessions = new Map<string, GatewaySession>();
  /** With which roles and policy a session was last decided on, where not with those that it opened with. */
  readonly #judged = new WeakMap<GatewaySession, { roles: string; policy: Policy }>();
  readonly #perPerson = new Map<string, number>();
  readonly #ticker: NodeJS.Timeout;
  #accepting = true;

  constructor(tickMs = 250) {
    this.#ticker = setInterval(() => {
      for (const session of this.#sessions.values()) session.checkLimits();
    }, tickMs);
    this.#ticker.unref();
  }

  get accepting(): boolean {
    return this.#accepting;
  }

  /** Counts a session that is being opened, so that two at once cannot both take the last place. */
  reserve(person: string, most: number): boolean {
    const open = this.#perPerson.get(person) ?? 0;
    if (open >= most) return false;
    this.#perPerson.set(person, open + 1);
    return true;
  }

  release(person: string): void {
    const open = (this.#perPerson.get(person) ?? 1) - 1;
    if (open <= 0) this.#perPerson.delete(person);
    else this.#perPerson.set(person, open);
  }

  add(session: GatewaySession): void {
    this.#sessions.set(session.id, session);
  }

  remove(session: GatewaySession): void {
    if (this.#sessions.delete(session.id)) this.release(session.facts.person.name);
  }

  get(id: string): GatewaySession | undefined {
    return this.#sessions.get(id);
  }

  sessions(): readonly GatewaySession[] {
    return [...this.#sessions.values()];
  }

  list(): LiveSession[] {
    return this.sessions().map((session) => session.describe());
  }

  /** False when there is no such live session. */
  terminate(id: string, by: string, reason: string): boolean {
    const session = this.#sessions.get(id);
    if (session === undefined) return false;
    const said = reason === "" ? "" : ` Reason: ${reason}`;
    session.terminate({ code: "terminated", sentence: `The plant ended this session.${said}` }, by);
    return true;
  }

  /**
   * Sessions whose people or whose policy are not what they were when they opened: whoever changed that, and however far
   * a session had come by then. Looked at only where something did change, so that no clock ends one here.
   */
  async follow({ rolesOf, policy, nowMs }: Followed): Promise<void> {
    const live = [...this.#sessions.values()].filter(({ state }) => state === "active" || state === "frozen");
    if (live.length === 0) return;
    const enabled = await rolesOf([...new Set(live.map(({ facts }) => facts.person.name))]);
    for (const session of live) {
      const roles = enabled.get(session.facts.person.name);
      if (roles === undefined) this.terminate(session.id, "recorder", "the account was disabled");
      else this.#judge(session, roles, policy(), nowMs());
    }
  }

  #judge(session: GatewaySession, roles: readonly Role[], policy: PolicyNow, nowMs: number): void {
    const { facts } = session;
    const seen = this.#judged.get(session) ?? { roles: [...facts.person.roles].sort().join(), policy: facts.policy };
    const now = { roles: [...roles].sort().join(), policy: policy.compiled.policy };
    if (seen.roles === now.roles && seen.policy === now.policy) return;
    this.#judged.set(session, now);
    if (seen.roles !== now.roles) {
      const withdrawn = afterRoleChange(facts, roles, policy, nowMs);
      if (withdrawn !== null) {
        session.terminate(withdrawn, "policy");
        return;
      }
    }
    if (now.policy === facts.policy) return;
    const { end, decided } = afterReload(facts, roles, policy, nowMs);
    if (end !== null) {
      session.terminate(end, "policy");
      return;
    }
    const { effect, reason, rule } = decided.decision;
    session.policySays(decided.why, { effect, reason, rule, policy: policy.policyHash });
  }

  /** False when there is no such session, or it cannot be frozen. */
  freeze(id: string, by: string, reason: string): boolean {
    const session = this.#sessions.get(id);
    session?.escort?.acted(by);
    return session?.freeze(by, reason) ?? false;
  }

  /** False when there is no such session, or it is not frozen. POLICY_REFUSED: not this person. */
  unfreeze(id: string, by: Releaser): boolean {
    const session = this.#sessions.get(id);
    if (session === undefined || session.state !== "frozen") return false;
    const context = { op: "session.unfreeze", details: { session: id } };
    const whyNot = session.whyNotReleasedBy(by);
    if (whyNot !== null) throw new AppError("POLICY_REFUSED", whyNot, context);
    session.escort?.acted(by.name);
    const notYet = session.whyNotReleasedYet(by.name);
    if (notYet !== null) throw new AppError("REQUEST_CONFLICT", notYet, context);
    return session.unfreeze(by.name);
  }

  /** What these sessions stand on is no more: they end within this call. */
  grantEnded(grant: string, state: "revoked" | "expired", { but, why }: GrantEnd = {}): void {
    for (const session of this.#sessions.values()) {
      if (session.facts.grant?.id === grant && session.id !== but) session.grantEnded(state, why);
    }
  }

  /** For all sessions at once, e.g. when the spool's disk runs low: each follows its target's failure mode. */
  recordingFails(error: Error): void {
    for (const session of this.#sessions.values()) session.recordingFails(error);
  }

  /** No new sessions from now on; every live one is ended and sealed before it resolves. */
  async stop(): Promise<void> {
    this.#accepting = false;
    const open = [...this.#sessions.values()];
    for (const session of open) {
      session.terminate({ code: "recorder-stopped", sentence: "The recorder is being stopped." }, "recorder");
    }
    await Promise.all(open.map((session) => session.whenClosed()));
    clearInterval(this.#ticker);
  }
}
