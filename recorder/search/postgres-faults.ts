// What goes wrong with PostgreSQL, said in words. Fed with what its client throws. Invariant: a message has no password, no
// SQL and nothing of a recording.
import { AppError } from "../../shared/errors.ts";

const codes: readonly [code: RegExp, what: string][] = [
  [/^ECONNREFUSED$|^ENOENT$/, "nothing answers there"],
  [/^ENOTFOUND$|^EAI_AGAIN$/, "its name is not known"],
  [/^28/, "it refuses the sign-in"],
  [/^3D000$/, "it has no database of that name"],
  [/^42501$/, "the account may not make or use a schema of its own"],
  [/^53300$/, "it has no connection left"],
  [/^53/, "it has no room left"],
  [/^57P|^08|^ECONNRESET$|^EPIPE$/, "it has ended the connection"],
  [/^57014$/, "the answer took too long"],
  [/^25006$/, "it is read-only"],
  [/^XX00[12]$/, "the index there is damaged: drop its schema, and it is made again from the store"],
];

const goneCodes = new Set(["42P01", "3F000"]);

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

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
    : (codes.find(([pattern]) => pattern.test(code))?.[1] ?? plainly(error));
  if (what === null) return error;
  const message = `the search has no answer from its database: ${what}`;
  // The client's own error may have a line of a recording in it, as the value that was refused.
  return new AppError("SEARCH_UNAVAILABLE", message, {
    op: "search.database",
    retryable: true,
    details: { database: place, ...(code === "" ? {} : { code }) },
  });
}

/** The client's own, which have no code; null for what is a fault of ours. */
function plainly(error: unknown): string | null {
  const message = error instanceof Error ? error.message : "";
  if (/timeout|timed out/i.test(message)) return "it does not answer in time";
  if (/connection (?:terminated|ended|error)|not queryable|after calling end/i.test(message))
    return "it has ended the connection";
  if (/password|sasl|scram|authentication/i.test(message)) return "it refuses the sign-in";
  if (/certificate|tls|ssl/i.test(message)) return "the connection cannot be protected as sslmode asks";
  return codeOf(error) === "" ? null : "it refused what it was asked";
}
