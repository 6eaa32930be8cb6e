// What is known of a recording's integrity in this browser, kept up while segments are loaded: the verdict on each
// segment, on the chain of the index, and on the signatures. Fed by the segment loader and the player page.
// Invariant: a segment counts as verified only after its stored bytes were hashed here.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { Store } from "../store.ts";
import { findBrokenLink } from "./chain.ts";
import type { SignatureVerdict } from "./signatures.ts";

export interface IntegrityState {
  total: number;
  verified: number;
  /** Segment number → what is wrong with it. */
  bad: ReadonlyMap<number, string>;
  chain: { state: "pending" } | { state: "whole" } | { state: "broken"; message: string };
  signature: SignatureVerdict;
  /** What the recorder itself found wrong with the signed records. */
  faults: readonly string[];
}

export class Integrity {
  readonly state: Store<IntegrityState>;
  private readonly verified = new Set<number>();
  private readonly bad = new Map<number, string>();
  private checkedLinks = 0;
  private lastLink = "";

  constructor(index: RecordingIndex) {
    this.state = new Store<IntegrityState>({
      total: index.segments.length,
      verified: 0,
      bad: new Map(),
      chain: { state: "pending" },
      signature: { state: "pending" },
      faults: index.faults ?? [],
    });
  }

  isVerified(n: number): boolean {
    return this.verified.has(n);
  }

  fault(n: number): string | undefined {
    return this.bad.get(n);
  }

  reportVerified(n: number): void {
    if (this.verified.has(n)) return;
    this.verified.add(n);
    this.state.update({ verified: this.verified.size });
  }

  reportBad(n: number, message: string): void {
    this.verified.delete(n);
    this.bad.set(n, message);
    this.state.update({ verified: this.verified.size, bad: new Map(this.bad) });
  }

  reportSignature(signature: SignatureVerdict): void {
    this.state.update({ signature });
  }

  /** Checks the links that were added since the last call; call again whenever the index has grown. */
  checkChain(index: RecordingIndex): void {
    const { segments } = index;
    this.state.update({ total: segments.length, faults: index.faults ?? this.state.get().faults });
    if (this.state.get().chain.state === "broken") return;
    const rewritten =
      segments.length < this.checkedLinks ||
      (this.checkedLinks > 0 && segments[this.checkedLinks - 1]?.link !== this.lastLink);
    const broken = rewritten
      ? { message: "the index was rewritten while the recording was open" }
      : findBrokenLink(index.openSha256, segments, this.checkedLinks);
    if (broken !== null) {
      this.state.update({ chain: { state: "broken", message: broken.message } });
      return;
    }
    this.checkedLinks = segments.length;
    this.lastLink = segments.at(-1)?.link ?? "";
    if (this.state.get().chain.state !== "whole") this.state.update({ chain: { state: "whole" } });
  }
}

export type Overall = "good" | "partial" | "bad";

/** `good`: all of it was checked and holds; `partial`: nothing wrong so far; `bad`: something is wrong. */
export function overallVerdict(state: IntegrityState): Overall {
  if (state.bad.size > 0 || state.faults.length > 0) return "bad";
  if (state.chain.state === "broken" || state.signature.state === "invalid") return "bad";
  const whole = state.verified === state.total && state.total > 0;
  return whole && state.chain.state === "whole" && state.signature.state === "valid" ? "good" : "partial";
}
