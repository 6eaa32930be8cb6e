// Which lanes the timeline has, in their order and with their heights: fixed by the kind of session, so that nothing moves
// when something comes to stand on one.
import type { Imported } from "../../player/imported-lanes.ts";
import type { LaneMark, Lanes } from "../../player/lane-marks.ts";
import { upperBound } from "../../player/timeline.ts";

/** Of events of other systems, by the place of their lane among those. */
type ImportedId = `imported-${number}`;

export type LaneId =
  | ImportedId
  | "activity"
  | "keys"
  | "commands"
  | "files"
  | "clipboard"
  | "policy"
  | "escort"
  | "freezes"
  | "gaps"
  | "notes";

export interface LaneRow {
  id: LaneId;
  label: string;
  heightPx: number;
}

const density = 17;
const marks = 13;

export function isImported(id: LaneId): id is ImportedId {
  return id.startsWith("imported-");
}

const importedId = (place: number): ImportedId => `imported-${place}`;

export function laneRows(ofScreen: boolean, { lanes }: Imported): LaneRow[] {
  return [
    { id: "activity", label: "Activity", heightPx: density },
    { id: "keys", label: ofScreen ? "Keys, clicks" : "Keys", heightPx: density },
    { id: "commands", label: ofScreen ? "Lines" : "Commands", heightPx: marks },
    ofScreen
      ? { id: "clipboard", label: "Clipboard", heightPx: marks }
      : { id: "files", label: "Files", heightPx: marks },
    { id: "policy", label: "Policy", heightPx: marks },
    { id: "escort", label: "Escort", heightPx: marks },
    { id: "freezes", label: "Frozen", heightPx: marks },
    { id: "gaps", label: "Gaps", heightPx: marks },
    { id: "notes", label: "Notes", heightPx: marks },
    ...lanes.map(({ name }, place) => ({ id: importedId(place), label: name, heightPx: marks })),
  ];
}

/** Of several lanes' marks, those that reach into the window. */
export function marksWithin(
  all: readonly LaneMark[],
  { fromUs, toUs }: { fromUs: number; toUs: number },
): readonly LaneMark[] {
  // Spans that began before may reach into it: few, and kept in order of their beginning.
  const last = upperBound(all.length, (i) => all[i]!.atUs < toUs);
  const first = upperBound(all.length, (i) => all[i]!.atUs < fromUs);
  const reaching: LaneMark[] = [];
  for (let i = 0; i < first; i++) if ((all[i]!.endUs ?? 0) >= fromUs) reaching.push(all[i]!);
  return reaching.length === 0 ? all.slice(first, last) : [...reaching, ...all.slice(first, last)];
}

/** Two ordered lists as one. */
export function merged(a: readonly LaneMark[], b: readonly LaneMark[]): readonly LaneMark[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return [...a, ...b].sort((x, y) => x.atUs - y.atUs);
}

/** All that has a mark: for the list form, and for what is said of the place under the mouse. */
export type AllMarks = Record<Exclude<LaneId, "activity" | "keys" | ImportedId>, readonly LaneMark[]> & {
  [id: ImportedId]: readonly LaneMark[] | undefined;
};

export function allMarks(
  lanes: Lanes,
  input: { commands: readonly LaneMark[]; clipboard: readonly LaneMark[] },
  gaps: readonly LaneMark[],
  notes: readonly LaneMark[],
  imported: Imported,
): AllMarks {
  return {
    commands: merged(lanes.commands, input.commands),
    files: lanes.files,
    clipboard: merged(lanes.clipboard, input.clipboard),
    policy: lanes.policy,
    escort: lanes.escort,
    freezes: lanes.freezes,
    gaps,
    notes: merged(lanes.notes, notes),
    ...Object.fromEntries(imported.lanes.map(({ marks }, place) => [importedId(place), marks])),
  };
}
