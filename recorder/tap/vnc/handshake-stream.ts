// A byte stream read in pieces of known length, for the handshakes of both legs. Invariant: it takes from the stream no
// byte more than was asked for, so that TLS or the bridge goes on exactly where the handshake ended.
import type { Duplex } from "node:stream";
import { AppError } from "../../../shared/errors.ts";

export class HandshakeStream {
  readonly stream: Duplex;
  readonly #who: "viewer" | "target";

  constructor(stream: Duplex, who: "viewer" | "target") {
    this.stream = stream;
    this.#who = who;
    // Before anybody listens: a reset in that moment must not end the process.
    stream.on("error", () => undefined);
  }

  /** Rejects with PROTOCOL_MALFORMED when the peer is gone before so many bytes came. How long it may take is the caller's. */
  read(length: number): Promise<Buffer> {
    if (length === 0) return Promise.resolve(Buffer.alloc(0));
    return new Promise((resolve, reject) => {
      const { stream } = this;
      const gone = (error?: unknown): void => {
        settle();
        reject(
          new AppError("PROTOCOL_MALFORMED", `The ${this.#who} hung up in the middle of the VNC handshake.`, {
            op: `vnc.${this.#who}`,
            cause: error,
          }),
        );
      };
      const take = (): void => {
        const bytes = stream.read(length) as Buffer | null;
        if (bytes === null) {
          if (stream.readableEnded || stream.destroyed) gone();
        } else if (bytes.length === length) {
          settle();
          resolve(bytes);
        } else {
          gone();
        }
      };
      const closed = (): void => gone();
      const settle = (): void => {
        stream.removeListener("readable", take);
        stream.removeListener("end", closed);
        stream.removeListener("close", closed);
        stream.removeListener("error", gone);
      };
      stream.on("readable", take);
      stream.on("end", closed);
      stream.on("close", closed);
      stream.on("error", gone);
      take();
    });
  }

  async uint8(): Promise<number> {
    return (await this.read(1)).readUInt8();
  }

  async uint16(): Promise<number> {
    return (await this.read(2)).readUInt16BE();
  }

  async uint32(): Promise<number> {
    return (await this.read(4)).readUInt32BE();
  }

  /** Bytes with a 32-bit length before them, of which there may be `most`. */
  async sized(most: number, what: string): Promise<Buffer> {
    const length = await this.uint32();
    if (length <= most) return this.read(length);
    throw new AppError(
      "PROTOCOL_LIMIT",
      `The ${this.#who}'s ${what} would have ${length} bytes; ${most} is the most.`,
      {
        op: `vnc.${this.#who}`,
      },
    );
  }

  write(bytes: Uint8Array): void {
    if (!this.stream.destroyed && this.stream.writable) this.stream.write(bytes);
  }
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes;
}

/** Texts come from the wire: what is not printable must not reach a terminal, a log or a viewer as it is. */
export function printable(bytes: Buffer, most = 200): string {
  return bytes.toString("utf8").slice(0, most).replaceAll(/\p{C}/gu, "?");
}
