// ClamAV's daemon as a Scanner: INSTREAM over its socket (man clamd). Fed with a file's contents piece by piece; what is in
// memory is one piece and what the socket has not taken yet. Invariant: only "stream: OK", and nothing else, is clean.
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { AppError } from "../../shared/errors.ts";
import type { ScanAnswer, Scanner } from "./scanner.ts";

export type ClamdAddress = { socket: string } | { host: string; port: number };

export interface ClamdOptions {
  address: ClamdAddress;
  /** Of one scan, from the connection to the answer. */
  timeoutMs: number;
  /** At the same time; others wait. clamd has ten threads unless told otherwise. */
  maxScans?: number;
}

const maxAnswerBytes = 4096;
/** clamd answers PING at once or is not well. */
const pingMs = 2000;

export class Clamd implements Scanner {
  readonly #options: ClamdOptions;
  #scans = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: ClamdOptions) {
    this.#options = options;
  }

  async scan(contents: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ScanAnswer> {
    await this.#turn(signal);
    try {
      return await this.#stream(contents, signal);
    } finally {
      this.#scans--;
      this.#waiting.shift()?.();
    }
  }

  async version(): Promise<string> {
    const pong = await this.#ask("PING");
    if (pong !== "PONG") throw unavailable(this.#options.address, `it answered ${JSON.stringify(pong.slice(0, 100))}`);
    return this.#ask("VERSION");
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#scans >= (this.#options.maxScans ?? 4)) {
      await new Promise<void>((resolve, reject) => {
        const aborted = (): void => reject(reasonOf(signal));
        signal.addEventListener("abort", aborted, { once: true });
        this.#waiting.push(() => {
          signal.removeEventListener("abort", aborted);
          // One that has gone must not swallow the turn of the next.
          if (signal.aborted) this.#waiting.shift()?.();
          resolve();
        });
      });
    }
    signal.throwIfAborted();
    this.#scans++;
  }

  async #stream(contents: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ScanAnswer> {
    const conversation = new Conversation(this.#options.address, this.#options.timeoutMs, signal);
    try {
      await conversation.connected();
      await conversation.write(Buffer.from("zINSTREAM\0"));
      for await (const piece of contents) {
        if (conversation.over) break;
        if (piece.length === 0) continue;
        const head = Buffer.allocUnsafe(4);
        head.writeUInt32BE(piece.length);
        await conversation.write(head);
        await conversation.write(piece);
      }
      await conversation.write(Buffer.alloc(4));
      return readAnswer(await conversation.answer());
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Broken)) throw error;
      // It says what it does not like, and hangs up in the middle of what is being sent.
      if (conversation.received.includes("\0")) return readAnswer(conversation.received);
      return unscannable(error.reason, error.message);
    } finally {
      conversation.end();
    }
  }

  async #ask(command: string): Promise<string> {
    const conversation = new Conversation(this.#options.address, pingMs, new AbortController().signal);
    try {
      await conversation.connected();
      await conversation.write(Buffer.from(`z${command}\0`));
      return await conversation.answer();
    } catch (error) {
      throw unavailable(this.#options.address, error instanceof Error ? error.message : String(error));
    } finally {
      conversation.end();
    }
  }
}

/** The daemon went away, or took too long. */
class Broken extends Error {
  readonly reason: "scanner-unreachable" | "scanner-failed" | "timed-out";

  constructor(reason: Broken["reason"], sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}

/** One command and its one answer: everything ends with the connection. */
class Conversation {
  readonly #socket: Socket;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #stop: () => void;
  #isConnected = false;
  received = "";
  over = false;

  constructor(address: ClamdAddress, timeoutMs: number, signal: AbortSignal) {
    this.#socket = createConnection("socket" in address ? { path: address.socket } : address);
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => {
      if (this.received.length < maxAnswerBytes) this.received += text;
    });
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      this.#break(
        this.#isConnected
          ? new Broken("scanner-failed", `the virus scanner broke off (${code})`)
          : new Broken("scanner-unreachable", `the virus scanner does not answer (${code})`),
      );
    });
    this.#socket.on("close", () => this.#break(new Broken("scanner-failed", "the virus scanner broke off")));
    const seconds = Math.round(timeoutMs / 1000);
    this.#timer = setTimeout(
      () => this.#break(new Broken("timed-out", `the virus scanner did not finish in ${seconds} s`)),
      timeoutMs,
    );
    this.#signal = signal;
    this.#stop = () => this.#break(signal.reason);
    if (signal.aborted) this.#stop();
    else signal.addEventListener("abort", this.#stop, { once: true });
  }

  async connected(): Promise<void> {
    await this.#orBroken(once(this.#socket, "connect", { signal: this.#abort.signal }));
    this.#isConnected = true;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#abort.signal.throwIfAborted();
    if (this.#socket.write(bytes)) return;
    await this.#orBroken(once(this.#socket, "drain", { signal: this.#abort.signal }));
  }

  /** All until it hangs up. */
  async answer(): Promise<string> {
    while (!this.received.includes("\0") && !this.over) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#socket.off("data", wake);
          this.#abort.signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#socket.on("data", wake);
        this.#abort.signal.addEventListener("abort", wake, { once: true });
      });
    }
    if (!this.received.includes("\0")) this.#abort.signal.throwIfAborted();
    return this.received.split("\0")[0] ?? "";
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#stop);
    this.#socket.destroy();
    this.over = true;
  }

  #break(reason: unknown): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.#timer);
    this.#abort.abort(reason);
    this.#socket.destroy();
  }

  async #orBroken(happening: Promise<unknown>): Promise<void> {
    try {
      await happening;
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      throw error;
    }
  }
}

/** What of ClamAV's findings says that it could not look, rather than that it found something. */
const notLookedInto: readonly [RegExp, string, string][] = [
  [/^Heuristics\.Encrypted\./, "encrypted", "it is encrypted, so that it cannot be looked into"],
  [
    /^Heuristics\.Limits\.Exceeded/,
    "too-large",
    "it, or what is packed in it, is larger than the virus scanner looks into",
  ],
];

function readAnswer(answer: string): ScanAnswer {
  const text = answer.split("\0")[0] ?? "";
  if (text === "stream: OK") return { outcome: "clean" };
  const found = /^stream: (.{1,512}) FOUND$/s.exec(text)?.[1];
  if (found !== undefined) {
    for (const [pattern, reason, sentence] of notLookedInto)
      if (pattern.test(found)) return unscannable(reason, sentence);
    return { outcome: "infected", signature: found.replace(/[^\x20-\x7e]/g, "?") };
  }
  if (/size limit exceeded/i.test(text)) {
    return unscannable("too-large", "it is larger than the virus scanner takes (StreamMaxLength in clamd.conf)");
  }
  return unscannable("scanner-failed", `the virus scanner answered ${JSON.stringify(text.slice(0, 200))}`);
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("the scan was given up");
}

function unscannable(reason: string, sentence: string): ScanAnswer {
  return { outcome: "unscannable", reason, sentence };
}

function unavailable(address: ClamdAddress, why: string): AppError {
  const where = "socket" in address ? address.socket : `${address.host}:${address.port}`;
  return new AppError(
    "SCAN_UNAVAILABLE",
    `clamd at ${where} cannot be used: ${why}. Start it (clamav-daemon), or correct scan.clamd.`,
    { op: "scan.clamd", retryable: true },
  );
}
