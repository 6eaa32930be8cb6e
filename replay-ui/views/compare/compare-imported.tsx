// What other systems say of the time that is compared: as lanes of its timeline, and as a list for who reads it line by line.
import { useEffect, useState } from "preact/hooks";
import { getImported } from "../../api/cases-client.ts";
import { formatClock, formatPlural } from "../../format.ts";
import { type Imported, importedOfAll, nothingImported } from "../../player/imported-lanes.ts";
import type { Together } from "../../player/together.ts";
import { ImportedClocks } from "../recording/imported-clocks.tsx";
import type { Compared } from "./compared.ts";

const MAX_ROWS = 300;

/** Recordings whose events cannot be had are compared without them. */
export function useImportedOfAll(compared: readonly Compared[], together: Together): Imported {
  const [imported, setImported] = useState<Imported>(nothingImported);
  useEffect(() => {
    let gone = false;
    const ask = ({ session, opened }: Compared) =>
      opened.player.pictured.then(() => getImported(session)).catch(() => null);
    void Promise.all(compared.map(ask)).then((answers) => {
      const told = answers.filter((answer) => answer !== null);
      if (!gone) setImported(importedOfAll(told, together.covered.fromMs));
    });
    return () => {
      gone = true;
    };
  }, [compared, together]);
  return imported;
}

export function ImportedList({ imported, together }: { imported: Imported; together: Together }) {
  if (imported.lanes.length === 0) return null;
  const rows = imported.lanes.flatMap(({ name, marks }) => marks.map((mark) => ({ name, mark })));
  rows.sort((a, b) => a.mark.atUs - b.mark.atUs);
  const { fromMs } = together.covered;
  return (
    <div class="compare-imported">
      <ImportedClocks imported={imported} />
      <details>
        <summary data-testid="compare-imported-list">
          {formatPlural(rows.length, "event")} of other systems as a list
          {rows.length > MAX_ROWS ? `, the first ${MAX_ROWS}` : ""}
        </summary>
        <ul class="lanes-list">
          {rows.slice(0, MAX_ROWS).map(({ name, mark }, i) => (
            <li key={`${mark.atUs} ${i}`}>
              <button
                type="button"
                class={`lanes-entry ${mark.tone}`}
                data-testid="compare-imported-entry"
                onClick={() => together.seek(fromMs + mark.atUs / 1_000)}
              >
                <span class="row-time">{formatClock(fromMs + mark.atUs / 1_000)}</span>
                <span class="entry-lane">{name}</span>
                <span class="entry-text">
                  {mark.title} <span>· {mark.detail}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}
