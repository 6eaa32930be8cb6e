// Segments for a thread of its own: it asks for them one by one, the main thread answers. Messages with their types are
// part of what the two say to each other.
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { SegmentSource } from "./segment-source.ts";

export interface SegmentQuestion {
  type: "segment";
  id: number;
  n: number;
}

export type SegmentAnswer =
  | { type: "segment"; id: number; meta: SegmentMeta; bytes: Uint8Array; intact: boolean }
  | { type: "segment-failed"; id: number; message: string; code: ErrorCode | null };

type Segment = Awaited<ReturnType<SegmentSource["segment"]>>;

/** The thread's end. */
export class AskedSegments implements SegmentSource {
  readonly #ask: (question: SegmentQuestion) => void;
  readonly #waiting = new Map<number, { resolve(segment: Segment): void; reject(error: Error): void }>();
  #nextId = 0;

  constructor(ask: (question: SegmentQuestion) => void) {
    this.#ask = ask;
  }

  segment(_session: string, n: number): Promise<Segment> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#ask({ type: "segment", id, n });
    });
  }

  answered(answer: SegmentAnswer): void {
    const asked = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.type === "segment") asked?.resolve(answer);
    else asked?.reject(new AppError(answer.code ?? "INTERNAL", answer.message, { op: "export.segment" }));
  }
}

/** The main thread's end. */
export async function answerSegment(
  source: SegmentSource,
  session: string,
  { id, n }: SegmentQuestion,
): Promise<SegmentAnswer> {
  try {
    const { meta, bytes, intact } = await source.segment(session, n);
    return { type: "segment", id, meta, bytes, intact };
  } catch (error) {
    const code = error instanceof AppError ? error.code : null;
    return { type: "segment-failed", id, message: (error as Error).message, code };
  }
}

/** As a failure travels between the threads. */
export interface SaidFailure {
  type: "failed";
  message: string;
  code: ErrorCode | null;
}

export function sayFailure(error: unknown): SaidFailure {
  const { message } = error as Error;
  return { type: "failed", message, code: error instanceof AppError ? error.code : null };
}

export function failureOf({ message, code }: SaidFailure): Error {
  return code === null ? new Error(message) : new AppError(code, message, { op: "export.thread" });
}
