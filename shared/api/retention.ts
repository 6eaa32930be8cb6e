// What the HTTP API says of retention and legal holds.
import { z } from "zod";

const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, "one line of text");

export const PlaceHold = z.strictObject({ caseId: text(100), reason: text(1000) });
export type PlaceHold = z.infer<typeof PlaceHold>;

/** `confirm` and `refuse` answer somebody else's `ask`; who asked may take it back with `refuse`. */
export const ReleaseHold = z.strictObject({
  step: z.enum(["ask", "confirm", "refuse"]),
  /** Of an `ask`. */
  reason: text(1000).optional(),
});
export type ReleaseHold = z.infer<typeof ReleaseHold>;

export const Hold = z.strictObject({
  id: z.string(),
  session: z.string(),
  caseId: z.string(),
  reason: z.string(),
  placedBy: z.string(),
  placedAt: z.string(),
  state: z.enum(["active", "release-asked", "released"]),
  /** The store holds every object of the recording. */
  enforced: z.boolean(),
  release: z.strictObject({ askedBy: z.string(), askedAt: z.string(), reason: z.string() }).nullable(),
  releasedBy: z.string().nullable(),
  releasedAt: z.string().nullable(),
});
export type Hold = z.infer<typeof Hold>;

export const RecordingRetention = z.strictObject({
  session: z.string(),
  /** Null while it is not known: in progress, not in the store yet. */
  retainUntil: z.string().nullable(),
  /** `held`: it outlives its time. */
  state: z.enum(["in-progress", "kept", "held", "expired"]),
  overdue: z.boolean(),
  expiredAt: z.string().nullable(),
  /** Newest first, released ones as well. */
  holds: z.array(Hold),
});
export type RecordingRetention = z.infer<typeof RecordingRetention>;

export const HoldList = z.strictObject({ holds: z.array(Hold) });
export type HoldList = z.infer<typeof HoldList>;
