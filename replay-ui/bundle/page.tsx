// The page of a bundle: the verdict, and below it the portal's own player on the bundle's files.
import { useEffect, useState } from "preact/hooks";
import type { RecordingSummary } from "../../shared/api/types.ts";
import { StateBadge } from "../components/state-badge.tsx";
import { formatBytes, formatDuration, formatMoment } from "../format.ts";
import { type ScreenZoom, screenZooms } from "../renderers/loupe.ts";
import { Channels } from "../views/recording/channels.tsx";
import { useFrameCopy } from "../views/recording/frame-copy.ts";
import { Lanes, LanesToggle } from "../views/recording/lanes.tsx";
import { useLanesShown } from "../views/recording/lanes-shown.ts";
import type { OpenedRecording } from "../views/recording/opened.ts";
import { Scrubber } from "../views/recording/scrubber.tsx";
import { ShortcutsDialog, useShortcuts } from "../views/recording/shortcuts.tsx";
import { SidePanel } from "../views/recording/side-panel.tsx";
import { Stage, type Zoom } from "../views/recording/stage.tsx";
import { isTerminal, TextDialog } from "../views/recording/text-dialog.tsx";
import { Transport } from "../views/recording/transport.tsx";
import { Verdict } from "../views/recording/verdict.tsx";
import { Examination } from "./examination.ts";
import { ExaminationPanel, FolderButton } from "./examination-panel.tsx";
import { type BundleFiles, folderFiles } from "./files.ts";
import { summaryOf } from "./source.ts";

export function BundlePage({ carried }: { carried: BundleFiles | null }) {
  const [examination, setExamination] = useState<Examination | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  const examine = async (files: BundleFiles) => {
    const before = examination?.files.kind === "carried" ? examination.state.get().findings : [];
    const next = await Examination.of(
      files,
      before.map(({ place, message }) => ({ place: place.startsWith("data/") ? place : `data: ${place}`, message })),
    );
    if (next.opened !== null && files.hasSegments) start(next.opened);
    setProblem(null);
    setExamination(next);
  };
  useEffect(() => {
    if (carried !== null) void examine(carried);
  }, []);
  useEffect(() => {
    if (examination === null) return;
    const abort = new AbortController();
    void examination.run(abort.signal);
    return () => {
      abort.abort();
      examination.opened?.close();
    };
  }, [examination]);

  const onFolder = (chosen: readonly File[]) => {
    const files = folderFiles(chosen);
    if (files === null)
      setProblem("This folder is no bundle: it has neither open.json nor manifest.json nor SHA256SUMS.");
    else void examine(files);
  };

  if (examination === null) return <NoBundle problem={problem} waiting={carried !== null} onFolder={onFolder} />;
  const { opened, records } = examination;
  const summary = records.manifest === null || records.open === null ? null : summaryOf(records.manifest, records.open);
  return (
    <main class="bundle" data-testid="bundle-page">
      <Title summary={summary} />
      {problem === null ? null : (
        <p class="notice warn" role="alert">
          {problem}
        </p>
      )}
      <ExaminationPanel examination={examination} onFolder={onFolder} />
      {opened === null || !examination.files.hasSegments ? null : (
        <PlayerOf key={examination.files.kind} opened={opened} summary={summary} />
      )}
    </main>
  );
}

function NoBundle(props: { problem: string | null; waiting: boolean; onFolder: (files: readonly File[]) => void }) {
  return (
    <main class="bundle" data-testid="no-bundle">
      <h1>Recorded session</h1>
      {props.waiting ? (
        <p role="status">Reading the bundle…</p>
      ) : (
        <>
          <p>
            {props.problem ??
              "This page checks and plays an evidence bundle. Its copies of the files are not beside it, or cannot be read: choose the folder of an unzipped bundle."}
          </p>
          <p>
            <FolderButton text="Choose the folder" onFolder={props.onFolder} />
          </p>
        </>
      )}
    </main>
  );
}

function start({ player }: OpenedRecording): void {
  const timeline = player.timeline.get();
  const track = timeline.mainTrack();
  const atUs = track === undefined ? 0 : (timeline.segments(track.name)[0]?.startUs ?? 0);
  player.open(track?.name ?? null, atUs, performance.now(), true);
}

function Title({ summary }: { summary: RecordingSummary | null }) {
  useEffect(() => {
    if (summary !== null) document.title = `${summary.person} → ${summary.target} · ${summary.startedAt}`;
  }, [summary?.session]);
  if (summary === null) return <h1>Recorded session</h1>;
  return (
    <div class="rec-title">
      <h1>
        <span>{summary.person}</span> <span class="who-arrow">→</span> <span>{summary.target}</span>
      </h1>
      <StateBadge state={summary.state} />
      <span class="rec-when">{formatMoment(summary.startedAt)}</span>
      <span class="rec-when">{formatDuration(summary.durationUs)}</span>
      <span class="rec-when">{formatBytes(summary.bytes)}</span>
    </div>
  );
}

function PlayerOf({ opened, summary }: { opened: OpenedRecording; summary: RecordingSummary | null }) {
  const [help, setHelp] = useState(false);
  const [text, setText] = useState(false);
  const [lanes, setLanes] = useLanesShown();
  const [zoom, setZoom] = useState<Zoom>(() => (window.innerWidth < 700 ? "readable" : "fit"));
  const [screenZoom, setScreenZoom] = useState<ScreenZoom>("fit");
  const frameCopy = useFrameCopy(opened, summary);
  const actions = {
    opened,
    help: () => setHelp(true),
    zoom: () => {
      const track = opened.player.state.get().track;
      const screen = track !== null && opened.player.timeline.get().track(track)?.kind === "screen";
      if (screen) setScreenZoom((old) => screenZooms[(screenZooms.indexOf(old) + 1) % screenZooms.length]!);
      else setZoom((old) => (old === "fit" ? "readable" : "fit"));
    },
    text: () => setText(isTerminal(opened)),
    copyFrame: frameCopy.copy,
    saveFrame: frameCopy.save,
    fullScreen: () => {
      if (document.fullscreenElement !== null) void document.exitFullscreen();
      else void document.querySelector(".player")?.requestFullscreen?.();
    },
  };
  useShortcuts(opened.player, actions);
  return (
    <div class="rec-main">
      <section class="player" aria-label="Player">
        <div class="player-bar">
          <Channels opened={opened} />
          <span class="player-facts" />
          <Verdict opened={opened} />
        </div>
        <Stage opened={opened} zoom={zoom} screenZoom={screenZoom} />
        <Scrubber opened={opened} lanes={<LanesToggle open={lanes} onToggle={() => setLanes(!lanes)} />} />
        {lanes ? <Lanes opened={opened} /> : null}
        <Transport
          opened={opened}
          zoom={zoom}
          onZoom={setZoom}
          screenZoom={screenZoom}
          onScreenZoom={setScreenZoom}
          actions={actions}
        />
        <div class={frameCopy.said === "" ? "page-toast" : "page-toast shown"} role="status">
          {frameCopy.said}
        </div>
      </section>
      <SidePanel opened={opened} summary={summary} />
      {text ? <TextDialog opened={opened} onClose={() => setText(false)} /> : null}
      {help ? <ShortcutsDialog onClose={() => setHelp(false)} /> : null}
    </div>
  );
}
