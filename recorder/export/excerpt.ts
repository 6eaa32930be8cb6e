// A stretch of a recording that leaves alone, and says so: in the name of its file, at its beginning, and in the custody log.
// Both ends are within. What is to be proved leaves whole.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";

/** Session time. */
export interface Excerpt {
  fromUs: number;
  toUs: number;
}

/** Null: the whole recording. REQUEST_INVALID where nothing lies within. */
export function excerptOf(
  { durationUs }: Pick<RecordingIndex, "durationUs">,
  { fromUs, toUs }: { fromUs?: number | undefined; toUs?: number | undefined },
): Excerpt | null {
  if (fromUs === undefined && toUs === undefined) return null;
  const excerpt = { fromUs: Math.round(fromUs ?? 0), toUs: Math.min(Math.round(toUs ?? durationUs), durationUs) };
  if (excerpt.fromUs <= excerpt.toUs) return excerpt;
  const why =
    fromUs !== undefined && toUs !== undefined && toUs < fromUs
      ? `the end, ${clockOf(toUs)}, is before the beginning, ${clockOf(fromUs)}; turn them round`
      : `the recording lasts ${clockOf(durationUs)}; choose a stretch within`;
  throw new AppError("REQUEST_INVALID", why, { op: "export.excerpt" });
}

export function within({ fromUs, toUs }: Excerpt, atUs: number): boolean {
  return atUs >= fromUs && atUs <= toUs;
}

/** `1:02:03.5` of session time. */
export function clockOf(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (count: number) => String(count).padStart(2, "0");
  return `${hours}:${two(minutes)}:${two(seconds % 60)}.${Math.floor(us / 1e5) % 10}`;
}

/** In a file's name: what it is has to be seen without opening it. */
export function excerptInName(excerpt: Excerpt | null): string {
  if (excerpt === null) return "";
  const part = (us: number) => clockOf(us).replaceAll(":", "-");
  return `_EXCERPT_${part(excerpt.fromUs)}_to_${part(excerpt.toUs)}`;
}

/** In the audit and the custody log. */
export function excerptInLog(excerpt: Excerpt | null): { excerpt?: string } {
  return excerpt === null ? {} : { excerpt: `${clockOf(excerpt.fromUs)} to ${clockOf(excerpt.toUs)}` };
}

/** One sentence, of session time and of the wall clock. */
export function excerptWords({ fromUs, toUs }: Excerpt, index: RecordingIndex): string {
  const startedMs = Date.parse(index.startedAt);
  const wall = (us: number) => new Date(startedMs + us / 1000).toISOString();
  const whole = index.live ? "which goes on" : `which lasts ${clockOf(index.durationUs)}`;
  return `EXCERPT, not the whole: ${clockOf(fromUs)} to ${clockOf(toUs)} (${wall(fromUs)} to ${wall(toUs)}) of the recording ${index.session}, ${whole}. What was before and after is left out.`;
}
