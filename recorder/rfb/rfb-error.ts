// The errors of this folder: each names the message, the encoding and what was wrong; the parsers add the byte offset.
import { AppError, type ErrorCode } from "../../shared/errors.ts";

/** Bytes that the protocol does not allow. `where` is the message or encoding. */
export function malformed(where: string, what: string, details: Record<string, unknown> = {}): AppError {
  return rfbError("PROTOCOL_MALFORMED", `${where}: ${what}`, details);
}

/** A length or size that is allowed on the wire, but not by the bounds that keep memory small. */
export function overLimit(where: string, what: string, details: Record<string, unknown> = {}): AppError {
  return rfbError("PROTOCOL_LIMIT", `${where}: ${what}`, details);
}

export function rfbError(
  code: ErrorCode,
  message: string,
  details: Record<string, unknown>,
  cause?: unknown,
): AppError {
  return new AppError(code, message, { op: "rfb.parse", details, ...(cause === undefined ? {} : { cause }) });
}

/** The same error with the place in the stream, where the innermost parser did not know it. */
export function atOffset(error: unknown, direction: "inbound" | "outbound", offset: number): AppError {
  if (error instanceof AppError) {
    return new AppError(error.code, `${error.message} (byte ${offset}, ${direction})`, {
      op: "rfb.parse",
      details: { ...error.details, offset, direction },
      cause: error,
    });
  }
  return rfbError(
    "INTERNAL",
    `The RFB parser failed at byte ${offset} (${direction}): ${String(error)}`,
    { offset, direction },
    error,
  );
}
