// What goes wrong with the state's PostgreSQL, said with a code and a mend. Fed with what its client throws. Invariant: a
// message has no password and no SQL, and no error carries the row that was refused.
import { AppError } from "../../../shared/errors.ts";
import { codeOf, whatIsWrong } from "./place.ts";

interface Fault {
  what: string;
  mend: string;
}

const again = "it is tried again with the next request";

const faults: readonly [code: RegExp, fault: Fault][] = [
  [/^53100$/, { what: "its disk is full", mend: "make room on it, then try again" }],
  [/^58/, { what: "its disk failed", mend: "check the disk of its machine; its log has more" }],
  [/^57P03$/, { what: "it is starting or stopping", mend: again }],
  [/^55P03$/, { what: "others are writing, and did not end", mend: "look at pg_locks for who holds it" }],
  [/^40001$|^40P01$/, { what: "others were in the way", mend: "try again" }],
  [/^42P01$|^42703$|^3F000$/, { what: "its tables are not there", mend: "restore a backup, and restart the service" }],
  [
    /^42501$/,
    { what: "the account lacks a right there", mend: "let it own its schema and all in it (docs/database.md)" },
  ],
  [/^XX00[12]$/, { what: "it is damaged", mend: "stop the service and restore a backup" }],
];

const mends: readonly [what: RegExp, mend: string][] = [
  [/sign-in/, "check the account and the password in database.urlFile"],
  [/name is not known|no database|nothing answers/, "start it, or mend database.url or database.urlFile"],
  [/no connection left/, "raise its max_connections"],
  [/no room/, "make room on its machine, then try again"],
  [/read-only/, "name the primary in database.url or database.urlFile"],
  [/sslmode/, "mend sslmode, or the certificates that it names"],
];

/** Constraints and triggers answer as they are, without the row. */
export function explained(error: unknown, place: string): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  const fault = faults.find(([pattern]) => pattern.test(code))?.[1] ?? plainFault(error);
  if (fault !== null) return failed(place, fault, code);
  if (code === "" || !(error instanceof Error)) return error;
  const { constraint } = error as Error & { constraint?: string };
  return Object.assign(new Error(error.message), { code, ...(constraint === undefined ? {} : { constraint }) });
}

/** It did what it was asked, or not: nobody can say. */
export function unknownOutcome(place: string): AppError {
  return failed(
    place,
    {
      what: "the connection ended while a change was being made, which may have been made",
      mend: "look whether it was, before you make it again",
    },
    "",
  );
}

/** Others of this process had the turn for too long. */
export function busy(place: string): AppError {
  return failed(place, { what: "too many changes wait for one another", mend: "try again" }, "");
}

/** Nothing was asked of it, or nothing of it was done: it may be asked again. */
export function isLost(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return (
    /^57P0[123]$|^08|^25P03$|^ECONNRESET$|^EPIPE$/.test(codeOf(error)) ||
    /connection (?:terminated|ended|error)|not queryable/i.test(message)
  );
}

function plainFault(error: unknown): Fault | null {
  const what = whatIsWrong(error);
  return what === null ? null : { what, mend: mends.find(([pattern]) => pattern.test(what))?.[1] ?? again };
}

function failed(place: string, { what, mend }: Fault, code: string): AppError {
  const message = `the database (${place}) cannot be used: ${what}${code === "" ? "" : ` (${code})`}; ${mend}`;
  return new AppError("DATABASE_FAILED", message, {
    op: "database.execute",
    retryable: true,
    details: { database: place, ...(code === "" ? {} : { code }) },
  });
}
