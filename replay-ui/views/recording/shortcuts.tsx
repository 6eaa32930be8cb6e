// The player's keys: one table, from which both the handler and the help dialog are made.
import { useEffect, useRef } from "preact/hooks";
import { Dialog } from "../../components/dialog.tsx";
import { fasterThan, slowerThan } from "../../player/clock.ts";
import type { Player } from "../../player/player.ts";
import { stepToHit } from "./find-panel.tsx";
import { clearRange, zoomAtPlayhead } from "./lanes.tsx";
import type { OpenedRecording } from "./opened.ts";

interface Shortcut {
  keys: string[];
  /** As shown in the help. */
  shown: string[];
  text: string;
  run: (player: Player, event: KeyboardEvent) => void;
}

export interface PageActions {
  help: () => void;
  fullScreen: () => void;
  /** Left out where nothing can be linked to. */
  copyLink?: () => void;
  zoom: () => void;
  /** The terminal's text, to be selected and copied. */
  text?: (() => void) | undefined;
  copyFrame: () => void;
  saveFrame: () => void;
  /** Left out where there are no notes. */
  note?: () => void;
  bookmark?: () => void;
  /** What the page has beside the player, where it has it. */
  opened?: OpenedRecording | undefined;
}

const SECOND_US = 1_000_000;

function withOpened(actions: PageActions, run: (opened: OpenedRecording) => unknown): void {
  if (actions.opened !== undefined) run(actions.opened);
}

function startFinding({ finding }: OpenedRecording): void {
  finding.set(finding.get() + 1);
}

/** Where the other end is not on the right side of it, the stretch goes to the session's. */
function markRange({ player, range }: OpenedRecording, atUs: number, first: boolean): void {
  const durationUs = player.timeline.get().durationUs;
  const now = range.get() ?? { fromUs: 0, toUs: durationUs };
  const next = first
    ? { fromUs: atUs, toUs: now.toUs > atUs ? now.toUs : durationUs }
    : { fromUs: now.fromUs < atUs ? now.fromUs : 0, toUs: atUs };
  if (next.toUs > next.fromUs) range.set(next);
}

function shortcuts(actions: PageActions): Shortcut[] {
  const endUs = (player: Player) => player.timeline.get().durationUs;
  return [
    { keys: [" ", "k"], shown: ["Space"], text: "Play or pause", run: (player) => player.toggle() },
    {
      keys: ["ArrowLeft", "ArrowRight"],
      shown: ["←", "→"],
      text: "5 seconds back or on; with Shift one minute",
      run: (player, event) =>
        player.seekBy((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 60 : 5) * SECOND_US),
    },
    {
      keys: ["<"],
      shown: ["<"],
      text: "Slower",
      run: (player) => player.setSpeed(slowerThan(player.state.get().speed)),
    },
    {
      keys: [">"],
      shown: [">"],
      text: "Faster",
      run: (player) => player.setSpeed(fasterThan(player.state.get().speed)),
    },
    {
      keys: ["i"],
      shown: ["i"],
      text: "Skip idle time, on or off",
      run: (player) => player.setSkipIdle(!player.state.get().skipIdle),
    },
    { keys: [","], shown: [","], text: "Previous change of the screen", run: (player) => void player.step(-1) },
    { keys: ["."], shown: ["."], text: "Next change of the screen", run: (player) => void player.step(1) },
    { keys: ["["], shown: ["["], text: "Previous key or click", run: (player) => void player.stepKey(-1) },
    { keys: ["]"], shown: ["]"], text: "Next key or click", run: (player) => void player.stepKey(1) },
    {
      keys: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
      shown: ["0", "…", "9"],
      text: "To 0 %, 10 %, … 90 % of the session",
      run: (player, event) =>
        void (event.key === "0" ? player.home() : player.seek((endUs(player) * Number(event.key)) / 10)),
    },
    {
      keys: ["Home", "End"],
      shown: ["Home", "End"],
      text: "To the start or the end",
      run: (player, event) => void (event.key === "Home" ? player.home() : player.seek(endUs(player))),
    },
    {
      keys: ["l"],
      shown: ["l"],
      text: "Stay at the newest moment of a live session",
      run: (player) => {
        if (player.timeline.get().index.live) void player.follow();
      },
    },
    { keys: ["c"], shown: ["c"], text: "Copy a link to this moment", run: () => actions.copyLink?.() },
    { keys: ["z"], shown: ["z"], text: "Larger, or fit the whole screen", run: () => actions.zoom() },
    {
      keys: ["x"],
      shown: ["x"],
      text: "Magnifier on a VNC screen; arrow keys move it, Esc puts it away",
      run: (player) =>
        withOpened(actions, ({ lens }) => {
          const track = player.state.get().track;
          if (track !== null && player.timeline.get().track(track)?.kind === "screen") lens.set(!lens.get());
        }),
    },
    { keys: ["t"], shown: ["t"], text: "Text of a terminal, to select and copy", run: () => actions.text?.() },
    { keys: ["p"], shown: ["p"], text: "Copy the frame of a VNC screen as PNG", run: () => actions.copyFrame() },
    { keys: ["P"], shown: ["Shift", "p"], text: "Save it as a file", run: () => actions.saveFrame() },
    {
      keys: ["+", "="],
      shown: ["+"],
      text: "Timeline nearer",
      run: () => withOpened(actions, (opened) => zoomAtPlayhead(opened, 0.5)),
    },
    {
      keys: ["-"],
      shown: ["-"],
      text: "Timeline further",
      run: () => withOpened(actions, (opened) => zoomAtPlayhead(opened, 2)),
    },
    {
      keys: ["w"],
      shown: ["w"],
      text: "The whole session on the timeline",
      run: () => withOpened(actions, (opened) => opened.window.set(null)),
    },
    {
      keys: ["a", "b"],
      shown: ["a", "b"],
      text: "A stretch from here; to here: lists show it alone",
      run: (player, event) =>
        withOpened(actions, (opened) => markRange(opened, player.timeUs.get(), event.key === "a")),
    },
    {
      keys: ["r"],
      shown: ["r"],
      text: "Repeat the stretch, or not",
      run: () => withOpened(actions, (opened) => opened.range.get() !== null && opened.loop.set(!opened.loop.get())),
    },
    {
      keys: ["/"],
      shown: ["/"],
      text: "Find in the whole session; Ctrl F as well",
      run: () => withOpened(actions, startFinding),
    },
    {
      keys: ["n", "N"],
      shown: ["n", "N"],
      text: "Next of what was found; the one before",
      run: (_player, event) => withOpened(actions, (opened) => stepToHit(opened, event.key === "n" ? 1 : -1)),
    },
    {
      keys: ["Escape"],
      shown: ["Esc"],
      text: "Put the magnifier away; choose no stretch",
      run: () => withOpened(actions, (opened) => (opened.lens.get() ? opened.lens.set(false) : clearRange(opened))),
    },
    { keys: ["e"], shown: ["e"], text: "Write a note at this moment, or on the stretch", run: () => actions.note?.() },
    { keys: ["m"], shown: ["m"], text: "Set a bookmark at this moment", run: () => actions.bookmark?.() },
    { keys: ["f"], shown: ["f"], text: "Full screen", run: () => actions.fullScreen() },
    { keys: ["?"], shown: ["?"], text: "This list", run: () => actions.help() },
  ];
}

