// Who did what with the recording: each line stands in the recorder's ledger as well.
import { useEffect, useState } from "preact/hooks";
import type { CustodyEntry, RecordingCustody } from "../../../shared/api/types.ts";
import { getCustody } from "../../api/client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { formatMoment, formatPlural, formatSessionTime } from "../../format.ts";

export function CustodyDialog({ session, onClose }: { session: string; onClose: () => void }) {
  const [custody, setCustody] = useState<RecordingCustody | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    getCustody(session).then(setCustody, (failure: unknown) => setError(errorText(failure)));
  }, [session]);
  return (
    <Dialog title="Chain of custody" testId="custody-dialog" wide onClose={onClose}>
      {error !== null ? (
        <p class="form-error">{error}</p>
      ) : custody === null ? (
        <p role="status">Reading…</p>
      ) : custody.items.length === 0 ? (
        <p>Nobody has looked at this recording yet.</p>
      ) : (
        <>
          {custody.more ? <p>The newest of them; conduit recordings custody has all.</p> : null}
          <ul class="custody" data-testid="custody-list">
            {[...custody.items].reverse().map((entry, i) => (
              <li key={i} data-action={entry.action}>
                <span class="custody-what">
                  <strong>{entry.actor}</strong> {words(entry)}
                </span>
                <span class="custody-when">
                  {formatMoment(entry.at)} · {entry.address}
                </span>
                {entry.reason === null ? null : <span class="custody-why">{entry.reason}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}

function words({ action, details }: CustodyEntry): string {
  switch (action) {
    case "recording.view":
      return "opened it";
    case "recording.key":
      return "was given its keys";
    case "recording.watched-range":
      return `${isOfLists(details["tracks"]) ? "read what was typed and done in" : "watched"} ${ranges(details["ranges"])}`;
    case "recording.export":
      return `exported ${stretch(details["excerpt"])} as ${textIn(details["format"], "a file")}`;
    case "recording.verify":
      return `verified it: ${textIn(details["verdict"], "")}`;
    case "recording.unseal":
      return `unsealed masked keystrokes, as ${textIn(details["by"], "")}`;
    case "hold.place":
      return `placed a legal hold (case ${textIn(details["caseId"], "unnamed")})`;
    case "hold.release-ask":
      return "asked for the release of the legal hold";
    case "hold.release-refuse":
      return "refused the release of the legal hold";
    case "hold.release":
      return "released the legal hold";
    default:
      return action;
  }
}

/** Lists and the timeline are read further than the screen was watched. */
function isOfLists(tracks: unknown): boolean {
  return Array.isArray(tracks) && tracks.length > 0 && tracks.every((track) => listTracks.includes(String(track)));
}

const listTracks = ["input", "files", "events"];

function textIn(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function stretch(excerpt: unknown): string {
  return typeof excerpt === "string" ? `an excerpt, ${excerpt},` : "it";
}

const maxShown = 6;

function ranges(value: unknown): string {
  const all = Array.isArray(value) ? (value as { fromUs?: unknown; toUs?: unknown }[]) : [];
  const texts = all
    .slice(0, maxShown)
    .map(({ fromUs, toUs }) => `${formatSessionTime(Number(fromUs))}–${formatSessionTime(Number(toUs))}`);
  const more = all.length - maxShown;
  return more > 0
    ? `${texts.join(", ")} and ${formatPlural(more, "more stretch", "more stretches")}`
    : texts.join(", ");
}
