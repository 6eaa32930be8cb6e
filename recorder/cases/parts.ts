// What notes, cases and imports are given, and what they share.
import { createHash, randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { Hold, PlaceHold, RecordingRetention, ReleaseHold } from "../../shared/api/retention.ts";
import type { RecordingSummary } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { Role } from "../../shared/policy/policy.ts";
import type { CaseTables } from "./tables.ts";

export interface CaseActor {
  name: string;
  roles: readonly Role[];
  address: string;
}

export interface CaseHolds {
  of(session: string): Promise<Pick<RecordingRetention, "holds">>;
  place(session: string, wish: PlaceHold, by: { name: string; address: string }): Promise<Hold>;
  release(session: string, hold: string, step: ReleaseHold, by: { name: string; address: string }): Promise<Hold>;
}

export interface CaseParts {
  db: Kysely<CaseTables>;
  /** Durable when it resolves: what it says is done only then. */
  audit: {
    append(entry: {
      actor: string;
      action: string;
      subject: string;
      address: string;
      details: Record<string, unknown>;
    }): Promise<void>;
  };
  recordings: { find(session: string): Promise<RecordingSummary | null> };
  people: { find(name: string): Promise<{ name: string; roles: readonly Role[]; disabled: boolean } | null> };
  holds: CaseHolds;
  /** What is said of the recording has changed: for whoever keeps a copy to search in. */
  changed?: (session: string) => void;
  now?: () => number;
}

/** Who works with what was recorded. */
const contentRoles: readonly Role[] = ["admin", "escort", "investigator", "auditor"];

export function readsContent(roles: readonly Role[]): boolean {
  return roles.some((role) => contentRoles.includes(role));
}

export function isAdmin({ roles }: Pick<CaseActor, "roles">): boolean {
  return roles.includes("admin");
}

export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

export function newId(kind: "n" | "i"): string {
  return `${kind}${randomBytes(6).toString("hex")}`;
}

export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

export function timeOf({ now = Date.now }: CaseParts): string {
  return new Date(now()).toISOString();
}

export function conflict(message: string): AppError {
  return new AppError("REQUEST_CONFLICT", message, { op: "cases" });
}

export function notFound(message: string): AppError {
  return new AppError("REQUEST_NOT_FOUND", message, { op: "cases" });
}

export function forbidden(message: string): AppError {
  return new AppError("AUTH_FORBIDDEN", message, { op: "cases" });
}

/** One after the other, so that what was looked at still stands when it is changed. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action, action);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
