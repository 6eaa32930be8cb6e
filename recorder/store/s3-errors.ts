// The S3 client's errors as the store's: what passes by itself is STORE_UNAVAILABLE and retryable, want of room is
// STORE_FULL, what someone must mend is STORE_REFUSED with how. Servers differ, and most of Ceph's errors carry a code without a message.
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import { notFoundError } from "./object-key.ts";

export interface S3Place {
  endpoint: string;
  bucket: string;
}

interface Facts {
  name: string;
  status: number | undefined;
  message: string;
}

const mends: Record<string, string> = {
  InvalidAccessKeyId: "the server does not know the access key id; check accessKeyId",
  SignatureDoesNotMatch: "the secret access key is wrong, or a proxy rewrites the request; check secretAccessKey",
  AccessDenied:
    "these credentials may not do this; allow s3:PutObject, GetObject, ListBucket and, where used, DeleteObject",
  RequestTimeTooSkewed: "this host's clock and the server's are too far apart; synchronise both (NTP)",
  ExpiredToken: "the session token has expired; give fresh credentials",
  InvalidToken: "the session token is not valid; check sessionToken",
  NoSuchBucket: "the bucket does not exist; create it, or set createBucket",
  PermanentRedirect: "the bucket is in another region; set region and endpoint to the bucket's own",
  AuthorizationHeaderMalformed: "the region is wrong; set it to the bucket's own",
  IllegalLocationConstraintException: "the bucket cannot be made in this region at this endpoint; check region",
  BucketAlreadyExists: "the bucket belongs to someone else; choose another name",
  InvalidBucketName: "the bucket's name is not allowed; use 3-63 lowercase letters, digits and hyphens",
  EntityTooLarge: "the object is larger than the server allows in one request",
  BadDigest: "the bytes arrived changed; a proxy or a fault between here and the server alters them",
  XAmzContentSHA256Mismatch: "the bytes arrived changed; a proxy or a fault between here and the server alters them",
  CredentialsProviderError: "no credentials were found; set accessKeyId and secretAccessKey",
};

/** Refusals that nobody needs to mend in the configuration: time or a larger quota does. */
const passing: Record<string, string> = {
  SlowDown: "the server asks to slow down",
  TooManyRequests: "the server asks to slow down",
  RequestTimeout: "the server got tired of waiting for the bytes; look at the network",
  InternalError: "the server has an internal error; look at its log",
  ServiceUnavailable: "the server is overloaded or in maintenance",
  OperationAborted: "another operation on the same bucket or object is under way",
  ConditionalRequestConflict: "another write of the same object is under way",
  PreconditionFailed: "the object was replaced while it was read; find out who writes there",
};

const full: Record<string, string> = {
  QuotaExceeded: "the quota of the user or bucket is used up; raise it",
  XMinioStorageFull: "the server's disk is full; give it more",
  InsufficientStorage: "the server's disk is full; give it more",
};

/** Failures of TLS that trying again cannot cure. */
const tlsFault =
  /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER))|wrong version number|EPROTO/;

export function s3StoreError(error: unknown, op: string, key: string, place: S3Place, signal?: AbortSignal): unknown {
  if (error instanceof AppError) return error;
  if (signal?.aborted) return signal.reason;
  const facts = factsOf(error);
  const where = `bucket ${place.bucket} at ${place.endpoint}`;
  const details = { key, bucket: place.bucket, endpoint: place.endpoint, error: facts.name, status: facts.status };
  const fail = (retryable: boolean, why: string, code?: ErrorCode) =>
    new AppError(
      code ?? (retryable ? "STORE_UNAVAILABLE" : "STORE_REFUSED"),
      `The object store could not ${op.replace("store.", "")}${key === "" ? "" : ` ${key}`} in ${where} (${told(facts)}): ${why}.`,
      { op, retryable, cause: slim(error), details },
    );

  if (facts.name === "NoSuchKey") return notFoundError(key, op, where, slim(error));
  const noRoom = full[facts.name] ?? (facts.status === 507 ? full["InsufficientStorage"] : undefined);
  if (noRoom !== undefined) return fail(true, noRoom, "STORE_FULL");
  const passes = passing[facts.name];
  if (passes !== undefined) return fail(true, passes);
  const mend = mends[facts.name];
  if (mend !== undefined) return fail(false, mend);
  if (tlsFault.test(facts.name) || tlsFault.test(facts.message)) {
    return fail(
      false,
      "the TLS connection was refused; check https/http and give the server's CA with NODE_EXTRA_CA_CERTS",
    );
  }
  if (facts.status === undefined && (error instanceof TypeError || error instanceof RangeError)) return error;
  if (facts.status === undefined)
    return fail(true, "it does not answer; check that it runs, its address, and the network between");
  if (facts.status >= 500 || facts.status === 408 || facts.status === 429)
    return fail(true, "look at the server's log");
  // An answer to HEAD has no body to say which.
  if (facts.status === 403) {
    return fail(
      false,
      "the access keys are wrong, or they may not do this, or the clocks differ; `conduit doctor` tells which",
    );
  }
  if (facts.status === 301 || facts.status === 307) return fail(false, mends["PermanentRedirect"] ?? "");
  // The answer was read, but it is not one of an S3 server: a proxy's page, or a body that was cut.
  if (facts.status < 400)
    return fail(true, "its answer could not be read; look for a proxy or a cut connection between");
  return fail(false, "check endpoint, region, bucket and forcePathStyle, and that the server supports this request");
}

/** For what an answer without a body could not say. */
export function missingError(key: string, op: string, place: S3Place, name: "NoSuchKey" | "NoSuchBucket"): AppError {
  const error = Object.assign(new Error(name), { Code: name, $metadata: { httpStatusCode: 404 } });
  return s3StoreError(error, op, key, place) as AppError;
}

export function isMissing(error: unknown): boolean {
  const { name, status } = factsOf(error);
  return name === "NotFound" || name === "NoSuchKey" || (status === 404 && name !== "NoSuchBucket");
}

export function hasName(error: unknown, ...names: string[]): boolean {
  return names.includes(factsOf(error).name);
}

export function statusOf(error: unknown): number | undefined {
  return factsOf(error).status;
}

function factsOf(error: unknown): Facts {
  const seen = (error ?? {}) as {
    name?: string;
    Code?: string;
    code?: unknown;
    message?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const status = seen.$metadata?.httpStatusCode;
  // Without a status the request never got an answer, and the system's code says more than the class's name.
  const name =
    status === undefined && typeof seen.code === "string" ? seen.code : (seen.Code ?? seen.name ?? "unknown");
  return { name, status, message: seen.message ?? "" };
}

/** The client's errors drag the whole request along, its authorization header too; a log must not see that. */
function slim(error: unknown): Error {
  const { name, message } = factsOf(error);
  const copy = new Error(message);
  copy.name = name;
  if (error instanceof Error && error.stack !== undefined) copy.stack = error.stack;
  return copy;
}

function told(facts: Facts): string {
  const message =
    facts.message === "" || facts.message === "UnknownError" || facts.message === facts.name
      ? ""
      : `: ${facts.message}`;
  return `${facts.status ?? "no answer"} ${facts.name}${message}`.slice(0, 300);
}
