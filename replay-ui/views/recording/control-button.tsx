// Control of a live session: to type and point in it oneself, where the policy allows it. While this page has it, the picture
// takes keys and pointer; they go to the service, which records them as this person's before the target has them.
import { useEffect, useState } from "preact/hooks";
import type { LiveSession, Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { KeyboardIcon } from "../../components/icons.tsx";
import type { LiveWatch } from "../../sources/source.ts";
import { useStore } from "../../store.ts";
import { attachControl } from "./control-surface.ts";
import type { OpenedRecording } from "./opened.ts";

export function ControlButton(props: { opened: OpenedRecording; watch: LiveWatch; session: LiveSession; me: Me }) {
  const { opened, watch, session, me } = props;
  const { source, player } = opened;
  const track = useStore(player.state, (state) => state.track);
  const following = useStore(player.state, (state) => state.following);
  const [asked, setAsked] = useState(false);
  const isMine = watch.watch !== null && session.control?.watch === watch.watch;
  const answer = watch.answer?.to === "control" ? watch.answer : null;
  useEffect(() => setAsked(false), [answer]);
  const meta = track === null ? undefined : player.timeline.get().track(track);
  const channel = meta?.channel;
  const kind = meta?.kind === "screen" ? "screen" : meta?.pty === true ? "terminal" : null;
  const isActive = isMine && following && kind !== null && channel !== undefined;
  useEffect(() => {
    const stage = document.querySelector<HTMLElement>(".stage");
    if (!isActive || stage === null || channel === undefined || kind === null) return;
    return attachControl(stage, { kind, channel, tell: (message) => source.tell?.(message) });
  }, [isActive, kind, channel, source]);

  const isOwn = session.person.toLowerCase() === me.name.toLowerCase();
  const mayTake = session.mayBeControlled === true && hasRole(me, "escort", "engineer", "admin") && !isOwn;
  const want = (taken: boolean) => {
    setAsked(true);
    if (taken) void player.follow();
    source.tell?.({ type: "control", want: taken });
  };
  if (!mayTake && !isMine) return null;
  return (
    <>
      {isMine ? (
        <span class="live-control" role="status" data-testid="has-control">
          {isActive
            ? "You type in this session: click on the picture."
            : kind === null
              ? "This channel takes no keys; choose a terminal or a screen."
              : "Go to live to type."}
        </span>
      ) : answer !== null && !answer.ok ? (
        <span class="live-control" role="status" data-testid="control-answer">
          {answer.sentence}
        </span>
      ) : null}
      {isMine ? (
        <button type="button" class="button primary" data-testid="give-back" onClick={() => want(false)}>
          <KeyboardIcon size={16} /> Hand back
        </button>
      ) : session.control != null ? null : (
        <button
          type="button"
          class="button"
          disabled={asked || session.state !== "active"}
          title="Type and point in this session yourself; recorded as yours"
          data-testid="take-control"
          onClick={() => want(true)}
        >
          <KeyboardIcon size={16} /> <span class="button-text">Take control</span>
        </button>
      )}
    </>
  );
}
