// SFTP as the files track records it: each operation, and for each open file the bytes and the SHA-256 of what went
// through. Fed with the channel's bytes in both directions, which pass on unchanged (but for INIT's version). Invariant:
// what changes something, and every batch of written data, is appended before the bytes pass and asks to be durable.
import type { FileEvent } from "../../../../shared/events/session-event.ts";
import type { RecordingGate } from "../../recording-gate.ts";
import type { Stream } from "../channel-end.ts";
import type { ChannelRecorder } from "../channel-recorder.ts";
import { WireReader } from "../wire.ts";
import { FileDigest } from "./file-digest.ts";
import { PacketStream } from "./packet-stream.ts";
import { malformedSftp, packet, readAttrs, sftpLimit, sftpVersion, statusWord } from "./protocol.ts";
import { parseRequest, type SftpRequest, textOf } from "./requests.ts";

const maxOutstanding = 16_384;
const maxOpenFiles = 4096;
/** A download's running record, for recovery after a crash. */
const readProgressBytes = 8 * 1024 * 1024;

interface OpenFile {
  path: string | undefined;
  handle: string;
  written: FileDigest;
  read: FileDigest;
  /** Bytes that the last running record covered. */
  readRecorded: number;
}

type Outstanding = SftpRequest & { file?: OpenFile };

export class SftpRecorder implements ChannelRecorder {
  readonly #gate: RecordingGate;
  readonly #channel: number;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #files = new Map<string, OpenFile>();
  readonly #requests: PacketStream;
  readonly #answers: PacketStream;
  #inboundSeen = 0;
  #initType = 0;
  #mustBeDurable = false;
  #current: { file: OpenFile; digest: FileDigest; offset: number } | undefined;
  #currentRead: { file: OpenFile; offset: number } | undefined;
  readonly #dirty = new Set<OpenFile>();

