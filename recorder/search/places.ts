// Where in the index a document stands. Invariant: its number is its session's place in time and its own place in the
// session. The newest is therefore the highest, and a page of the newest needs no sorting, however much matches.
import { AppError } from "../../shared/errors.ts";

/** Documents of a session. The last of them are for its notes. */
export const slotSize = 2 ** 17;
export const slotBits = 17;
export const maxNotes = 4_096;
export const maxDocuments = slotSize - maxNotes;
/** Sessions that begin within the same sixteenth of a second take the places after it. */
const slotsPerSecond = 16;
export const slotsPerMinute = 60 * slotsPerSecond;
const epochMs = Date.UTC(2020, 0, 1);

export function slotOf(ms: number): number {
  return Math.max(0, Math.floor(((ms - epochMs) * slotsPerSecond) / 1000));
}

export function cursorOf(place: number): string {
  return place.toString(36);
}

export function parseCursor(cursor: string): number {
  const place = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (Number.isSafeInteger(place)) return place;
  throw new AppError("REQUEST_INVALID", "the cursor is not one that this service gave; start from the first page", {
    op: "search.query",
  });
}
