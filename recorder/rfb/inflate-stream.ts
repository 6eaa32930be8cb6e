// One zlib stream of a target, inflated synchronously as its bytes come. It remembers its last 32 KiB of output, which is
// all that is needed to go on from there in another process (deflate reaches no further back).
import { createInflateRaw, type InflateRaw } from "node:zlib";
import { AppError } from "../../shared/errors.ts";

const windowBytes = 32 * 1024;
const syncFlush = 2;
const headerBytes = 2;
const checksumBytes = 4;

/** Node's own zlib object below its streams: the only synchronous way that keeps state between calls. */
interface ZlibHandle {
  onerror: (message: string, errno: number, code: string) => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inAt: number,
    inLength: number,
    out: Uint8Array,
    outAt: number,
    outLength: number,
  ): void;
  reset(): void;
}

export interface InflateState {
  started: boolean;
  /** The last output, at most 32 KiB. */
  history: Uint8Array;
}

export class InflateStream {
  #stream: InflateRaw | undefined;
  #handle!: ZlibHandle;
  #remaining!: Uint32Array;
  #error: string | undefined;
  /** False before the zlib header was read. */
  #started = false;
  #restored = false;
  #history: Buffer = Buffer.alloc(0);
  #historyEnd = 0;
  /** The last four bytes fed, as a number: a sync flush leaves 00 00 FF FF and with it a byte boundary. */
  #tail = 0x0000ffff;
  #input: Uint8Array = this.#history;
  #at = 0;
  #end = 0;
  /** The next bytes are the first of a rectangle. */
  #fresh = false;
  /** After the end of a stream, until the next rectangle. */
  #checksumLeft = 0;

  /** Continues a stream from what `state` gave. */
  static restore(state: InflateState): InflateStream {
    const stream = new InflateStream();
    stream.#started = state.started;
    if (state.started) {
      stream.#open(state.history);
      stream.#remember(state.history, 0, state.history.length);
    }
    return stream;
  }

  get state(): InflateState {
    const from = Math.max(0, this.#historyEnd - windowBytes);
    return { started: this.#started, history: Uint8Array.from(this.#history.subarray(from, this.#historyEnd)) };
  }

  /** True when the stream can be resumed from `state`: its last bytes ended at a byte boundary. */
  get resumable(): boolean {
    return !this.#started || this.#tail === 0x0000ffff;
  }

  /** Whether input was fed that `read` has not used up. */
  get hasInput(): boolean {
    return this.#at < this.#end;
  }

  reset(): void {
    this.#restart();
    this.#tail = 0x0000ffff;
    this.#at = this.#end;
  }

  /** More input, which must stay unchanged until `hasInput` is false. `first` marks the begin of a rectangle's data. */
  feed(input: Uint8Array, at: number, end: number, first: boolean): void {
    this.#input = input;
    this.#at = at;
    this.#end = end;
    this.#fresh = first;
    for (let index = Math.max(at, end - 4); index < end; index += 1)
      this.#tail = ((this.#tail << 8) | input[index]!) >>> 0;
  }

  /** Inflates into `out` from `at` to `end` and returns how far it came; less than `end` means that input is used up.
   *  Throws an Error with zlib's words where data is not valid. */
  read(out: Uint8Array, at: number, end: number): number {
    let to = at;
    while (to < end) {
      if (!this.#started && !this.#begin()) break;
      const from = this.#at;
      const written = this.#inflate(out, to, end);
      if (this.#error !== undefined) {
        this.#recover(from, written);
        continue;
      }
      if (this.#at > from) this.#fresh = false;
      this.#remember(out, to, written);
      to += written;
      if (to < end && this.hasInput) this.#ended();
      else if (to < end) break;
    }
    return to;
  }

  #inflate(out: Uint8Array, at: number, end: number): number {
    this.#handle.writeSync(syncFlush, this.#input, this.#at, this.#end - this.#at, out, at, end - at);
    const written = end - at - this.#remaining[0]!;
    this.#at = this.#end - this.#remaining[1]!;
    return written;
  }

  /** Some servers begin a new zlib stream without a word (wayvnc when encodings switch). Its header is never valid
   *  within a stream: it reads as a stored block without a right length. */
  #recover(from: number, written: number): void {
    const message = this.#error ?? "";
    this.#error = undefined;
    const restarts = this.#fresh && written === 0 && this.#end - from >= headerBytes && isHeader(this.#input, from);
    if (!restarts) throw new Error(message);
    this.#at = from;
    this.#restart();
  }

  /** The deflate stream has ended: its checksum may follow; the next rectangle begins another stream. */
  #ended(): void {
    this.#restart();
    this.#checksumLeft = checksumBytes;
  }

  #restart(): void {
    this.#started = false;
    this.#historyEnd = 0;
    this.#checksumLeft = 0;
  }

  #begin(): boolean {
    if (this.#checksumLeft > 0 && !this.#fresh) {
      const skipped = Math.min(this.#checksumLeft, this.#end - this.#at);
      this.#checksumLeft -= skipped;
      this.#at += skipped;
      if (!this.hasInput) return false;
      throw new Error("data goes on after the end of its stream");
    }
    if (this.#end - this.#at < headerBytes) {
      if (this.hasInput) throw new Error("it has no whole zlib header");
      return false;
    }
    if (!isHeader(this.#input, this.#at)) throw new Error("it has no zlib header");
    this.#at += headerBytes;
    this.#checksumLeft = 0;
    this.#fresh = false;
    this.#open(undefined);
    this.#started = true;
    return true;
  }

  #open(dictionary: Uint8Array | undefined): void {
    this.#error = undefined;
    if (this.#stream !== undefined && !this.#restored && dictionary === undefined) {
      this.#handle.reset();
      return;
    }
    this.#stream?.close();
    const known = dictionary !== undefined && dictionary.length > 0;
    this.#restored = known;
    const stream = createInflateRaw(known ? { dictionary } : {});
    const inner = stream as unknown as { _handle?: ZlibHandle; _writeState?: Uint32Array };
    if (typeof inner._handle?.writeSync !== "function" || inner._writeState === undefined) {
      throw new AppError(
        "INTERNAL",
        `Node ${process.version} has no synchronous zlib streams; use a version that is tested`,
        {
          op: "rfb.inflate",
        },
      );
    }
    this.#stream = stream;
    this.#handle = inner._handle;
    this.#remaining = inner._writeState;
    this.#handle.onerror = (message) => {
      this.#error = message;
    };
  }

  #remember(out: Uint8Array, at: number, count: number): void {
    if (count === 0) return;
    if (this.#history.length === 0) this.#history = Buffer.allocUnsafe(2 * windowBytes);
    const kept = Math.min(count, windowBytes);
    if (this.#historyEnd + kept > this.#history.length) {
      this.#history.copyWithin(0, this.#historyEnd - windowBytes, this.#historyEnd);
      this.#historyEnd = windowBytes;
      if (kept === windowBytes) this.#historyEnd = 0;
    }
    this.#history.set(out.subarray(at + count - kept, at + count), this.#historyEnd);
    this.#historyEnd += kept;
  }
}

/** CMF and FLG of RFC 1950, without a preset dictionary. */
function isHeader(bytes: Uint8Array, at: number): boolean {
  const method = bytes[at]!;
  const flags = bytes[at + 1]!;
  return (method & 0x8f) === 0x08 && (flags & 0x20) === 0 && (method * 256 + flags) % 31 === 0;
}
