// Beside the screen and in step with it: keystrokes, files, events. A click on one jumps there.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { RecordingSummary } from "../../../shared/api/types.ts";
import {
  DownloadIcon,
  FileIcon,
  KeyboardIcon,
  ListIcon,
  LockIcon,
  NoteIcon,
  PointerIcon,
  SearchIcon,
  UploadIcon,
} from "../../components/icons.tsx";
import { EmptyState } from "../../components/states.tsx";
import { type Holding, VirtualList } from "../../components/virtual-list.tsx";
import { formatCount, formatSessionTime } from "../../format.ts";
import { eventRows } from "../../lists/event-rows.ts";
import type { FactRow } from "../../lists/fact-row.ts";
import { fileRows } from "../../lists/file-rows.ts";
import type { KeyItem, KeyRow } from "../../lists/key-item.ts";
import { keyRows } from "../../lists/key-rows.ts";
import { type RowAnchor, type ToRows, TrackRows } from "../../lists/track-rows.ts";
import { useStore } from "../../store.ts";
import { FindPanel } from "./find-panel.tsx";
import { clearRange } from "./lanes.tsx";
import { useMoment } from "./moment.ts";
import { type NotesDesk, NotesTab } from "./notes.tsx";
import type { OpenedRecording } from "./opened.ts";

type Tab = "notes" | "input" | "files" | "events" | "find";

const KEY_ROW_PX = 34;
const FACT_ROW_PX = 52;
/** A row of typing holds about this many keystrokes; only for the length of what was not loaded yet. */
const ROWS_PER_KEYSTROKE = 1 / 8;

interface SidePanelProps {
  opened: OpenedRecording | null;
  summary: RecordingSummary | null;
  /** Left out or null: there is no tab for them. */
  notes?: NotesDesk | null;
}

export function SidePanel({ opened, summary, notes = null }: SidePanelProps) {
  const [tab, setTab] = useState<Tab>("input");
  useEffect(() => {
    if (notes?.composing === true) setTab("notes");
  }, [notes?.composing]);
  const [asked, setAsked] = useState(0);
  useEffect(
    () =>
      opened?.finding.subscribe((times) => {
        setTab("find");
        setAsked(times);
      }),
    [opened],
  );
  // Long counts leave no room for the last ones: the one that is shown is never out of sight.
  useEffect(
    () => document.getElementById(`tab-${tab}`)?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    [tab],
  );
  // Counted when the session has ended.
  const counted = summary !== null && summary.endedAt !== null;
  const counts: Record<Tab, number | null> = {
    input: counted ? summary.keystrokes : null,
    files: counted ? summary.files : null,
    notes: notes?.notes?.filter(({ struck }) => struck === null).length ?? null,
    events: null,
    find: null,
  };
  const tabs: { id: Tab; text: string; icon: ComponentChildren }[] = [
    { id: "input", text: "Keys", icon: <KeyboardIcon size={16} /> },
    { id: "files", text: "Files", icon: <FileIcon size={16} /> },
    { id: "events", text: "Events", icon: <ListIcon size={16} /> },
    { id: "find", text: "Find", icon: <SearchIcon size={16} /> },
  ];
  if (notes !== null) tabs.push({ id: "notes", text: "Notes", icon: <NoteIcon size={16} /> });
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = tabs[(tabs.findIndex(({ id }) => id === tab) + step + tabs.length) % tabs.length]!;
    setTab(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <aside class="side" aria-label="What was typed and done">
      <div class="tabs" role="tablist" onKeyDown={onKeyDown}>
        {tabs.map(({ id, text, icon }) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            class="tab"
            aria-selected={tab === id}
            aria-controls="side-list"
            tabIndex={tab === id ? 0 : -1}
            data-testid={`tab-${id}`}
            onClick={() => setTab(id)}
          >
            {icon} {id === "find" ? <span class="visually-hidden">{text}</span> : text}
            {counts[id] === null || (id === "notes" && counts[id] === 0) ? null : (
              <span class="tab-count">{formatCount(counts[id])}</span>
            )}
          </button>
        ))}
      </div>
      <div class="side-list" id="side-list" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {opened === null ? null : <RangeNotice opened={opened} />}
        {opened === null ? null : tab === "input" ? (
          <KeyList opened={opened} />
        ) : tab === "notes" ? (
          notes === null ? null : (
            <NotesTab opened={opened} desk={notes} />
          )
        ) : tab === "find" ? (
          <FindPanel opened={opened} focus={asked} />
        ) : (
          <FactList key={tab} opened={opened} track={tab} />
        )}
      </div>
    </aside>
  );
}

