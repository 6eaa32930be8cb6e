// One file on its way through the quarantine, whatever the protocol: held, scanned, then released or refused, with its
// events. Invariant: `file-released` is durable before anybody hands on the first byte; a transfer that ends otherwise
// leaves nothing but its events and, where it was scanned and refused, its evidence.
import { type HeldFile, HoldRefusal, type Verdict } from "../../file-hold.ts";
import type { HoldChannel } from "./channel-hold.ts";
import { printable, printableName } from "./printable.ts";
import { Progress } from "./progress.ts";

/** Why a file does not pass, for its person. */
export class FileRefused extends Error {
  readonly reason: string;
  readonly facts: Record<string, unknown>;

  constructor(reason: string, sentence: string, facts: Record<string, unknown> = {}) {
    super(sentence);
    this.name = "FileRefused";
    this.reason = reason;
    this.facts = facts;
  }
}

export class Transfer {
  readonly #channel: HoldChannel;
  readonly path: string;
  readonly #direction: "inbound" | "outbound";
  readonly #over: () => void;
  #held: HeldFile | undefined;
  #progress: Progress | undefined;
  #settled = false;

  /** @param over called once, when nothing of it is left. */
  constructor(channel: HoldChannel, path: string, direction: "inbound" | "outbound", over: () => void) {
    this.#channel = channel;
    this.path = path;
    this.#direction = direction;
    this.#over = over;
  }

  get held(): HeldFile {
    if (this.#held === undefined) throw new Error("a file that is not held");
    return this.#held;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  async begin(): Promise<void> {
    const held = await this.#channel.open(this.path, this.#direction);
    if (this.#settled || this.#channel.signal.aborted) {
      await held.discard();
      this.#channel.signal.throwIfAborted();
      return;
    }
    this.#held = held;
    this.#channel.notice("file-held", this.#facts());
  }

  /** Shown from now on. */
  get progress(): Progress {
    this.#progress ??= new Progress(printableName(this.path), (sentence) => this.#channel.say(sentence));
    return this.#progress;
  }

  quiet(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  /** Resolves when it is clean and may be handed on; else rejects with FileRefused. */
  async clear(): Promise<void> {
    const { held, progress } = this;
    progress.at("scanning", 0);
    let verdict: Verdict;
    try {
      verdict = await held.scan((part) => progress.at("scanning", part), this.#channel.signal);
    } finally {
      this.quiet();
    }
    this.#channel.signal.throwIfAborted();
    const { sha256, bytes } = verdict;
    if (verdict.outcome === "clean") {
      this.#channel.notice("file-released", this.#facts({ bytes, sha256 }));
      await this.#channel.durable();
      return;
    }
    const id = await held.keep(verdict);
    const facts = { bytes, sha256, ...(id === null ? {} : { quarantine: id }) };
    if (verdict.outcome === "infected") {
      const { signature } = verdict;
      throw new FileRefused("infected", `the virus scanner found ${signature} in it`, { ...facts, signature });
    }
    throw new FileRefused(verdict.reason, verdict.sentence, facts);
  }

  /**
   * It does not pass: answers the sentence for the protocol's own answer.
   * @param says false where every client shows that one.
   */
  refuse(error: FileRefused | HoldRefusal, says = true): string {
    const sentence = `${printableName(this.path)} is refused: ${printable(error.message)}.`;
    if (this.#settled) return sentence;
    const facts = error instanceof FileRefused ? error.facts : {};
    this.#channel.notice("file-refused", this.#facts({ reason: error.reason, sentence: error.message, ...facts }));
    if (says) this.#channel.say(sentence);
    this.#settle();
    return sentence;
  }

  /** Handed on, or nothing to hand on. */
  done(): void {
    if (!this.#settled) this.#settle();
  }

  /** The channel ends in the middle of it. */
  cutOff(): void {
    if (this.#settled) return;
    try {
      this.#channel.notice("file-refused", this.#facts({ reason: "cut-off" }));
    } catch {
      // The recording is what ended the channel.
    }
    this.#settle();
  }

  #settle(): void {
    this.#settled = true;
    this.quiet();
    void this.#held?.discard().catch((error: unknown) => this.#channel.failed(error));
    this.#over();
  }

  #facts(more: Record<string, unknown> = {}): Record<string, unknown> {
    return { path: this.path, direction: this.#direction, ...more };
  }
}

/** What refuses one file and not the channel. */
export function isRefusal(error: unknown): error is FileRefused | HoldRefusal {
  return error instanceof FileRefused || error instanceof HoldRefusal;
}
