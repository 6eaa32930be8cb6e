import { useState } from "preact/hooks";
import type { RecordingFilters } from "../api/client.ts";
import { CloseIcon, SearchIcon } from "../components/icons.tsx";
import { stateNames } from "../components/state-badge.tsx";

export interface FilterValues {
  person: string;
  target: string;
  state: string;
  protocol: string;
  /** Empty for any time, one of `ranges`, or `custom` for `from` and `to`. */
  range: string;
  /** As `datetime-local` gives them: local time, `2026-11-20T06:00`. */
  from: string;
  to: string;
}

export const noFilters: FilterValues = { person: "", target: "", state: "", protocol: "", range: "", from: "", to: "" };
const names = ["person", "target", "state", "protocol", "range", "from", "to"] as const;

const ranges: { value: string; text: string; hours: number }[] = [
  { value: "1h", text: "Last hour", hours: 1 },
  { value: "24h", text: "Last 24 hours", hours: 24 },
  { value: "7d", text: "Last 7 days", hours: 168 },
  { value: "30d", text: "Last 30 days", hours: 720 },
];

export function hasFilters(values: FilterValues): boolean {
  return names.some((name) => values[name] !== "");
}

const choices: Partial<Record<keyof FilterValues, readonly string[]>> = {
  state: stateNames.map(({ value }) => value),
  protocol: ["ssh", "vnc"],
  range: [...ranges.map(({ value }) => value), "custom"],
};

function isChoice(name: keyof FilterValues, value: string): boolean {
  return value === "" || choices[name]?.includes(value) !== false;
}

export function filtersFromAddress(search: string): FilterValues {
  const parameters = new URLSearchParams(search);
  const values = { ...noFilters };
  for (const name of names) {
    const value = parameters.get(name) ?? "";
    if (isChoice(name, value)) values[name] = value;
  }
  return values;
}

/** What the address asks for and there is not, in words; empty where there is nothing to say. */
export function unknownFilters(search: string): string {
  const parameters = new URLSearchParams(search);
  return names
    .filter((name) => !isChoice(name, parameters.get(name) ?? ""))
    .map((name) => {
      const known = (choices[name] ?? []).join(", ");
      return `The address asks for the ${name} “${parameters.get(name)}”, which there is not (${known}); any ${name} is shown.`;
    })
    .join(" ");
}

export function filtersToAddress(values: FilterValues): string {
  const parameters = new URLSearchParams();
  for (const name of names) if (values[name] !== "") parameters.set(name, values[name]);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

export function queryOf(values: FilterValues): RecordingFilters {
  const range = ranges.find(({ value }) => value === values.range);
  const custom = values.range === "custom";
  return {
    person: values.person.trim(),
    target: values.target.trim(),
    state: values.state,
    protocol: values.protocol,
    from:
      range !== undefined
        ? new Date(Date.now() - range.hours * 3_600_000).toISOString()
        : custom
          ? toInstant(values.from)
          : "",
    to: custom ? toInstant(values.to) : "",
  };
}

function toInstant(local: string): string {
  const at = local === "" ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

export function Filters(props: { values: FilterValues; onChange: (values: FilterValues) => void }) {
  const { values } = props;
  // Before the list writes what it understood into the address.
  const [unknown, setUnknown] = useState(() => unknownFilters(location.search));
  const onChange = (next: FilterValues) => {
    setUnknown("");
    props.onChange(next);
  };
  const set = (name: keyof FilterValues, value: string) => onChange({ ...values, [name]: value });
  const text = (name: "person" | "target", label: string) => (
    <label class="filter filter-text">
      <span class="filter-label">{label}</span>
      <SearchIcon size={15} />
      <input
        type="search"
        placeholder="Any"
        maxLength={64}
        value={values[name]}
        data-testid={`filter-${name}`}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  const time = (name: "from" | "to", label: string) => (
    <label class="filter filter-time">
      <span class="filter-label">{label}</span>
      <input
        type="datetime-local"
        value={values[name]}
        data-testid={`filter-${name}`}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  return (
    <search>
      <form class="filters" aria-label="Filter recordings" onSubmit={(event) => event.preventDefault()}>
        {text("person", "Person")}
        {text("target", "Target")}
        <label class="filter filter-protocol">
          <span class="filter-label">Protocol</span>
          <select
            value={values.protocol}
            data-testid="filter-protocol"
            onChange={(event) => set("protocol", event.currentTarget.value)}
          >
            <option value="">Any</option>
            <option value="ssh">SSH</option>
            <option value="vnc">VNC</option>
          </select>
        </label>
        <label class="filter filter-range">
          <span class="filter-label">When</span>
          <select
            value={values.range}
            data-testid="filter-range"
            onChange={(event) => {
              const range = event.currentTarget.value;
              onChange({ ...values, range, ...(range === "custom" ? {} : { from: "", to: "" }) });
            }}
          >
            <option value="">Any time</option>
            {ranges.map(({ value, text: label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
            <option value="custom">From … to …</option>
          </select>
        </label>
        <fieldset class="segmented">
          <legend class="visually-hidden">State</legend>
          {[{ value: "", text: "All" }, ...stateNames.filter(({ value }) => value !== "closing")].map(
            ({ value, text }) => (
              <label key={value} class="segment">
                <input
                  type="radio"
                  name="state"
                  class="visually-hidden"
                  checked={values.state === value}
                  data-testid={`filter-state-${value === "" ? "all" : value}`}
                  onChange={() => set("state", value)}
                />
                <span>{text}</span>
              </label>
            ),
          )}
        </fieldset>
        {values.range === "custom" ? (
          <>
            {time("from", "From")}
            {time("to", "To")}
          </>
        ) : null}
        <button
          type="button"
          class="clear-filters"
          hidden={!hasFilters(values)}
          data-testid="filters-clear"
          onClick={() => onChange(noFilters)}
        >
          <CloseIcon size={14} /> Clear
        </button>
      </form>
      {unknown === "" ? null : (
        <p class="notice warn" role="status" data-testid="unknown-filters">
          {unknown}
        </p>
      )}
    </search>
  );
}
