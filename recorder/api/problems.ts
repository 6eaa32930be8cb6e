// Every error leaves as a problem document (RFC 9457). Faults of the service itself say nothing about its insides.
import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { AccessViolation } from "../../shared/api/access.ts";
import type { Problem } from "../../shared/api/types.ts";
import { AppError, type ErrorCode } from "../../shared/errors.ts";

const statusOf: Record<ErrorCode, number> = {
  CONFIG_INVALID: 500,
  CONFIG_UNREADABLE: 500,
  POLICY_REFUSED: 403,
  AUTH_FAILED: 401,
  AUTH_THROTTLED: 429,
  AUTH_REQUIRED: 401,
  AUTH_FORBIDDEN: 403,
  AUTH_CONFIRM: 403,
  AUTH_CSRF: 403,
  PROTOCOL_MALFORMED: 502,
  PROTOCOL_LIMIT: 502,
  PROTOCOL_UNKNOWN_MESSAGE: 502,
  PROTOCOL_UNKNOWN_ENCODING: 502,
  PROTOCOL_TARGET_UNREACHABLE: 502,
  PROTOCOL_TARGET_HOST_KEY: 502,
  PROTOCOL_TARGET_AUTH: 502,
  RECORD_FAILED: 503,
  RECORD_SPOOL_FULL: 503,
  RECORD_LIMIT: 503,
  RECORD_STALLED: 503,
  RECORD_DAMAGED: 503,
  RECORD_LEDGER: 503,
  RECORD_SPOOL_FAULT: 503,
  STORE_UNAVAILABLE: 503,
  STORE_FULL: 507,
  STORE_NOT_FOUND: 404,
  STORE_EXISTS: 409,
  STORE_REFUSED: 502,
  DATABASE_FAILED: 503,
  SEARCH_UNAVAILABLE: 503,
  SCAN_UNAVAILABLE: 503,
  INTEGRITY_HASH: 500,
  INTEGRITY_SIGNATURE: 500,
  INTEGRITY_LEDGER: 500,
  INTEGRITY_FORMAT: 500,
  ENCRYPTION_NO_KEY: 409,
  REQUEST_INVALID: 400,
  REQUEST_NOT_FOUND: 404,
  REQUEST_CONFLICT: 409,
  REASON_REQUIRED: 403,
  REQUEST_TOO_LARGE: 413,
  SERVICE_UNREACHABLE: 503,
  INTERNAL: 500,
};

/** Codes whose message may hold paths and settings of the server: said only in the log. */
const internal: ReadonlySet<ErrorCode> = new Set([
  "CONFIG_INVALID",
  "CONFIG_UNREADABLE",
  "STORE_REFUSED",
  "DATABASE_FAILED",
  "SCAN_UNAVAILABLE",
  "RECORD_LEDGER",
  "INTEGRITY_LEDGER",
  "INTERNAL",
]);

export function problemOf(error: unknown, instance: string): { problem: Problem; retryAfterSeconds?: number } {
  if (error instanceof AppError) {
    const detail = internal.has(error.code) ? "The service could not do this; its log has the details." : error.message;
    const retry = error.details["retryAfterSeconds"];
    const violations = AccessViolation.array().safeParse(error.details["violations"]);
    return {
      problem: {
        ...makeProblem(statusOf[error.code], error.code, detail, instance),
        ...(violations.success ? { violations: violations.data } : {}),
      },
      ...(typeof retry === "number" ? { retryAfterSeconds: retry } : {}),
    };
  }
  const status = (error as Partial<FastifyError> | null)?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    return { problem: makeProblem(status, codeOfStatus(status), requestDetail(status), instance) };
  }
  return { problem: makeProblem(500, "INTERNAL", "The service could not do this; its log has the details.", instance) };
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 404) return "REQUEST_NOT_FOUND";
  if (status === 413 || status === 414 || status === 431) return "REQUEST_TOO_LARGE";
  return "REQUEST_INVALID";
}

function requestDetail(status: number): string {
  switch (status) {
    case 404:
      return "There is nothing at this address.";
    case 405:
      return "This address does not answer to this method.";
    case 408:
      return "The request took too long to arrive.";
    case 413:
      return "The request's body is larger than this address accepts.";
    case 415:
      return "Send the body as application/json.";
    case 431:
      return "The request's headers are larger than this service accepts.";
    default:
      return "The request is not well-formed; a body must be JSON and the address must be properly encoded.";
  }
}

export function makeProblem(status: number, code: ErrorCode, detail: string, instance: string): Problem {
  return {
    type: `urn:conduit:problem:${code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    instance,
  };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const { problem, retryAfterSeconds } = problemOf(error, pathOf(request.url));
  if (problem.status >= 500) request.log.error({ err: error, code: problem.code }, "request failed");
  if (retryAfterSeconds !== undefined) void reply.header("retry-after", String(retryAfterSeconds));
  return reply
    .code(problem.status)
    .header("cache-control", "no-store")
    .type("application/problem+json; charset=utf-8")
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem);
}

/** Without the query: it can hold names that belong in no log. */
export function pathOf(url: string): string {
  return url.split("?")[0]?.slice(0, 300) ?? "/";
}
