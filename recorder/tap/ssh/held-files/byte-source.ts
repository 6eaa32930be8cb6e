// One side of an scp channel, read line by line and piece by piece. Invariant: what is not read yet is bounded by the
// channel's window, since credit is given for what was read alone.
import { AppError } from "../../../../shared/errors.ts";

const maxLineBytes = 8192;

export class ByteSource {
  readonly #consumed: (bytes: number) => void;
  #pieces: Buffer[] = [];
  #ended = false;
  #dropped = false;
  #wake: () => void = () => undefined;
  #read: () => void = () => undefined;

  constructor(consumed: (bytes: number) => void) {
    this.#consumed = consumed;
  }

  feed(data: Buffer): void {
    this.#pieces.push(Buffer.from(data));
    this.#wake();
  }

  /** Nobody reads any more. */
  drop(): void {
    this.#dropped = true;
    this.#pieces = [];
    this.end();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
    this.#read();
  }

  /** Resolves when all of it is read. */
  async drained(): Promise<void> {
    while (this.#pieces.length > 0 && !this.#dropped) {
      await new Promise<void>((resolve) => {
        this.#read = resolve;
      });
    }
  }

  /** What there is of at most `most` bytes; undefined at the end. */
  async piece(most: number): Promise<Buffer | undefined> {
    for (;;) {
      const head = this.#pieces[0];
      if (head !== undefined && head.length > 0) {
        const taken = head.subarray(0, most);
        if (taken.length === head.length) this.#pieces.shift();
        else this.#pieces[0] = head.subarray(most);
        this.#consumed(taken.length);
        this.#read();
        return taken;
      }
      this.#pieces.shift();
      if (this.#pieces.length > 0) continue;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async byte(): Promise<number | undefined> {
    return (await this.piece(1))?.[0];
  }

  /** Up to the line's end, which is not part of it; undefined where the other side ended before it. */
  async line(): Promise<Buffer | undefined> {
    const bytes: number[] = [];
    for (;;) {
      const byte = await this.byte();
      if (byte === undefined) return undefined;
      if (byte === 0x0a) return Buffer.from(bytes);
      if (bytes.length >= maxLineBytes) {
        throw new AppError("PROTOCOL_LIMIT", "File transfer was ended: a line of scp's is too long.", {
          op: "scp.parse",
        });
      }
      bytes.push(byte);
    }
  }
}
