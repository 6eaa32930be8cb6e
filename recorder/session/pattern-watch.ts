// Looks for the policy's patterns in what a session's person types and in what its target shows. Input is looked at where it
// is recorded, so before it passes; output afterwards, in slices between other work. Invariant: nothing is left out — when
// output comes faster than it can be looked at, the session's sink says that it is behind — and no text that was found
// leaves this file.
import type { SessionEvent } from "../../shared/events/session-event.ts";
import { ShownText } from "./shown-text.ts";
import { TypedLine } from "./typed-line.ts";

export interface FoundPattern {
  id: string;
  action: "alert" | "freeze" | "terminate";
  message: string;
}

/** Text in any split; each place that matches is told once. */
export interface TextScanner {
  feed(text: string): readonly FoundPattern[];
}

/** The patterns that hold for this session; null where there are none. */
export interface SessionPatterns {
  input: (() => TextScanner) | null;
  output: (() => TextScanner) | null;
}

export interface PatternWatchEvents {
  found(pattern: FoundPattern, where: "input" | "output", channel: number): void;
  /** Monotonic milliseconds. */
  nowMs(): number;
}

/** From here on the target is read no more, until half of it is looked at. */
const behindBytes = 1024 * 1024;
/** What a piece costs besides its bytes: a flood of single ones is bounded, too. */
const chunkCost = 256;
const sliceMs = 4;
const sliceBytes = 16 * 1024;

interface InputChannel {
  scanner: TextScanner;
  /** Of a terminal's, or of a screen's keys. */
  line: TypedLine | null;
  decoder: InstanceType<typeof TextDecoder>;
  /** Found in the line that is being typed: its end does not tell it again. */
  told: Set<string>;
}

interface OutputChannel {
  scanner: TextScanner;
  text: ShownText;
}

export class PatternWatch {
  readonly #patterns: SessionPatterns;
  readonly #events: PatternWatchEvents;
  readonly #inputs = new Map<number, InputChannel>();
  readonly #outputs = new Map<string, OutputChannel>();
  readonly #screens = new Set<number>();
  /** `last`: nothing follows of this stream, and what is kept of it goes. */
  #queue: { key: string; channel: number; data: Buffer; last?: true }[] = [];
  #queuedBytes = 0;
  #scheduled = false;
  #waiting: (() => void)[] = [];

  constructor(patterns: SessionPatterns, events: PatternWatchEvents) {
    this.#patterns = patterns;
    this.#events = events;
  }

  /** Output waits for being looked at: read no more. */
  get behind(): boolean {
    return this.#queuedBytes >= behindBytes;
  }

  /** Resolves when there is room again. */
  drained(): Promise<void> {
    if (this.#queuedBytes < behindBytes / 2) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** An event that has just been recorded, and has not passed. */
  seen(event: SessionEvent): void {
    switch (event.type) {
      case "channel-open":
        if (event.request === "vnc") this.#screens.add(event.channel);
        else this.#open(event.channel, event.pty !== undefined, event.command);
        return;
      case "input":
        this.#input(event.channel, event.data);
        return;
      case "output":
        // A screen's pictures are no text.
        if (this.#patterns.output !== null && !this.#screens.has(event.channel)) this.#output(event);
        return;
      case "clipboard":
        if (this.#patterns.output !== null) this.#report(this.#patterns.output().feed(event.text), "output", 0);
        return;
      case "channel-close":
        this.#inputs.delete(event.channel);
        for (const stream of ["stdout", "stderr"]) this.#forget(`${event.channel} ${stream}`, event.channel);
        return;
      default:
    }
  }

  /** Keys of a screen, as text. */
  typed(channel: number, text: string): void {
    if (this.#patterns.input === null) return;
    this.#take(channel, this.#inputOf(channel, true), text);
  }

  /** Everything that waits is looked at: the session ends. */
  async finish(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#slice();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #open(channel: number, isTerminal: boolean, command: string | undefined): void {
    if (this.#patterns.input === null) return;
    const input = this.#inputOf(channel, isTerminal);
    // A command of its own is typed, too, though all at once.
    if (command !== undefined) this.#report(this.#patterns.input().feed(`${command}\n`), "input", channel);
    this.#inputs.set(channel, input);
  }

  #inputOf(channel: number, isTerminal: boolean): InputChannel {
    let input = this.#inputs.get(channel);
    if (input === undefined) {
      const make = this.#patterns.input as () => TextScanner;
      const line = isTerminal ? new TypedLine() : null;
      input = { scanner: make(), line, decoder: new TextDecoder("utf-8"), told: new Set() };
      this.#inputs.set(channel, input);
    }
    return input;
  }

  #input(channel: number, data: Uint8Array): void {
    if (this.#patterns.input === null || this.#screens.has(channel)) return;
    const input = this.#inputOf(channel, false);
    this.#take(channel, input, input.decoder.decode(data, { stream: true }));
  }

  #take(channel: number, input: InputChannel, text: string): void {
    const raw = input.scanner.feed(text.replaceAll("\r", "\n"));
    for (const { id } of raw) input.told.add(id);
    this.#report(raw, "input", channel);
    for (const line of input.line?.push(text) ?? []) {
      const found = (this.#patterns.input as () => TextScanner)().feed(`${line}\n`);
      this.#report(
        found.filter(({ id }) => !input.told.has(id)),
        "input",
        channel,
      );
      input.told.clear();
    }
  }

  #output(event: Extract<SessionEvent, { type: "output" }>): void {
    const key = `${event.channel} ${event.stream}`;
    // A copy: the bytes are good during the call alone.
    this.#queue.push({ key, channel: event.channel, data: Buffer.from(event.data) });
    this.#queuedBytes += event.data.length + chunkCost;
    this.#schedule();
  }

  /** Behind what still waits of it: a session may have any number of channels, one after another. */
  #forget(key: string, channel: number): void {
    if (!this.#outputs.has(key) && !this.#queue.some((one) => one.key === key)) return;
    this.#queue.push({ key, channel, data: Buffer.alloc(0), last: true });
    this.#queuedBytes += chunkCost;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#slice();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #slice(): void {
    const untilMs = this.#events.nowMs() + sliceMs;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const data = first.data.subarray(0, sliceBytes);
      first.data = first.data.subarray(data.length);
      this.#queuedBytes -= data.length;
      if (first.data.length === 0) {
        this.#queue.shift();
        this.#queuedBytes -= chunkCost;
      }
      if (first.last === true) {
        this.#outputs.delete(first.key);
        continue;
      }
      const { scanner, text } = this.#outputOf(first.key);
      this.#report(scanner.feed(text.push(data)), "output", first.channel);
      if (this.#events.nowMs() >= untilMs) break;
    }
    if (this.#queuedBytes < behindBytes / 2) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #outputOf(key: string): OutputChannel {
    let output = this.#outputs.get(key);
    if (output === undefined) {
      output = { scanner: (this.#patterns.output as () => TextScanner)(), text: new ShownText() };
      this.#outputs.set(key, output);
    }
    return output;
  }

  #report(found: readonly FoundPattern[], where: "input" | "output", channel: number): void {
    for (const pattern of found) this.#events.found(pattern, where, channel);
  }
}
