// What a tap holds files with until they are scanned. Implemented by recorder/scan; the composition root brings both
// together. Invariant: only bytes that `scan` called clean, and that did not change since, may leave a HeldFile.

export interface HoldFacts {
  session: string;
  person: string;
  target: string;
  path: string;
  /** `inbound` = to the target. */
  direction: "inbound" | "outbound";
}

export type Verdict =
  | { outcome: "clean"; sha256: string; bytes: number }
  /** `signature`: the scanner's name for what it found. */
  | { outcome: "infected"; sha256: string; bytes: number; signature: string }
  /** `reason` is stable (`scanner-unreachable`, `timed-out`, …), `sentence` for people. */
  | { outcome: "unscannable"; sha256: string; bytes: number; reason: string; sentence: string };

export interface FileHold {
  /** What is known to be larger need not be fetched. */
  readonly maxFileBytes: number;
  /** Rejects with a HoldRefusal where there is no room. */
  open(facts: HoldFacts): Promise<HeldFile>;
}

export interface HeldFile {
  /** Where the last byte ends; holes count, and read as zeros. */
  readonly size: number;
  /** Rejects with a HoldRefusal where a limit is reached: nothing was written then. */
  write(offset: number, data: Uint8Array): Promise<void>;
  /** Shorter at the end, empty beyond it. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Shorter, or longer with zeros. */
  truncate(size: number): Promise<void>;
  /** Reads the whole of it through the scanner. `progress` is told how much of it, from 0 to 1. Rejects when aborted. */
  scan(progress: (part: number) => void, signal: AbortSignal): Promise<Verdict>;
  /** Moves it into the evidence that people look at; answers its id there. Null: there was no room, so it is gone. */
  keep(verdict: Verdict): Promise<string | null>;
  /** Its bytes are gone. Idempotent; harmless after `keep`. */
  discard(): Promise<void>;
}

/** Told to the person as it is. */
export class HoldRefusal extends Error {
  readonly reason: "file-too-large" | "session-too-large" | "quarantine-full" | "disk-low" | "quarantine-failed";

  constructor(reason: HoldRefusal["reason"], sentence: string) {
    super(sentence);
    this.name = "HoldRefusal";
    this.reason = reason;
  }
}
