// scp's own protocol (the legacy one, `scp -O`) with the gateway as the end point of file contents: towards the operator
// it plays the target's half, towards the target the operator's. Folders, times and errors go through in step; a file is
// taken whole, scanned, and only then offered to the other side. Invariant: a file's C line and bytes reach the other
// side after `clear` alone.
import { AppError } from "../../../../shared/errors.ts";
import { ByteSource } from "./byte-source.ts";
import type { ChannelHold, HoldChannel } from "./channel-hold.ts";
import { refuseTooLarge } from "./held-read.ts";
import { printableName } from "./printable.ts";
import { FileRefused, isRefusal, Transfer } from "./transfer.ts";

const pieceBytes = 64 * 1024;
const ok = Buffer.from([0]);

interface Side {
  source: ByteSource;
  send(data: Buffer): void;
  room(): Promise<void>;
}

/** `undefined`: it hung up. */
type Ack = { ok: true } | { ok: false; line: Buffer } | undefined;

interface FileLine {
  line: Buffer;
  bytes: number;
  name: string;
}

export class ScpHold implements ChannelHold {
  readonly #channel: HoldChannel;
  readonly #direction: "inbound" | "outbound";
  readonly #client: Side;
  readonly #target: Side;
  /** Who has the files, and who takes them. */
  readonly #giver: Side;
  readonly #taker: Side;
  #transfer: Transfer | undefined;
  /** The T line that belongs to the next C or D. */
  #times: Buffer | undefined;
  readonly #folders: string[] = [];
  readonly #over: Promise<void>;
  #ended = false;

