// The button of retention and legal holds. It and its dialog are fetched after the recording's first picture.
import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { LockIcon } from "../../components/icons.tsx";

const AFTER_PICTURE_MS = 900;

type LoadedDialog = typeof import("./hold-dialog.tsx").HoldDialog;

export function HoldButton({ session, me }: { session: string; me: Me }) {
  const [loaded, setLoaded] = useState<{ HoldDialog: LoadedDialog } | null>(null);
  const [held, setHeld] = useState(false);
  const [open, setOpen] = useState(false);
  const may = hasRole(me, "admin", "investigator", "auditor");
  useEffect(() => {
    if (!may) return;
    let gone = false;
    const look = async () => {
      const { HoldDialog, getRetention } = await import("./hold-dialog.tsx");
      const retention = await getRetention(session);
      if (gone) return;
      setLoaded({ HoldDialog });
      setHeld(retention.state === "held");
    };
    const timer = setTimeout(() => void look().catch(() => {}), AFTER_PICTURE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [session, may]);
  if (loaded === null) return null;
  return (
    <>
      <button
        type="button"
        class="button"
        aria-label={held ? "Held: legal holds" : "Retention and legal holds"}
        title={held ? "Under legal hold: nothing of it goes" : "How long it is kept, and legal holds"}
        data-testid="hold"
        data-held={held}
        onClick={() => setOpen(true)}
      >
        <LockIcon size={16} /> <span class="button-text">{held ? "Held" : "Retention"}</span>
      </button>
      {open ? <loaded.HoldDialog session={session} me={me} onHeld={setHeld} onClose={() => setOpen(false)} /> : null}
    </>
  );
}
