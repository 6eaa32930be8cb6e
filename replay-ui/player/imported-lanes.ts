// Events of other systems as lanes of the timeline: one for each name that an import gave its events, with what its clock was
// set right by. Invariant: however many names there are, the lanes are few; however many events, each is in one of them.
import type { ImportedEvent, RecordingImported } from "../../shared/api/cases.ts";
import { cut, type LaneMark } from "./lane-marks.ts";

/** Further names share the last one. */
export const MAX_IMPORTED_LANES = 8;

export interface ImportedLane {
  name: string;
  /** In order of time. */
  marks: readonly LaneMark[];
  /** `alarms.csv: clock +2.5 s`, one for each import that it has events of. */
  clocks: readonly string[];
}

export interface Imported {
  lanes: readonly ImportedLane[];
  /** There are more events than the recorder tells. */
  more: boolean;
}

export const nothingImported: Imported = { lanes: [], more: false };

/** Added to each of its times. */
export function clockWords(offsetMs: number): string {
  return offsetMs === 0 ? "clock as it was" : `clock ${offsetMs > 0 ? "+" : "−"}${Math.abs(offsetMs) / 1000} s`;
}

const tones = { info: "plain", warning: "warn", alarm: "bad" } as const;

type Told = Pick<RecordingImported, "imports" | "events" | "more">;

export function importedLanes({ imports, events, more }: Told): Imported {
  const known = new Map(imports.map(({ id, name, settings }) => [id, { name, clock: clockWords(settings.offsetMs) }]));
  const byName = new Map<string, ImportedEvent[]>();
  for (const event of events) {
    if (event.atUs === undefined) continue;
    const those = byName.get(event.lane);
    if (those === undefined) byName.set(event.lane, [event]);
    else those.push(event);
  }
  const names = [...byName.keys()].sort();
  const lanes = names.slice(0, names.length > MAX_IMPORTED_LANES ? MAX_IMPORTED_LANES - 1 : undefined).map((name) => ({
    name,
    events: byName.get(name) ?? [],
  }));
  const rest = names.slice(lanes.length);
  if (rest.length > 0) {
    const together = rest.flatMap((name) => byName.get(name) ?? []);
    lanes.push({ name: `${rest.length} others`, events: together.sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0)) });
  }
  const several = (shared: boolean, lane: string) => (shared ? `${lane} · ` : "");
  return {
    lanes: lanes.map(({ name, events }, i): ImportedLane => {
      const shared = rest.length > 0 && i === lanes.length - 1;
      const sources = new Set(events.map(({ of }) => of));
      return {
        name,
        marks: events.map(({ atUs, lane, text, severity, of }) => ({
          atUs: atUs ?? 0,
          tone: tones[severity ?? "info"],
          title: cut(text === "" ? lane : text),
          detail: `${several(shared, lane)}${severity === undefined ? "" : `${severity} · `}${clockOf(known.get(of))}`,
        })),
        clocks: [...sources].map((of) => clockOf(known.get(of))),
      };
    }),
    more,
  };
}

/**
 * What several recordings have beside them, on one wall clock that begins at `fromMs`. An import of a case is beside each of
 * its recordings: what two of them tell is one event, and what one of them tells twice are two.
 */
export function importedOfAll(all: readonly Told[], fromMs: number): Imported {
  const imports = new Map(all.flatMap((told) => told.imports).map((one) => [one.id, one]));
  const counted = new Map<string, number>();
  const events: ImportedEvent[] = [];
  for (const told of all) {
    const here = new Map<string, number>();
    for (const event of told.events) {
      const key = JSON.stringify([event.of, event.at, event.lane, event.text]);
      const count = (here.get(key) ?? 0) + 1;
      here.set(key, count);
      if (count <= (counted.get(key) ?? 0)) continue;
      counted.set(key, count);
      events.push({ ...event, atUs: (Date.parse(event.at) - fromMs) * 1_000 });
    }
  }
  events.sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0));
  return importedLanes({ imports: [...imports.values()], events, more: all.some(({ more }) => more) });
}

function clockOf(source: { name: string; clock: string } | undefined): string {
  return source === undefined ? "imported" : `${source.name}: ${source.clock}`;
}
