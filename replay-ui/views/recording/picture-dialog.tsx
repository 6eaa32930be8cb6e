// A video or a picture of the channel on the screen: what it is to show, how far it is, and the file. Closing the dialog
// gives up what is not done.
import { useEffect, useRef, useState } from "preact/hooks";
import type { BurnIn, PictureFormat, PictureJob, PictureRequest } from "../../../shared/api/types.ts";
import { beginPicture, dropPicture, getPicture, OfflineError, pictureUrl } from "../../api/client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { DownloadIcon } from "../../components/icons.tsx";
import { errorText } from "../../components/states.tsx";
import { formatBytes, formatSessionTime, sentence } from "../../format.ts";
import { secondsOf } from "../../router.ts";
import type { OpenedRecording } from "./opened.ts";

const ASK_MS = 1_000;
const IDLE_SECONDS = 2;
const formats: { format: PictureFormat; text: string }[] = [
  { format: "mp4", text: "Video, MP4" },
  { format: "webm", text: "Video, WebM" },
  { format: "gif", text: "Animation, GIF" },
  { format: "png", text: "Picture of this moment, PNG" },
];
const strips: { burnIn: BurnIn; text: string }[] = [
  { burnIn: "time", text: "Time" },
  { burnIn: "person", text: "Person" },
  { burnIn: "target", text: "Target" },
  { burnIn: "keys", text: "Keys" },
];
const speeds = [1, 2, 4, 8, 16];

interface Wishes {
  format: PictureFormat;
  from: string;
  to: string;
  speed: number;
  skipIdle: boolean;
  burnIn: readonly BurnIn[];
}

export function PictureDialog(props: {
  opened: OpenedRecording;
  track: string;
  /** Where policy asks for one. */
  reason?: string;
  onClose: () => void;
}) {
  const { opened, track, onClose } = props;
  const [atUs] = useState(() => opened.player.timeUs.get());
  const [wishes, setWishes] = useState<Wishes>({
    ...{ format: "mp4", ...stretchOf(opened), speed: 1, skipIdle: false, burnIn: [] },
  });
  const { job, error, begin } = usePictureJob(opened.source.session);
  const [wrong, setWrong] = useState<string | null>(null);
  const busy = job?.state === "waiting" || job?.state === "working";
  const start = () => {
    const wish = requestOf(wishes, track, atUs);
    setWrong(typeof wish === "string" ? wish : null);
    if (typeof wish !== "string") begin(props.reason === undefined ? wish : { ...wish, reason: props.reason });
  };
  const said = wrong ?? error ?? (job?.state === "failed" ? (job.error?.message ?? "It failed.") : null);
  return (
    <Dialog
      title="Video or picture"
      testId="picture-dialog"
      onClose={onClose}
      footer={
        <>
          <button type="button" class="button" data-testid="picture-close" onClick={onClose}>
            {busy ? "Cancel" : "Close"}
          </button>
          {job?.state === "ready" ? (
            <a class="button primary" href={pictureUrl(job.id)} download="" data-testid="picture-save">
              <DownloadIcon size={16} /> Save, {formatBytes(job.bytes ?? 0)}
            </a>
          ) : (
            <button type="button" class="button primary" disabled={busy} data-testid="picture-begin" onClick={start}>
              {busy ? "Being made…" : "Make it"}
            </button>
          )}
        </>
      }
    >
      {busy || job?.state === "ready" ? (
        <Progress job={job} />
      ) : (
        <Choices wishes={wishes} atUs={atUs} onChange={(change) => setWishes({ ...wishes, ...change })} />
      )}
      {said === null ? null : (
        <p class="form-error" role="alert">
          {sentence(said)}
        </p>
      )}
    </Dialog>
  );
}

/** What is chosen on the timeline is what people mean. */
function stretchOf({ range }: OpenedRecording): Pick<Wishes, "from" | "to"> {
  const chosen = range.get();
  if (chosen === null) return { from: "", to: "" };
  const text = (us: number) => formatSessionTime(us, { tenths: true });
  return { from: text(chosen.fromUs), to: text(chosen.toUs) };
}

