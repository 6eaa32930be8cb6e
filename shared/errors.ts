// The one registry of error codes. A code is never reused; each has a line in the README's error table (a test
// compares the two). The first word is the family.

export const errorCodes = {
  CONFIG_INVALID: "A configuration file or environment variable has an unknown key or a bad value.",
  CONFIG_UNREADABLE: "A configuration file cannot be read.",
  POLICY_REFUSED: "Policy does not allow this.",
  AUTH_FAILED: "The name, the password or the key is wrong, or the account is disabled.",
  AUTH_THROTTLED: "Too many failed log-ins; wait and try again.",
  AUTH_REQUIRED: "Sign in first.",
  AUTH_FORBIDDEN: "The role of the signed-in person does not allow this.",
  AUTH_CONFIRM: "This asks for a fresh code of the authenticator.",
  AUTH_CSRF: "The request did not carry this sign-in's CSRF token.",
  PROTOCOL_MALFORMED: "A peer sent bytes that the protocol does not allow.",
  PROTOCOL_LIMIT: "A peer exceeded a limit that keeps memory bounded.",
  PROTOCOL_UNKNOWN_MESSAGE: "A peer sent a message of a type that this version does not know.",
  PROTOCOL_UNKNOWN_ENCODING: "A target sent a rectangle in an encoding that this version does not decode.",
  PROTOCOL_TARGET_UNREACHABLE: "The target does not answer at its address.",
  PROTOCOL_TARGET_HOST_KEY: "The target's host key is not the pinned one, or none is pinned.",
  PROTOCOL_TARGET_AUTH: "The target refused the stored credential.",
  RECORD_FAILED: "The recording could not be written; the session's failure mode was applied.",
  RECORD_SPOOL_FULL: "The spool's disk is below its floor; new sessions are refused.",
  RECORD_LIMIT: "The session reached the recording size or the duration that policy allows.",
  RECORD_STALLED: "The recorder's segment worker finishes nothing; recording goes on into the journal for now.",
  RECORD_DAMAGED: "A spool file is damaged; it was set aside.",
  RECORD_LEDGER: "The ledger cannot be written; what has to stand in it first, such as a new session, is refused.",
  RECORD_SPOOL_FAULT: "A file in the spool cannot be read, set aside or removed; it is tried again.",
  STORE_UNAVAILABLE: "The object store does not answer; the spool keeps everything and uploads resume.",
  STORE_FULL: "The object store has no room; the spool keeps everything and uploads resume.",
  STORE_NOT_FOUND: "The object store has no object of that key.",
  STORE_EXISTS: "An object of that key exists already; objects are never overwritten.",
  STORE_REFUSED: "The object store refused the request; the configuration or its credentials need mending.",
  DATABASE_FAILED:
    "The database cannot be read or written: it does not answer, or its disk is full, read-only or faulty.",
  SEARCH_UNAVAILABLE: "The search index does not answer, or is being made again; recording and replay go on.",
  SCAN_UNAVAILABLE: "The virus scanner does not answer; files that must be scanned are refused until it does.",
  INTEGRITY_HASH: "Stored bytes do not match the hash in the manifest.",
  INTEGRITY_SIGNATURE: "A signature does not verify.",
  INTEGRITY_LEDGER: "The ledger here is not what was written or signed, or not the one in the store.",
  INTEGRITY_FORMAT: "A stored file is not in a format this version can read.",
  ENCRYPTION_NO_KEY: "The recording is encrypted, and there is no key for it here; its recipients can decrypt it.",
  REQUEST_INVALID: "The request has an unknown field or a bad value.",
  REQUEST_NOT_FOUND: "There is no such thing, or it is not yours to see.",
  REQUEST_CONFLICT: "This cannot be done in the present state, or the name is taken.",
  REASON_REQUIRED: "Policy asks for the reason of this.",
  REQUEST_TOO_LARGE: "The request is larger than this service accepts.",
  SERVICE_UNREACHABLE: "The command needs the running service, and none answers.",
  INTERNAL: "A fault in the recorder itself; the log has the details.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface AppErrorOptions {
  /** What was being done, e.g. `store.put`. */
  op: string;
  /** True when the same call may succeed later without anything being mended. */
  retryable?: boolean;
  cause?: unknown;
  /** Facts for the log and the problem document; never a secret. */
  details?: Record<string, unknown>;
}

/** Every error that crosses a folder's boundary. `message` names what, where and how to mend it. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly op: string;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.op = options.op;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}
