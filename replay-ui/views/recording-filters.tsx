import { CloseIcon, SearchIcon } from "../components/icons.tsx";
import { stateNames } from "../components/state-badge.tsx";
import type { RecordingFilters } from "../api/client.ts";

export interface FilterValues {
  person: string;
  target: string;
  state: string;
  /** As `datetime-local` gives them: local time, `2026-11-20T06:00`. */
  from: string;
  to: string;
}

export const noFilters: FilterValues = { person: "", target: "", state: "", from: "", to: "" };
const names = ["person", "target", "state", "from", "to"] as const;

export function hasFilters(values: FilterValues): boolean {
  return names.some((name) => values[name] !== "");
}

export function filtersFromAddress(search: string): FilterValues {
  const parameters = new URLSearchParams(search);
  const values = { ...noFilters };
  for (const name of names) values[name] = parameters.get(name) ?? "";
  return values;
}

export function filtersToAddress(values: FilterValues): string {
  const parameters = new URLSearchParams();
  for (const name of names) if (values[name] !== "") parameters.set(name, values[name]);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

export function queryOf(values: FilterValues): RecordingFilters {
  return {
    person: values.person.trim(),
    target: values.target.trim(),
    state: values.state,
    from: toInstant(values.from),
    to: toInstant(values.to),
  };
}

function toInstant(local: string): string {
  const at = local === "" ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

export function Filters({ values, onChange }: { values: FilterValues; onChange: (values: FilterValues) => void }) {
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
    <label class={values[name] === "" ? "filter filter-time unset" : "filter filter-time"}>
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
    <form class="filters" role="search" aria-label="Filter recordings" onSubmit={(event) => event.preventDefault()}>
      {text("person", "Person")}
      {text("target", "Target")}
      {time("from", "From")}
      {time("to", "To")}
      <fieldset class="segmented">
        <legend class="visually-hidden">State</legend>
        {[{ value: "", text: "All" }, ...stateNames.filter(({ value }) => value !== "closing")].map(({ value, text }) => (
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
        ))}
      </fieldset>
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
  );
}
