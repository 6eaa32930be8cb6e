import { useState } from "preact/hooks";
import type { ExportFormat } from "../../../shared/api/types.ts";
import { exportUrl } from "../../api/client.ts";
import { ChevronDownIcon, DownloadIcon } from "../../components/icons.tsx";
import { Menu } from "../../components/menu.tsx";
import { formatSessionTime } from "../../format.ts";
import { useStore } from "../../store.ts";
import { AskReason } from "./ask-reason.tsx";
import type { OpenedRecording } from "./opened.ts";
import { PictureDialog } from "./picture-dialog.tsx";

const formats: { format: ExportFormat; title: string; text: string; track: "terminal" | "none"; whole?: true }[] = [
  {
    format: "cast",
    title: "Terminal, as asciicast",
    text: "This channel; plays in any asciinema player (.cast)",
    track: "terminal",
  },
  {
    format: "txt",
    title: "Terminal, as text",
    text: "This channel's output, without colours (.txt)",
    track: "terminal",
  },
  {
    format: "jsonl",
    title: "All that happened, as JSON lines",
    text: "Keystrokes, files and events (.jsonl)",
    track: "none",
  },
  {
    format: "zip",
    title: "The whole recording",
    text: "Stored objects, manifest and signatures (.zip)",
    track: "none",
    whole: true,
  },
  {
    format: "bundle",
    title: "Evidence bundle",
    text: "With ledger, custody log and a page that plays it from a disk (.zip)",
    track: "none",
    whole: true,
  },
];

/** @param askReason policy wants to know why. */
export function ExportMenu({ opened, askReason }: { opened: OpenedRecording; askReason: boolean }) {
  const shown = useStore(opened.player.state, (state) => state.track);
  const kind = shown === null ? undefined : opened.player.timeline.get().track(shown)?.kind;
  const track = kind === "terminal" ? shown : null;
  const [pictures, setPictures] = useState(false);
  const [asked, setAsked] = useState<string | null>(null);
  /** Null: nothing is asked, or it was said already. */
  const [reason, setReason] = useState<string | null>(null);
  const range = useStore(opened.range);
  const stretch = range === null ? "" : `${formatSessionTime(range.fromUs)} – ${formatSessionTime(range.toUs)}`;
  const urlOf = (item: (typeof formats)[number], why?: string) =>
    exportUrl(opened.source.session, item.format, {
      ...(item.track === "terminal" && track !== null ? { track } : {}),
      ...(why === undefined ? {} : { reason: why }),
      ...(range === null || item.whole === true
        ? {}
        : { fromSeconds: range.fromUs / 1e6, toSeconds: range.toUs / 1e6 }),
    });
  return (
    <>
      <Menu
        label="Export"
        testId="export"
        buttonClass="button"
        button={
          <>
            <DownloadIcon size={16} /> <span class="button-text">Export</span> <ChevronDownIcon size={14} />
          </>
        }
      >
        {(close) => (
          <>
            {range === null ? null : (
              <p class="menu-note" data-testid="export-stretch">
                Of the stretch that is chosen, {stretch}. What is evidence leaves whole.
              </p>
            )}
            {shown === null ? null : (
              <button
                type="button"
                class="menu-item two-lines"
                data-testid="export-picture"
                onClick={() => {
                  close();
                  if (askReason) setAsked("picture");
                  else setPictures(true);
                }}
              >
                <strong>Video or picture…</strong>
                <span>This channel, to watch anywhere (.mp4, .webm, .gif, .png)</span>
              </button>
            )}
            {formats.map((item) =>
              item.track === "terminal" && track === null ? null : (
                <a
                  key={item.format}
                  class="menu-item two-lines"
                  href={urlOf(item)}
                  download=""
                  data-testid={`export-${item.format}`}
                  onClick={(event) => {
                    close();
                    if (!askReason) return;
                    event.preventDefault();
                    setAsked(item.format);
                  }}
                >
                  <strong>
                    {item.title}
                    {range !== null && item.whole !== true ? ", excerpt" : ""}
                  </strong>
                  <span>{item.text}</span>
                </a>
              ),
            )}
          </>
        )}
      </Menu>
      {asked === null ? null : (
        <AskReason
          action="export"
          testId="reason-export"
          act={async (why) => {
            setAsked(null);
            const item = formats.find(({ format }) => format === asked);
            if (item !== undefined) return download(urlOf(item, why));
            setReason(why);
            setPictures(true);
          }}
          onClose={() => setAsked(null)}
        />
      )}
      {pictures && shown !== null ? (
        <PictureDialog
          opened={opened}
          track={shown}
          {...(reason === null ? {} : { reason })}
          onClose={() => setPictures(false)}
        />
      ) : null}
    </>
  );
}

function download(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}
