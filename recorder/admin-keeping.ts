// What the admin socket knows of retention and legal holds. People are proven to the command that asks; the service looks at
// their roles again.
import { z } from "zod";
import { type Hold, PlaceHold, type RecordingRetention, ReleaseHold } from "../shared/api/retention.ts";
import { sessionIdPattern } from "../shared/ids.ts";
import { parseBody } from "./admin-body.ts";

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
  /** Somebody has looked into recordings that the database would have let go; answers which. */
  acknowledge(person: string, reason: string): Promise<{ acknowledged: string[] }>;
}

const session = z.string().regex(sessionIdPattern);
const name = z.string().min(1).max(64);

const OfSession = z.strictObject({ session });
const Place = z.strictObject({ session, person: name, wish: PlaceHold });
const Release = z.strictObject({ session, hold: z.string().regex(/^[0-9a-f]{8}$/), person: name, step: ReleaseHold });
const Probe = z.strictObject({ operator: name });
const Acknowledge = z.strictObject({ person: name, reason: z.string().trim().min(1).max(1000) });
const Sweep = z.strictObject({ operator: name, whole: z.boolean() });

export const keepingRoutes: Record<string, (body: unknown, keeping: LocalKeeping) => Promise<unknown>> = {
  "GET /holds": (_body, keeping) => keeping.holds(),
  "POST /retention-of": (body, keeping) => keeping.of(parseBody(OfSession, body).session),
  "POST /place-hold": (body, keeping) => {
    const { session: subject, wish, person } = parseBody(Place, body);
    return keeping.place(subject, wish, person);
  },
  "POST /release-hold": (body, keeping) => {
    const { session: subject, hold, step, person } = parseBody(Release, body);
    return keeping.release(subject, hold, step, person);
  },
  "GET /retention": (_body, keeping) => keeping.state(),
  "POST /retention-probe": (body, keeping) => keeping.probe(parseBody(Probe, body).operator),
  "POST /retention-acknowledge": (body, keeping) => {
    const { person, reason } = parseBody(Acknowledge, body);
    return keeping.acknowledge(person, reason);
  },
  "POST /retention-sweep": (body, keeping) => {
    const { operator, whole } = parseBody(Sweep, body);
    return keeping.sweep(operator, whole);
  },
};
