// What the terminal said up to the moment shown, as text: with what scrolled off, to be selected and copied.
import { useEffect, useRef, useState } from "preact/hooks";
import { CopyButton } from "../../components/copy-button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { formatClock, formatSessionTime } from "../../format.ts";
import { MAX_LINES, type Scrollback, scrollbackAt } from "../../player/scrollback.ts";
import type { OpenedRecording } from "./opened.ts";

export function TextDialog({ opened, onClose }: { opened: OpenedRecording; onClose: () => void }) {
  const { player, loader } = opened;
  const [atUs] = useState(() => player.timeUs.get());
  const [content, setContent] = useState<Scrollback | null>(null);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    let gone = false;
    const { track } = player.state.get();
    if (track === null) return;
    void scrollbackAt(loader, player.timeline.get(), track, atUs).then((made) => {
      if (!gone) setContent(made);
    });
    return () => {
      gone = true;
    };
  }, []);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [content]);
  const startedMs = Date.parse(player.timeline.get().index.startedAt);
  return (
    <Dialog
      title={`Text up to ${formatSessionTime(atUs, { tenths: true })}`}
      testId="text-dialog"
      wide
      onClose={onClose}
    >
      <p class="hint">
        {formatClock(startedMs + atUs / 1000)}. Without colours, and without programs that draw the whole screen.
        {content?.cut === true ? ` The last ${MAX_LINES} lines; the export as text has all.` : ""}
      </p>
      {content === null ? (
        <p role="status">Loading…</p>
      ) : (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and is read with the keyboard */}
          <pre ref={box} class="scrollback" tabIndex={0} data-testid="scrollback">
            {content.text}
          </pre>
          <p class="scrollback-copy">
            Select what you need, or copy all of it <CopyButton text={content.text} what="all of it" />
          </p>
        </>
      )}
    </Dialog>
  );
}

export function isTerminal(opened: OpenedRecording | null): boolean {
  const track = opened?.player.state.get().track;
  return track != null && opened?.player.timeline.get().track(track)?.kind === "terminal";
}
