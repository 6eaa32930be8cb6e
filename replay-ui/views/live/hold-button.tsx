import { useState } from "preact/hooks";
import type { LiveSession, Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { freezeSession, unfreezeSession } from "../../api/client.ts";
import { errorText } from "../../components/states.tsx";

/** Holds the person's input back, or lets it go on. Nobody releases a session of their own. */
export function HoldButton(props: {
  session: LiveSession;
  me: Me;
  /** The page shows the session as it goes on: who releases it has to see it. */
  watching: boolean;
  /** Why it cannot be released yet. */
  notYet?: string | undefined;
  onChanged: () => void;
}) {
  const { session, me, watching, notYet, onChanged } = props;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const isFrozen = session.state === "frozen";
  const awaitsEscort = session.hold === "escort-awaited" || session.hold === "escort-lost";
  const isOwn = session.person.toLowerCase() === me.name.toLowerCase();
  if (isFrozen && (isOwn || (awaitsEscort && !hasRole(me, "escort")))) return null;
  if (isFrozen && session.hold === "stopped") return null;
  // The person is held for who types in their place: a freeze is what is left.
  const isControlled = session.hold === "controlled";
  if (isFrozen && !isControlled && !watching && session.escort?.mustWatch === true) return null;
  if (!isFrozen && session.state !== "active") return null;
  const releases = isFrozen && !isControlled;
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      if (releases) await unfreezeSession(session.session);
      else await freezeSession(session.session, "");
      onChanged();
    } catch (failure) {
      setError(errorText(failure));
    }
    setBusy(false);
  };
  return (
    <>
      <button
        type="button"
        class={releases ? "button go" : "button"}
        disabled={busy || (releases && notYet !== undefined)}
        title={releases ? notYet : undefined}
        data-testid={releases ? "unfreeze" : "freeze"}
        onClick={() => void act()}
      >
        {releases ? (awaitsEscort ? "Escort it" : "Let it go on") : "Freeze"}
      </button>
      {error === null ? null : (
        <span class="form-error" role="alert">
          {error}
        </span>
      )}
    </>
  );
}
