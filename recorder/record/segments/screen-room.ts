// The memory that one thread has for pictures. A few bytes make a screen as large as any, so those beyond an ordinary
// size share what there is; ordinary ones always have their place, and no large one can take it.
import { AppError } from "../../../shared/errors.ts";

/** More than 2560×1600. */
const ordinaryPixels = 4 * 1024 * 1024;

export class ScreenRoom {
  /** What each has beyond an ordinary screen. */
  readonly #taken = new Map<object, number>();

  /** The owner's screen has so many pixels now. Throws AppError PROTOCOL_LIMIT when large ones have more than `most`. */
  take(owner: object, pixels: number, most: number): void {
    const wanted = Math.max(0, pixels - ordinaryPixels);
    let others = 0;
    for (const [other, beyond] of this.#taken) if (other !== owner) others += beyond;
    if (wanted > 0 && others + wanted > most) {
      throw new AppError(
        "PROTOCOL_LIMIT",
        `A screen of ${pixels} pixels: no memory is left for one so large beside those of other sessions`,
        { op: "screen.room", details: { pixels, others, most } },
      );
    }
    this.#taken.set(owner, wanted);
  }

  release(owner: object): void {
    this.#taken.delete(owner);
  }
}
