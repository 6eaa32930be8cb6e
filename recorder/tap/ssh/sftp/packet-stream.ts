// Cuts one direction of an SFTP channel into packets while the bytes run through. Fed chunk by chunk, however they are
// split. Invariant: of a packet that carries file data only its head is kept, the data is handed on slice by slice; of
// every other packet at most `maxPacketBytes` are kept.
import { malformedSftp, maxHandleBytes, maxPacketBytes, packet } from "./protocol.ts";

export interface PacketSink {
  /** A whole packet without its length and type. The view is good during the call only. */
  onPacket(type: number, body: Buffer): void;
  onWriteStart(id: number, handle: Buffer, offset: number, length: number): void;
  onDataStart(id: number, length: number): void;
  /** Bytes of the file, of the WRITE or DATA packet that was started last. */
  onFileBytes(bytes: Buffer): void;
}

type Piece = "header" | "body" | "write-id" | "write-rest" | "data-head" | "file-bytes" | "trailer";

const headerBytes = 5;

export class PacketStream {
  readonly #sink: PacketSink;
  /** What is being waited for, and how many bytes of it make it whole. */
  #piece: Piece = "header";
  #need = headerBytes;
  #kept: Buffer | undefined;
  #keptBytes = 0;
  /** Bytes of the packet after the piece that is being waited for. */
  #left = 0;
  #type = 0;
  #id = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** True between packets. */
  get idle(): boolean {
    return this.#piece === "header" && this.#keptBytes === 0;
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#piece === "file-bytes") {
        const bytes = Math.min(this.#need, chunk.length - at);
        this.#sink.onFileBytes(chunk.subarray(at, at + bytes));
        at += bytes;
        this.#need -= bytes;
        if (this.#need === 0) this.#next(this.#left > 0 ? "trailer" : "header");
        continue;
      }
      const bytes = Math.min(this.#need - this.#keptBytes, chunk.length - at);
      if (this.#keptBytes === 0 && bytes === this.#need) {
        this.#whole(chunk.subarray(at, at + bytes));
      } else {
        this.#kept ??= Buffer.allocUnsafe(this.#need);
        chunk.copy(this.#kept, this.#keptBytes, at, at + bytes);
        this.#keptBytes += bytes;
        if (this.#keptBytes === this.#need) {
          const kept = this.#kept;
          this.#kept = undefined;
          this.#keptBytes = 0;
          this.#whole(kept);
        }
      }
      at += bytes;
    }
  }

  #whole(piece: Buffer): void {
    switch (this.#piece) {
      case "header":
        this.#header(piece);
        return;
      case "body":
        this.#next("header");
        this.#sink.onPacket(this.#type, piece);
        return;
      case "write-id": {
        this.#id = piece.readUInt32BE(0);
        const handleBytes = piece.readUInt32BE(4);
        if (handleBytes > maxHandleBytes) throw malformedSftp("a write names a handle that is too long");
        this.#expect("write-rest", handleBytes + 12);
        return;
      }
      case "write-rest": {
        const at = piece.length - 12;
        const offset = piece.readUInt32BE(at) * 2 ** 32 + piece.readUInt32BE(at + 4);
        const length = piece.readUInt32BE(at + 8);
        if (length !== this.#left) throw malformedSftp("a write's data does not fill its packet");
        this.#sink.onWriteStart(this.#id, piece.subarray(0, at), offset, length);
        this.#fileBytes(length);
        return;
      }
      case "data-head": {
        const length = piece.readUInt32BE(4);
        if (length > this.#left) throw malformedSftp("a read's data is longer than its packet");
        this.#sink.onDataStart(piece.readUInt32BE(0), length);
        this.#fileBytes(length);
        return;
      }
      default:
        this.#next("header");
    }
  }

  #header(header: Buffer): void {
    const length = header.readUInt32BE(0);
    if (length < 5 || length > maxPacketBytes) throw malformedSftp(`a packet of ${length} bytes`);
    this.#type = header[4] ?? 0;
    this.#left = length - 1;
    if (this.#type === packet.write) this.#expect("write-id", 8);
    else if (this.#type === packet.data) this.#expect("data-head", 8);
    else this.#expect("body", this.#left);
  }

  #fileBytes(length: number): void {
    this.#left -= length;
    if (length > 0) {
      this.#piece = "file-bytes";
      this.#need = length;
    } else {
      this.#next(this.#left > 0 ? "trailer" : "header");
    }
  }

  #expect(piece: Piece, bytes: number): void {
    if (bytes > this.#left) throw malformedSftp("a packet ends too early");
    this.#piece = piece;
    this.#need = bytes;
    this.#left -= bytes;
  }

  #next(piece: "header" | "trailer"): void {
    this.#piece = piece;
    this.#need = piece === "header" ? headerBytes : this.#left;
  }
}
