// The memory that all threads together have for pictures, counted where all of them see it. A few bytes make a screen as
// large as any, so those beyond an ordinary size share what there is for such; no large one takes an ordinary one's place.
import { AppError } from "../../../shared/errors.ts";

/** More than 2560×1600. */
const ordinaryPixels = 4 * 1024 * 1024;

export interface ScreenRoomLimits {
  /** Of all screens. */
  screenPixels: number;
  /** Of large screens beyond an ordinary one's size. */
  largeScreenPixels: number;
}

const allAt = 0;
const beyondAt = 1;

/** For the rooms of several threads to count in. */
export function sharedScreenCount(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

export class ScreenRoom {
  readonly #count: Int32Array;
  readonly #taken = new Map<object, { all: number; beyond: number }>();

  constructor(count: SharedArrayBuffer = sharedScreenCount()) {
    this.#count = new Int32Array(count);
  }

  /**
   * The owner's screen has so many pixels now. Throws AppError PROTOCOL_LIMIT where that is more than there is; without
   * limits it is counted in any case.
   */
  take(owner: object, pixels: number, limits: ScreenRoomLimits | null): void {
    const had = this.#taken.get(owner) ?? { all: 0, beyond: 0 };
    const wanted = { all: pixels, beyond: Math.max(0, pixels - ordinaryPixels) };
    const all = this.#add(allAt, wanted.all - had.all);
    const beyond = this.#add(beyondAt, wanted.beyond - had.beyond);
    const tooMany = limits !== null && all > limits.screenPixels && wanted.all > had.all;
    const tooLarge = limits !== null && beyond > limits.largeScreenPixels && wanted.beyond > had.beyond;
    if (!tooMany && !tooLarge) {
      this.#taken.set(owner, wanted);
      return;
    }
    this.#add(allAt, had.all - wanted.all);
    this.#add(beyondAt, had.beyond - wanted.beyond);
    const why = tooMany
      ? `all screens together have ${limits.screenPixels} at most`
      : "no memory is left for one so large beside those of other sessions";
    throw new AppError("PROTOCOL_LIMIT", `A screen of ${pixels} pixels: ${why}`, {
      op: "screen.room",
      details: { pixels, ...limits },
    });
  }

  release(owner: object): void {
    const had = this.#taken.get(owner);
    if (had === undefined) return;
    this.#taken.delete(owner);
    this.#add(allAt, -had.all);
    this.#add(beyondAt, -had.beyond);
  }

  #add(at: number, by: number): number {
    return Atomics.add(this.#count, at, by) + by;
  }
}
