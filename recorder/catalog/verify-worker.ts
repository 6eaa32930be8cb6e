// The thread that hashes, decompresses and parses segments under verification: some take a tenth of a second each, in
// which the gateway would stand still.
import { createHash } from "node:crypto";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { checkSegmentContent } from "./verify-segment.ts";

export interface ToVerify {
  id: number;
  session: string;
  meta: SegmentMeta;
  bytes: Uint8Array;
  /** Overwritten when it was used. */
  dataKey: Uint8Array | undefined;
}

export interface FromVerify {
  id: number;
  faults: string[];
}

// On Linux 0 is the calling thread alone: live sessions go before what is made of old ones.
if (process.platform === "linux") setPriority(0, 10);

parentPort?.on("message", ({ id, session, meta, bytes, dataKey }: ToVerify) => {
  const intact = createHash("sha256").update(bytes).digest("hex") === meta.sha256;
  const faults = checkSegmentContent(session, meta, bytes, intact, dataKey);
  dataKey?.fill(0);
  parentPort?.postMessage({ id, faults } satisfies FromVerify);
});
