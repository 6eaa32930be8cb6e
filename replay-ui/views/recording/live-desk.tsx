// What an escort has at hand while a session goes on: how it stands, what may be done about it, who escorts it, and how
// its recording fares. Fed by the watch; each control is confirmed by the state that comes back.
import "../../styles/live.css";
import { useEffect, useState } from "preact/hooks";
import type { LiveSession, Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { markSession, messageSession } from "../../api/client.ts";
import { AlertIcon, BookmarkIcon, MessageIcon, NoteIcon, StopIcon } from "../../components/icons.tsx";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { formatBytes } from "../../format.ts";
import type { LiveWatch } from "../../sources/source.ts";
import { type Store, useStore } from "../../store.ts";
import { Confirmations } from "../live/confirmations.tsx";
import { EndDialog } from "../live/end-dialog.tsx";
import { HoldButton } from "../live/hold-button.tsx";
import { alarmInWords, stateWord } from "../live/state-word.ts";
import { ControlButton } from "./control-button.tsx";
import { EscortPanel } from "./escort-panel.tsx";
import { LiveHealth } from "./live-health.tsx";
import type { OpenedRecording } from "./opened.ts";

export function LiveDesk({ opened, me }: { opened: OpenedRecording; me: Me }) {
  const { live } = opened.source;
  return live === undefined ? null : <Desk opened={opened} live={live} me={me} />;
}

function Desk({ opened, live, me }: { opened: OpenedRecording; live: Store<LiveWatch>; me: Me }) {
  const watch = useStore(live);
  const { session } = watch;
  if (watch.ended !== null) {
    return (
      <p class="notice live-over" role="status" data-testid="watch-ended">
        {watch.ended.sentence}
      </p>
    );
  }
  if (session === null) {
    return (
      <p class="live-desk waiting" role="status">
        Joining the session…
      </p>
    );
  }
  const mayControl = hasRole(me, "admin", "escort");
  return (
    <section class="live-desk" aria-label="Live session" data-testid="live-desk" data-state={session.state}>
      <div class="live-desk-row">
        <span class={`badge ${session.state === "frozen" ? "interrupted" : "recording"}`} data-testid="live-state">
          <span class="badge-dot" aria-hidden="true" />
          {stateWord(session)}
        </span>
        <LiveHealth session={session} connected={watch.connected} />
        {mayControl ? <Controls opened={opened} watch={watch} session={session} me={me} /> : null}
      </div>
      <Confirmations session={session} me={me} />
      <Running session={session} />
      <Alarms alarms={session.alarms} />
      <EscortPanel watch={watch} me={me} onPresent={(prompt) => opened.source.isPresent?.(prompt)} />
    </section>
  );
}

/** In one row: what happened before is no reason to move the picture away. */
function Alarms({ alarms }: { alarms: readonly string[] }) {
  if (alarms.length === 0) return null;
  return (
    <ul class="live-alarms" data-testid="live-alarms">
      {alarms.map((alarm) => (
        <li key={alarm}>
          <AlertIcon size={14} /> {alarmInWords(alarm)}
        </li>
      ))}
    </ul>
  );
}

type Asked = "message" | "note" | "end" | null;

function Controls(props: { opened: OpenedRecording; watch: LiveWatch; session: LiveSession; me: Me }) {
  const { opened, watch, session, me } = props;
  const [asked, setAsked] = useState<Asked>(null);
  const [said, setSaid] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), 2_000);
    return () => clearTimeout(timer);
  }, [said]);
  const atUs = () => Math.round(opened.player.timeUs.get());
  const close = () => setAsked(null);
  const finish = (sentence: string) => {
    setSaid(sentence);
    setError("");
    close();
  };
  const bookmark = () =>
    markSession(session.session, { kind: "bookmark", text: "", atUs: atUs() }).then(
      () => finish("Bookmarked"),
      (failure: unknown) => setError(errorText(failure)),
    );
  return (
    <div class="live-controls">
      <span class="live-said" role="status">
        {said}
      </span>
      {error === "" ? null : (
        <span class="form-error" role="alert">
          {error}
        </span>
      )}
      <button type="button" class="button" data-testid="message" onClick={() => setAsked("message")}>
        <MessageIcon size={16} /> <span class="button-text">Message</span>
      </button>
      <button type="button" class="button" data-testid="note" onClick={() => setAsked("note")}>
        <NoteIcon size={16} /> <span class="button-text">Note</span>
      </button>
      <button type="button" class="button" data-testid="bookmark" onClick={() => void bookmark()}>
        <BookmarkIcon size={16} /> <span class="button-text">Bookmark</span>
      </button>
      <ControlButton opened={opened} watch={watch} session={session} me={me} />
      <HoldButton
        session={session}
        me={me}
        watching
        notYet={whyNotYet(opened.source.live?.get().escort ?? null, me)}
        onChanged={() => setError("")}
      />
      <button type="button" class="button danger" data-testid="terminate" onClick={() => setAsked("end")}>
        <StopIcon /> End…
      </button>
      {asked === "end" ? <EndDialog session={session} onClose={close} /> : null}
      {asked === "message" ? (
        <ReasonDialog
          title={`Tell ${session.person} something`}
          testId="message-dialog"
          label="Message"
          required
          needed="Say something: it is shown to the person."
          maxLength={500}
          back="Say nothing"
          confirm="Send"
          act={async (text) => {
            await messageSession(session.session, text);
            finish("Sent");
          }}
          onClose={close}
        >
          It is shown {session.protocol === "ssh" ? "in the terminal" : "over the screen"} at once, and kept with the
          recording.
        </ReasonDialog>
      ) : null}
      {asked === "note" ? (
        <ReasonDialog
          title="Note on the timeline"
          testId="note-dialog"
          label="Note"
          required
          needed="Write something, or set a bookmark instead."
          maxLength={2000}
          back="No note"
          confirm="Keep"
          act={async (text) => {
            await markSession(session.session, { kind: "note", text, atUs: atUs() });
            finish("Noted");
          }}
          onClose={close}
        >
          It is kept with the recording, at the moment that is on the screen. The person is not told.
        </ReasonDialog>
      ) : null}
    </div>
  );
}

