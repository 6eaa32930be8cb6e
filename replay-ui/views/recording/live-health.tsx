// How the recording of a live session fares: what is safe where, and how far behind. Anything wrong is red at once.
import type { LiveSession } from "../../../shared/api/types.ts";
import { formatClockZone, formatPlural, formatSessionTime } from "../../format.ts";

/** Beyond it, what was done could be lost with the machine. */
const DURABLE_LATE_MS = 1_000;
/** A store that is away for longer is worth a look; nothing is lost while the spool has room. */
const UPLOAD_LATE_US = 120e6;

export function LiveHealth({ session, connected }: { session: LiveSession; connected: boolean }) {
  const { health, durableBehindMs } = session;
  const uploadedBehindUs = health === undefined ? 0 : Math.max(0, health.nowUs - health.uploadedUs);
  const gaps = health?.gaps ?? 0;
  const failing = (health?.checks ?? []).filter(({ ok }) => !ok);
  const clock = health?.checks?.find(({ name, ok }) => name === "clock" && ok);
  return (
    <dl class="live-health" data-testid="live-health" data-connected={connected}>
      <Item
        name="Watched"
        value={connected ? "live" : "line lost; trying again"}
        bad={!connected}
        title="Whether this page has every event the moment it is recorded"
      />
      <Item
        name="On disk"
        value={durableBehindMs < 1 ? "all of it" : `${Math.round(durableBehindMs)} ms behind`}
        bad={durableBehindMs > DURABLE_LATE_MS}
        title="What survives a crash of the recorder"
      />
      <Item
        name="In the store"
        value={uploadedBehindUs < 1e6 ? "all of it" : `${formatSessionTime(uploadedBehindUs)} behind`}
        bad={uploadedBehindUs > UPLOAD_LATE_US}
        title="Segments go to the store when they close"
      />
      {gaps === 0 ? null : (
        <Item name="Missing" value={formatPlural(gaps, "gap")} bad title="Intervals that were lost" />
      )}
      {failing.map(({ name, message }) => (
        <Item key={name} name={checkWords[name] ?? name} value={message} bad title={message} />
      ))}
      {clock === undefined ? null : (
        <Item
          name="Clock"
          value={clock.message}
          bad={false}
          title="Whether something keeps the clock of the recorder's machine right, and that it has not jumped lately"
        />
      )}
      <Item
        name="Ends"
        value={`by ${formatClockZone(session.endsAt)}`}
        bad={false}
        title="By the policy, at the latest"
      />
      {(session.watchers?.length ?? 0) === 0 ? null : (
        <Item name="Watching" value={session.watchers?.join(", ") ?? ""} bad={false} title="Who watches it now" />
      )}
    </dl>
  );
}

const checkWords: Readonly<Record<string, string>> = { spool: "Spool", store: "Store", clock: "Clock" };

function Item({ name, value, bad, title }: { name: string; value: string; bad: boolean; title: string }) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd class={bad ? "text-bad" : undefined}>{value}</dd>
    </div>
  );
}
