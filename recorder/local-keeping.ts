// Retention for the people at this machine: their roles are looked at, what they start stands in the audit. A part of the
// composition root, beside main.ts.
import { AppError } from "../shared/errors.ts";
import type { Role } from "../shared/policy/policy.ts";
import type { LocalKeeping } from "./admin-keeping.ts";
import { holders } from "./api/roles.ts";
import type { RetentionAudit } from "./retention/ledger.ts";
import type { Retention } from "./retention/retention.ts";

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
    sweep: async (by, whole) => {
      await tell(by, "retention.sweep", { whole });
      return { ...(await retention.sweep({ whole })) };
    },
  };
}
