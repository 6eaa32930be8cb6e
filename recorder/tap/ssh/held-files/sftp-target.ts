// The gateway's own SFTP client towards the target: requests with ids of its own beside those that it forwards for the
// operator, and whole files read and written with many requests under way. Invariant: every request gets its answer or,
// at the channel's end, a rejection.
import { malformedSftp, packet, sftpLimit } from "../sftp/protocol.ts";
import { type WirePart, WireReader } from "../wire.ts";
import { Permits } from "./permits.ts";
import { type Attrs, attrsPart, isEmptyAttrs, parseAttrs, sftpPacket, statusCode, uint64 } from "./sftp-packets.ts";

/** What every server takes and gives in one piece (draft §3). */
const pieceBytes = 32 * 1024;
const piecesOfAFile = 32;
/** Of all files of a channel: so much of them is in memory. */
const piecesUnderWay = 128;
const maxOutstanding = 16_384;

export interface Answer {
  type: number;
  /** Behind the id. */
  body: Buffer;
}

/** The target said no: its own code and words, for the operator. */
export class TargetStatus extends Error {
  readonly code: number;

  constructor(code: number, sentence: string) {
    super(sentence);
    this.code = code;
  }
}

export interface TargetLink {
  readonly signal: AbortSignal;
  toTarget(data: Buffer): void;
  targetRoom(): Promise<void>;
}

export interface Sink {
  write(offset: number, data: Uint8Array): Promise<void>;
}

export class SftpTarget {
  readonly #link: TargetLink;
  readonly #outstanding = new Map<number, (answer: Answer | undefined) => void>();
  readonly #pieces = new Permits(piecesUnderWay);
  #nextId = 0;

  constructor(link: TargetLink) {
    this.#link = link;
  }

  /** An answer of the target's, whole. */
  received(type: number, body: Buffer): void {
    if (body.length < 4) throw malformedSftp("an answer without its number");
    const id = body.readUInt32BE(0);
    const settle = this.#outstanding.get(id);
    if (settle === undefined) return;
    this.#outstanding.delete(id);
    settle({ type, body: body.subarray(4) });
  }

  end(): void {
    const waiting = [...this.#outstanding.values()];
    this.#outstanding.clear();
    for (const settle of waiting) settle(undefined);
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Sends what stands behind the id. `settle` is told undefined when the channel ended first. */
  send(type: number, rest: WirePart[], settle: (answer: Answer | undefined) => void): void {
    if (this.#link.signal.aborted) {
      settle(undefined);
      return;
    }
    if (this.#outstanding.size >= maxOutstanding) throw sftpLimit("too many requests wait for the target");
    do this.#nextId = (this.#nextId + 1) >>> 0;
    while (this.#outstanding.has(this.#nextId));
    this.#outstanding.set(this.#nextId, settle);
    this.#link.toTarget(sftpPacket(type, this.#nextId, ...rest));
  }

  ask(type: number, ...rest: WirePart[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.send(type, rest, (answer) => {
        if (answer === undefined) reject(new Error("the channel is over"));
        else resolve(answer);
      });
    });
  }

  async open(path: Buffer, flags: number, attrs: Attrs = {}): Promise<Buffer> {
    const answer = await this.ask(packet.open, path, flags, attrsPart(attrs));
    if (answer.type !== packet.handle) throw statusOf(answer);
    return new WireReader(answer.body).string();
  }

  async close(handle: Buffer): Promise<void> {
    await this.#ok(packet.close, handle);
  }

  async stat(path: Buffer): Promise<Attrs> {
    return attrsOf(await this.ask(packet.stat, path));
  }

  async fstat(handle: Buffer): Promise<Attrs> {
    return attrsOf(await this.ask(packet.fstat, handle));
  }

  async fsetstat(handle: Buffer, attrs: Attrs): Promise<void> {
    if (!isEmptyAttrs(attrs)) await this.#ok(packet.fsetstat, handle, attrsPart(attrs));
  }

  /** Reads [from, to) or up to the file's end; answers where that is. */
  async fetch(handle: Buffer, from: number, to: number, sink: Sink, progress: (at: number) => void): Promise<number> {
    let next = from;
    let end = to;
    let done = 0;
    const worker = async (): Promise<void> => {
      while (next < end) {
        const start = next;
        const stop = Math.min(start + pieceBytes, to);
        next = stop;
        for (let at = start; at < stop && at < end; ) {
          const read = await this.#pieces.with(() => this.#readInto(sink, handle, at, stop - at));
          if (read === undefined) {
            end = Math.min(end, at);
            return;
          }
          at += read;
          done += read;
          progress(done);
        }
      }
    };
    await allOrFirstFault(worker, piecesOfAFile, () => {
      next = to;
    });
    return Math.max(from, end);
  }

  /** Writes [from, to) of what `source` gives. */
  async put(
    handle: Buffer,
    from: number,
    to: number,
    source: (offset: number, length: number) => Promise<Buffer>,
    progress: (bytes: number) => void,
  ): Promise<void> {
    let next = from;
    const worker = async (): Promise<void> => {
      while (next < to) {
        const start = next;
        const stop = Math.min(start + pieceBytes, to);
        next = stop;
        await this.#pieces.with(async () => {
          const data = await source(start, stop - start);
          if (data.length !== stop - start)
            throw new Error("a file in quarantine is shorter than what was written to it");
          await this.#link.targetRoom();
          await this.#ok(packet.write, handle, uint64(start), data);
        });
        progress(stop - start);
      }
    };
    await allOrFirstFault(worker, piecesOfAFile, () => {
      next = to;
    });
  }

  /** How many bytes came; undefined at the file's end. */
  async #readInto(sink: Sink, handle: Buffer, at: number, length: number): Promise<number | undefined> {
    const answer = await this.ask(packet.read, handle, uint64(at), length);
    if (answer.type !== packet.data) {
      const status = statusOf(answer);
      if (status.code === statusCode.eof) return undefined;
      throw status;
    }
    const data = new WireReader(answer.body).string();
    if (data.length === 0 || data.length > length) {
      throw malformedSftp("the target sent another length than it was asked for");
    }
    await sink.write(at, data);
    return data.length;
  }

  async #ok(type: number, ...rest: WirePart[]): Promise<void> {
    const status = statusOf(await this.ask(type, ...rest));
    if (status.code !== statusCode.ok) throw status;
  }
}

/** The first fault counts, but nobody is left at work behind it. */
async function allOrFirstFault(worker: () => Promise<void>, workers: number, stop: () => void): Promise<void> {
  let fault: { error: unknown } | undefined;
  await Promise.all(
    Array.from({ length: workers }, () =>
      worker().catch((error: unknown) => {
        fault ??= { error };
        stop();
      }),
    ),
  );
  if (fault !== undefined) throw fault.error;
}

function attrsOf(answer: Answer): Attrs {
  if (answer.type !== packet.attrs) throw statusOf(answer);
  return parseAttrs(new WireReader(answer.body));
}

function statusOf({ type, body }: Answer): TargetStatus {
  if (type !== packet.status) throw malformedSftp(`the target answered with a packet of type ${type}`);
  const reader = new WireReader(body);
  const code = reader.uint32();
  // Old servers leave the words out (draft §7).
  const sentence = reader.left >= 4 ? reader.text().slice(0, 1024) : "";
  return new TargetStatus(code, sentence);
}
