// SFTP with the gateway as the end point of file contents. What an operator asks of names and attributes goes on to the
// target under numbers and handles of the gateway's own; open files are held-read.ts and held-write.ts. Invariant: no
// answer that carries file contents, and no request that does, passes between the two sides except through quarantine;
// what could move contents in another way is not offered and is refused; no name changes between the scan of a file and
// its release, and no file is cut to contents that were not scanned.
import { malformedSftp, packet, sftpVersion } from "../sftp/protocol.ts";
import { type WirePart, WireReader } from "../wire.ts";
import type { ChannelHold, HoldChannel } from "./channel-hold.ts";
import { type HeldHandle, HeldRead, relay, relayed } from "./held-read.ts";
import { HeldWrite, openFlag } from "./held-write.ts";
import {
  type Attrs,
  attrsPart,
  PacketAssembler,
  packetBytes,
  parseAttrs,
  sftpPacket,
  statusCode,
  statusPacket,
} from "./sftp-packets.ts";
import { SftpTarget, TargetStatus } from "./sftp-target.ts";
import { FileRefused, isRefusal, Transfer } from "./transfer.ts";

/** Each costs a file of the gateway's. */
const maxHeldFiles = 256;
const maxFolders = 1024;
/** Requests without their answer yet; what comes behind them waits on the wire. */
const maxUnderWay = 256;

/** They give a name to another file. */
const namingExtensions: ReadonlySet<string> = new Set(["posix-rename@openssh.com", "hardlink@openssh.com"]);
/** Extensions that look at something, or change names and attributes: contents stay where they are. */
const passingExtensions: ReadonlySet<string> = new Set([
  ...namingExtensions,
  "statvfs@openssh.com",
  "lsetstat@openssh.com",
  "limits@openssh.com",
  "expand-path@openssh.com",
  "home-directory",
  "users-groups-by-id@openssh.com",
]);
const handleExtensions: ReadonlySet<string> = new Set(["fsync@openssh.com", "fstatvfs@openssh.com"]);

type OpenHandle = { kind: "folder"; handle: Buffer } | { kind: "file"; file: HeldHandle; last: Promise<void> };

export class SftpHold implements ChannelHold {
  readonly #channel: HoldChannel;
  readonly #target: SftpTarget;
  readonly #requests: PacketAssembler;
  readonly #answers: PacketAssembler;
  readonly #handles = new Map<string, OpenHandle>();
  readonly #transfers = new Set<Transfer>();
  #nextHandle = 0;
  #waiting: { type: number; body: Buffer }[] = [];
  #dispatching = false;
  #underWay = 0;
  #answered: () => void = () => undefined;
  #eof = false;
  #versionKnown = false;
  #ended = false;

