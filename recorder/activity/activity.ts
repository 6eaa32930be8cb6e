// Answers who was there when, from the catalogue and the facts kept of recordings. Fed by the API and the command line.
// Invariant: no recording is opened for it, and its cost is bounded whatever the catalogue holds.
import { type ExpressionBuilder, type Kysely, type SqlBool, sql } from "kysely";
import { type Activity, type ActivityQuery, defaultActivityDays, maxActivityDays } from "../../shared/api/activity.ts";
import { AppError } from "../../shared/errors.ts";
import { CompiledHours, hoursInWords } from "../../shared/policy/hours.ts";
import type { Policy } from "../../shared/policy/policy.ts";
import { likePattern } from "../catalog/recordings.ts";
import type { CatalogTables } from "../catalog/tables.ts";
import { toStoredTime } from "../catalog/time.ts";
import { Calendar } from "./calendar.ts";
import { factsOf } from "./kept-facts.ts";
import type { ActivityTables } from "./tables.ts";
import { historyMs, Judge, type JudgedSession } from "./unusual.ts";
import { dayMs, ZoneClock } from "./zone-clock.ts";

type Tables = ActivityTables & CatalogTables;

export interface ActivitySources {
  db: Kysely<Tables>;
  policy(): Policy;
  now?: () => number;
}

export type ActivityFilter = Omit<ActivityQuery, "reason"> & {
  /** Only this person's own sessions, and nothing of what is unusual about them. */
  onlyPerson?: string;
};

const maxSessions = 20_000;
const maxHistory = 20_000;
const maxUnusual = 500;

export async function readActivity(sources: ActivitySources, filter: ActivityFilter): Promise<Activity> {
  const nowMs = (sources.now ?? Date.now)();
  const clock = clockOf(filter.zone);
  const period = periodOf(filter, clock, nowMs);
  const found = await sessionsIn(sources.db, filter, period);
  const isShortened = found.length > maxSessions;
  const rows = found.slice(0, maxSessions).reverse();
  const calendar = new Calendar(clock, period.fromMs, period.toMs);
  let unread = 0;
  for (const row of rows) {
    if (row.wanted !== 1) continue;
    const startMs = Date.parse(row.started_at);
    const endMs = endOf(row, startMs, nowMs);
    // One that failed has no end of its own.
    if (endMs < period.fromMs) continue;
    if (row.version === null && (row.state === "sealed" || row.state === "interrupted")) unread++;
    const fileBytes = Number(row.in_bytes ?? 0) + Number(row.out_bytes ?? 0);
    const { person, target, bytes } = row;
    calendar.add({ person, target, startMs, endMs, recordedBytes: Number(bytes), fileBytes });
  }
  const unusual = filter.onlyPerson === undefined ? await unusualIn(sources, clock, filter, period, rows) : null;
  return {
    zone: filter.zone,
    from: new Date(period.fromMs).toISOString(),
    to: new Date(period.toMs).toISOString(),
    totals: calendar.totals,
    days: calendar.days,
    people: calendar.people,
    targets: calendar.targets,
    unusual: unusual?.slice(0, maxUnusual) ?? null,
    unusualTotal: unusual?.length ?? 0,
    unread,
    shortened: isShortened,
  };
}

interface Period {
  fromMs: number;
  toMs: number;
}

function clockOf(zone: string): ZoneClock {
  try {
    return new ZoneClock(zone);
  } catch (cause) {
    const message = "`zone` is a time zone of the IANA list, such as Europe/Berlin or UTC";
    throw new AppError("REQUEST_INVALID", message, { op: "activity.read", cause });
  }
}

function periodOf({ from, to }: ActivityFilter, clock: ZoneClock, nowMs: number): Period {
  const toMs = to === undefined ? clock.startOfDay(clock.dayOf(nowMs) + 1) : momentOf("to", to, clock);
  const fromMs =
    from === undefined
      ? clock.startOfDay(clock.dayOf(toMs - 1) - defaultActivityDays + 1)
      : momentOf("from", from, clock);
  if (fromMs >= toMs) throw invalid("the period ends before it begins; give `from` before `to`");
  // The clocks may have been changed within it.
  if (toMs - fromMs > maxActivityDays * dayMs + dayMs / 8)
    throw invalid(`the period is longer than ${maxActivityDays} days; ask for a shorter one`);
  return { fromMs, toMs };
}

