// What the admin socket knows of messages, marks, safe ends and the kill switch, beside freezing and ending. Each request
// carries the name that the audit has; the file system has decided who may ask.
import { z } from "zod";
import {
  ConfirmAnswer,
  type RunningItem,
  SessionMark,
  SessionMessage,
  SetStop,
  type Stop,
  StopScope,
} from "../shared/api/types.ts";
import { sessionIdPattern } from "../shared/ids.ts";
import { parseBody } from "./admin-body.ts";

export interface LocalControls {
  /** False when no such session is live. */
  message(session: string, by: string, text: string): Promise<boolean>;
  mark(session: string, by: string, mark: SessionMark): Promise<boolean>;
  /** What runs; null when no such session is live. */
  endSafely(session: string, by: string, reason: string, whenFinished: boolean): Promise<RunningItem[] | null>;
  stops(): Stop[];
  stop(scope: string, what: Pick<Stop, "action" | "reason">, by: string): Promise<{ stop: Stop; sessions: number }>;
  /** By a person who was proven to the command. AUTH_FORBIDDEN: no administrator. */
  liftStop(scope: string, reason: string, person: string): Promise<void>;
  /** By a person who was proven to the command. False: nothing waits under this number. POLICY_REFUSED: not this person. */
  confirm(session: string, n: number, person: string, answer: ConfirmAnswer): Promise<boolean>;
}

export type ControlAudit = (entry: {
  actor: string;
  action: string;
  subject: string;
  address: string;
  details: Record<string, unknown>;
}) => Promise<void>;

const session = z.string().regex(sessionIdPattern);
const operator = z.string().min(1).max(64);
const reason = z.string().max(200);

const MessageRequest = z.strictObject({ session, operator, text: SessionMessage.shape.text });
const MarkRequest = z.strictObject({ session, operator, mark: SessionMark });
const SafeEnd = z.strictObject({ session, operator, reason, whenFinished: z.boolean() });
const StopRequest = z.strictObject({ scope: StopScope, operator, what: SetStop });
const LiftRequest = z.strictObject({ scope: StopScope, person: operator, reason });
const ConfirmRequest = z.strictObject({
  session,
  person: operator,
  n: z.number().int().positive(),
  answer: ConfirmAnswer,
});

/** By method and address; `body` is what the request carried, not yet looked at. */
export const controlRoutes: Record<
  string,
  (body: unknown, controls: LocalControls, audit: ControlAudit) => Promise<unknown>
> = {
  "POST /message": async (body, controls, audit) => {
    const { session: subject, operator: by, text } = parseBody(MessageRequest, body);
    const done = await controls.message(subject, by, text);
    const entry = { actor: by, action: "session.message", subject, address: "local", details: { text } };
    if (done) await audit(entry);
    return { done };
  },
  "POST /mark": async (body, controls, audit) => {
    const { session: subject, operator: by, mark } = parseBody(MarkRequest, body);
    const done = await controls.mark(subject, by, mark);
    const entry = { actor: by, action: `session.${mark.kind}`, subject, address: "local", details: {} };
    if (done) await audit(entry);
    return { done };
  },
  "POST /end-safely": async (body, controls, audit) => {
    const { session: subject, operator: by, reason: why, whenFinished } = parseBody(SafeEnd, body);
    const running = await controls.endSafely(subject, by, why, whenFinished);
    const details = { reason: why, mode: whenFinished ? "when-finished" : "safe" };
    if (running !== null) {
      await audit({ actor: by, action: "session.terminate", subject, address: "local", details });
    }
    return { running };
  },
  "GET /stops": async (_body, controls) => controls.stops(),
  "POST /stop": async (body, controls) => {
    const { scope, operator: by, what } = parseBody(StopRequest, body);
    return controls.stop(scope, what, by);
  },
  "POST /lift-stop": async (body, controls) => {
    const { scope, person, reason: why } = parseBody(LiftRequest, body);
    await controls.liftStop(scope, why, person);
    return {};
  },
  "POST /confirm": async (body, controls, audit) => {
    const { session: subject, person, n, answer } = parseBody(ConfirmRequest, body);
    const done = await controls.confirm(subject, n, person, answer);
    const entry = { actor: person, action: "session.confirm", subject, address: "local", details: { n, ...answer } };
    if (done) await audit(entry);
    return { done };
  },
};
