// Compression of stored segments: the one place that knows which zstd there is. Node's own where it has one (22.15 and
// later), else the optional package zstd-napi, else gzip. Reading always works: fzstd decodes zstd in plain JavaScript.
import { createRequire } from "node:module";
import zlib from "node:zlib";
import { decompress as decompressInScript } from "fzstd";
import { AppError } from "../../shared/errors.ts";
import type { SegmentCodec } from "../../shared/manifest/manifest.ts";
import { contentBytes, storedFrame, zstdFrames } from "./zstd-frames.ts";

interface Zstd {
  compress(data: Uint8Array, level: number): Uint8Array;
  decompress(data: Uint8Array): Uint8Array;
}

/** What a segment may hold at most once decompressed; a stored file that claims more is not one of ours. */
const maxSegmentBytes = 160 * 1024 * 1024;

const floodLevel = 1;

interface NodeZstd {
  zstdCompressSync?: (data: Uint8Array, options: { params: Record<number, number> }) => Buffer;
  zstdDecompressSync?: (data: Uint8Array, options: { maxOutputLength: number }) => Buffer;
  constants: { ZSTD_c_compressionLevel?: number };
}

function fromNode(): Zstd | undefined {
  const { zstdCompressSync, zstdDecompressSync, constants } = zlib as unknown as NodeZstd;
  const levelKey = constants.ZSTD_c_compressionLevel;
  if (!zstdCompressSync || !zstdDecompressSync || levelKey === undefined) return undefined;
  return {
    compress: (data, level) => zstdCompressSync(data, { params: { [levelKey]: level } }),
    decompress(data) {
      let room = maxSegmentBytes;
      const pieces = zstdFrames(data).map((frame) => {
        const piece = zstdDecompressSync(frame, { maxOutputLength: Math.max(room, 1) });
        // Node gives what there is of a frame that claims more.
        const held = contentBytes(frame) ?? piece.length;
        if (held !== piece.length)
          throw new Error(`a frame says that it holds ${held} bytes, and holds ${piece.length}`);
        room -= piece.length;
        return piece;
      });
      if (room < 0) throw new Error(`it holds more than ${maxSegmentBytes} bytes`);
      return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    },
  };
}

interface ZstdNapi {
  Compressor: new () => { setParameters(p: { compressionLevel: number }): void; compress(data: Uint8Array): Buffer };
  Decompressor: new () => { decompress(data: Uint8Array): Buffer };
}

function fromPackage(): Zstd | undefined {
  let napi: ZstdNapi;
  try {
    napi = createRequire(import.meta.url)("zstd-napi") as ZstdNapi;
  } catch {
    return undefined;
  }
  const compressors = new Map<number, InstanceType<ZstdNapi["Compressor"]>>();
  return {
    compress(data, level) {
      let compressor = compressors.get(level);
      if (!compressor) {
        compressor = new napi.Compressor();
        compressor.setParameters({ compressionLevel: level });
        compressors.set(level, compressor);
      }
      return compressor.compress(data);
    },
    decompress(data) {
      // It makes room for whatever the frames say that they hold, and without bound where they do not say.
      let bytes = 0;
      for (const frame of zstdFrames(data)) {
        const held = contentBytes(frame);
        if (held === null) return decompressInScript(data);
        bytes += held;
      }
      if (bytes > maxSegmentBytes) throw new Error(`it holds more than ${maxSegmentBytes} bytes`);
      return new napi.Decompressor().decompress(data);
    },
  };
}

let known: { zstd: Zstd | undefined } | undefined;

function zstd(): Zstd | undefined {
  known ??= { zstd: fromNode() ?? fromPackage() };
  return known.zstd;
}

/** What this installation writes. */
export function segmentCodec(): SegmentCodec {
  return zstd() ? "zstd" : "gzip";
}

/**
 * Compresses a segment piece by piece. zstd: each piece becomes a frame of its own (concatenated frames decode whole).
 * gzip: browsers read only the first of several members, so the pieces wait and become one member at the end.
 */
export class SegmentCompressor {
  readonly codec: SegmentCodec;
  readonly #zstd: Zstd | undefined;
  readonly #level: number;
  readonly #pieces: Uint8Array[] = [];

  constructor(level = 3, codec: SegmentCodec = segmentCodec()) {
    this.codec = codec;
    this.#level = level;
    this.#zstd = codec === "zstd" ? zstd() : undefined;
    if (codec === "zstd" && !this.#zstd) throw new Error("no zstd implementation is installed; run npm install again");
  }

  /** A piece with more to come: in a flood speed counts. The bytes may be reused after it returns. */
  add(piece: Uint8Array): void {
    this.#push(piece, floodLevel);
  }

  /** The same of what may not become smaller. True: then it is stored as it is, and must stay as it is. */
  addBytes(piece: Uint8Array): boolean {
    if (!this.#zstd || !isDense(piece, this.#zstd)) {
      this.add(piece);
      return false;
    }
    this.#pieces.push(...storedFrame(piece));
    return true;
  }

  addLast(piece: Uint8Array): void {
    this.#push(piece, this.#level);
  }

  #push(piece: Uint8Array, level: number): void {
    this.#pieces.push(this.#zstd ? this.#zstd.compress(piece, level) : Uint8Array.prototype.slice.call(piece));
  }

  /** What was added so far, as it was before compression. */
  soFar(): Uint8Array {
    const whole = Buffer.concat(this.#pieces);
    return this.#zstd && whole.length > 0 ? decompressSegment(whole, "zstd") : whole;
  }

  finish(): Uint8Array {
    const pieces = this.finishPieces();
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  }

  /** The stored bytes in order, which are not copied together. */
  finishPieces(): Uint8Array[] {
    return this.#zstd ? this.#pieces : [zlib.gzipSync(Buffer.concat(this.#pieces), { level: 6 })];
  }
}

const sampleBytes = 8 * 1024;
/** What stays larger than this is not worth the time that reading it takes. */
const densePart = 0.94;

/** Whether compression would bring nothing, by samples of its beginning, middle and end. */
function isDense(piece: Uint8Array, { compress }: Zstd): boolean {
  const last = piece.length - sampleBytes;
  if (last < 2 * sampleBytes) return false;
  return [0, last >> 1, last].every(
    (at) => compress(piece.subarray(at, at + sampleBytes), floodLevel).length > sampleBytes * densePart,
  );
}

/** Stored bytes to text bytes. INTEGRITY_FORMAT when they are not of that codec. */
export function decompressSegment(stored: Uint8Array, codec: SegmentCodec): Uint8Array {
  try {
    if (codec === "gzip") return zlib.gunzipSync(stored, { maxOutputLength: maxSegmentBytes });
    return zstd()?.decompress(stored) ?? decompressInScript(stored);
  } catch (cause) {
    throw new AppError("INTEGRITY_FORMAT", `the stored segment is not whole ${codec} data`, {
      op: "codec.decompress",
      cause,
    });
  }
}