  constructor(gate: RecordingGate, channel: number) {
    this.#gate = gate;
    this.#channel = channel;
    const nothing = (): void => {
      throw malformedSftp("a packet in the wrong direction");
    };
    this.#requests = new PacketStream({
      onPacket: (type, body) => this.#request(type, body),
      onWriteStart: (id, handle, offset) => this.#write(id, handle, offset),
      onDataStart: nothing,
      onFileBytes: (bytes) => this.#writtenBytes(bytes),
    });
    this.#answers = new PacketStream({
      onPacket: (type, body) => this.#answer(type, body),
      onWriteStart: nothing,
      onDataStart: (id) => this.#data(id),
      onFileBytes: (bytes) => this.#readBytes(bytes),
    });
  }

  inbound(data: Buffer): boolean {
    this.#lowerVersion(data);
    this.#mustBeDurable = false;
    this.#requests.feed(data);
    return this.#mustBeDurable;
  }

  /** One record for everything that was written in this batch. */
  endBatch(): boolean {
    if (this.#dirty.size === 0) return false;
    for (const file of this.#dirty) this.#append(this.#total("write", 0, file, "inbound", file.written, true));
    this.#dirty.clear();
    return true;
  }

  outbound(stream: Stream, data: Buffer): void {
    // What sftp-server says beside the protocol, e.g. when its account has no such program.
    if (stream === "stderr") this.#gate.append({ type: "output", channel: this.#channel, stream, data });
    else this.#answers.feed(data);
  }

  end(): void {
    for (const file of this.#files.values()) this.#totals(file, 0, "no_connection");
    this.#files.clear();
  }

  // --- operator to target ---

  #request(type: number, body: Buffer): void {
    if (type === packet.init) return;
    const request: Outstanding = parseRequest(type, body);
    if (request.handle !== undefined) {
      const file = this.#files.get(request.handle.toString("latin1"));
      if (file !== undefined) request.file = file;
    }
    this.#remember(request);
    if (request.op === "close" && request.file !== undefined && request.file.written.bytes > 0) {
      this.#dirty.delete(request.file);
      this.#append(this.#total("close", request.id, request.file, "inbound", request.file.written));
      this.#mustBeDurable = true;
    } else if (request.op === "read" && request.offset !== undefined) {
      request.file?.read.expect(request.offset);
    } else if (request.changes) {
      this.#append(this.#event(request));
      this.#mustBeDurable = true;
    }
  }

  #write(id: number, handle: Buffer, offset: number): void {
    const key = handle.toString("latin1");
    const file = this.#files.get(key) ?? newFile(undefined, handle);
    this.#remember({ id, op: "write", changes: false, silent: true, handle: Buffer.from(handle), facts: {}, file });
    this.#current = { file, digest: file.written, offset };
    this.#dirty.add(file);
  }

  #writtenBytes(bytes: Buffer): void {
    if (this.#current === undefined) return;
    this.#current.digest.add(this.#current.offset, bytes);
    this.#current.offset += bytes.length;
    this.#dirty.add(this.#current.file);
  }

  /** Version 3 is what is parsed, so no other may be agreed on; the four bytes are changed as they run through. */
  #lowerVersion(data: Buffer): void {
    for (let i = 0; this.#inboundSeen < 9 && i < data.length; i++, this.#inboundSeen++) {
      if (this.#inboundSeen === 4) this.#initType = data[i] ?? 0;
      if (this.#initType !== packet.init) continue;
      if (this.#inboundSeen >= 5 && this.#inboundSeen < 8) data[i] = 0;
      if (this.#inboundSeen === 8 && (data[i] ?? 0) > sftpVersion) data[i] = sftpVersion;
    }
  }

  #remember(request: Outstanding): void {
    if (this.#outstanding.size >= maxOutstanding) throw sftpLimit("too many requests wait for their answer");
    this.#outstanding.set(request.id, request);
  }

  // --- target to operator ---

  #answer(type: number, body: Buffer): void {
    const reader = new WireReader(body);
    const id = reader.uint32();
    if (type === packet.version) {
      if (id > sftpVersion) throw malformedSftp(`the target insists on SFTP version ${id}`);
      return;
    }
    const request = this.#outstanding.get(id);
    if (request === undefined) return;
    this.#outstanding.delete(id);
    switch (type) {
      case packet.status:
        this.#settled(request, statusWord(reader.uint32()));
        return;
      case packet.handle: {
        const handle = Buffer.from(reader.string());
        if (request.op === "open") this.#opened(request, handle);
        this.#append({ ...this.#event(request), handle: handle.toString("hex"), status: "ok" });
        return;
      }
      case packet.attrs:
        this.#append({
          ...this.#event(request),
          status: "ok",
          attrs: { ...request.facts.attrs, ...readAttrs(reader) },
        });
        return;
      case packet.name:
        if (request.silent) return;
        reader.uint32();
        this.#append({ ...this.#event(request), status: "ok", newPath: textOf(reader.string()).text });
        return;
      default:
        this.#settled(request, "ok");
    }
  }

  #settled(request: Outstanding, status: string): void {
    if (request.op === "close" && request.file !== undefined) {
      this.#files.delete(request.handle?.toString("latin1") ?? "");
      this.#totals(request.file, request.id, status);
      return;
    }
    // Of reads and writes only what failed: the rest is in the file's totals.
    if (request.silent && (status === "ok" || status === "eof" || request.op === "close")) return;
    this.#append({ ...this.#event(request), status });
  }

  #opened(request: Outstanding, handle: Buffer): void {
    if (this.#files.size >= maxOpenFiles) throw sftpLimit("too many files are open");
    this.#files.set(handle.toString("latin1"), newFile(request.facts.path, handle));
  }

  #data(id: number): void {
    const request = this.#outstanding.get(id);
    this.#outstanding.delete(id);
    this.#currentRead =
      request?.file === undefined || request.offset === undefined
        ? undefined
        : { file: request.file, offset: request.offset };
  }

  #readBytes(bytes: Buffer): void {
    const current = this.#currentRead;
    if (current === undefined) return;
    const { file } = current;
    file.read.add(current.offset, bytes);
    current.offset += bytes.length;
    if (file.read.bytes - file.readRecorded < readProgressBytes) return;
    file.readRecorded = file.read.bytes;
    this.#append(this.#total("read", 0, file, "outbound", file.read, true));
  }

  // --- events ---

  #event(request: Outstanding): FileEvent {
    const path = request.facts.path ?? request.file?.path;
    return {
      op: request.op,
      id: request.id,
      ...request.facts,
      ...(path === undefined ? {} : { path }),
      ...(request.handle === undefined ? {} : { handle: request.handle.toString("hex") }),
    };
  }

  /** At the answer to CLOSE, or at the channel's end. Written totals were recorded when CLOSE was asked for. */
  #totals(file: OpenFile, id: number, status: string): void {
    const closed = status !== "no_connection";
    if (file.read.bytes > 0) this.#append({ ...this.#total("close", id, file, "outbound", file.read), status });
    if (file.written.bytes > 0 && !closed) {
      this.#append({ ...this.#total("close", id, file, "inbound", file.written), status });
    } else if (file.read.bytes === 0) {
      const path = file.path === undefined ? {} : { path: file.path };
      this.#append({ op: "close", id, ...path, handle: file.handle, status });
    }
  }

  #total(
    op: "read" | "write" | "close",
    id: number,
    file: OpenFile,
    direction: "inbound" | "outbound",
    digest: FileDigest,
    partial = false,
  ): FileEvent {
    const { bytes, sha256, sequential, firstOffset } = digest.result();
    return {
      op,
      id,
      ...(file.path === undefined ? {} : { path: file.path }),
      handle: file.handle,
      direction,
      bytes,
      sha256,
      sequential,
      ...(firstOffset === 0 ? {} : { attrs: { offset: firstOffset } }),
      ...(partial ? { partial: true } : {}),
    };
  }

  #append(event: FileEvent): void {
    this.#gate.append({ type: "file", channel: this.#channel, event });
  }
}

function newFile(path: string | undefined, handle: Buffer): OpenFile {
  return {
    path,
    handle: handle.toString("hex"),
    written: new FileDigest(),
    read: new FileDigest(),
    readRecorded: 0,
  };
}
