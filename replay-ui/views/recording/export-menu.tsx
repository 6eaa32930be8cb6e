import { useState } from "preact/hooks";
import type { ExportFormat } from "../../../shared/api/types.ts";
import { exportUrl } from "../../api/client.ts";
import { ChevronDownIcon, DownloadIcon } from "../../components/icons.tsx";
import { Menu } from "../../components/menu.tsx";
import { useStore } from "../../store.ts";
import type { OpenedRecording } from "./opened.ts";
import { PictureDialog } from "./picture-dialog.tsx";

const formats: { format: ExportFormat; title: string; text: string; track: "terminal" | "none" }[] = [
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
  },
];

export function ExportMenu({ opened }: { opened: OpenedRecording }) {
  const shown = useStore(opened.player.state, (state) => state.track);
  const kind = shown === null ? undefined : opened.player.timeline.get().track(shown)?.kind;
  const track = kind === "terminal" ? shown : null;
  const [pictures, setPictures] = useState(false);
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
            {shown === null ? null : (
              <button
                type="button"
                class="menu-item two-lines"
                data-testid="export-picture"
                onClick={() => {
                  close();
                  setPictures(true);
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
                  href={exportUrl(
                    opened.source.session,
                    item.format,
                    item.track === "terminal" ? (track ?? undefined) : undefined,
                  )}
                  download=""
                  data-testid={`export-${item.format}`}
                  onClick={close}
                >
                  <strong>{item.title}</strong>
                  <span>{item.text}</span>
                </a>
              ),
            )}
          </>
        )}
      </Menu>
      {pictures && shown !== null ? (
        <PictureDialog opened={opened} track={shown} onClose={() => setPictures(false)} />
      ) : null}
    </>
  );
}
