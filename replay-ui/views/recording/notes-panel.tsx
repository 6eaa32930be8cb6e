// The notes of a recording: written at a moment or on a stretch, listed in the order of the session with those that stand in
// the recording itself, filtered by tag, changed with what stood before kept, struck out.
import "../../styles/cases.css";
import { useEffect, useState } from "preact/hooks";
import type { Note } from "../../../shared/api/cases.ts";
import { hasRole } from "../../account.ts";
import { addNote, editNote, strikeNote } from "../../api/cases-client.ts";
import { ListIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText } from "../../components/states.tsx";
import { formatMoment, formatSessionTime } from "../../format.ts";
import type { LaneMark } from "../../player/lane-marks.ts";
import { LaneReader } from "../../player/lane-reader.ts";
import { useStore } from "../../store.ts";
import { NoteText, sameName, tagsIn } from "../cases/note-parts.tsx";
import type { NotesDesk } from "./notes.tsx";
import type { OpenedRecording } from "./opened.ts";

type Line = { atUs: number; note: Note } | { atUs: number; mark: LaneMark };

export function NotesPanel({ opened, desk }: { opened: OpenedRecording; desk: NotesDesk }) {
  const [tag, setTag] = useState("");
  const own = useOwnMarks(opened);
  const range = useStore(opened.range);
  const tags = [...new Set(desk.notes?.flatMap((note) => note.tags) ?? [])].sort();
  const chosen = tags.includes(tag) ? tag : "";
  const within = (atUs: number, endUs: number) => range === null || (endUs >= range.fromUs && atUs <= range.toUs);
  const lines: Line[] = [
    ...(desk.notes ?? [])
      .filter((note) => chosen === "" || note.tags.includes(chosen))
      .map((note) => ({ atUs: note.atUs ?? 0, note })),
    ...(chosen === "" ? own.map((mark) => ({ atUs: mark.atUs, mark })) : []),
  ]
    .filter((line) => within(line.atUs, "note" in line ? (line.note.endUs ?? line.atUs) : line.atUs))
    .sort((a, b) => a.atUs - b.atUs);
  const jump = (atUs: number) => void opened.player.seek(atUs);
  return (
    <div class="notes" data-testid="notes-panel">
      <div class="notes-bar">
        <button type="button" class="button" data-testid="note-add" onClick={() => desk.compose(true)}>
          Note <kbd>e</kbd>
        </button>
        <button type="button" class="button" data-testid="bookmark-add" onClick={desk.bookmark}>
          Bookmark <kbd>m</kbd>
        </button>
        {tags.length === 0 ? null : (
          <select
            aria-label="Only with this tag"
            data-testid="note-filter"
            value={chosen}
            onChange={(event) => setTag(event.currentTarget.value)}
          >
            <option value="">All tags</option>
            {tags.map((one) => (
              <option key={one} value={one}>
                #{one}
              </option>
            ))}
          </select>
        )}
      </div>
      {desk.composing ? <NewNoteForm opened={opened} desk={desk} /> : null}
      {desk.error !== null && desk.notes === null ? (
        <ErrorState error={desk.error} onRetry={desk.reload} />
      ) : (
        <>
          <p class="form-error" role="alert">
            {desk.error === null ? "" : errorText(desk.error)}
          </p>
          {lines.length === 0 && desk.notes !== null && !desk.composing ? (
            <EmptyState icon={<ListIcon size={24} />} title="No notes yet" testId="notes-empty">
              What you write here is seen by everybody who may see recordings. It stands beside the recording, not in
              it.
            </EmptyState>
          ) : (
            <ul class="note-list" data-testid="note-list" aria-label="Notes">
              {lines.map((line) =>
                "note" in line ? (
                  <NoteItem key={line.note.id} note={line.note} desk={desk} onJump={jump} />
                ) : (
                  <li key={`mark-${line.atUs}`} class="note in-recording" data-testid="note-in-recording">
                    <button type="button" class="note-time" onClick={() => jump(line.atUs)}>
                      {formatSessionTime(line.atUs)}
                    </button>
                    <div class="note-body">
                      <p class="note-text">{line.mark.detail}</p>
                      <p class="note-by">{line.mark.title}, stands in the recording</p>
                    </div>
                  </li>
                ),
              )}
            </ul>
          )}
        </>
      )}
    </div>
  );
}

/** Notes and bookmarks that were made while the session went on. */
function useOwnMarks(opened: OpenedRecording): readonly LaneMark[] {
  const [marks, setMarks] = useState<readonly LaneMark[]>([]);
  useEffect(() => {
    const reader = new LaneReader(opened.player, opened.loader);
    const show = () =>
      setMarks(reader.state.get().marks.notes.filter(({ title }) => title === "Note" || title === "Bookmark"));
    const end = reader.state.subscribe(show);
    show();
    return () => {
      end();
      reader.dispose();
    };
  }, [opened]);
  return marks;
}

