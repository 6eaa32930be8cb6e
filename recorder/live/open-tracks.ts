// What a session's tracks hold that is not closed yet, for whoever joins: the present of a live recording. Fed by SessionHub
// with the recorder's pieces, in their order.
import type { FeedPiece } from "../../shared/live/feed.ts";
import { encodeFrame, type WatchFrame } from "../../shared/live/frame.ts";
import type { WatchTrack } from "../../shared/live/messages.ts";
import type { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";

/** Tracks that do not go on, at most so many, are named to whoever joins. */
const mostResting = 64;
const mostTracks = 0x10000;

interface OpenSegment {
  index: number;
  pieces: Uint8Array[];
  bytes: number;
  endUs: number;
  lastSeq: number;
}

interface Track {
  named: WatchTrack;
  open: OpenSegment | null;
}

export class OpenTracks {
  readonly #tracks = new Map<string, Track>();
  /** Of all segments that are open. */
  bytes = 0;
  nextN = 0;
  edgeUs = 0;

  /** As the recording stands when it is begun to be followed. */
  known(tracks: readonly TrackMeta[], segments: readonly SegmentMeta[]): void {
    for (const meta of tracks) this.#name(meta);
    for (const meta of segments) this.closed(meta);
  }

  closed(meta: SegmentMeta): void {
    this.nextN = Math.max(this.nextN, meta.n + 1);
    this.edgeUs = Math.max(this.edgeUs, meta.endUs);
    const track = this.#tracks.get(meta.track);
    if (track && (track.named.last?.index ?? -1) < meta.index) track.named = { ...track.named, last: meta };
  }

  /** The frame to send, after the track that is new to watchers; null: the piece is of no track that can be told. */
  take(piece: FeedPiece): { frame: WatchFrame; opened: WatchTrack | null } | null {
    const before = this.#tracks.get(piece.track);
    const track = before ?? (piece.of ? this.#name(piece.of.meta) : null);
    if (!track) return null;
    const { at: kind, index, offset, bytes, endUs, lastSeq } = piece;
    this.edgeUs = Math.max(this.edgeUs, endUs);
    if (piece.of) {
      const { cols, rows } = piece.of;
      track.named = { ...track.named, meta: piece.of.meta, ...(cols && rows ? { cols, rows } : {}) };
    }
    if (kind === "begin" || kind === "end") this.#close(track);
    if (kind === "begin") track.open = { index, pieces: [], bytes: 0, endUs, lastSeq };
    if (track.open && kind !== "end") {
      track.open.pieces.push(bytes);
      track.open.bytes += bytes.length;
      track.open.endUs = endUs;
      track.open.lastSeq = lastSeq;
      this.bytes += bytes.length;
    }
    const frame = { kind, track: track.named.id, index, offset, lastSeq, endUs, bytes };
    return { frame, opened: before ? null : track.named };
  }

  knows(name: string): boolean {
    return this.#tracks.has(name);
  }

  /** No track more can be named. */
  get isFull(): boolean {
    return this.#tracks.size >= mostTracks;
  }

  #close(track: Track): void {
    this.bytes -= track.open?.bytes ?? 0;
    track.open = null;
  }

  #name(meta: TrackMeta): Track | null {
    const id = this.#tracks.size;
    if (id >= mostTracks) return null;
    const track: Track = { named: { id, meta }, open: null };
    this.#tracks.set(meta.name, track);
    return track;
  }

  named(): WatchTrack[] {
    const all = [...this.#tracks.values()];
    const resting = all
      .filter(({ open }) => !open)
      .sort((a, b) => (b.named.last?.endUs ?? 0) - (a.named.last?.endUs ?? 0));
    return [...all.filter(({ open }) => open), ...resting.slice(0, mostResting)].map(({ named, open }) =>
      open ? { ...named, open: open.index } : named,
    );
  }

  /** Every open segment from its first byte on. */
  begins(): Uint8Array[] {
    return [...this.#tracks.values()].flatMap(({ named, open }) => {
      if (!open) return [];
      const { index, endUs, lastSeq } = open;
      if (open.pieces.length > 1) open.pieces = [Buffer.concat(open.pieces)];
      const bytes = open.pieces[0] ?? new Uint8Array();
      return [encodeFrame({ kind: "begin", track: named.id, index, offset: 0, lastSeq, endUs, bytes })];
    });
  }
}