/** The years of which clocks and stored times are certain. */
const [firstMs, lastMs] = [Date.UTC(2000, 0, 1), Date.UTC(9000, 0, 1)];

function momentOf(name: string, text: string, clock: ZoneClock): number {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const wrong = () => invalid(`\`${name}\` is a day such as 2026-11-23, or a time such as 2026-11-23T08:00:00Z`);
  let ms: number;
  try {
    ms = Date.parse(toStoredTime(isDay ? `${text}T00:00:00Z` : text));
  } catch {
    throw wrong();
  }
  if (!(ms >= firstMs && ms < lastMs)) throw wrong();
  // A day that does not exist would be another one.
  if (isDay && new Date(ms).toISOString().slice(0, 10) !== text) throw wrong();
  return isDay ? clock.startOfDay(Math.round(ms / dayMs)) : ms;
}

function invalid(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "activity.read" });
}

const storedTime = (ms: number) => toStoredTime(new Date(ms).toISOString());

/** Newest first, one more than are counted. Those that a filter leaves out are among them, for the person's own past. */
async function sessionsIn(db: Kysely<Tables>, filter: ActivityFilter, { fromMs, toMs }: Period) {
  const { person = "", onlyPerson } = filter;
  return db
    .selectFrom("recordings as r")
    .leftJoin("activity_facts as f", "f.session", "r.session")
    .select([
      "r.session as session",
      "r.person as person",
      "r.person_key as person_key",
      "r.target as target",
      "r.target_key as target_key",
      "r.conduit as conduit",
      "r.protocol as protocol",
      "r.started_at as started_at",
      "r.ended_at as ended_at",
      "r.duration_us as duration_us",
      "r.state as state",
      "r.end_reason as end_reason",
      "r.bytes as bytes",
      "r.grant_kind as grant_kind",
      "r.rule as rule",
      "r.ended_by as ended_by",
      "r.end_sentence as end_sentence",
      "f.version as version",
      "f.in_bytes as in_bytes",
      "f.out_bytes as out_bytes",
      "f.largest_bytes as largest_bytes",
      "f.largest_at_us as largest_at_us",
      "f.largest_direction as largest_direction",
      "f.refused as refused",
      "f.refused_at_us as refused_at_us",
      "f.refused_what as refused_what",
      "f.hidden as hidden",
      "f.hidden_at_us as hidden_at_us",
      "f.hidden_evasion as hidden_evasion",
      "f.escort_lost as escort_lost",
      "f.escort_lost_at_us as escort_lost_at_us",
      "f.damaged as damaged",
    ])
    .select(wantedOf(filter).as("wanted"))
    .where("r.started_at", "<", storedTime(toMs))
    .where((e) => e.or([e("r.ended_at", "is", null), e("r.ended_at", ">=", storedTime(fromMs))]))
    .$if(onlyPerson !== undefined, (q) => q.where("r.person_key", "=", (onlyPerson ?? "").toLowerCase()))
    .$if(person !== "", (q) => q.where(like("r.person_key", person)))
    .$if(onlyPerson !== undefined, (q) => q.where(wantedOf(filter), "=", 1))
    .orderBy("r.started_at", "desc")
    .orderBy("r.session", "desc")
    .limit(maxSessions + 1)
    .execute();
}

type SessionRow = Awaited<ReturnType<typeof sessionsIn>>[number];

function wantedOf({ target = "", conduit = "" }: ActivityFilter) {
  const wanted = [
    ...(target === "" ? [] : [like("r.target_key", target)]),
    ...(conduit === "" ? [] : [sql<SqlBool>`r.conduit = ${conduit}`]),
  ];
  return wanted.length === 0
    ? sql<number>`1`
    : sql<number>`case when ${sql.join(wanted, sql` and `)} then 1 else 0 end`;
}

function like(column: string, text: string) {
  return sql<SqlBool>`${sql.ref(column)} like ${likePattern(text)} escape '\\'`;
}