/** The page's actions are new at each render; the table is made once. */
function throughLatest(latest: { current: PageActions }): PageActions {
  return {
    help: () => latest.current.help(),
    fullScreen: () => latest.current.fullScreen(),
    copyLink: () => latest.current.copyLink?.(),
    zoom: () => latest.current.zoom(),
    text: () => latest.current.text?.(),
    copyFrame: () => latest.current.copyFrame(),
    saveFrame: () => latest.current.saveFrame(),
    note: () => latest.current.note?.(),
    bookmark: () => latest.current.bookmark?.(),
    get opened() {
      return latest.current.opened;
    },
  };
}

export function useShortcuts(player: Player | null, actions: PageActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (player === null) return;
    const table = shortcuts(throughLatest(latest));
    const onKey = (event: KeyboardEvent) => {
      const { opened } = latest.current;
      if ((event.ctrlKey || event.metaKey) && event.key === "f" && !event.shiftKey && opened !== undefined) {
        const at = event.target instanceof Element ? event.target : null;
        // Where keys go to the target, this one does, too; and a dialog over the page is searched by the browser.
        if (at?.closest("dialog, .control-surface") != null) return;
        event.preventDefault();
        startFinding(opened);
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest("input, textarea, select, dialog, [role=tablist], .menu-panel, .control-surface") != null)
        return;
      if ((event.key === " " || event.key === "Enter") && target?.closest("button, a") != null) return;
      // It puts away what stands open, wherever the focus has gone meanwhile.
      if (event.key === "Escape" && document.querySelector(".menu-panel") !== null) return;
      // The timeline, the magnifier and a screen that scrolls have the arrow keys while they have the focus.
      if (event.key.startsWith("Arrow") && target?.closest(".lanes, .magnified, .zoomed") != null) return;
      const shortcut = table.find(({ keys }) => keys.includes(event.key));
      if (shortcut === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      shortcut.run(player, event);
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, [player]);
}

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const nothing = { help() {}, fullScreen() {}, copyLink() {}, zoom() {}, copyFrame() {}, saveFrame() {} };
  return (
    <Dialog title="Keyboard shortcuts" testId="shortcuts-dialog" onClose={onClose}>
      <dl class="shortcuts">
        {shortcuts(nothing).map(({ shown, text }) => (
          <div key={text} class="shortcut">
            <dt>{shown.map((key) => (key === "…" ? <span key={key}>…</span> : <kbd key={key}>{key}</kbd>))}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
