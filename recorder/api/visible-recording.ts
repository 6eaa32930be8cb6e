// The recording that a person asked for by its id. To who may not see it, it does not exist.
import type { RecordingSummary } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { ApiDeps } from "./deps.ts";
import { mayListAll } from "./roles.ts";
import type { SignedIn } from "./route.ts";

export async function visibleRecording(
  { recordings }: Pick<ApiDeps, "recordings">,
  me: SignedIn,
  id: string,
): Promise<RecordingSummary> {
  const recording = await recordings.find(id);
  const own = recording?.person.toLowerCase() === me.name.toLowerCase();
  if (recording !== null && (own || mayListAll(me))) return recording;
  throw new AppError("REQUEST_NOT_FOUND", "there is no recording of that id, or it is not yours to see", {
    op: "api.recordings",
  });
}
