// One case: its recordings, who works on it, what was noted, what other systems say, and the whole as one file.
import "../../styles/access.css";
import "../../styles/cases.css";
import { useEffect, useState } from "preact/hooks";
import type { Case, CaseHoldsResult, ImportedEvent } from "../../../shared/api/cases.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import {
  addMember,
  addNote,
  addToCase,
  caseExportUrl,
  editCase,
  getCase,
  getCaseImported,
  holdCase,
  importUrl,
  releaseCase,
  removeImport,
  removeMember,
  strikeNote,
  takeFromCase,
} from "../../api/cases-client.ts";
import { ChevronLeftIcon, DownloadIcon } from "../../components/icons.tsx";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { ErrorState, errorText, LoadingPage } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatBytes, formatClock, formatDateTime, formatDuration, formatMoment, formatPlural } from "../../format.ts";
import { comparePath, MAX_COMPARED, navigate, type Route, recordingPath } from "../../router.ts";
import { AskReason } from "../recording/ask-reason.tsx";
import { NoteForm } from "../recording/notes-panel.tsx";
import { ImportDialog } from "./import-dialog.tsx";
import { NoteText, sameName } from "./note-parts.tsx";
import { timelineOf } from "./timeline.ts";

type Doing = null | "add" | "hold" | "ask" | "close" | "reopen" | "import" | "export" | { takeOut: string };

export default function CasePage({ me, current }: { me: Me; current: Route }) {
  const id = current.view === "case" ? current.id : "";
  const loaded = useLoad(() => getCase(id), [id]);
  const imported = useLoad(() => getCaseImported(id), [id]);
  const of = loaded.value;
  useEffect(() => {
    if (of === null) return;
    document.title = `${of.id} · Conduit Recorder`;
    return () => {
      document.title = "Conduit Recorder";
    };
  }, [of?.id]);
  if (of === null) {
    if (loaded.error === null) return <LoadingPage />;
    return (
      <ErrorState error={loaded.error} onRetry={loaded.reload} missing="case" page>
        <a href="/cases">Go to the cases</a>
      </ErrorState>
    );
  }
  const reload = () => {
    loaded.reload();
    imported.reload();
  };
  return <CaseView of={of} me={me} imported={imported.value?.events ?? []} reload={reload} show={loaded.set} />;
}

interface ViewProps {
  of: Case;
  me: Me;
  imported: readonly ImportedEvent[];
  reload: () => void;
  show: (fresh: Case) => void;
}

function CaseView({ of, me, imported, reload, show }: ViewProps) {
  const [doing, setDoing] = useState<Doing>(null);
  const [said, setSaid] = useState("");
  const done = () => setDoing(null);
  const open = of.state === "open";
  const change = of.mayChange && open;
  const run = async (step: () => Promise<unknown>) => {
    setSaid("");
    try {
      await step();
      reload();
    } catch (failure) {
      setSaid(errorText(failure));
    }
  };
  const mayExport = hasRole(me, "admin", "investigator", "auditor");
  const asksWhy = me.reasonFor?.includes("export") === true;
  return (
    <div class="container case-page" data-testid="case-page" data-case={of.id}>
      <div class="page-head with-actions">
        <a class="icon-button" href="/cases" aria-label="All cases" title="All cases">
          <ChevronLeftIcon />
        </a>
        <h1>{of.title}</h1>
        <span class={open ? "tag good" : "tag"} data-testid="case-state-tag">
          {open ? "Open" : "Closed"}
        </span>
        <div class="page-actions">
          <button type="button" class="button" onClick={() => window.print()}>
            Print
          </button>
          {!mayExport ? null : asksWhy ? (
            <button type="button" class="button" data-testid="case-export" onClick={() => setDoing("export")}>
              <DownloadIcon size={16} /> Export
            </button>
          ) : (
            <a class="button" href={caseExportUrl(of.id)} download data-testid="case-export">
              <DownloadIcon size={16} /> Export
            </a>
          )}
          {of.mayChange ? (
            <button
              type="button"
              class="button"
              data-testid="case-turn"
              onClick={() => setDoing(open ? "close" : "reopen")}
            >
              {open ? "Close the case" : "Open it again"}
            </button>
          ) : null}
        </div>
      </div>
      <p class="case-facts">
        <span>{of.id}</span>
        <span>
          opened {formatMoment(of.createdAt)} by {of.createdBy}
        </span>
        {of.mayChange ? null : <span>You look on: those who work on it change it.</span>}
      </p>
      {of.description === "" ? null : <p class="note-text case-description">{of.description}</p>}
      <p class="form-error" role="alert">
        {said}
      </p>
      <Recordings of={of} me={me} change={change} onDo={setDoing} run={run} />
      <Notes of={of} me={me} change={change} reload={reload} run={run} />
      <Timeline of={of} imported={imported} />
      <Imports of={of} change={change} onAdd={() => setDoing("import")} run={run} />
      <People of={of} change={change} run={run} />
      <section class="page-section" aria-labelledby="case-history">
        <h2 id="case-history">What was done</h2>
        <ol class="card case-events" data-testid="case-history">
          {of.history.map((event) => (
            <li key={`${event.at} ${event.text}`}>
              <span class="case-when">{formatDateTime(event.at)}</span>
              <span class="note-text">
                <strong>{event.actor}</strong> {event.text}
              </span>
            </li>
          ))}
        </ol>
      </section>
      <Dialogs of={of} doing={doing} done={done} reload={reload} show={show} say={setSaid} />
    </div>
  );
}