/** Who releases a session that owes an escort has to watch it by the policy's measure. */
function whyNotYet(escort: LiveWatch["escort"], me: Me): string | undefined {
  if (escort === null || !escort.mustWatch) return undefined;
  const mine = escort.watching.filter(({ person }) => person.toLowerCase() === me.name.toLowerCase());
  if (mine.some(({ counts }) => counts)) return undefined;
  return mine[0]?.whyNot ?? "Nobody watches it as escort from here.";
}

/** What an end would break off, while one is on its way. */
function Running({ session }: { session: LiveSession }) {
  const { ending, running = [] } = session;
  if (ending == null) return null;
  const files = running.filter(({ kind }) => kind === "file");
  return (
    <div class="notice warn live-ending" role="status" data-testid="ending">
      <p>
        {ending.by} is ending this session
        {ending.reason === "" ? "" : `: ${ending.reason}`}.{" "}
        {files.length === 0
          ? "No file is open."
          : ending.whenFinished
            ? "It ends as soon as the open files are through."
            : "Files are still open."}
      </p>
      {running.length === 0 ? null : (
        <ul>
          {running.map(({ kind, channel, what, direction, bytes }) => (
            <li key={`${kind} ${channel} ${what}`}>
              {kind === "file"
                ? direction === "inbound"
                  ? "To the target: "
                  : "From the target: "
                : `${kindWords[kind]}: `}
              <code>{what}</code>
              {bytes === undefined ? "" : `, ${formatBytes(bytes)} so far`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const kindWords = { command: "Command", forward: "Forward" } as const;
