// The lines of stored segments. docs/recording-format.md describes them for other implementations.
//
// Every segment is UTF-8 lines, compressed whole. Its first line is a header object with a `conduit` member
// (SegmentHeader). Terminal segments are asciicast v2 files that play on their own: the header is also asciicast's, the
// second line is the keyframe (an "o" event that resets and redraws the terminal), which a reader that continues from
// the previous segment skips. Times in asciicast lines are seconds written with exactly six decimals: microseconds.
// In a segment of version 2 a run of bytes of a channel without a pty stands as it is, after a line that says how many they
// are, and before a line feed: `[time, "ob", count]`, and `k: "data"` with `bytes` in place of `d`.
// Screen and frames segments have the header line, and what follows it is not text: shared/screen/format.ts and
// shared/screen/frames.ts.
import { z } from "zod";
import { BYTES_SEGMENT_VERSION, SEGMENT_VERSION } from "../segment/version.ts";
import { FileEvent, NoticeType } from "./session-event.ts";

export { BYTES_SEGMENT_VERSION, SEGMENT_VERSION };

export const SegmentHeader = z.looseObject({
  conduit: z.strictObject({
    version: z.union([z.literal(SEGMENT_VERSION), z.literal(BYTES_SEGMENT_VERSION)]),
    session: z.string(),
    track: z.string(),
    index: z.int().nonnegative(),
    startUs: z.int().nonnegative(),
    firstSeq: z.int().nonnegative(),
    /** Terminal tracks: the terminal's window title and whether the channel has a pty. */
    pty: z.boolean().optional(),
  }),
});
export type SegmentHeader = z.infer<typeof SegmentHeader>;

/**
 * Terminal codes. `o` output and `e` stderr as text; `ob`/`eb` the exact bytes in base64 where they are not UTF-8 (on a
 * pty each is followed by an `o`/`e` line of the same time with U+FFFD in place of what is not text, for players; a
 * reader of exact bytes skips that line); `r` resize "COLSxROWS"; `x` exit status; `xs` exit signal.
 */
export const TerminalCode = z.enum(["o", "e", "ob", "eb", "r", "x", "xs"]);
export type TerminalCode = z.infer<typeof TerminalCode>;

/** `[seconds, code, data]`. */
export const TerminalLine = z.tuple([z.number(), z.string(), z.string()]);
export type TerminalLine = z.infer<typeof TerminalLine>;

/**
 * One line of the input track.
 * - `text`: characters typed one after another within one packet; `key`: a control key or sequence, named in `name`
 *   ("Enter", "Ctrl+C", "Up") with its exact bytes in `d`; `paste`: recognised by bracketed-paste marks or by size.
 * - `data`: bytes that are not keystrokes (stdin of a channel without a pty), `enc: "base64"` where not UTF-8.
 * - `secret`: a suspected password; nothing of it is kept, or, with recipients, `sealed` holds the age file in base64.
 * - `unechoed`: printable input that was never echoed, outside a recognised prompt or after too many of them (the notice
 *   then has `reason: "evasion-suspected"`); kept, and flagged.
 * Where a target's keystrokes are masked, `text`, `paste` and `unechoed` have the name "•" and no `d`; one line may then
 * stand for several characters.
 * Of a VNC channel:
 * - `vkey`: a key that went `down` or up; `sym` is its X11 keysym, `name` the keysym's name, `d` the character that the
 *   down typed, `code` the XT scan code where the viewer sent QEMU's extended key message: the target may act on it alone.
 *   Where printable keys are masked, theirs have the name "•" and neither `sym`, `code` nor `d`.
 * - `pointer`: where it is, the `buttons` held (bit 0 is the left one), and `what` happened. Every press, release, turn
 *   of the wheel and move of a drag is there; other moves are thinned.
 * - `clipboard`: text that the viewer put on the target's clipboard; with `direction` it came the other way and the
 *   operator has it. A long one is in several lines that follow each other.
 *
 * `by` where it was not the session's person but somebody who had control: an escort.
 */
export const InputLine = z.strictObject({
  t: z.int().nonnegative(),
  s: z.int().nonnegative(),
  ch: z.int().nonnegative(),
  k: z.enum(["text", "key", "paste", "data", "secret", "unechoed", "vkey", "pointer", "clipboard"]),
  by: z.string().optional(),
  d: z.string().optional(),
  name: z.string().optional(),
  down: z.boolean().optional(),
  sym: z.int().nonnegative().optional(),
  code: z.int().nonnegative().optional(),
  x: z.int().nonnegative().optional(),
  y: z.int().nonnegative().optional(),
  buttons: z.int().nonnegative().optional(),
  what: z.enum(["move", "press", "release", "wheel"]).optional(),
  direction: z.literal("outbound").optional(),
  enc: z.literal("base64").optional(),
  reason: z.string().optional(),
  sealed: z.string().optional(),
});
export type InputLine = z.infer<typeof InputLine>;

/**
 * One line of a raw track. `data`: bytes of a VNC target as it sent them after its ServerInit. `format`: the pixel format
 * that is in force from here on (RFC 6143 §7.4); the track begins with one.
 */
export const RawLine = z.strictObject({
  t: z.int().nonnegative(),
  s: z.int().nonnegative(),
  ch: z.int().nonnegative(),
  k: z.enum(["data", "format"]),
  enc: z.literal("base64").optional(),
  d: z.string().optional(),
  format: z.record(z.string(), z.union([z.number(), z.boolean()])).optional(),
});
export type RawLine = z.infer<typeof RawLine>;

export const FilesLine = FileEvent.extend({
  t: z.int().nonnegative(),
  s: z.int().nonnegative(),
  ch: z.int().nonnegative(),
});
export type FilesLine = z.infer<typeof FilesLine>;

export const EventsLine = z.strictObject({
  t: z.int().nonnegative(),
  s: z.int().nonnegative(),
  type: NoticeType,
  ch: z.int().nonnegative().optional(),
  facts: z.record(z.string(), z.unknown()),
});
export type EventsLine = z.infer<typeof EventsLine>;