type Run = (step: () => Promise<unknown>) => Promise<void>;

interface PartProps {
  of: Case;
  me: Me;
  change: boolean;
  run: Run;
}

function Recordings({ of, me, change, onDo, run }: PartProps & { onDo: (what: Doing) => void }) {
  const mayHold = hasRole(me, "admin", "investigator");
  const own = of.sessions.flatMap(({ holds }) => holds).filter(({ caseId }) => caseId === of.id);
  const asked = own.filter(({ state }) => state === "release-asked");
  const active = own.filter(({ state }) => state === "active");
  const unheld = of.sessions.some(
    ({ holds }) => !holds.some((one) => one.caseId === of.id && one.state !== "released"),
  );
  const watchable = of.sessions.flatMap(({ session, recording }) => (recording === null ? [] : [session]));
  /** More than fit beside each other have to be chosen from; null: nobody chooses. */
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const askedBy = asked[0]?.release?.askedBy ?? "";
  const step = (which: "confirm" | "refuse") => run(async () => tell(await releaseCase(of.id, { step: which })));
  return (
    <section class="page-section" aria-labelledby="case-recordings">
      <div class="section-head">
        <h2 id="case-recordings">Recordings</h2>
        <div class="section-actions">
          {change ? (
            <button type="button" class="button" data-testid="case-add" onClick={() => onDo("add")}>
              Add a recording
            </button>
          ) : null}
          {watchable.length < 2 ? null : chosen === null ? (
            <button
              type="button"
              class="button"
              data-testid="case-compare"
              onClick={() => {
                if (watchable.length <= MAX_COMPARED) navigate(comparePath(watchable));
                else setChosen([]);
              }}
            >
              Compare
            </button>
          ) : (
            <>
              <span role="status">Choose two to {MAX_COMPARED}</span>
              <button
                type="button"
                class="button primary"
                disabled={chosen.length < 2}
                data-testid="case-compare-open"
                onClick={() => navigate(comparePath(chosen))}
              >
                Side by side
              </button>
              <button type="button" class="button" onClick={() => setChosen(null)}>
                Cancel
              </button>
            </>
          )}
          {change && mayHold && unheld && of.sessions.length > 0 ? (
            <button type="button" class="button" data-testid="case-hold" onClick={() => onDo("hold")}>
              Hold all
            </button>
          ) : null}
          {of.mayChange && mayHold && active.length > 0 ? (
            <button type="button" class="button" data-testid="case-release" onClick={() => onDo("ask")}>
              Ask for release
            </button>
          ) : null}
        </div>
      </div>
      {asked.length === 0 ? null : (
        <p class="notice warn" data-testid="case-release-asked">
          {askedBy} asks for the release of {formatPlural(asked.length, "hold")}: {asked[0]?.release?.reason}{" "}
          {of.mayChange && mayHold && !sameName(askedBy, me.name) ? (
            <button type="button" class="link-button" data-testid="case-confirm" onClick={() => void step("confirm")}>
              Confirm
            </button>
          ) : null}{" "}
          {of.mayChange && mayHold ? (
            <button type="button" class="link-button" data-testid="case-refuse" onClick={() => void step("refuse")}>
              {sameName(askedBy, me.name) ? "Take it back" : "Refuse"}
            </button>
          ) : null}
        </p>
      )}
      {of.sessions.length === 0 ? (
        <p class="dim">None yet. Add one here, from a recording's page, or from rows of the list.</p>
      ) : (
        <ul class="card case-list" data-testid="case-recordings">
          {of.sessions.map((one) => {
            const { recording } = one;
            const held = one.holds.some(({ state }) => state !== "released");
            return (
              <li key={one.session} class="case-line" data-testid="case-recording" data-session={one.session}>
                {chosen === null || recording === null ? null : (
                  <input
                    type="checkbox"
                    class="compare-check"
                    checked={chosen.includes(one.session)}
                    disabled={!chosen.includes(one.session) && chosen.length >= MAX_COMPARED}
                    aria-label={`Choose ${recording.person} on ${recording.target}, ${formatMoment(recording.startedAt)}`}
                    data-testid="compare-check"
                    onChange={(event) =>
                      setChosen(
                        event.currentTarget.checked
                          ? [...chosen, one.session]
                          : chosen.filter((session) => session !== one.session),
                      )
                    }
                  />
                )}
                <a class="case-link" href={recordingPath(one.session)}>
                  <span class="case-title">
                    {recording === null ? one.session : `${recording.person} → ${recording.target}`}
                  </span>
                  <span class="case-facts">
                    {recording === null ? null : <span>{formatMoment(recording.startedAt)}</span>}
                    {recording === null ? null : <span>{formatDuration(recording.durationUs)}</span>}
                    <span>{formatPlural(one.notes.filter(({ struck }) => struck === null).length, "note")}</span>
                    <span>
                      {one.reason} ({one.addedBy})
                    </span>
                  </span>
                </a>
                <span class={held ? "tag bad" : "tag"}>{held ? "Held" : "Not held"}</span>
                {change ? (
                  <span class="case-row-actions">
                    <button
                      type="button"
                      class="link-button"
                      aria-label={`Take out the recording of ${recording?.person ?? one.session} of ${recording?.startedAt ?? ""}`}
                      onClick={() => onDo({ takeOut: one.session })}
                    >
                      Take out
                    </button>
                  </span>
                ) : null}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

/** What could not be done is an error to be shown. */
function tell({ not }: CaseHoldsResult): void {
  if (not.length > 0) throw new Error(not.map(({ session, why }) => `${session}: ${why}`).join("; "));
}

function Notes({ of, me, change, reload, run }: PartProps & { reload: () => void }) {
  const [writing, setWriting] = useState(false);
  return (
    <section class="page-section" aria-labelledby="case-notes">
      <div class="section-head">
        <h2 id="case-notes">Notes</h2>
        {change && !writing ? (
          <button type="button" class="button" data-testid="case-note" onClick={() => setWriting(true)}>
            Write a note
          </button>
        ) : null}
      </div>
      {writing ? (
        <div class="card case-form">
          <NoteForm
            label="New note on the case"
            text=""
            tags={[]}
            save={async (text, tags) => {
              await addNote({ caseId: of.id }, { text, tags });
              setWriting(false);
              reload();
            }}
            onCancel={() => setWriting(false)}
          />
        </div>
      ) : null}
      {of.notes.length === 0 ? (
        writing ? null : (
          <p class="dim">None on the case as a whole. Notes on its recordings are on the timeline below.</p>
        )
      ) : (
        <ul class="card note-list" data-testid="case-notes">
          {of.notes.map((note) => (
            <li key={note.id} class="note">
              <div class="note-body">
                <NoteText note={note} />
                {change && note.struck === null && (sameName(note.author, me.name) || hasRole(me, "admin")) ? (
                  <p class="note-actions">
                    <button
                      type="button"
                      class="link-button"
                      onClick={() => void run(() => strikeNote({ caseId: of.id }, note.id, note.version, ""))}
                    >
                      Strike out
                    </button>
                  </p>
                ) : null}
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const shownAtFirst = 100;

/** `23 Nov 2026, 08:15:04`. */
function secondOf(at: string): string {
  return `${formatDateTime(at).split(", ")[0]}, ${formatClock(Date.parse(at))}`;
}

function Timeline({ of, imported }: { of: Case; imported: readonly ImportedEvent[] }) {
  const [all, setAll] = useState(false);
  const lines = timelineOf(of, imported);
  const shown = all ? lines.slice(0, 5_000) : lines.slice(0, shownAtFirst);
  return (
    <section class="page-section" aria-labelledby="case-timeline">
      <h2 id="case-timeline">Timeline</h2>
      {lines.length === 0 ? (
        <p class="dim">Recordings, their notes and imported events stand here in the order of time.</p>
      ) : (
        <ol class="card case-events" data-testid="case-timeline">
          {shown.map((line, i) => (
            <li key={i} class={`on-${line.kind}`}>
              <span class="case-when">{secondOf(line.at)}</span>
              <span class="note-text">
                {line.severity === undefined ? null : (
                  <span class={line.severity === "alarm" ? "tag bad case-severity" : "tag case-severity"}>
                    {line.severity}
                  </span>
                )}
                {line.href === null ? line.text : <a href={line.href}>{line.text}</a>}
                <span class="note-by">{line.by}</span>
              </span>
            </li>
          ))}
        </ol>
      )}
      {shown.length < lines.length && !all ? (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {lines.length}
        </button>
      ) : null}
    </section>
  );
}

function Imports({ of, change, onAdd, run }: Omit<PartProps, "me"> & { onAdd: () => void }) {
  return (
    <section class="page-section" aria-labelledby="case-imports">
      <div class="section-head">
        <h2 id="case-imports">Events of other systems</h2>
        {change ? (
          <button type="button" class="button" data-testid="case-import" onClick={onAdd}>
            Import a file
          </button>
        ) : null}
      </div>
      {of.imports.length === 0 ? (
        <p class="dim">Alarms, historians, downloads to controllers: as CSV or JSON lines.</p>
      ) : (
        <ul class="card case-list" data-testid="case-import-list">
          {of.imports.map((one) => (
            <li key={one.id} class="case-line">
              <span class="case-link">
                <span class="case-title">{one.removed === null ? one.name : <s>{one.name}</s>}</span>
                <span class="case-facts">
                  <span>{formatPlural(one.events, "event")}</span>
                  <span>
                    times in {one.settings.timeZone}
                    {one.settings.offsetMs === 0 ? "" : `, ${one.settings.offsetMs / 1000} s added`}
                  </span>
                  <span>{formatBytes(one.bytes)}</span>
                  <span>
                    {one.addedBy}, {formatDateTime(one.addedAt)}
                  </span>
                  <span>SHA-256 {one.sha256.slice(0, 16)}…</span>
                </span>
              </span>
              <span class="case-row-actions">
                <a href={importUrl(one.id)} download>
                  File
                </a>
                {change && one.removed === null ? (
                  <button
                    type="button"
                    class="link-button"
                    onClick={() => void run(() => removeImport({ caseId: of.id }, one.id))}
                  >
                    Remove
                  </button>
                ) : null}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function People({ of, change, run }: Omit<PartProps, "me">) {
  const [name, setName] = useState("");
  return (
    <section class="page-section" aria-labelledby="case-people">
      <h2 id="case-people">Who works on it</h2>
      <ul class="case-people" data-testid="case-people">
        {of.members.map(({ person }) => (
          <li key={person} class="card">
            {person}{" "}
            {change && of.members.length > 1 ? (
              <button
                type="button"
                class="link-button"
                aria-label={`Remove ${person}`}
                onClick={() => void run(() => removeMember(of.id, person))}
              >
                Remove
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {change ? (
        <form
          class="case-member-form"
          onSubmit={(event) => {
            event.preventDefault();
            void run(async () => {
              await addMember(of.id, name.trim());
              setName("");
            });
          }}
        >
          <label class="field">
            <span>Name of a colleague</span>
            <input
              value={name}
              maxLength={64}
              data-testid="case-member"
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button" data-testid="case-member-add" disabled={name.trim() === ""}>
            Add
          </button>
        </form>
      ) : null}
    </section>
  );
}

interface DialogsProps {
  of: Case;
  doing: Doing;
  done: () => void;
  reload: () => void;
  show: (fresh: Case) => void;
  say: (text: string) => void;
}

function Dialogs({ of, doing, done, reload, show, say }: DialogsProps) {
  const shown = async (step: Promise<Case>) => {
    show(await step);
    done();
  };
  const held = async (step: Promise<CaseHoldsResult>) => {
    const result = await step;
    done();
    reload();
    try {
      tell(result);
    } catch (failure) {
      say(errorText(failure));
    }
  };
  if (doing === null) return null;
  if (doing === "import") {
    return (
      <ImportDialog
        on={{ caseId: of.id }}
        onDone={() => {
          done();
          reload();
        }}
        onClose={done}
      />
    );
  }
  if (doing === "export") {
    return (
      <AskReason
        action="export"
        testId="reason-export"
        act={async (reason) => {
          location.assign(caseExportUrl(of.id, reason));
          done();
        }}
        onClose={done}
      />
    );
  }
  if (doing === "add") return <AddRecording of={of} shown={shown} onClose={done} />;
  if (doing === "hold") {
    return (
      <ReasonDialog
        title="Hold all recordings of the case"
        testId="case-hold-dialog"
        label="Why they are held"
        required
        back="Back"
        confirm="Hold"
        act={(reason) => held(holdCase(of.id, reason))}
        onClose={done}
      >
        Nothing of them goes before two people release the holds.
      </ReasonDialog>
    );
  }
  if (doing === "ask") {
    return (
      <ReasonDialog
        title="Ask for the release of the holds"
        testId="case-release-dialog"
        label="Why they are to be released"
        required
        back="Back"
        confirm="Ask"
        act={(reason) => held(releaseCase(of.id, { step: "ask", reason }))}
        onClose={done}
      >
        Another administrator or investigator who works on the case confirms it.
      </ReasonDialog>
    );
  }
  if (typeof doing === "object") {
    return (
      <ReasonDialog
        title="Take the recording out of the case"
        testId="case-take-out-dialog"
        label="Why"
        required
        back="Back"
        confirm="Take out"
        act={(reason) => shown(takeFromCase(of.id, doing.takeOut, reason))}
        onClose={done}
      >
        The recording stays as it is, and so do its holds.
      </ReasonDialog>
    );
  }
  const closing = doing === "close";
  return (
    <ReasonDialog
      title={closing ? "Close the case" : "Open the case again"}
      testId="case-turn-dialog"
      label="Why"
      required
      back="Back"
      confirm={closing ? "Close" : "Open"}
      act={(reason) => shown(editCase(of.id, { version: of.version, state: closing ? "closed" : "open", reason }))}
      onClose={done}
    >
      {closing ? "Nothing of it can be changed then. Holds stay until they are released." : "It can be changed again."}
    </ReasonDialog>
  );
}

function AddRecording(props: { of: Case; shown: (step: Promise<Case>) => Promise<void>; onClose: () => void }) {
  const [text, setText] = useState("");
  return (
    <ReasonDialog
      title="Add a recording to the case"
      testId="case-add-dialog"
      label="Why it belongs to the case"
      required
      back="Back"
      confirm="Add"
      act={async (reason) => {
        const session = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text)?.[0];
        if (session === undefined) throw new Error("Give the recording's address, or its id.");
        await props.shown(addToCase(props.of.id, { session, reason }));
      }}
      onClose={props.onClose}
    >
      <label class="field">
        <span>Its address in the portal, or its id</span>
        <input value={text} data-testid="case-add-session" onInput={(event) => setText(event.currentTarget.value)} />
      </label>
    </ReasonDialog>
  );
}
