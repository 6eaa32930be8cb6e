// What the admin socket knows of draining: who begins it and who calls it off stands in the audit log first.
import { z } from "zod";
import { DrainState } from "../shared/api/types.ts";
import { parseBody } from "./admin-body.ts";
import { longestDrainSeconds } from "./session/drain.ts";

export interface LocalDrain {
  begin(by: string, deadlineSeconds: number): DrainState;
  /** False: it does not drain. */
  cancel(): boolean;
  readonly state: DrainState | null;
  /** Sessions that are live now. */
  live(): number;
}

export const DrainAnswer = z.strictObject({ drain: DrainState.nullable(), live: z.int(), cancelled: z.boolean() });
export type DrainAnswer = z.infer<typeof DrainAnswer>;

const operator = z.string().min(1).max(64);
const Begin = z.strictObject({ operator, deadlineSeconds: z.int().min(0).max(longestDrainSeconds) });
const Cancel = z.strictObject({ operator });

type Audit = (entry: {
  actor: string;
  action: string;
  subject: string;
  address: string;
  details: Record<string, unknown>;
}) => Promise<void>;

export const drainRoutes: Record<string, (body: unknown, drain: LocalDrain, audit: Audit) => Promise<DrainAnswer>> = {
  "GET /drain": async (_body, drain) => answer(drain, false),
  "POST /drain": async (body, drain, audit) => {
    const { operator: actor, deadlineSeconds } = parseBody(Begin, body);
    const details = { deadlineSeconds };
    await audit({ actor, action: "service.drain", subject: "recorder", address: "local", details });
    drain.begin(actor, deadlineSeconds);
    return answer(drain, false);
  },
  "POST /drain-cancel": async (body, drain, audit) => {
    const { operator: actor } = parseBody(Cancel, body);
    if (drain.state === null) return answer(drain, false);
    await audit({ actor, action: "service.drain-cancel", subject: "recorder", address: "local", details: {} });
    return answer(drain, drain.cancel());
  },
};

function answer(drain: LocalDrain, cancelled: boolean): DrainAnswer {
  return { drain: drain.state, live: drain.live(), cancelled };
}
