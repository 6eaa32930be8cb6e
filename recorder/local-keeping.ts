// Retention for the people at this machine: their roles are looked at, what they start stands in the audit. A part of the
// composition root, beside main.ts.
import { AppError } from "../shared/errors.ts";
import type { Role } from "../shared/policy/policy.ts";
import type { LocalKeeping } from "./admin-keeping.ts";
import { holders } from "./api/roles.ts";
import type { LedgerReader } from "./ledger/contract.ts";
import type { RetentionAudit } from "./retention/ledger.ts";
import type { Retention } from "./retention/retention.ts";
import type { WitnessedRecording } from "./retention/witnessed.ts";
import { casesHolding, EntriesBySession, retainUntilOf } from "./verify/session-entries.ts";

export interface LocalKeepingParts {
  retention: Retention;
  people: { get(name: string): Promise<{ name: string; roles: readonly Role[]; disabled: boolean }> };
  audit: RetentionAudit;
}

export function localKeeping({ retention, people, audit }: LocalKeepingParts): LocalKeeping {
  const holder = async (name: string) => {
    const person = await people.get(name);
    if (!person.disabled && person.roles.some((role) => holders.includes(role)))
      return { name: person.name, address: "local" };
    const message = `${person.name} is neither an administrator nor an investigator`;
    throw new AppError("AUTH_FORBIDDEN", message, { op: "admin.holds" });
  };
  const state = async () => {
    const { ok, message } = retention.health();
    return { ok, message, ...(await retention.counts()), ...retention.storeState };
  };
  const tell = (actor: string, action: string, details: Record<string, unknown>) =>
    audit.append({ actor, action, subject: "store", address: "local", details });
  return {
    holds: () => retention.holds.list(),
    of: (session) => retention.of(session),
    place: async (session, wish, person) => retention.holds.place(session, wish, await holder(person)),
    release: async (session, hold, step, person) => retention.holds.release(session, hold, step, await holder(person)),
    state,
    probe: async (by) => {
      await tell(by, "retention.probe", {});
      await retention.lookAfterStore();
      return state();
    },
    acknowledge: async (person, reason) => {
      const { name } = await holder(person);
      const sessions = retention.corrected();
      if (sessions.length === 0)
        throw new AppError("REQUEST_CONFLICT", "there is no corrected recording to acknowledge", {
          op: "admin.retention",
        });
      await tell(name, "retention.acknowledge", { reason, sessions: sessions.slice(0, 100), count: sessions.length });
      retention.acknowledge(sessions);
      return { acknowledged: sessions };
    },
    sweep: async (by, whole) => {
      await tell(by, "retention.sweep", { whole });
      return { ...(await retention.sweep({ whole })) };
    },
  };
}

/** What the recorder's own ledger says of a recording: before any of it goes, that is asked. */
export async function witnessedBy(
  ledger: Pick<LedgerReader, "entriesOf">,
  recorder: string,
  session: string,
): Promise<WitnessedRecording> {
  const entries = new EntriesBySession(recorder);
  for (const { entry } of await ledger.entriesOf(session)) entries.take(entry);
  const of = entries.sessions.get(session);
  if (of === undefined) return { recorded: false, retainUntil: null, cases: [] };
  const recorded = of.opens.length + of.closes.length > 0;
  return { recorded, retainUntil: retainUntilOf(of), cases: casesHolding(of) };
}