function endOf({ ended_at, state, duration_us }: SessionRow, startMs: number, nowMs: number): number {
  if (ended_at !== null) return Math.max(startMs, Date.parse(ended_at));
  const goesOn = state === "recording" || state === "closing";
  return goesOn ? Math.max(startMs, nowMs) : startMs + Math.floor(Number(duration_us) / 1000);
}

async function unusualIn(
  { db, policy }: ActivitySources,
  clock: ZoneClock,
  { person = "" }: ActivityFilter,
  { fromMs, toMs }: Period,
  rows: readonly SessionRow[],
) {
  if (rows.length === 0) return [];
  const first = Math.min(fromMs, Date.parse(rows[0]?.started_at ?? ""));
  const ofPerson = (e: ExpressionBuilder<Tables, "recordings">) =>
    person === "" ? e.lit(true) : like("recordings.person_key", person);
  const [earlier, firsts] = await Promise.all([
    db
      .selectFrom("recordings")
      .leftJoin("activity_facts", "activity_facts.session", "recordings.session")
      .select(["recordings.person_key as person_key", "recordings.started_at as started_at", "largest_bytes"])
      .where("recordings.started_at", "<", storedTime(first))
      .where("recordings.started_at", ">=", storedTime(first - historyMs))
      .where(ofPerson)
      .orderBy("recordings.started_at", "desc")
      .limit(maxHistory)
      .execute(),
    db
      .selectFrom("recordings")
      .select((e) => ["person_key", "target_key", e.fn.min<string>("started_at").as("first_at")])
      .where("recordings.started_at", "<", storedTime(toMs))
      .where(ofPerson)
      .groupBy(["person_key", "target_key"])
      .execute(),
  ]);
  const firstOn = new Map<string, string>();
  const firstOf = new Map<string, string>();
  for (const { person_key, target_key, first_at } of firsts) {
    firstOn.set(`${person_key} ${target_key}`, first_at);
    const known = firstOf.get(person_key);
    if (known === undefined || first_at < known) firstOf.set(person_key, first_at);
  }
  const judge = new Judge(clock);
  for (const { person_key, started_at, largest_bytes } of earlier.reverse()) {
    judge.learn({
      personKey: person_key,
      startMs: Date.parse(started_at),
      largestBytes: Number(largest_bytes ?? 0),
    });
  }
  const hours = hoursOf(policy());
  return rows
    .flatMap((row) => {
      const startMs = Date.parse(row.started_at);
      const { person_key: personKey } = row;
      if (startMs < fromMs) {
        judge.learn({ personKey, startMs, largestBytes: Number(row.largest_bytes ?? 0) });
        return [];
      }
      const found = judge.judge({
        ...judgedOf(row, startMs),
        isFirstOfPerson: firstOf.get(personKey) === row.started_at,
        isFirstOnTarget: firstOn.get(`${personKey} ${row.target_key}`) === row.started_at,
        outsideHours: hours(row.rule, startMs),
      });
      return row.wanted === 1 ? [found] : [];
    })
    .reverse()
    .flat();
}

function judgedOf(row: SessionRow, startMs: number) {
  const { session, person, target, conduit, ended_by, end_sentence } = row;
  return {
    session,
    person,
    personKey: row.person_key,
    target,
    conduit,
    protocol: row.protocol === "vnc" ? ("vnc" as const) : ("ssh" as const),
    startMs,
    durationUs: Number(row.duration_us),
    breakGlass: row.grant_kind === "break-glass",
    endReason: row.end_reason,
    end: ended_by === null ? null : { by: ended_by, sentence: end_sentence ?? "" },
    largestBytes: Number(row.largest_bytes ?? 0),
    facts: factsOf(row),
  };
}

/** By the policy as it is now; what is not in it any more has no hours. */
function hoursOf(policy: Policy): (rule: string | null, startMs: number) => JudgedSession["outsideHours"] {
  const compiled = new Map(
    policy.rules.flatMap(({ id, effect, hours }) =>
      hours === undefined || effect !== "allow"
        ? []
        : [[id, { hours: new CompiledHours(hours), words: hoursInWords(hours) }]],
    ),
  );
  return (rule, startMs) => {
    const found = rule === null ? undefined : compiled.get(rule);
    if (rule === null || found === undefined || found.hours.endsAt(startMs) !== null) return null;
    return { rule, hours: found.words };
  };
}
