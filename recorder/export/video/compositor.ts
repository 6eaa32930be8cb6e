// One output picture of fixed size from a source whose picture may change its own: letterboxed to the largest, with the
// strip below and, where nothing is known, the card over it.
import type { BurnIn } from "../../../shared/api/types.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import type { Card, FrameSource } from "./frame-source.ts";
import { type Pixels, pixel } from "./glyph-table.ts";
import { drawCard, drawStrip, type KeyStroke, stripHeight } from "./overlay.ts";
import type { Rect } from "./yuv.ts";

const surround = pixel(0x000000);
const even = (value: number) => value + (value & 1);
const evenSize = ({ width, height }: { width: number; height: number }) => ({
  width: even(width),
  height: even(height),
});

export interface StripSettings {
  open: OpenRecord;
  show: ReadonlySet<BurnIn>;
  /** Said in the strip whatever else it shows. */
  unverified: boolean;
}

export class Compositor {
  readonly pixels: Pixels;
  readonly #source: FrameSource;
  readonly #open: OpenRecord;
  readonly #show: ReadonlySet<BurnIn>;
  readonly #unverified: boolean;
  readonly #pictureHeight: number;
  /** Where the source's picture lies, as it was laid last. */
  #placed: Rect | null = null;
  #card: Card | null = null;
  #strip = "";

  /** @param size of the picture without the strip; the largest that the source ever has, in even numbers as codecs want. */
  constructor(source: FrameSource, { open, show, unverified }: StripSettings, size = evenSize(source.size)) {
    this.#source = source;
    this.#open = open;
    this.#show = show;
    this.#unverified = unverified;
    const { width } = size;
    this.#pictureHeight = size.height;
    const height = this.#pictureHeight + (this.#hasStrip ? stripHeight : 0);
    this.pixels = { width, height, data: new Uint32Array(width * height).fill(surround) };
  }

  get #hasStrip(): boolean {
    return this.#show.size > 0 || this.#unverified;
  }

  /** Brings the output to what the source and the facts are; gives the areas that changed. */
  compose(atUs: number, card: Card | null, keys: readonly KeyStroke[]): Rect[] {
    const changed = this.#layPicture(card);
    if (this.#hasStrip) changed.push(...this.#layStrip(atUs, keys));
    return changed;
  }

  #layPicture(card: Card | null): Rect[] {
    const { picture } = this.#source;
    const dirty = this.#source.takeDirty();
    const { width } = this.pixels;
    const whole = { x: 0, y: 0, width, height: this.#pictureHeight };
    const place = {
      x: Math.max(0, (width - picture.width) >> 1),
      y: Math.max(0, (this.#pictureHeight - picture.height) >> 1),
      width: Math.min(picture.width, width),
      height: Math.min(picture.height, this.#pictureHeight),
    };
    const moved = this.#placed?.width !== place.width || this.#placed.height !== place.height;
    // A card darkens what is below it: it is laid once, and all is laid anew when it is gone.
    if (card !== null && card === this.#card && !moved) return [];
    const anew = moved || card !== this.#card;
    if (anew) this.pixels.data.fill(surround, 0, width * this.#pictureHeight);
    this.#placed = place;
    this.#card = card;
    const parts = anew ? [{ x: 0, y: 0, width: place.width, height: place.height }] : dirty;
    const changed = parts.map((part) => this.#copy(picture, part, place));
    if (card !== null) drawCard(this.pixels, this.#pictureHeight, card);
    return anew ? [whole] : changed;
  }

  #copy(picture: Pixels, part: Rect, place: Rect): Rect {
    const right = Math.min(part.x + part.width, place.width);
    const bottom = Math.min(part.y + part.height, place.height);
    for (let y = part.y; y < bottom; y++) {
      const from = y * picture.width + part.x;
      this.pixels.data.set(
        picture.data.subarray(from, from + right - part.x),
        (place.y + y) * this.pixels.width + place.x + part.x,
      );
    }
    return { x: place.x + part.x, y: place.y + part.y, width: right - part.x, height: bottom - part.y };
  }

  #layStrip(atUs: number, keys: readonly KeyStroke[]): Rect[] {
    const shownTime = this.#show.has("time") ? Math.floor(atUs / 1e6) : 0;
    const strip = `${shownTime} ${keys.map(({ text }) => text).join("")}`;
    if (strip === this.#strip) return [];
    this.#strip = strip;
    drawStrip(this.pixels, this.#pictureHeight, {
      atUs,
      open: this.#open,
      show: this.#show,
      keys,
      unverified: this.#unverified,
    });
    return [{ x: 0, y: this.#pictureHeight, width: this.pixels.width, height: stripHeight }];
  }
}
