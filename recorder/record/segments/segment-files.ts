// Puts a session's closed segments into the spool and onto its chain. Fed by the tracks; its line in segments.jsonl is
// a segment's commit point: a file without one is nothing (its events are still in the journal, and recovery writes the
// segment anew). Invariant: file, directory entry and line are each synced before the next, and before it is reported.
import { createHash } from "node:crypto";
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
  writevSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { chainLink } from "../../../shared/manifest/chain.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { type SpoolLine, segmentsListName, stateName } from "../spool-layout.ts";

/** A closed segment that is not yet in the chain. */
export interface ClosedSegment {
  meta: Omit<SegmentMeta, "n" | "link" | "bytes" | "sha256">;
  /** Its stored bytes in order. */
  stored: Uint8Array[];
  /** Called when they are in the spool: their memory is used again. */
  release?: () => void;
  firstRecordNo: number;
  recordNo: number;
  counts: SpoolLine["counts"];
  opened: SpoolLine["opened"];
  /** What going on after a crash needs beside the segment: kept until the track's next segment is closed. */
  state?: Uint8Array;
}

function sha256Hex(pieces: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

/** IOV_MAX. */
const piecesAtOnce = 1024;

function writePieces(fd: number, pieces: readonly Uint8Array[]): void {
  for (let at = 0; at < pieces.length; at += piecesAtOnce) {
    const some = pieces.slice(at, at + piecesAtOnce);
    let written = writevSync(fd, some);
    for (const piece of some) {
      if (written < piece.length) writeAll(fd, piece.subarray(written));
      written = Math.max(0, written - piece.length);
    }
  }
}

export function storedBytes({ stored }: Pick<ClosedSegment, "stored">): number {
  return stored.reduce((sum, piece) => sum + piece.length, 0);
}

export class SegmentFiles {
  readonly #directory: string;
  readonly #listFd: number;
  readonly #knownDirectories = new Set<string>();
  #n: number;
  #link: string;

  constructor(directory: string, nextN: number, lastLink: string) {
    this.#directory = directory;
    this.#n = nextN;
    this.#link = lastLink;
    const list = join(directory, segmentsListName);
    this.#listFd = openSync(list, "a", 0o600);
    if (fstatSync(this.#listFd).size === 0) syncDirectory(directory);
  }

  /** Throws the system's error (ENOSPC, EIO) and leaves the chain as it was; the same segment may be given again. */
  write(segment: ClosedSegment): SpoolLine {
    const path = join(this.#directory, segment.meta.name);
    const folder = dirname(path);
    if (!this.#knownDirectories.has(folder)) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      syncDirectory(this.#directory);
      this.#knownDirectories.add(folder);
    }
    const fd = openSync(path, "w", 0o600);
    try {
      writePieces(fd, segment.stored);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // Before the line that commits the segment: whoever finds the line finds the state.
    if (segment.state) this.#writeState(segment.meta, segment.state);
    syncDirectory(folder);
    const hash = sha256Hex(segment.stored);
    const link = chainLink(this.#link, hash, sha256);
    const meta: SegmentMeta = { ...segment.meta, n: this.#n, bytes: storedBytes(segment), sha256: hash, link };
    const line: SpoolLine = { meta, recordNo: segment.recordNo, counts: segment.counts, opened: segment.opened };
    this.#appendLine(`${JSON.stringify(line)}\n`);
    this.#n++;
    this.#link = link;
    this.#dropState(segment.meta);
    segment.release?.();
    return line;
  }

  #writeState({ track, index }: ClosedSegment["meta"], state: Uint8Array): void {
    const fd = openSync(join(this.#directory, stateName(track, index)), "w", 0o600);
    try {
      writeAll(fd, state);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The segment before has served recovery. One that stays behind is in nobody's way. */
  #dropState({ track, index }: ClosedSegment["meta"]): void {
    if (index > 0) rmSync(join(this.#directory, stateName(track, index - 1)), { force: true });
  }

  #appendLine(text: string): void {
    const before = fstatSync(this.#listFd).size;
    try {
      writeAll(this.#listFd, Buffer.from(text));
      fdatasyncSync(this.#listFd);
    } catch (error) {
      // Half a line would make the next one unreadable.
      ftruncateSync(this.#listFd, before);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#listFd);
  }
}
