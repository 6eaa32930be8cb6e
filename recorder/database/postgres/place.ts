// Where a PostgreSQL is, said without its password, and what may be wrong with one in words. Fed by the state's and the
// search's connections to it.

export interface PostgresPlace {
  /** With its password. */
  url: string;
  /** Small letters, digits and `_`: it needs no quotes. */
  schema: string;
}

/** Without who signs in there, and with what. */
export function serverOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) return "PostgreSQL";
  const host = parsed.searchParams.get("host") ?? decodeURIComponent(parsed.hostname);
  const port = parsed.searchParams.get("port") ?? (parsed.port === "" ? "5432" : parsed.port);
  return `PostgreSQL at ${host === "" ? "localhost" : host}:${port}${decodeURIComponent(parsed.pathname)}`;
}

export function placeOf({ url, schema }: PostgresPlace): string {
  return `${serverOf(url)}, schema ${schema}`;
}

/** Nobody on the way can read or change what goes over it. */
export function isProtected(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  const isLocal = ["", "localhost", "[::1]"].includes(host) || host.startsWith("127.") || host.startsWith("/");
  return isLocal || ["verify-ca", "verify-full"].includes(searchParams.get("sslmode") ?? "");
}

/** SQLSTATE, or the system's code; "" where it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

const words: readonly [code: RegExp, what: string][] = [
  [/^ECONNREFUSED$|^ENOENT$/, "nothing answers there"],
  [/^ENOTFOUND$|^EAI_AGAIN$/, "its name is not known"],
  [/^28/, "it refuses the sign-in"],
  [/^3D000$/, "it has no database of that name"],
  [/^53300$/, "it has no connection left"],
  [/^53/, "it has no room left"],
  [/^57P|^08|^25P03$|^ECONNRESET$|^EPIPE$|^ETIMEDOUT$/, "it has ended the connection"],
  [/^57014$/, "the answer took too long"],
  [/^25006$/, "it is read-only"],
];

/** Null for what is a fault of ours. */
export function whatIsWrong(error: unknown): string | null {
  const code = codeOf(error);
  return words.find(([pattern]) => pattern.test(code))?.[1] ?? plainly(error);
}

/** The client's own, which have no code. */
function plainly(error: unknown): string | null {
  const message = error instanceof Error ? error.message : "";
  if (/timeout|timed out/i.test(message)) return "it does not answer in time";
  if (/connection (?:terminated|ended|error)|not queryable|after calling end/i.test(message))
    return "it has ended the connection";
  if (/password|sasl|scram|authentication/i.test(message)) return "it refuses the sign-in";
  if (/certificate|tls|ssl/i.test(message)) return "the connection cannot be protected as sslmode asks";
  return null;
}
