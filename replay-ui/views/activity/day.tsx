// One day by its hours, and the sessions that went on in it: who, on what, from when to when.
import { useEffect, useRef } from "preact/hooks";
import type { ActivityDay } from "../../../shared/api/activity.ts";
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { listRecordings } from "../../api/client.ts";
import { ProtocolTag } from "../../components/protocol-tag.tsx";
import { ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { dayKey, formatBytes, formatClock, formatDateTime, formatDuration, formatPlural } from "../../format.ts";
import { recordingPath } from "../../router.ts";
import { amountInWords } from "./calendar.tsx";
import { dayInWords } from "./words.ts";

const pitch = 24;
const height = 72;
const maxListed = 200;

interface Props {
  day: ActivityDay;
  filters: { person: string; target: string; conduit: string };
  reason: string | null;
  mayWatch: boolean;
  /** The days before and after it on which there were sessions. */
  before: string | null;
  after: string | null;
  onChoose: (day: string) => void;
}

export function Day({ day, filters, reason, mayWatch, before, after, onChoose }: Props) {
  const { person, target, conduit } = filters;
  const head = useRef<HTMLHeadingElement>(null);
  const sessions = useLoad(
    () =>
      listRecordings({
        from: day.from,
        to: day.to,
        ...(person === "" ? {} : { person }),
        ...(target === "" ? {} : { target }),
        ...(reason === null ? {} : { reason }),
        limit: maxListed,
      }),
    [day.day, day.from, person, target, reason],
  );
  useEffect(() => {
    head.current?.focus({ preventScroll: true });
    head.current?.scrollIntoView({ block: "nearest" });
  }, [day.day]);
  const listed = (sessions.value?.items ?? [])
    .filter((one) => conduit === "" || one.conduit === conduit)
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  return (
    <section class="card activity-day" aria-labelledby="activity-day-head" data-testid="activity-day">
      <div class="activity-day-head">
        <div>
          <h2 id="activity-day-head" tabIndex={-1} ref={head}>
            {dayInWords(day.day)}
          </h2>
          <p class="dim">
            {amountInWords(day)}
            {day.lengthHours === 24 ? "" : `; a day of ${day.lengthHours} hours, since the clocks are changed`}
          </p>
        </div>
        <div class="activity-day-actions">
          <button type="button" class="button" disabled={before === null} onClick={() => onChoose(before ?? "")}>
            Before
          </button>
          <button type="button" class="button" disabled={after === null} onClick={() => onChoose(after ?? "")}>
            After
          </button>
          <button type="button" class="button" data-testid="activity-day-close" onClick={() => onChoose("")}>
            Close
          </button>
        </div>
      </div>
      <Hours day={day} />
      {sessions.value === null ? (
        sessions.error === null ? (
          <Loading rows={3} />
        ) : (
          <ErrorState error={sessions.error} onRetry={sessions.reload} />
        )
      ) : (
        <>
          <ul class="activity-sessions">
            {listed.map((one) => (
              <Session key={one.session} one={one} day={day} mayWatch={mayWatch} />
            ))}
          </ul>
          {sessions.value.next === null ? null : (
            <p class="dim">There are more than {maxListed}: narrow the filters to see all of them.</p>
          )}
        </>
      )}
    </section>
  );
}

/** Every hour that the day has on the clock, those without anybody as well. */
function Hours({ day }: { day: ActivityDay }) {
  const hours = Array.from({ length: Math.ceil(day.lengthHours) }, (_, i) => {
    const atMs = Date.parse(day.from) + i * 3_600_000;
    const found = day.hours.filter(({ at }) => Date.parse(at) >= atMs && Date.parse(at) < atMs + 3_600_000);
    return { clock: formatClock(atMs).slice(0, 5), found };
  });
  const most = Math.max(1, ...day.hours.map(({ seconds }) => seconds));
  const label = `By hours: ${day.hours.map((one) => `${one.hour} o’clock ${formatPlural(one.sessions, "session")}, ${formatDuration(one.seconds * 1e6)}`).join("; ")}`;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls with the keyboard, too
    <div class="hours-scroll" tabIndex={0}>
      <svg
        class="hours"
        role="img"
        aria-label={label}
        viewBox={`0 0 ${hours.length * pitch} ${height + 16}`}
        data-testid="hours"
      >
        {hours.map(({ clock, found }, i) => {
          const seconds = found.reduce((sum, one) => sum + one.seconds, 0);
          const sessions = Math.max(0, ...found.map((one) => one.sessions));
          const tall = sessions === 0 ? 0 : Math.max(4, (seconds / most) * height);
          return (
            <g key={i}>
              <title>{`${clock}: ${sessions === 0 ? "no session" : `${formatPlural(sessions, "session")}, ${formatDuration(seconds * 1e6)}`}`}</title>
              <rect x={i * pitch} y={0} width={pitch} height={height} class="calendar-press" />
              <rect x={i * pitch + 2} y={height - 2} width={pitch - 4} height={2} class="level-0" />
              <rect x={i * pitch + 2} y={height - tall} width={pitch - 4} height={tall} rx={2} class="level-3" />
              {i % 3 === 0 ? (
                <text x={i * pitch + 2} y={height + 13}>
                  {clock}
                </text>
              ) : null}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function Session({ one, day, mayWatch }: { one: RecordingSummary; day: ActivityDay; mayWatch: boolean }) {
  const { session, person, target, protocol, startedAt, endedAt, durationUs, bytes } = one;
  const startMs = Date.parse(startedAt);
  // One that began before opens where the day does.
  const atSeconds = Math.max(0, Math.floor((Date.parse(day.from) - startMs) / 1000));
  const clockOf = (iso: string) =>
    dayKey(iso) === dayKey(day.from) ? formatClock(Date.parse(iso)).slice(0, 5) : formatDateTime(iso);
  const name = `${person} → ${target}`;
  return (
    <li class="activity-session" data-testid="activity-session">
      <span class="activity-when">
        {clockOf(startedAt)} – {endedAt === null ? "now" : clockOf(endedAt)}
      </span>
      {mayWatch ? (
        <a href={`${recordingPath(session)}${atSeconds === 0 ? "" : `?t=${atSeconds}`}`}>{name}</a>
      ) : (
        <span>{name}</span>
      )}
      <ProtocolTag protocol={protocol} />
      <span class="dim">
        {formatDuration(durationUs)}, {formatBytes(bytes)} recorded
      </span>
    </li>
  );
}
