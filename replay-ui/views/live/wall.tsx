// Live sessions beside each other, each as it goes on; a press opens one. Nobody counts as an escort from here: who
// escorts a session looks at that session.
import { useEffect, useState } from "preact/hooks";
import type { LiveSession } from "../../../shared/api/types.ts";
import { getIndex } from "../../api/client.ts";
import { ProtocolTag } from "../../components/protocol-tag.tsx";
import { errorText } from "../../components/states.tsx";
import { recordingPath } from "../../router.ts";
import { openRecording } from "../recording/open-recording.ts";
import type { OpenedRecording } from "../recording/opened.ts";
import { Stage } from "../recording/stage.tsx";
import { stateWord } from "./state-word.ts";

/** Each is a screen of its own. */
const MAX_TILES = 12;

export default function Wall({ sessions }: { sessions: readonly LiveSession[] }) {
  const shown = sessions.slice(0, MAX_TILES);
  return (
    <>
      <ul class="wall" data-testid="wall">
        {shown.map((session) => (
          <Tile key={session.session} session={session} />
        ))}
      </ul>
      {sessions.length > shown.length ? (
        <p class="notice">{sessions.length - shown.length} more are in the list.</p>
      ) : null}
    </>
  );
}

function Tile({ session }: { session: LiveSession }) {
  const [opened, setOpened] = useState<OpenedRecording | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let made: OpenedRecording | null = null;
    let gone = false;
    getIndex(session.session).then(
      (index) => {
        if (gone) return;
        made = openRecording(index, false);
        const { player } = made;
        player.open(player.timeline.get().mainTrack()?.name ?? null, index.durationUs, performance.now());
        void player.follow();
        setOpened(made);
      },
      (failure: unknown) => setError(errorText(failure)),
    );
    return () => {
      gone = true;
      setOpened(null);
      made?.close();
    };
  }, [session.session]);
  return (
    <li class="card wall-tile" data-session={session.session} data-testid="wall-tile">
      <a href={recordingPath(session.session)} aria-label={`${session.person} on ${session.target}`}>
        <span class="wall-head">
          <span class={`badge ${session.state === "frozen" ? "interrupted" : "recording"}`}>
            <span class="badge-dot" aria-hidden="true" />
            {stateWord(session)}
          </span>
          <strong>
            {session.person} → {session.target}
          </strong>
          <ProtocolTag protocol={session.protocol} />
        </span>
        <span class="wall-screen" inert>
          {error === "" ? (
            <Stage opened={opened} zoom="fit" screenZoom="fit" />
          ) : (
            <span class="form-error">{error}</span>
          )}
        </span>
      </a>
    </li>
  );
}