function NewNoteForm({ opened, desk }: { opened: OpenedRecording; desk: NotesDesk }) {
  const [atUs] = useState(() => Math.round(opened.player.timeUs.get()));
  const range = useStore(opened.range);
  const [onRange, setOnRange] = useState(range !== null);
  const whole = onRange && range !== null && Number.isFinite(range.toUs) ? range : null;
  return (
    <NoteForm
      label="New note"
      text=""
      tags={[]}
      save={async (text, tags) => {
        const when = whole === null ? { atUs } : { atUs: Math.round(whole.fromUs), endUs: Math.round(whole.toUs) };
        await addNote({ session: desk.session }, { kind: "note", text, tags, ...when });
        desk.compose(false);
        desk.reload();
      }}
      onCancel={() => desk.compose(false)}
    >
      {range === null ? (
        <p class="note-by">At {formatSessionTime(atUs, { tenths: true })}</p>
      ) : (
        <label class="check-field">
          <input
            type="checkbox"
            checked={onRange}
            data-testid="note-on-range"
            onChange={(event) => setOnRange(event.currentTarget.checked)}
          />
          <span>
            On the stretch {formatSessionTime(range.fromUs)} – {formatSessionTime(range.toUs)}
          </span>
        </label>
      )}
    </NoteForm>
  );
}

function NoteItem({ note, desk, onJump }: { note: Note; desk: NotesDesk; onJump: (atUs: number) => void }) {
  const [mode, setMode] = useState<"read" | "edit" | "strike">("read");
  const on = { session: desk.session };
  const own = sameName(note.author, desk.me.name);
  const mayStrike = own || hasRole(desk.me, "admin");
  const atUs = note.atUs ?? 0;
  return (
    <li class="note" data-testid="note" data-note={note.id}>
      <button type="button" class="note-time" data-testid="note-jump" onClick={() => onJump(atUs)}>
        {formatSessionTime(atUs)}
        {note.endUs === null ? null : <span> – {formatSessionTime(note.endUs)}</span>}
      </button>
      {mode === "edit" ? (
        <NoteForm
          label="Change the note"
          text={note.text}
          tags={note.tags}
          optional={note.kind === "bookmark"}
          save={async (text, tags) => {
            try {
              await editNote(on, note.id, { version: note.version, text, tags });
            } catch (error) {
              // As it is now, above what one wanted to write.
              desk.reload();
              throw error;
            }
            setMode("read");
            desk.reload();
          }}
          onCancel={() => setMode("read")}
        >
          {note.version > 1 ? (
            <p class="note-by">
              It says now, by {note.editedBy}: {note.text}
            </p>
          ) : null}
        </NoteForm>
      ) : (
        <div class="note-body">
          <NoteText note={note} />
          {mode === "strike" ? (
            <StrikeForm
              strike={async (reason) => {
                await strikeNote(on, note.id, note.version, reason);
                setMode("read");
                desk.reload();
              }}
              onCancel={() => setMode("read")}
            />
          ) : note.struck !== null ? null : (
            <p class="note-actions">
              {own ? (
                <button type="button" class="link-button" data-testid="note-edit" onClick={() => setMode("edit")}>
                  Change
                </button>
              ) : null}
              {mayStrike ? (
                <button type="button" class="link-button" data-testid="note-strike" onClick={() => setMode("strike")}>
                  Strike out
                </button>
              ) : null}
            </p>
          )}
          {note.history.length === 0 ? null : (
            <details class="note-history">
              <summary>What it said before</summary>
              <ol>
                {note.history.map((version) => (
                  <li key={version.version}>
                    <p class="note-text">{version.text === "" ? "Bookmark" : version.text}</p>
                    <p class="note-by">
                      {version.by}, {formatMoment(version.at)}
                    </p>
                  </li>
                ))}
              </ol>
            </details>
          )}
        </div>
      )}
    </li>
  );
}

export function NoteForm(props: {
  label: string;
  text: string;
  tags: readonly string[];
  /** It may be without text. */
  optional?: boolean;
  save: (text: string, tags: string[]) => Promise<void>;
  onCancel: () => void;
  children?: preact.ComponentChildren;
}) {
  const [text, setText] = useState(props.text);
  const [tags, setTags] = useState(props.tags.join(" "));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError("");
    try {
      await props.save(text.trim(), tagsIn(tags));
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      class="note-form"
      aria-label={props.label}
      data-testid="note-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") props.onCancel();
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
      }}
    >
      {props.children}
      <label class="field">
        <span class="visually-hidden">{props.label}</span>
        <textarea
          rows={3}
          maxLength={4000}
          value={text}
          ref={focused}
          data-testid="note-text"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Tags, with spaces between</span>
        <input
          value={tags}
          maxLength={300}
          data-testid="note-tags"
          onInput={(event) => setTags(event.currentTarget.value)}
        />
      </label>
      <p class="form-error" role="alert">
        {error}
      </p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={props.onCancel}>
          Cancel
        </button>
        <button
          type="submit"
          class="button primary"
          data-testid="note-save"
          disabled={busy || (text.trim() === "" && props.optional !== true)}
        >
          Save
        </button>
      </div>
    </form>
  );
}

function focused(element: HTMLElement | null): void {
  if (element !== null && document.activeElement !== element && element.dataset["met"] === undefined) {
    element.dataset["met"] = "yes";
    element.focus();
  }
}

function StrikeForm({ strike, onCancel }: { strike: (reason: string) => Promise<void>; onCancel: () => void }) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState("");
  return (
    <form
      class="note-form"
      aria-label="Strike the note out"
      onSubmit={(event) => {
        event.preventDefault();
        strike(reason.trim()).catch((failure: unknown) => setError(errorText(failure)));
      }}
    >
      <label class="field">
        <span>Why, if it is not plain. The note stays to be read, struck out.</span>
        <input value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <p class="form-error" role="alert">
        {error}
      </p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="button danger" data-testid="note-strike-send">
          Strike out
        </button>
      </div>
    </form>
  );
}