  constructor(channel: HoldChannel, direction: "inbound" | "outbound") {
    this.#channel = channel;
    this.#direction = direction;
    this.#client = {
      source: new ByteSource((bytes) => channel.clientConsumed(bytes)),
      send: (data) => channel.toClient(data),
      room: () => channel.clientRoom(),
    };
    this.#target = {
      source: new ByteSource((bytes) => channel.targetConsumed(bytes)),
      send: (data) => channel.toTarget(data),
      room: () => channel.targetRoom(),
    };
    this.#giver = direction === "inbound" ? this.#client : this.#target;
    this.#taker = direction === "inbound" ? this.#target : this.#client;
    this.#over = this.#run().then(
      () => this.#finish(),
      (error: unknown) => {
        if (!this.#ended) channel.failed(error);
      },
    );
  }

  fromClient(data: Buffer): void {
    if (!this.#ended) this.#client.source.feed(data);
  }

  clientEof(): void {
    this.#client.source.end();
  }

  fromTarget(data: Buffer): void {
    if (!this.#ended) this.#target.source.feed(data);
  }

  async targetEnded(): Promise<void> {
    this.#target.source.end();
    if (this.#direction === "outbound") {
      await this.#over;
      return;
    }
    await this.#target.source.drained();
    // What was read last is handed on in this turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#client.source.drop();
    this.#target.source.drop();
    this.#transfer?.cutOff();
  }

  /** Whoever is still there reads the end. */
  #finish(): void {
    if (!this.#ended) this.#channel.eofToTarget();
  }

  async #run(): Promise<void> {
    // The taker begins: it is ready.
    if (!(await this.#passAck())) return;
    for (;;) {
      const line = await this.#giver.source.line();
      if (line === undefined) return;
      await this.#channel.mayPass();
      switch (String.fromCharCode(line[0] ?? 0)) {
        case "T":
          if (!/^T\d{1,20} \d{1,6} \d{1,20} \d{1,6}$/.test(line.toString("latin1"))) throw malformed("a T line");
          this.#times = line;
          this.#giver.send(ok);
          break;
        case "D":
          this.#folders.push(nameOf(line, /^D[0-7]{4,5} 0 /));
          if (!(await this.#offerTimes()) || !(await this.#passLine(line))) return;
          break;
        case "E":
          this.#folders.pop();
          if (!(await this.#passLine(line))) return;
          break;
        case "C":
          if (!(await this.#file(line))) return;
          break;
        case "\x01":
        case "\x02":
          // What went wrong at the giver; nobody answers that.
          this.#taker.send(lineOf(line));
          break;
        default:
          throw malformed(`a line that begins with the byte ${line[0]}`);
      }
    }
  }

  /** False: one side hung up. */
  async #file(line: Buffer): Promise<boolean> {
    const file = fileOf(line);
    const transfer = new Transfer(this.#channel, [...this.#folders, file.name].join("/"), this.#direction, () => {
      this.#transfer = undefined;
    });
    this.#transfer = transfer;
    try {
      refuseTooLarge(file.bytes, this.#channel.hold.maxFileBytes);
      await transfer.begin();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // In place of the answer to its C line: the giver goes on with the next.
      return this.#refuse(transfer, error, errorLine("refused by the gateway"));
    }
    this.#giver.send(ok);
    const fault = await this.#take(transfer, file.bytes);
    if (fault === "gone") return false;
    try {
      if (fault !== undefined) throw fault;
      await transfer.clear();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return this.#refuse(transfer, error, ok);
    }
    const answer = await this.#channel.alone(() => this.#give(transfer, file));
    if (answer === undefined) {
      transfer.cutOff();
      return false;
    }
    if (answer.ok) transfer.done();
    else transfer.refuse(new FileRefused("not-taken", printableName(answer.line.toString("utf8", 1))), false);
    this.#giver.send(answer.ok ? ok : lineOf(answer.line));
    return true;
  }

  /** All of the file's bytes, whatever happens to them: the giver cannot be stopped in the middle. */
  async #take(transfer: Transfer, bytes: number): Promise<Error | "gone" | undefined> {
    let refusal: Error | undefined;
    const { held, progress } = transfer;
    for (let at = 0; at < bytes; ) {
      const piece = await this.#giver.source.piece(Math.min(pieceBytes, bytes - at));
      if (piece === undefined) return "gone";
      if (refusal === undefined) {
        try {
          await held.write(at, piece);
        } catch (error) {
          if (!isRefusal(error)) throw error;
          refusal = error;
        }
      }
      at += piece.length;
      // The operator's own program shows how far it has sent.
      if (this.#direction === "outbound") progress.at("fetching", at / bytes);
      else transfer.quiet();
    }
    const status = await this.#ack(this.#giver);
    if (status === undefined) return "gone";
    if (!status.ok) {
      refusal ??= new FileRefused("not-whole", printableName(status.line.toString("utf8", 1)));
    }
    return refusal;
  }

  /** Offers it to the taker; answers what the taker said of it in the end. */
  async #give(transfer: Transfer, file: FileLine): Promise<Ack> {
    const { held, progress } = transfer;
    try {
      if (this.#times !== undefined) {
        const answer = await this.#ask(this.#times);
        this.#times = undefined;
        if (answer?.ok !== true) return answer;
      }
      const answer = await this.#ask(file.line);
      if (answer?.ok !== true) return answer;
      for (let at = 0; at < file.bytes; ) {
        if (this.#direction === "inbound") await this.#channel.mayPass();
        await this.#taker.room();
        const piece = await held.read(at, pieceBytes);
        if (piece.length === 0) throw new Error("a file in quarantine is shorter than what was written to it");
        this.#taker.send(piece);
        at += piece.length;
        if (this.#direction === "inbound") progress.at("sending", at / file.bytes);
      }
      this.#taker.send(ok);
      return await this.#ack(this.#taker);
    } finally {
      transfer.quiet();
    }
  }

  #refuse(transfer: Transfer, error: FileRefused | Error, toTarget: Buffer): boolean {
    if (!isRefusal(error)) throw error;
    this.#times = undefined;
    const told = errorLine(transfer.refuse(error, false));
    this.#client.send(told);
    if (this.#direction === "outbound") this.#target.send(toTarget);
    return true;
  }

  async #offerTimes(): Promise<boolean> {
    const times = this.#times;
    this.#times = undefined;
    return times === undefined || (await this.#ask(times)) !== undefined;
  }

  async #passLine(line: Buffer): Promise<boolean> {
    this.#taker.send(lineOf(line));
    return this.#passAck();
  }

  async #passAck(): Promise<boolean> {
    const answer = await this.#ack(this.#taker);
    if (answer !== undefined) this.#giver.send(answer.ok ? ok : lineOf(answer.line));
    return answer !== undefined;
  }

  #ask(line: Buffer): Promise<Ack> {
    this.#taker.send(lineOf(line));
    return this.#ack(this.#taker);
  }

  async #ack(side: Side): Promise<Ack> {
    const first = await side.source.byte();
    if (first === undefined) return undefined;
    if (first === 0) return { ok: true };
    if (first !== 1 && first !== 2) throw malformed(`an answer that begins with the byte ${first}`);
    const rest = await side.source.line();
    return rest === undefined ? undefined : { ok: false, line: Buffer.concat([Buffer.from([first]), rest]) };
  }
}

function fileOf(line: Buffer): FileLine {
  const name = nameOf(line, /^C[0-7]{4,5} \d{1,15} /);
  return { line, bytes: Number(line.toString("latin1").split(" ", 2)[1]), name };
}

/** A name, not a way to somewhere else. */
function nameOf(line: Buffer, head: RegExp): string {
  const text = line.toString("latin1");
  const match = head.exec(text);
  const name = line.subarray(match?.[0].length ?? 0).toString("utf8");
  if (match === null || name === "" || name === "." || name === ".." || name.includes("/")) {
    throw malformed("a line that names no file");
  }
  return name;
}

function lineOf(line: Buffer): Buffer {
  return Buffer.concat([line, Buffer.from("\n")]);
}

function errorLine(sentence: string): Buffer {
  return Buffer.from(`\x01conduit: ${sentence}\n`);
}

function malformed(what: string): AppError {
  return new AppError("PROTOCOL_MALFORMED", `File transfer was ended: scp sent ${what}.`, { op: "scp.parse" });
}