/** Rows of a track that follow the recording as it grows and is loaded. */
function useTrackRows<Row extends { atUs: number }>(
  opened: OpenedRecording,
  track: string,
  toRows: ToRows<Row>,
  rowsPerEvent: number,
) {
  const { player, loader } = opened;
  const rows = useMemo(
    () => new TrackRows(loader, player.timeline.get(), track, toRows, rowsPerEvent),
    [opened, track],
  );
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const bump = () => setVersion((old) => old + 1);
    let frame = 0;
    const ends = [
      player.timeline.subscribe((timeline) => {
        rows.setTimeline(timeline);
        bump();
      }),
      loader.onLoaded((n) => {
        if (!rows.concerns(n)) return;
        rows.refresh();
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(bump);
      }),
    ];
    rows.setTimeline(player.timeline.get());
    bump();
    return () => {
      cancelAnimationFrame(frame);
      for (const end of ends) end();
    };
  }, [rows]);
  const range = useStore(opened.range);
  const place = useMoment(player, (atUs) => rows.placeAt(atUs), [rows, version]);
  // Looking at rows teaches how many there are.
  const { length: all } = rows;
  useLayoutEffect(() => {
    if (rows.length !== all) setVersion((old) => old + 1);
  });
  // Of a chosen stretch the rows that begin within it.
  const first = range === null ? 0 : rows.placeAt(range.fromUs - 1) + 1;
  const last = range === null ? all : Math.max(first, rows.placeAt(range.toUs) + 1);
  const length = last - first;
  const current = place < first || place >= last ? -1 : place - first;
  const holding: Holding<RowAnchor> = {
    anchorOf: (row) => rows.anchorOf(first + row),
    placeOf: (anchor) => rows.placeOf(anchor) - first,
  };
  return { length, current, at: (row: number) => rows.at(first + row), rows, first, holding };
}

function KeyList({ opened }: { opened: OpenedRecording }) {
  const { rows, length, current, at, holding } = useTrackRows(opened, "input", keyRows, ROWS_PER_KEYSTROKE);
  const chosen = useStore(opened.range, (range) => range !== null);
  const [follow, setFollow] = useState(true);
  const { player } = opened;
  const nowUs = useMoment(
    player,
    (atUs) => {
      const slot = rows.placeAt(atUs) < 0 ? null : rows.at(rows.placeAt(atUs));
      return slot?.state === "row" ? (slot.row.items.findLast((item) => item.atUs <= atUs)?.atUs ?? -1) : -1;
    },
    [rows, current],
  );
  const trackOfChannel = (channel: number) =>
    player.timeline
      .get()
      .shown()
      .find((track) => track.channel === channel);
  const jump = (row: KeyRow, item: KeyItem) => {
    const track = trackOfChannel(row.channel);
    if (track !== undefined) player.setTrack(track.name);
    void player.seek(item.atUs);
    setFollow(true);
  };
  const shownTrack = useStore(player.state, (state) => state.track);
  if (length === 0 && chosen) return <NothingHere opened={opened} what="Nothing was typed" />;
  if (length === 0) {
    return (
      <EmptyState icon={<KeyboardIcon size={24} />} title="Nothing was typed">
        Keystrokes show here as they were typed, each with its time.
      </EmptyState>
    );
  }
  return (
    <>
      <VirtualList
        length={length}
        rowHeight={KEY_ROW_PX}
        current={current}
        follow={follow}
        onFollow={setFollow}
        holding={holding}
        label="Keystrokes"
        testId="key-list"
        renderRow={(place) => {
          const slot = at(place);
          if (slot.state !== "row") return <WaitingRow slot={slot} />;
          const { row } = slot;
          return (
            <div class={place === current ? "key-row current" : "key-row"} data-testid="key-row">
              <span class="row-time">{formatSessionTime(row.atUs, { tenths: true })}</span>
              {trackOfChannel(row.channel)?.name === shownTrack ? null : (
                <span class="row-channel">ch {row.channel}</span>
              )}
              {row.by === undefined ? null : (
                <span class="row-typist" title={`Typed by ${row.by}, not by the session's person`}>
                  {row.by === "conduit" ? "gateway" : row.by}
                </span>
              )}
              <span class="key-items">
                {row.items.map((item, i) => (
                  <KeyButton
                    key={i}
                    item={item}
                    now={place === current && item.atUs === nowUs}
                    onClick={() => jump(row, item)}
                  />
                ))}
              </span>
            </div>
          );
        }}
      />
      <FollowButton follow={follow} onFollow={() => setFollow(true)} />
    </>
  );
}

