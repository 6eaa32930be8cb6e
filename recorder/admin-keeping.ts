// What the admin socket knows of retention and legal holds. People are proven to the command that asks; the service looks at
// their roles again.
import { z } from "zod";
import { type Hold, PlaceHold, type RecordingRetention, ReleaseHold } from "../shared/api/retention.ts";
import { AppError } from "../shared/errors.ts";
import { sessionIdPattern } from "../shared/ids.ts";

export interface LocalKeeping {
  holds(): Promise<Hold[]>;
  of(session: string): Promise<RecordingRetention>;
  /** By a person who was proven to the command. AUTH_FORBIDDEN where the role does not allow it. */
  place(session: string, wish: PlaceHold, person: string): Promise<Hold>;
  release(session: string, hold: string, step: ReleaseHold, person: string): Promise<Hold>;
  /** What is known of the store: its promise, what is not as wanted, the last probe. */
  state(): Promise<Record<string, unknown>>;
  /** Looks after the store and tries its locks now. */
  probe(by: string): Promise<Record<string, unknown>>;
  /** Takes away what is due now. */
  sweep(by: string, whole: boolean): Promise<Record<string, unknown>>;
}

const session = z.string().regex(sessionIdPattern);
const name = z.string().min(1).max(64);

const OfSession = z.strictObject({ session });
const Place = z.strictObject({ session, person: name, wish: PlaceHold });
const Release = z.strictObject({ session, hold: z.string().regex(/^[0-9a-f]{8}$/), person: name, step: ReleaseHold });
const Probe = z.strictObject({ operator: name });
const Sweep = z.strictObject({ operator: name, whole: z.boolean() });

export const keepingRoutes: Record<string, (body: unknown, keeping: LocalKeeping) => Promise<unknown>> = {
  "GET /holds": (_body, keeping) => keeping.holds(),
  "POST /retention-of": (body, keeping) => keeping.of(parse(OfSession, body).session),
  "POST /place-hold": (body, keeping) => {
    const { session: subject, wish, person } = parse(Place, body);
    return keeping.place(subject, wish, person);
  },
  "POST /release-hold": (body, keeping) => {
    const { session: subject, hold, step, person } = parse(Release, body);
    return keeping.release(subject, hold, step, person);
  },
  "GET /retention": (_body, keeping) => keeping.state(),
  "POST /retention-probe": (body, keeping) => keeping.probe(parse(Probe, body).operator),
  "POST /retention-sweep": (body, keeping) => {
    const { operator, whole } = parse(Sweep, body);
    return keeping.sweep(operator, whole);
  },
};

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const message = `${issue?.path.join(".") ?? "the request"}: ${issue?.message ?? "not understood"}`;
  throw new AppError("REQUEST_INVALID", message, { op: "admin.keeping" });
}