function Choices(props: { wishes: Wishes; atUs: number; onChange: (change: Partial<Wishes>) => void }) {
  const { wishes, atUs, onChange } = props;
  const video = wishes.format !== "png";
  return (
    <div class="picture-choices">
      <label class="field">
        <span>As</span>
        <select
          value={wishes.format}
          data-testid="picture-format"
          onChange={(event) => onChange({ format: event.currentTarget.value as PictureFormat })}
        >
          {formats.map(({ format, text }) => (
            <option key={format} value={format}>
              {format === "png" ? `${text}, at ${formatSessionTime(atUs, { tenths: true })}` : text}
            </option>
          ))}
        </select>
      </label>
      {video ? (
        <>
          <div class="picture-section">
            <label class="field">
              <span>From</span>
              <input
                value={wishes.from}
                placeholder="start"
                data-testid="picture-from"
                onInput={(event) => onChange({ from: event.currentTarget.value })}
              />
            </label>
            <label class="field">
              <span>To</span>
              <input
                value={wishes.to}
                placeholder="end"
                data-testid="picture-to"
                onInput={(event) => onChange({ to: event.currentTarget.value })}
              />
            </label>
            <label class="field">
              <span>Speed</span>
              <select
                value={String(wishes.speed)}
                data-testid="picture-speed"
                onChange={(event) => onChange({ speed: Number(event.currentTarget.value) })}
              >
                {speeds.map((speed) => (
                  <option key={speed} value={String(speed)}>
                    {speed}×
                  </option>
                ))}
              </select>
            </label>
          </div>
          <label class="picture-check">
            <input
              type="checkbox"
              checked={wishes.skipIdle}
              data-testid="picture-skip-idle"
              onChange={(event) => onChange({ skipIdle: event.currentTarget.checked })}
            />
            Cut pauses down to {IDLE_SECONDS} seconds
          </label>
        </>
      ) : null}
      <fieldset class="picture-strip">
        <legend>Strip below the picture</legend>
        {strips.map(({ burnIn, text }) => (
          <label key={burnIn} class="picture-check">
            <input
              type="checkbox"
              checked={wishes.burnIn.includes(burnIn)}
              data-testid={`picture-${burnIn}`}
              onChange={(event) =>
                onChange({
                  burnIn: event.currentTarget.checked
                    ? [...wishes.burnIn, burnIn]
                    : wishes.burnIn.filter((other) => other !== burnIn),
                })
              }
            />
            {text}
          </label>
        ))}
      </fieldset>
      <p class="picture-note">
        A video is for watching, and proves nothing: what is to be proven leaves as the whole recording (.zip). The
        export is in the audit log.
      </p>
    </div>
  );
}

function Progress({ job }: { job: PictureJob }) {
  const ready = job.state === "ready";
  const percent = Math.floor(job.progress * 100);
  return (
    <div data-testid="picture-progress" data-state={job.state}>
      <p role="status">
        {ready ? (
          <strong>{job.fileName}</strong>
        ) : job.state === "waiting" ? (
          "Another export is being made; this one begins when it has ended."
        ) : (
          `Being made, ${percent} %. Leave this open until it is done.`
        )}
      </p>
      <progress class="picture-bar" max={100} value={job.state === "waiting" ? 0 : percent} aria-label="Progress" />
      {job.damage.length === 0 ? null : (
        <div class="form-error" data-testid="picture-damage">
          <p>Not all of it can be shown; where it belongs, the picture says so:</p>
          <ul>
            {job.damage.slice(0, 5).map((text) => (
              <li key={text}>{text}</li>
            ))}
            {job.damage.length > 5 ? <li>and {job.damage.length - 5} more</li> : null}
          </ul>
        </div>
      )}
    </div>
  );
}

/** A sentence where a field is no time. */
function requestOf(wishes: Wishes, track: string, atUs: number): Partial<PictureRequest> | string {
  const { format, from, to, speed, skipIdle, burnIn } = wishes;
  const common = { format, track, burnIn: [...burnIn] };
  if (format === "png") return { ...common, atSeconds: atUs / 1e6 };
  const [fromSeconds, toSeconds] = [from, to].map((text) => (text.trim() === "" ? undefined : secondsOf(text.trim())));
  if (fromSeconds === null || toSeconds === null) return "A time is written as 90, 1:30 or 1:02:03.";
  if (fromSeconds !== undefined && toSeconds !== undefined && toSeconds <= fromSeconds)
    return "The end is not after the beginning.";
  return {
    ...common,
    speed,
    ...(fromSeconds === undefined ? {} : { fromSeconds }),
    ...(toSeconds === undefined ? {} : { toSeconds }),
    ...(skipIdle ? { skipIdleSeconds: IDLE_SECONDS } : {}),
  };
}

function usePictureJob(session: string) {
  const [job, setJob] = useState<PictureJob | null>(null);
  const [error, setError] = useState<string | null>(null);
  const current = useRef<PictureJob | null>(null);
  const gone = useRef(false);
  const set = (next: PictureJob | null) => {
    current.current = next;
    if (!gone.current) setJob(next);
  };
  useEffect(
    () => () => {
      gone.current = true;
      const left = current.current;
      if (left !== null && left.state !== "failed") dropPicture(left.id).catch(() => {});
    },
    [],
  );
  const busy = job?.state === "waiting" || job?.state === "working";
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(() => {
      const { id } = current.current!;
      getPicture(id).then(set, (failure: unknown) => {
        // The service may be back before it gives the export up.
        if (failure instanceof OfflineError || gone.current) return;
        set(null);
        setError(errorText(failure));
      });
    }, ASK_MS);
    return () => clearInterval(timer);
  }, [busy]);
  const begin = (wish: Partial<PictureRequest>) => {
    setError(null);
    beginPicture(session, wish).then(
      (begun) => {
        set(begun);
        if (gone.current) dropPicture(begun.id).catch(() => {});
      },
      (failure: unknown) => setError(errorText(failure)),
    );
  };
  return { job, error, begin };
}
