// What scans the contents of files. One implementation today: clamd.ts.

export type ScanAnswer =
  | { outcome: "clean" }
  | { outcome: "infected"; signature: string }
  /** `reason`: `scanner-unreachable`, `scanner-failed`, `timed-out`, `too-large`, `encrypted`, `not-configured`. */
  | { outcome: "unscannable"; reason: string; sentence: string };

export interface Scanner {
  /** Never rejects but for a reason of `contents` or when `signal` is aborted: whatever else goes wrong is an answer. */
  scan(contents: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ScanAnswer>;
  /** Its version in its own words. Rejects with SCAN_UNAVAILABLE. */
  version(): Promise<string>;
}

/** Where no scanner is configured: nothing that must be scanned passes. */
export const noScanner: Scanner = {
  scan: async () => ({
    outcome: "unscannable",
    reason: "not-configured",
    sentence: "this gateway has no virus scanner; its operators set scan.clamd",
  }),
  version: async () => "none",
};
