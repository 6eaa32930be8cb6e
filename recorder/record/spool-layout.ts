// Where things lie in the spool, documented once:
//
//   journal/000.journal …       preallocated, shared by all sessions (journal/format.ts)
//   journal.key                 32 bytes, mode 0600: encrypts typed input in the journal
//   sequence                    the last recorder sequence number whose OPEN record left this spool
//   lock                        the process that owns the spool
//   <session>/open.json …       a recording, under the same names as in the store; plus
//   <session>/segments.jsonl    one line a closed segment: the commit point of each segment (SpoolLine)
//   <session>/data.keys         of an encrypted recording until it is sealed: its data keys (data-key-file.ts)
//   <session>/<track>/000003.state   what going on after that segment of a screen needs (segments/screen-state.ts); it
//                               goes when the track's next segment is closed, and never into the store
//   damaged/                    files whose bytes no longer match their hash, each with a note
import { join } from "node:path";
import { z } from "zod";
import type { PixelFormat } from "../../shared/events/session-event.ts";
import { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";

export const segmentsListName = "segments.jsonl";

export const dataKeysName = "data.keys";

export const stateSuffix = ".state";

export function stateName(track: string, index: number): string {
  return `${track}/${String(index).padStart(6, "0")}${stateSuffix}`;
}

export const Counts = z.strictObject({
  keystrokes: z.int().nonnegative(),
  files: z.int().nonnegative(),
  redactions: z.int().nonnegative(),
  outputBytes: z.int().nonnegative(),
  inputBytes: z.int().nonnegative(),
});
export type Counts = z.infer<typeof Counts>;

export function noCounts(): Counts {
  return { keystrokes: 0, files: 0, redactions: 0, outputBytes: 0, inputBytes: 0 };
}

export function addCounts(to: Counts, from: Counts): void {
  for (const name of Object.keys(to) as Array<keyof Counts>) to[name] += from[name];
}

/** A terminal or screen track as it was opened; needed to go on with it after a crash. */
export const OpenedTrack = z.strictObject({
  meta: TrackMeta,
  term: z.string().optional(),
  /** Of a screen in pixels. */
  cols: z.int().positive(),
  rows: z.int().positive(),
  /** Of a screen: its name, and the pixel format that it began with. */
  screen: z.strictObject({ name: z.string(), format: z.custom<PixelFormat>() }).optional(),
});
export type OpenedTrack = z.infer<typeof OpenedTrack>;

export const SpoolLine = z.strictObject({
  meta: SegmentMeta,
  /** The journal's record numbers up to this one are in this segment or an earlier one of its track. */
  recordNo: z.int().nonnegative(),
  /** What this segment adds to the manifest's counts. */
  counts: Counts,
  /** Terminal tracks opened since the session's previous line. */
  opened: z.array(OpenedTrack),
});
export type SpoolLine = z.infer<typeof SpoolLine>;

export function sessionDirectory(spool: string, session: string): string {
  return join(spool, session);
}
export const journalDirectory = (spool: string): string => join(spool, "journal");
export const journalKeyPath = (spool: string): string => join(spool, "journal.key");
export const sequencePath = (spool: string): string => join(spool, "sequence");
export const damagedDirectory = (spool: string): string => join(spool, "damaged");
