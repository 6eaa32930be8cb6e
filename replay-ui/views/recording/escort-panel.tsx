// Who escorts a session, whether it counts, and the question whether somebody is there. The page proves that it is looked
// at; what counts is decided by the service.
import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../../shared/api/types.ts";
import { Dialog } from "../../components/dialog.tsx";
import { formatClockZone } from "../../format.ts";
import type { LiveWatch } from "../../sources/source.ts";

export function EscortPanel(props: { watch: LiveWatch; me: Me; onPresent: (prompt: string) => void }) {
  const { watch, me, onPresent } = props;
  const escort = watch.escort ?? watch.session?.escort ?? null;
  return (
    <>
      {escort === null || !escort.mustWatch ? null : (
        <div class="escort-panel" data-testid="escort-panel">
          <strong>Escort</strong>
          {escort.watching.length === 0 ? <span class="text-bad">Nobody watches as escort.</span> : null}
          {watch.connected ? null : <span class="text-bad">The line is lost: this is how it was before.</span>}
          {escort.watching.map(({ watch: id, person, counts: counted, whyNot }) => {
            const counts = counted && watch.connected;
            return (
              <span key={id} class={counts ? "escort-who" : "escort-who text-bad"} data-counts={counts}>
                {person.toLowerCase() === me.name.toLowerCase() ? "You" : person}
                {counted ? "" : `: ${whyNot ?? "does not count"}`}
              </span>
            );
          })}
          {escort.graceEndsAt === null ? null : (
            <span class="text-bad" role="alert">
              Without a release the session ends at {formatClockZone(escort.graceEndsAt)}.
            </span>
          )}
        </div>
      )}
      {watch.prompt === null ? null : (
        <PresencePrompt key={watch.prompt.id} prompt={watch.prompt} onPresent={onPresent} />
      )}
    </>
  );
}

function PresencePrompt(props: { prompt: NonNullable<LiveWatch["prompt"]>; onPresent: (prompt: string) => void }) {
  const { prompt, onPresent } = props;
  const left = () => Math.max(0, Math.ceil((prompt.untilMs - performance.now()) / 1_000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(left()), 500);
    return () => clearInterval(timer);
  }, [prompt]);
  const answer = () => onPresent(prompt.id);
  return (
    <Dialog
      title="Are you watching?"
      testId="presence-prompt"
      onClose={answer}
      footer={
        <button type="button" class="button primary" data-testid="present" onClick={answer}>
          I am here
        </button>
      }
    >
      <p>
        This session may go on only while its escort watches.{" "}
        {seconds > 0
          ? `Without an answer it freezes in ${seconds} s.`
          : "It is frozen until somebody answers and releases it."}
      </p>
    </Dialog>
  );
}