  constructor(channel: HoldChannel) {
    this.#channel = channel;
    this.#target = new SftpTarget(channel);
    this.#requests = new PacketAssembler((type, body) => {
      this.#waiting.push({ type, body });
    });
    this.#answers = new PacketAssembler((type, body) => {
      // What is fetched is counted when it is in quarantine, by the requests that are under way for it.
      this.#channel.targetConsumed(packetBytes(body));
      if (this.#versionKnown) this.#target.received(type, body);
      else this.#version(type, body);
    });
  }

  fromClient(data: Buffer): void {
    if (this.#ended) return;
    this.#requests.feed(data);
    void this.#dispatch();
  }

  clientEof(): void {
    this.#eof = true;
    this.#finishAtEof();
  }

  fromTarget(data: Buffer): void {
    if (!this.#ended) this.#answers.feed(data);
  }

  /** Each answer is handed on in the turn in which it comes; what waits for another waits in vain. */
  async targetEnded(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#answered();
    this.#target.end();
    for (const transfer of [...this.#transfers]) transfer.cutOff();
  }

  // --- requests, in the order in which they came; those of one file one after another ---

  async #dispatch(): Promise<void> {
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      for (let next = this.#waiting[0]; next !== undefined && !this.#ended; next = this.#waiting[0]) {
        await this.#channel.clientRoom();
        await this.#channel.targetRoom();
        await this.#channel.mayPass();
        while (this.#underWay >= maxUnderWay && !this.#ended) {
          await new Promise<void>((resolve) => {
            this.#answered = resolve;
          });
        }
        if (this.#ended) return;
        this.#waiting.shift();
        this.#request(next.type, next.body);
      }
    } catch (error) {
      this.#fault(error);
    } finally {
      this.#dispatching = false;
    }
    this.#finishAtEof();
  }

  #request(type: number, body: Buffer): void {
    const bytes = packetBytes(body);
    if (type === packet.init) {
      this.#channel.toTarget(sftpPacket(packet.init, sftpVersion));
      this.#channel.clientConsumed(bytes);
      return;
    }
    const reader = new WireReader(body);
    const id = reader.uint32();
    this.#underWay++;
    this.#answerOrFault(type, id, reader)
      .catch((error: unknown) => this.#failedAnswer(id, error))
      .then(async (answered) => {
        await this.#channel.clientRoom();
        this.#channel.toClient(answered);
      })
      .catch((error: unknown) => this.#fault(error))
      .finally(() => {
        this.#underWay--;
        this.#answered();
        if (this.#ended) return;
        this.#channel.clientConsumed(bytes);
        this.#finishAtEof();
      });
  }

  /** Begins in this turn, so that requests keep their order; what it throws is its rejection. */
  async #answerOrFault(type: number, id: number, reader: WireReader): Promise<Buffer> {
    return this.#answerTo(type, id, reader);
  }

  #answerTo(type: number, id: number, reader: WireReader): Promise<Buffer> {
    switch (type) {
      case packet.open:
        return this.#open(id, copy(reader), reader.uint32(), reader);
      case packet.opendir:
        return this.#openFolder(id, reader.rest());
      case packet.close:
        return this.#close(id, reader.string().toString("latin1"));
      case packet.read: {
        const file = this.#file(reader);
        const offset = uint64Of(reader);
        const length = reader.uint32();
        return this.#inOrder(file, async (held) => {
          // What nobody reads is not taken into memory either.
          await this.#channel.clientRoom();
          return held.read(id, offset, length);
        });
      }
      case packet.write: {
        const file = this.#file(reader);
        const offset = uint64Of(reader);
        const data = reader.string();
        return this.#inOrder(file, (held) => held.write(id, offset, data));
      }
      case packet.fstat:
        return this.#ofHandle(type, id, reader, (held) => held.fstat(id));
      case packet.fsetstat: {
        const handle = this.#handle(reader);
        if (handle.kind === "folder") return relay(this.#target, id, type, handle.handle, { raw: reader.rest() });
        const attrs = parseAttrs(reader);
        return this.#inOrder(handle, (held) => held.fsetstat(id, attrs));
      }
      case packet.readdir:
        return this.#ofHandle(type, id, reader, async () => statusPacket(id, statusCode.failure, "Not a folder"));
      case packet.extended:
        return this.#extended(id, reader);
      case packet.setstat:
        return this.#setstat(id, copy(reader), reader);
      case packet.remove:
      case packet.rmdir:
      case packet.rename:
      case packet.symlink:
        return this.#alone(id, type, { raw: reader.rest() });
      case packet.lstat:
      case packet.mkdir:
      case packet.realpath:
      case packet.stat:
      case packet.readlink:
        return relay(this.#target, id, type, { raw: reader.rest() });
      default:
        return Promise.resolve(unsupported(id, `requests of type ${type}`));
    }
  }

  #extended(id: number, reader: WireReader): Promise<Buffer> {
    const name = reader.text();
    if (namingExtensions.has(name)) return this.#alone(id, packet.extended, name, { raw: reader.rest() });
    if (name === "lsetstat@openssh.com") {
      const path = copy(reader);
      const { size, ...attrs } = parseAttrs(reader);
      if (size !== undefined) return Promise.resolve(unsupported(id, "to set the size of a link"));
      return relay(this.#target, id, packet.extended, name, path, attrsPart(attrs));
    }
    if (passingExtensions.has(name)) {
      return relay(this.#target, id, packet.extended, name, { raw: reader.rest() });
    }
    if (!handleExtensions.has(name)) return Promise.resolve(unsupported(id, name.slice(0, 64)));
    const handle = this.#handle(reader);
    if (handle.kind === "folder") return relay(this.#target, id, packet.extended, name, handle.handle);
    return this.#inOrder(handle, (held) => (name === "fsync@openssh.com" ? held.fsync(id) : held.fstatvfs(id)));
  }

  /** Not between the scan of a file and its release: what was scanned together must be what becomes one. */
  #alone(id: number, type: number, ...rest: WirePart[]): Promise<Buffer> {
    return this.#channel.alone(() => relay(this.#target, id, type, ...rest));
  }

  /** Another size makes other contents: those are scanned as if they were written. */
  #setstat(id: number, path: Buffer, reader: WireReader): Promise<Buffer> {
    const attrs = parseAttrs(reader);
    if (attrs.size === undefined) return relay(this.#target, id, packet.setstat, path, attrsPart(attrs));
    return this.#held(id, path, openFlag.write, {}, async (file) => {
      const answer = await file.fsetstat(id, attrs);
      const closed = await file.close(id);
      return isOk(answer) ? closed : answer;
    });
  }

  #open(id: number, path: Buffer, flags: number, reader: WireReader): Promise<Buffer> {
    return this.#held(id, path, flags, parseAttrs(reader), async (file) =>
      this.#newHandle(id, { kind: "file", file, last: Promise.resolve() }),
    );
  }

  async #held(
    id: number,
    path: Buffer,
    flags: number,
    attrs: Attrs,
    use: (file: HeldHandle) => Promise<Buffer>,
  ): Promise<Buffer> {
    const writes = (flags & ~openFlag.read) !== 0;
    if (this.#transfers.size >= maxHeldFiles) {
      return statusPacket(id, statusCode.failure, `More than ${maxHeldFiles} files are held until they are scanned`);
    }
    const transfer = new Transfer(this.#channel, path.toString("utf8"), writes ? "inbound" : "outbound", () =>
      this.#transfers.delete(transfer),
    );
    this.#transfers.add(transfer);
    try {
      const file = writes
        ? await HeldWrite.open(this.#channel, this.#target, transfer, { path, flags, attrs })
        : await HeldRead.open(this.#channel, this.#target, transfer, path, openFlag.read);
      return await use(file);
    } catch (error) {
      if (isRefusal(error)) return statusPacket(id, statusCode.failure, transfer.refuse(error));
      if (error instanceof TargetStatus && transfer.isHeld) {
        transfer.refuse(new FileRefused("target-refused", `the target says: ${error.message || `code ${error.code}`}`));
      }
      transfer.done();
      throw error;
    } finally {
      transfer.quiet();
    }
  }

  async #openFolder(id: number, rest: Buffer): Promise<Buffer> {
    if (this.#handles.size >= maxFolders) return statusPacket(id, statusCode.failure, "Too many folders are open");
    const answer = await this.#target.ask(packet.opendir, { raw: rest });
    if (answer.type !== packet.handle) return relayed(id, answer);
    return this.#newHandle(id, { kind: "folder", handle: new WireReader(answer.body).string() });
  }

  #newHandle(id: number, handle: OpenHandle): Buffer {
    const name = Buffer.allocUnsafe(4);
    name.writeUInt32BE(this.#nextHandle++);
    this.#handles.set(name.toString("latin1"), handle);
    return sftpPacket(packet.handle, id, name);
  }

  async #close(id: number, name: string): Promise<Buffer> {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw noSuchHandle();
    // From now on nobody else may use it, while it may take long to be released.
    this.#handles.delete(name);
    if (handle.kind === "folder") return relay(this.#target, id, packet.close, handle.handle);
    return this.#inOrder(handle, (held) => held.close(id));
  }

  #ofHandle(
    type: number,
    id: number,
    reader: WireReader,
    ofFile: (held: HeldHandle) => Promise<Buffer>,
  ): Promise<Buffer> {
    const handle = this.#handle(reader);
    if (handle.kind === "folder") return relay(this.#target, id, type, handle.handle);
    return this.#inOrder(handle, ofFile);
  }

  #handle(reader: WireReader): OpenHandle {
    const handle = this.#handles.get(reader.string().toString("latin1"));
    if (handle === undefined) throw noSuchHandle();
    return handle;
  }

  #file(reader: WireReader): OpenHandle & { kind: "file" } {
    const handle = this.#handle(reader);
    if (handle.kind === "folder") throw noSuchHandle();
    return handle;
  }

  /** After what was asked of the same file before (draft §4). */
  #inOrder(handle: OpenHandle & { kind: "file" }, step: (held: HeldHandle) => Promise<Buffer>): Promise<Buffer> {
    const answer = handle.last.then(() => {
      this.#channel.signal.throwIfAborted();
      return step(handle.file);
    });
    handle.last = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  /** What refuses one request; anything else ends the channel. */
  #failedAnswer(id: number, error: unknown): Buffer {
    if (error instanceof TargetStatus) return statusPacket(id, error.code, error.message);
    if (isRefusal(error)) return statusPacket(id, statusCode.failure, error.message);
    throw error;
  }

  #fault(error: unknown): void {
    if (!this.#ended && !this.#channel.signal.aborted) this.#channel.failed(error);
  }

  #finishAtEof(): void {
    if (!this.#eof || this.#ended || this.#dispatching || this.#waiting.length > 0 || this.#underWay > 0) return;
    this.#eof = false;
    this.#channel.eofToTarget();
  }

  // --- target to operator ---

  /** Extensions that are not passed on are not offered either. */
  #version(type: number, body: Buffer): void {
    if (type !== packet.version) throw malformedSftp("the target did not begin with its version");
    this.#versionKnown = true;
    const reader = new WireReader(body);
    const version = reader.uint32();
    if (version > sftpVersion) throw malformedSftp(`the target insists on SFTP version ${version}`);
    const offered: string[] = [];
    while (reader.left > 0) {
      const name = reader.text();
      const data = reader.string().toString("latin1");
      if (passingExtensions.has(name) || handleExtensions.has(name)) offered.push(name, data);
    }
    this.#channel.toClient(sftpPacket(packet.version, version, ...offered));
  }
}

function isOk(answer: Buffer): boolean {
  // Behind length, type and id.
  return answer[4] === packet.status && answer.readUInt32BE(9) === statusCode.ok;
}

function copy(reader: WireReader): Buffer {
  return Buffer.from(reader.string());
}

function uint64Of(reader: WireReader): number {
  return reader.uint32() * 2 ** 32 + reader.uint32();
}

function unsupported(id: number, what: string): Buffer {
  return statusPacket(id, statusCode.unsupported, `Not possible while files are held until they are scanned: ${what}`);
}

function noSuchHandle(): TargetStatus {
  return new TargetStatus(statusCode.failure, "No such handle");
}
