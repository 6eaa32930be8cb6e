// What a watch of a live session says, in JSON text messages beside the binary frames of frame.ts. The order of messages
// is meaningful: a track is named before its first frame, a segment's `end` frame comes before its meta.
import { z } from "zod";
import { EscortState, LiveSession } from "../api/types.ts";
import { SegmentMeta, TrackMeta } from "../manifest/manifest.ts";

/** A track as frames name it: by a number of this watch. */
export const WatchTrack = z.strictObject({
  id: z.int().min(0).max(0xffff),
  meta: TrackMeta,
  /** In force when its open segment began: characters of a terminal, pixels of a screen. */
  cols: z.int().positive().optional(),
  rows: z.int().positive().optional(),
  /** In `hello`: the index of its open segment, whose `begin` frame follows. */
  open: z.int().nonnegative().optional(),
  /** In `hello`: its newest closed segment. Where none is open, the present is what that one ends with. */
  last: SegmentMeta.optional(),
});
export type WatchTrack = z.infer<typeof WatchTrack>;

/** The first message, and the first after `resync`: from here on nothing is missing and nothing comes twice. */
export const WatchHello = z.strictObject({
  type: z.literal("hello"),
  /** Names this watch in the recording and in the audit. */
  watch: z.string(),
  session: LiveSession,
  /** Session time of this message. */
  atUs: z.int().nonnegative(),
  /** Those that go on, and of the others the newest. All are in the recording's index. */
  tracks: z.array(WatchTrack),
  /** Segments with a lower `n` are closed: they are read by HTTP as in replay. Those that close later are told here. */
  nextN: z.int().nonnegative(),
});
export type WatchHello = z.infer<typeof WatchHello>;

export const WatchTrackOpened = WatchTrack.extend({ type: z.literal("track") });
export type WatchTrackOpened = z.infer<typeof WatchTrackOpened>;

/** Closed and durable since the last such message. */
export const WatchSegments = z.strictObject({ type: z.literal("segments"), items: z.array(SegmentMeta) });
export type WatchSegments = z.infer<typeof WatchSegments>;

/** At every change and each second. */
export const WatchState = z.strictObject({
  type: z.literal("state"),
  session: LiveSession,
  atUs: z.int().nonnegative(),
});
export type WatchState = z.infer<typeof WatchState>;

/** Who watches as escort, and whether it counts. */
export const WatchEscorts = EscortState.extend({ type: z.literal("escort") });
export type WatchEscorts = z.infer<typeof WatchEscorts>;

/** "Are you there?": answered by `present` with its id. Told as time left, because a browser's clock may be wrong. */
export const WatchPrompt = z.strictObject({
  type: z.literal("prompt"),
  id: z.string().max(64),
  leftMs: z.int().nonnegative(),
});
export type WatchPrompt = z.infer<typeof WatchPrompt>;

/** What became of a `control` or a `confirm` of this watch's; `ok` false for control also when it is taken away later. */
export const WatchAnswer = z.strictObject({
  type: z.literal("answer"),
  to: z.enum(["control", "confirm"]),
  ok: z.boolean(),
  /** Stable: a reason code of the policy, or why control ended. */
  reason: z.string(),
  sentence: z.string(),
});
export type WatchAnswer = z.infer<typeof WatchAnswer>;

/**
 * The line was too slow for all of it, or it was a flood: what was sent before stays true, what came after is not sent. A `hello` follows
 * with the open segments from their beginning; what closed meanwhile is told in between, or read by HTTP.
 */
export const WatchResync = z.strictObject({ type: z.literal("resync") });
export type WatchResync = z.infer<typeof WatchResync>;

export const WatchEnded = z.strictObject({
  type: z.literal("ended"),
  /** `session-ended`, `recording-failed`, `too-many-tracks`, `signed-out`, `not-allowed`, `silent`, `protocol`, `service-stopped`. */
  reason: z.string(),
  sentence: z.string(),
});
export type WatchEnded = z.infer<typeof WatchEnded>;

export const WatchMessage = z.discriminatedUnion("type", [
  WatchHello,
  WatchTrackOpened,
  WatchSegments,
  WatchState,
  WatchEscorts,
  WatchPrompt,
  WatchAnswer,
  WatchResync,
  WatchEnded,
]);
export type WatchMessage = z.infer<typeof WatchMessage>;

/** At least each second. */
export const WatcherSeen = z.strictObject({
  type: z.literal("seen"),
  /** Session time of the newest event that is on the page, also while it is rewound. */
  us: z.int().nonnegative(),
  /** The page is in front (`document.visibilityState`). */
  visible: z.boolean(),
});

export const WatcherPresent = z.strictObject({ type: z.literal("present"), id: z.string().min(1).max(64) });

/** To type and point in the session oneself, or no more. */
export const WatcherControl = z.strictObject({ type: z.literal("control"), want: z.boolean() });

const channel = z.int().min(0).max(0xffff_ffff);
const coordinate = z.int().min(0).max(0xffff);
/** Typed or pasted at a terminal, as its program is to get it. Nothing comes of it without control. */
export const WatcherText = z.strictObject({ type: z.literal("text"), channel, text: z.string().min(1).max(1000) });
/** At a screen: an X11 keysym. */
export const WatcherKey = z.strictObject({
  type: z.literal("key"),
  channel,
  sym: z.int().min(1).max(0x1fff_ffff),
  down: z.boolean(),
});
/** At a screen, in its own pixels; `buttons` as in RFC 6143 §7.5.5. */
export const WatcherPointer = z.strictObject({
  type: z.literal("pointer"),
  channel,
  x: coordinate,
  y: coordinate,
  buttons: z.int().min(0).max(0x7f),
});
/** As `POST /sessions/:id/confirmations/:n`. */
export const WatcherConfirm = z.strictObject({
  type: z.literal("confirm"),
  n: z.int().positive(),
  given: z.boolean(),
  reason: z.string().trim().max(200).default(""),
});

export const WatcherInput = z.discriminatedUnion("type", [WatcherText, WatcherKey, WatcherPointer]);
export type WatcherInput = z.infer<typeof WatcherInput>;

export const WatcherMessage = z.discriminatedUnion("type", [
  WatcherSeen,
  WatcherPresent,
  WatcherControl,
  WatcherText,
  WatcherKey,
  WatcherPointer,
  WatcherConfirm,
]);
export type WatcherMessage = z.infer<typeof WatcherMessage>;

/** What a watcher may send; `inputsPerSecond` of what is typed and pointed, beside the rest. */
export const watcherLimits = { messageBytes: 4096, messagesPerSecond: 20, inputsPerSecond: 200 } as const;
