// What goes wrong with PostgreSQL, said in words. Fed with what its client throws. Invariant: a message has no password, no
// SQL and nothing of a recording.
import { AppError } from "../../shared/errors.ts";
import { codeOf, whatIsWrong } from "../database/postgres/place.ts";

const codes: readonly [code: RegExp, what: string][] = [
  [/^42501$/, "the account may not make or use a schema of its own"],
  [/^XX00[12]$/, "the index there is damaged: drop its schema, and it is made again from the store"],
];

const goneCodes = new Set(["42P01", "3F000"]);

/** Somebody removed them while the service was running. */
export function tablesAreGone(error: unknown): boolean {
  return goneCodes.has(codeOf(error));
}

/** Two were in each other's way. */
export function isRepeatable(error: unknown): boolean {
  return ["40P01", "40001"].includes(codeOf(error));
}

export function explained(error: unknown, place: string): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  const what = goneCodes.has(code)
    ? "its tables are gone, and are being made again: try again in a while"
    : (codes.find(([pattern]) => pattern.test(code))?.[1] ?? whatIsWrong(error) ?? refused(code));
  if (what === null) return error;
  const message = `the search has no answer from its database: ${what}`;
  // The client's own error may have a line of a recording in it, as the value that was refused.
  return new AppError("SEARCH_UNAVAILABLE", message, {
    op: "search.database",
    retryable: true,
    details: { database: place, ...(code === "" ? {} : { code }) },
  });
}

/** Null for what is a fault of ours. */
function refused(code: string): string | null {
  return code === "" ? null : "it refused what it was asked";
}