function KeyButton({ item, now, onClick }: { item: KeyItem; now: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      class={`key ${item.kind}${now ? " now" : ""}`}
      title={`${item.title === undefined ? "" : `${item.title} · `}${formatSessionTime(item.atUs, { tenths: true })}`}
      aria-label={item.title === undefined ? item.label : `${item.label}, ${item.title}`}
      data-kind={item.kind}
      data-at={item.atUs}
      onClick={onClick}
    >
      {item.kind === "secret" ? <LockIcon size={13} /> : item.kind === "pointer" ? <PointerIcon size={13} /> : null}
      {item.label}
    </button>
  );
}

function FactList({ opened, track }: { opened: OpenedRecording; track: "files" | "events" }) {
  const { length, current, at, holding } = useTrackRows(opened, track, track === "files" ? fileRows : eventRows, 1);
  const [follow, setFollow] = useState(true);
  const chosen = useStore(opened.range, (range) => range !== null);
  if (length === 0 && chosen) {
    return <NothingHere opened={opened} what={track === "files" ? "No files went through" : "No events"} />;
  }
  if (length === 0) {
    return track === "files" ? (
      <EmptyState icon={<FileIcon size={24} />} title="No files went through">
        Transfers by SFTP, SCP and rsync show here with their size and SHA-256.
      </EmptyState>
    ) : (
      <EmptyState icon={<ListIcon size={24} />} title="No events yet" />
    );
  }
  return (
    <>
      <VirtualList
        length={length}
        rowHeight={FACT_ROW_PX}
        current={current}
        follow={follow}
        onFollow={setFollow}
        holding={holding}
        label={track === "files" ? "Files" : "Events"}
        testId={`${track}-list`}
        renderRow={(place) => {
          const slot = at(place);
          if (slot.state !== "row") return <WaitingRow slot={slot} />;
          return (
            <FactButton
              row={slot.row}
              current={place === current}
              onClick={() => {
                void opened.player.seek(slot.row.atUs);
                setFollow(true);
              }}
            />
          );
        }}
      />
      <FollowButton follow={follow} onFollow={() => setFollow(true)} />
    </>
  );
}

function FactButton({ row, current, onClick }: { row: FactRow; current: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      class={`fact-row ${row.tone}${current ? " current" : ""}`}
      title={row.all}
      data-testid="fact-row"
      onClick={onClick}
    >
      <span class="row-time">{formatSessionTime(row.atUs, { tenths: true })}</span>
      <span class="fact-text">
        <span class="fact-title">
          {row.direction === undefined ? null : row.direction === "inbound" ? (
            <UploadIcon size={14} />
          ) : (
            <DownloadIcon size={14} />
          )}
          {row.title}
        </span>
        <span class="fact-detail">{row.detail}</span>
      </span>
    </button>
  );
}

function WaitingRow({ slot }: { slot: { state: "loading" } | { state: "bad"; message: string } }) {
  if (slot.state === "bad") return <div class="key-row bad">{slot.message}</div>;
  return (
    <div class="key-row">
      <span class="skeleton" style={{ width: "60%" }} />
    </div>
  );
}

function NothingHere({ opened, what }: { opened: OpenedRecording; what: string }) {
  return (
    <EmptyState icon={<ListIcon size={24} />} title={`${what} in this stretch`} testId="nothing-in-range">
      <button type="button" class="link-button" onClick={() => clearRange(opened)}>
        Show the whole session
      </button>
    </EmptyState>
  );
}

/** The lists show a part only, and say so. */
function RangeNotice({ opened }: { opened: OpenedRecording }) {
  const range = useStore(opened.range);
  if (range === null) return null;
  const tenths = range.toUs - range.fromUs < 600e6;
  return (
    <p class="range-notice" data-testid="range-notice">
      <span>
        Only {formatSessionTime(range.fromUs, { tenths })} – {formatSessionTime(range.toUs, { tenths })}
      </span>
      <button type="button" class="link-button" onClick={() => clearRange(opened)}>
        Show all
      </button>
    </p>
  );
}

function FollowButton({ follow, onFollow }: { follow: boolean; onFollow: () => void }) {
  if (follow) return null;
  return (
    <button type="button" class="follow-button" onClick={onFollow}>
      Back to the current moment
    </button>
  );
}
