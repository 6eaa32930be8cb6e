// The activity of recordings that are made up in memory: a catalogue of its own, and their facts read as the service does.
import { type ActivityFilter, readActivity } from "../../recorder/activity/activity.ts";
import { KeptFacts, type KeptFactsOptions } from "../../recorder/activity/kept-facts.ts";
import type { Activity } from "../../shared/api/activity.ts";
import type { RecordingSummary } from "../../shared/api/types.ts";
import type { Policy } from "../../shared/policy/policy.ts";
import { openState } from "./state.ts";

export function activityOf(
  recordings: KeptFactsOptions["recordings"],
  summaries: () => readonly RecordingSummary[],
  policy: () => Policy,
): (filter: ActivityFilter) => Promise<Activity> {
  return async (filter) => {
    const database = await openState(":memory:");
    try {
      await database.catalog.insertInto("recordings").values(summaries().map(recordingRow)).execute();
      await new KeptFacts({ db: database.activity, recordings, failed: () => {} }).readMissing();
      return await readActivity({ db: database.activity, policy }, filter);
    } finally {
      await database.close();
    }
  };
}

/** The catalogue's row of a line of its list. */
export function recordingRow(of: RecordingSummary) {
  const stored = (iso: string) => `${new Date(iso).toISOString().slice(0, 23)}000Z`;
  return {
    session: of.session,
    recorder: "test",
    sequence: of.sequence,
    person: of.person,
    person_key: of.person.toLowerCase(),
    target: of.target,
    target_key: of.target.toLowerCase(),
    conduit: of.conduit,
    protocol: of.protocol,
    client_address: of.clientAddress,
    started_at: stored(of.startedAt),
    ended_at: of.endedAt === null ? null : stored(of.endedAt),
    duration_us: of.durationUs,
    state: of.state,
    end_reason: of.endReason,
    keystrokes: of.keystrokes,
    files: of.files,
    bytes: of.bytes,
    gaps: of.gaps,
    redactions: of.redactions,
    stored: 1,
    grant_kind: of.breakGlass === true ? "break-glass" : null,
    rule: of.rule ?? null,
    ended_by: of.end?.by ?? null,
    end_sentence: of.end?.sentence ?? null,
  };
}
