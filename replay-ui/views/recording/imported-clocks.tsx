// Whose clock was set right by how much: stated wherever events of other systems are shown.
import type { Imported } from "../../player/imported-lanes.ts";

export function ImportedClocks({ imported }: { imported: Imported }) {
  if (imported.lanes.length === 0) return null;
  const clocks = [...new Set(imported.lanes.flatMap((lane) => lane.clocks))];
  return (
    <p class="lanes-note" data-testid="imported-clocks">
      Imported, not recorded: {clocks.join(", ")}.
      {imported.more ? " There are more events in this time than are shown: the first ones are." : ""}
    </p>
  );
}
