// The segments of one picture track, in order and decompressed. Nothing altered is ever handed on as recorded: a segment
// that is missing, changed or unreadable is given as damage, with the time that it covers.
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { decompressSegment } from "../../store/codec.ts";
import { segmentsOf } from "../lines.ts";
import type { SegmentSource } from "../segment-source.ts";
import type { Card } from "./frame-source.ts";

export class TrackSegments {
  readonly list: readonly SegmentMeta[];
  readonly #source: SegmentSource;
  readonly #session: string;
  readonly #damage = new Map<number, Card>();
  readonly #gaps: Card[];

  constructor(source: SegmentSource, index: RecordingIndex, track: string) {
    this.#source = source;
    this.#session = index.session;
    this.list = segmentsOf(index, track);
    if (this.list.length === 0) {
      throw new AppError("REQUEST_NOT_FOUND", `nothing of ${track} was recorded`, { op: "export.video" });
    }
    this.#gaps = index.gaps.map(({ fromUs, toUs, reason }) => ({ fromUs, toUs, title: "NOT RECORDED", text: reason }));
  }

  get startUs(): number {
    return this.list[0]?.startUs ?? 0;
  }

  get endUs(): number {
    return this.list.at(-1)?.endUs ?? 0;
  }

  get cards(): Card[] {
    return [...this.#gaps, ...this.#damage.values()].sort((a, b) => a.fromUs - b.fromUs);
  }

  /** The last segment whose keyframe is at or before that time: its position in the list. */
  at(us: number): number {
    return Math.max(
      0,
      this.list.findLastIndex(({ startUs }) => startUs <= us),
    );
  }

  /** What `read` makes of the segment at a position, or null when it is damaged. STORE_* is thrown: that is no damage. */
  async read<T>(position: number, read: (bytes: Uint8Array, meta: SegmentMeta) => T): Promise<T | null> {
    const meta = this.list[position];
    if (meta === undefined || this.#damage.has(position)) return null;
    try {
      const { meta: stored, bytes, intact } = await this.#source.segment(this.#session, meta.n);
      if (!intact || stored.sha256 !== meta.sha256) return this.#damaged(position, "is not what was recorded");
      return read(decompressSegment(bytes, meta.codec), meta);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "REQUEST_NOT_FOUND") return this.#damaged(position, "is missing");
      if (!error.code.startsWith("INTEGRITY_")) throw error;
      return this.#damaged(position, "cannot be read");
    }
  }

  /** The track itself says that nothing comes after that time, up to its next segment. */
  stopped(position: number, fromUs: number, text: string): void {
    const toUs = Math.max(fromUs, this.list[position]?.endUs ?? 0, this.list[position + 1]?.startUs ?? 0);
    if (!this.#gaps.some((card) => card.fromUs === fromUs && card.text === text))
      this.#gaps.push({ fromUs, toUs, title: "NOT RECORDED", text });
  }

  /** Found damaged only while it was played. */
  spoiled(position: number, error: unknown): void {
    if (!(error instanceof AppError && error.code.startsWith("INTEGRITY_"))) throw error;
    this.#damaged(position, "cannot be read");
  }

  #damaged(position: number, what: string): null {
    const meta = this.list[position];
    if (meta === undefined) return null;
    // Up to the next keyframe nothing is known.
    const toUs = Math.max(meta.endUs, this.list[position + 1]?.startUs ?? 0);
    const card = { fromUs: meta.startUs, toUs, title: "DAMAGED", text: `${meta.name} ${what}` };
    this.#damage.set(position, card);
    return null;
  }
}
