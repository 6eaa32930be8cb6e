// Notes and cases as the commands have them: on the service's database, beside a running service or without one. Who writes
// proves who they are, and needs the role that the portal asks for; reading stands for the account of this machine.
import { type Command, Option } from "commander";
import type { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { People } from "../access/people.ts";
import { type CaseActor, CaseDesk } from "../cases/case-desk.ts";
import { AuditLog } from "../catalog/audit.ts";
import { listHolds } from "../retention/holds.ts";
import { type Cli, localActor } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { proveIdentity } from "./prove-identity.ts";
import { type Archive, inArchive } from "./recordings/archive.ts";

export interface LocalDesk {
  desk: CaseDesk;
  archive: Archive;
  /** Who looks, without a proof. */
  reader: CaseActor;
  /** AUTH_FORBIDDEN without one of the roles. */
  as(name: string, roles: readonly Role[]): Promise<CaseActor>;
}

export function atCaseDesk<T>(cli: Cli, command: Command, work: (local: LocalDesk) => Promise<T>): Promise<T> {
  return inArchive(cli, command, (archive) => {
    const { database, recordings } = archive;
    const desk = new CaseDesk({
      db: database.cases,
      audit: new AuditLog(database.catalog),
      recordings,
      people: new People(database.access),
      holds: {
        of: async (session) => ({ holds: await listHolds(database.retention, session) }),
        place: () => Promise.reject(servicesMatter()),
        release: () => Promise.reject(servicesMatter()),
      },
    });
    const as = async (name: string, roles: readonly Role[]): Promise<CaseActor> => {
      const person = await proveIdentity(cli, archive, name);
      if (!person.roles.some((role) => roles.includes(role)))
        throw new AppError("AUTH_FORBIDDEN", `this takes one of the roles ${roles.join(", ")}`, { op: "cli.cases" });
      return { name: person.name, roles: person.roles, address: "local" };
    };
    return work({ desk, archive, reader: { name: localActor(cli), roles: [], address: "local" }, as });
  });
}

/** The store has a part in it. */
function servicesMatter(): AppError {
  return new AppError("REQUEST_CONFLICT", "holds are the running service's: conduit holds", { op: "cli.cases" });
}

export function writerOption(who: string): Option {
  return new Option("--as <person>", `${who}, who types password and verification code`).makeOptionMandatory();
}

export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** What was typed, as the API would take it; anything else is wrong usage. */
export function understood<T>(schema: z.ZodType<T>, wish: unknown): T {
  const parsed = schema.safeParse(wish);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  throw new AppError("REQUEST_INVALID", `${what}${issue?.message ?? "not understood"}`, {
    op: "cli.cases",
    details: { exitCode: exitCodes.usage },
  });
}
