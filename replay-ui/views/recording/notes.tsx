// Notes beside the recording, as the page has them: asked for after the first picture, for those who see recordings. The
// panel that shows them is loaded with its tab.
import type { ComponentType } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Note } from "../../../shared/api/cases.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { ErrorState, Loading } from "../../components/states.tsx";
import type { LaneMark } from "../../player/lane-marks.ts";
import type { OpenedRecording } from "./opened.ts";

export interface NotesDesk {
  session: string;
  me: Me;
  /** Null until they are there. */
  notes: readonly Note[] | null;
  error: unknown;
  reload: () => void;
  /** A note is being written. */
  composing: boolean;
  compose: (on: boolean) => void;
  /** At the current moment, without a word. */
  bookmark: () => void;
  /** For the timeline. */
  marks: readonly LaneMark[];
}

const client = () => import("../../api/cases-client.ts");
const noMarks: readonly LaneMark[] = [];

/** Null for those who have none. */
export function useNotes(session: string, opened: OpenedRecording | null, me: Me | undefined): NotesDesk | null {
  const [notes, setNotes] = useState<readonly Note[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [composing, compose] = useState(false);
  const may = me !== undefined && hasRole(me, "admin", "escort", "investigator", "auditor");
  const load = () =>
    client()
      .then(({ getNotes }) => getNotes(session))
      .then(
        (fresh) => {
          setNotes(fresh);
          setError(null);
        },
        (failure: unknown) => setError(failure),
      );
  useEffect(() => {
    let gone = false;
    if (may) void opened?.player.pictured.then(() => (gone ? undefined : load()));
    return () => {
      gone = true;
    };
  }, [opened, may]);
  const marks = useMemo(() => notes?.filter(({ struck }) => struck === null).map(toMark) ?? noMarks, [notes]);
  if (!may || opened === null) return null;
  const bookmark = async () => {
    try {
      const { addNote } = await client();
      await addNote({ session }, { kind: "bookmark", atUs: Math.round(opened.player.timeUs.get()) });
      await load();
    } catch (failure) {
      setError(failure);
    }
  };
  return {
    session,
    me,
    notes,
    error,
    reload: () => void load(),
    composing,
    compose,
    bookmark: () => void bookmark(),
    marks,
  };
}

function toMark({ kind, atUs, endUs, text, author }: Note): LaneMark {
  const title = kind === "note" ? "Note" : "Bookmark";
  const detail = text === "" ? `by ${author}` : `${author}: ${text.slice(0, 160)}`;
  return { atUs: atUs ?? 0, ...(endUs === null ? {} : { endUs }), tone: "plain", title, detail };
}

export function NotesTab({ opened, desk }: { opened: OpenedRecording; desk: NotesDesk }) {
  const [Panel, setPanel] = useState<ComponentType<{ opened: OpenedRecording; desk: NotesDesk }> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = () => {
    setError(null);
    import("./notes-panel.tsx").then((module) => setPanel(() => module.NotesPanel), setError);
  };
  useEffect(load, []);
  if (error !== null) return <ErrorState error={error} onRetry={load} />;
  return Panel === null ? <Loading rows={3} /> : <Panel opened={opened} desk={desk} />;
}
