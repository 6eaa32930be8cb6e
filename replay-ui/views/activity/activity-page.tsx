// Who was on which target when, how much, and what of it was unusual: a calendar, its days by hours, people and targets,
// and a list that opens the player at the second. Filters stand in the address.
import "../../styles/activity.css";
import { useEffect, useState } from "preact/hooks";
import type { Activity, ActivityTotal, Unusual, UnusualKind } from "../../../shared/api/activity.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { getActivity } from "../../api/activity-client.ts";
import { ApiError } from "../../api/client.ts";
import { ListIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { WhoFilters } from "../../components/who-filters.tsx";
import {
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatPlural,
  toLocalField,
  zone,
} from "../../format.ts";
import { recordingPath, replaceAddress } from "../../router.ts";
import { useStore } from "../../store.ts";
import { AskReason } from "../recording/ask-reason.tsx";
import { type Asked, addressOf, askedFrom, dayAfter, offeredWeeks, requestOf, usualWeeks } from "./asked.ts";
import { Calendar } from "./calendar.tsx";
import { Day } from "./day.tsx";
import { unusualNames } from "./words.ts";

const typingMs = 300;
/** A moment before it, so that it is seen to happen. */
const beforeUs = 1_000_000;
const shownAtFirst = 20;

export default function ActivityPage({ me }: { me: Me }) {
  const [asked, setAsked] = useState<Asked>(() => askedFrom(location.search));
  const [settled, setSettled] = useState(asked);
  const [reason, setReason] = useState<string | null>(null);
  const chosenZone = useStore(zone);
  const mayWatch = hasRole(me, "admin", "escort", "investigator", "auditor");
  const today = toLocalField(Date.now()).slice(0, 10);
  const zoneName = chosenZone === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : chosenZone;
  const request = requestOf(settled, today, zoneName);
  const key = JSON.stringify([request, reason]);
  const found = useLoad(
    () =>
      request === null
        ? Promise.reject(new Error("Say from which day to which."))
        : getActivity({ ...request, ...(reason === null ? {} : { reason }) }),
    [key],
  );
  const change = (next: Partial<Asked>) => setAsked({ ...asked, ...next });
  useEffect(() => {
    replaceAddress(`${location.pathname}${addressOf(asked)}`);
    const timer = setTimeout(() => setSettled(asked), typingMs);
    return () => clearTimeout(timer);
  }, [asked]);
  const asksWhy = found.error instanceof ApiError && found.error.code === "REASON_REQUIRED";
  const isFiltered = asked.person !== "" || asked.target !== "" || asked.conduit !== "";

  return (
    <div class="container activity">
      <div class="page-head">
        <h1>Activity</h1>
        <span class="page-count" data-testid="activity-count" aria-live="polite">
          {found.value === null ? "\u00a0" : countInWords(found.value)}
        </span>
      </div>
      <Filters asked={asked} today={today} onChange={change} />
      {asksWhy ? (
        <AskReason
          action="search"
          testId="reason-search"
          act={async (said) => setReason(said)}
          onClose={() => setAsked(askedFrom(""))}
        />
      ) : null}
      {found.value === null ? (
        <div class="list-card">
          {found.error === null ? <Loading /> : <ErrorState error={found.error} onRetry={found.reload} />}
        </div>
      ) : found.value.totals.sessions === 0 ? (
        <div class="list-card">
          <EmptyState icon={<ListIcon size={26} />} title="No session in this period" testId="activity-empty">
            {isFiltered ? (
              <button type="button" class="link-button" onClick={() => change({ person: "", target: "", conduit: "" })}>
                Clear the filters
              </button>
            ) : (
              "Choose a longer one."
            )}
          </EmptyState>
        </div>
      ) : (
        <Found
          activity={found.value}
          asked={asked}
          filters={{ person: settled.person, target: settled.target, conduit: settled.conduit }}
          reason={reason}
          mayWatch={mayWatch}
          onChange={change}
        />
      )}
    </div>
  );
}

function countInWords({ totals }: Activity): string {
  const { sessions, seconds, recordedBytes, fileBytes } = totals;
  const files = fileBytes === 0 ? "" : `, ${formatBytes(fileBytes)} in files`;
  return `${formatPlural(sessions, "session")}, ${formatDuration(seconds * 1e6)}, ${formatBytes(recordedBytes)} recorded${files}`;
}

function Filters(props: { asked: Asked; today: string; onChange: (next: Partial<Asked>) => void }) {
  const { asked, today, onChange } = props;
  const day = (name: "from" | "to", label: string) => (
    <label class="field">
      <span>{label}</span>
      <input
        type="date"
        value={asked[name]}
        data-testid={`activity-${name}`}
        onChange={(event) => onChange({ [name]: event.currentTarget.value })}
      />
    </label>
  );
  const choose = (value: string) => {
    if (value !== "") onChange({ weeks: Number(value), from: "", to: "", day: "" });
    else onChange({ weeks: 0, from: dayAfter(today, 1 - 7 * (asked.weeks || usualWeeks)), to: today });
  };
  return (
    <div class="activity-filters">
      <label class="field">
        <span>Period</span>
        <select
          value={asked.weeks === 0 ? "" : String(asked.weeks)}
          data-testid="activity-weeks"
          onChange={(event) => choose(event.currentTarget.value)}
        >
          {offeredWeeks.map((weeks) => (
            <option key={weeks} value={String(weeks)}>
              Last {weeks} weeks
            </option>
          ))}
          <option value="">From … to …</option>
        </select>
      </label>
      {asked.weeks === 0 ? (
        <>
          {day("from", "From")}
          {day("to", "To")}
        </>
      ) : null}
      <WhoFilters asked={asked} page="activity" onChange={onChange} />
    </div>
  );
}

function Found(props: {
  activity: Activity;
  asked: Asked;
  filters: { person: string; target: string; conduit: string };
  reason: string | null;
  mayWatch: boolean;
  onChange: (next: Partial<Asked>) => void;
}) {
  const { activity, asked, onChange } = props;
  const { days, unusual, unread, shortened } = activity;
  const byDay = new Map<string, number>();
  for (const { at } of unusual ?? []) {
    const ms = Date.parse(at);
    const day = days.find(({ from, to }) => Date.parse(from) <= ms && ms < Date.parse(to))?.day ?? "";
    byDay.set(day, (byDay.get(day) ?? 0) + 1);
  }
  const choose = (day: string) => onChange({ day });
  const chosen = days.find(({ day }) => day === asked.day);
  const active = days.filter(({ sessions }) => sessions > 0).map(({ day }) => day);
  return (
    <>
      {shortened ? (
        <p class="notice">There are too many sessions: only the newest are counted. Choose a shorter period.</p>
      ) : null}
      {unread === 0 ? null : (
        <p class="notice">
          What happened within {formatPlural(unread, "session")} is not known yet: the service is reading them.
        </p>
      )}
      <section class="card activity-calendar" aria-label="Calendar">
        <Calendar days={days} unusual={byDay} chosen={asked.day} onChoose={choose} />
      </section>
      {chosen === undefined ? null : (
        <Day
          day={chosen}
          filters={props.filters}
          reason={props.reason}
          mayWatch={props.mayWatch}
          before={active.findLast((day) => day < chosen.day) ?? null}
          after={active.find((day) => day > chosen.day) ?? null}
          onChoose={choose}
        />
      )}
      {unusual === null ? null : (
        <UnusualList
          items={asked.day === "" || chosen === undefined ? unusual : unusual.filter(({ at }) => isIn(at, chosen))}
          total={activity.unusualTotal}
          isAll={activity.unusualTotal <= unusual.length}
          mayWatch={props.mayWatch}
        />
      )}
      <div class="activity-bars">
        <Bars
          title="People"
          other="target"
          totals={activity.people}
          of={activity.totals.people}
          onChoose={(person) => onChange({ person })}
        />
        <Bars
          title="Targets"
          other="person"
          others="people"
          totals={activity.targets}
          of={activity.totals.targets}
          onChoose={(target) => onChange({ target })}
        />
      </div>
    </>
  );
}

function isIn(at: string, { from, to }: { from: string; to: string }): boolean {
  return Date.parse(from) <= Date.parse(at) && Date.parse(at) < Date.parse(to);
}

function UnusualList(props: { items: readonly Unusual[]; total: number; isAll: boolean; mayWatch: boolean }) {
  const [kind, setKind] = useState<UnusualKind | "">("");
  const [isWhole, setWhole] = useState(false);
  const counts = new Map<UnusualKind, number>();
  for (const one of props.items) counts.set(one.kind, (counts.get(one.kind) ?? 0) + 1);
  const fitting = props.items.filter((one) => kind === "" || one.kind === kind || !counts.has(kind));
  const shown = isWhole ? fitting : fitting.slice(0, shownAtFirst);
  return (
    <section class="card activity-unusual" aria-labelledby="unusual-head">
      <h2 id="unusual-head">What is unusual</h2>
      {props.items.length === 0 ? (
        <p class="dim" data-testid="unusual-none">
          Nothing, by the rules that the documentation states.
        </p>
      ) : (
        <fieldset class="unusual-kinds">
          <legend class="visually-hidden">Kinds</legend>
          {[...counts].map(([one, count]) => (
            <button
              key={one}
              type="button"
              class={kind === one ? "chip on" : "chip"}
              aria-pressed={kind === one}
              onClick={() => setKind(kind === one ? "" : one)}
            >
              {unusualNames[one]} ({formatCount(count)})
            </button>
          ))}
        </fieldset>
      )}
      <ul class="unusual-list">
        {shown.map((one) => (
          <li key={`${one.session} ${one.kind}`} class="unusual" data-testid="unusual" data-kind={one.kind}>
            <span class="tag">{unusualNames[one.kind]}</span>
            <span class="unusual-what">
              {props.mayWatch ? <a href={placeOf(one)}>{one.text}</a> : one.text}
              <span class="dim">
                {one.person} → {one.target}, {formatDateTime(one.at)}
              </span>
            </span>
          </li>
        ))}
      </ul>
      {fitting.length > shown.length ? (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          Show all {formatCount(fitting.length)}
        </button>
      ) : null}
      {props.isAll ? null : (
        <p class="dim">Of {formatCount(props.total)} in all, the newest: choose a shorter period.</p>
      )}
    </section>
  );
}

function placeOf({ session, atUs }: Unusual): string {
  return `${recordingPath(session)}?t=${Math.floor(Math.max(0, atUs - beforeUs) / 100_000) / 10}`;
}

function Bars(props: {
  title: string;
  other: string;
  others?: string;
  totals: readonly ActivityTotal[];
  of: number;
  onChoose: (name: string) => void;
}) {
  const most = Math.max(1, ...props.totals.map(({ seconds }) => seconds));
  return (
    <section class="card" aria-label={props.title}>
      <h2>{props.title}</h2>
      <ul class="bars">
        {props.totals.map((one) => (
          <li key={one.name}>
            <button type="button" class="link-button bar-name" onClick={() => props.onChoose(one.name)}>
              {one.name}
            </button>
            <span class="bar" aria-hidden="true">
              <span style={{ width: `${Math.max(1, (100 * one.seconds) / most)}%` }} />
            </span>
            <span class="bar-facts">
              {formatDuration(one.seconds * 1e6)}, {formatPlural(one.sessions, "session")},{" "}
              {formatPlural(one.others, props.other, props.others)}
              {one.fileBytes === 0 ? "" : `, ${formatBytes(one.fileBytes)} in files`}
            </span>
          </li>
        ))}
      </ul>
      {props.of > props.totals.length ? (
        <p class="dim">And {formatCount(props.of - props.totals.length)} more.</p>
      ) : null}
    </section>
  );
}
