// What the recording's page asks of retention and legal holds. Loaded after its first picture.
import "../zod-without-eval.ts";
import { Hold, type PlaceHold, RecordingRetention, type ReleaseHold } from "../../shared/api/retention.ts";
import { send } from "./client.ts";

const at = (session: string) => `/recordings/${encodeURIComponent(session)}/holds`;

export async function getRetention(session: string): Promise<RecordingRetention> {
  return RecordingRetention.parse(await (await send("GET", at(session))).json());
}

export async function placeHold(session: string, wish: PlaceHold): Promise<Hold> {
  return Hold.parse(await (await send("POST", at(session), wish)).json());
}

export async function releaseHold(session: string, hold: string, step: ReleaseHold): Promise<Hold> {
  return Hold.parse(await (await send("POST", `${at(session)}/${hold}/release`, step)).json());
}
