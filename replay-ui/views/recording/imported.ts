// Events of other systems that were imported beside the recording, or on a case that it is part of: asked for after the first
// picture, for those who see recordings.
import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { type Imported, importedLanes, nothingImported } from "../../player/imported-lanes.ts";
import type { OpenedRecording } from "./opened.ts";

export function useImported(
  session: string,
  opened: OpenedRecording | null,
  me: Me | undefined,
): { imported: Imported; reload: () => void } {
  const [imported, setImported] = useState<Imported>(nothingImported);
  const may = me !== undefined && hasRole(me, "admin", "escort", "investigator", "auditor");
  const load = () => loadImported(session).then(setImported, () => {});
  useEffect(() => {
    let gone = false;
    setImported(nothingImported);
    if (may) void opened?.player.pictured.then(() => (gone ? undefined : load()));
    return () => {
      gone = true;
    };
  }, [opened, may]);
  return { imported, reload: () => void load() };
}

async function loadImported(session: string): Promise<Imported> {
  const { getImported } = await import("../../api/cases-client.ts");
  return importedLanes(await getImported(session));
}
