// What the page of activity asks the service. Loaded with it, its schemas included.
import "../zod-without-eval.ts";
import { Activity } from "../../shared/api/activity.ts";
import { query, send } from "./client.ts";

export type ActivityAsked = Partial<
  Record<"from" | "to" | "person" | "target" | "conduit" | "zone" | "reason", string>
>;

export async function getActivity(asked: ActivityAsked): Promise<Activity> {
  return Activity.parse(await (await send("GET", `/activity${query(asked)}`)).json());
}
