// The calendar: a column a week, a cell a day, darker where sessions went on for longer, with a dot where something was
// unusual. A press opens the day; the list below it says the same without a picture.
import { useEffect, useRef } from "preact/hooks";
import type { ActivityDay } from "../../../shared/api/activity.ts";
import { formatDuration, formatPlural } from "../../format.ts";
import { dayInWords } from "./words.ts";

const pitch = 18;
const cell = 15;
const left = 30;
const top = 18;
const weekdays = ["Mon", "", "Wed", "", "Fri", "", "Sun"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

interface Props {
  days: readonly ActivityDay[];
  /** By day: how much of it was unusual. */
  unusual: ReadonlyMap<string, number>;
  chosen: string;
  onChoose: (day: string) => void;
}

export function Calendar({ days, unusual, chosen, onChoose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  // The newest days are those that are asked for most.
  useEffect(() => box.current?.scrollTo({ left: box.current.scrollWidth }), [days[0]?.day, days.length]);
  const offset = days[0]?.weekday ?? 0;
  const weeks = Math.ceil((days.length + offset) / 7);
  const [width, height] = [left + weeks * pitch, top + 7 * pitch];
  const most = Math.max(1, ...days.map(({ seconds }) => seconds));
  const active = days.filter(({ sessions }) => sessions > 0);
  const label = `A calendar of ${formatPlural(days.length, "day")}; on ${formatPlural(active.length, "day")} there were sessions. The same stands in the list below.`;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls with the keyboard, too */}
      <div class="calendar-scroll" ref={box} tabIndex={0}>
        <svg
          class="calendar"
          role="img"
          aria-label={label}
          viewBox={`0 0 ${width} ${height}`}
          style={{ minWidth: `${width}px`, maxWidth: `${Math.round(width * 1.4)}px` }}
          data-testid="calendar"
        >
          {weekdays.map((name, i) => (
            <text key={i} x={0} y={top + i * pitch + 11}>
              {name}
            </text>
          ))}
          {days.map((day, i) => {
            const [column, row] = [Math.floor((i + offset) / 7), (i + offset) % 7];
            const [x, y] = [left + column * pitch, top + row * pitch];
            const isFirst = day.day.endsWith("-01");
            const more = unusual.get(day.day) ?? 0;
            return (
              <g
                key={day.day}
                class={day.day === chosen ? "calendar-day chosen" : "calendar-day"}
                data-day={day.day}
                onPointerUp={() => onChoose(day.day)}
              >
                <title>{`${dayInWords(day.day)}: ${amountInWords(day)}${more === 0 ? "" : `; ${more} unusual`}`}</title>
                {isFirst && column < weeks - 1 ? (
                  <text x={x} y={11}>
                    {months[Number(day.day.slice(5, 7)) - 1]}
                  </text>
                ) : null}
                <rect x={x - 1.5} y={y - 1.5} width={pitch} height={pitch} class="calendar-press" />
                <rect
                  x={x}
                  y={y}
                  width={cell}
                  height={cell}
                  rx={3}
                  class={`level-${levelOf(day.seconds, day.sessions, most)}`}
                />
                {more === 0 ? null : <circle cx={x + cell - 3.5} cy={y + 3.5} r={2.5} class="calendar-unusual" />}
              </g>
            );
          })}
        </svg>
      </div>
      <div class="calendar-legend" aria-hidden="true">
        <span>Less</span>
        <svg aria-hidden="true" viewBox={`0 0 ${5 * pitch} ${cell}`} width={5 * pitch} height={cell}>
          {[0, 1, 2, 3, 4].map((level) => (
            <rect key={level} x={level * pitch} y={0} width={cell} height={cell} rx={3} class={`level-${level}`} />
          ))}
        </svg>
        <span>More time</span>
        <svg aria-hidden="true" viewBox="0 0 8 8" width={8} height={8}>
          <circle cx={4} cy={4} r={3} class="calendar-unusual" />
        </svg>
        <span>Something unusual</span>
      </div>
      <details class="days-list" data-testid="days-list">
        <summary>Days with sessions as a list ({active.length})</summary>
        <ul>
          {active.toReversed().map((day) => (
            <li key={day.day}>
              <button type="button" class="link-button" onClick={() => onChoose(day.day)}>
                {dayInWords(day.day)}
              </button>{" "}
              {amountInWords(day)}
              {unusual.has(day.day) ? `; ${unusual.get(day.day)} unusual` : ""}
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

export function amountInWords({ sessions, people, targets, seconds }: Omit<ActivityDay, "day">): string {
  if (sessions === 0) return "no session";
  return `${formatPlural(sessions, "session")}, ${formatPlural(people, "person", "people")}, ${formatPlural(targets, "target")}, ${formatDuration(seconds * 1e6)}`;
}

function levelOf(seconds: number, sessions: number, most: number): number {
  if (sessions === 0) return 0;
  return Math.min(4, 1 + Math.floor((4 * Math.sqrt(seconds)) / Math.sqrt(most + 1)));
}
