// What the page and its worker both know of decompression.
import { decompress } from "fzstd";

export type Raw = Uint8Array<ArrayBuffer>;

export interface InflateRequest {
  id: number;
  stored: Raw;
}
export type InflateAnswer = { id: number; raw: Raw } | { id: number; error: string };

/** The worker's first message: it runs. */
export const workerReady = "ready";

/** Segments are of one frame or several. With a buffer of its own fzstd reads only one; each of ours says its size. */
export function unzstd(stored: Uint8Array): Raw {
  return decompress(stored) as Raw;
}
