// Several recordings side by side on one wall-clock timeline, played in step. Each is checked and drawn as on its own page.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getIndex, getRecording, recordView } from "../../api/client.ts";
import { PauseIcon, PlayIcon, SearchIcon } from "../../components/icons.tsx";
import { StateBadge } from "../../components/state-badge.tsx";
import { EmptyState, errorText, LoadingPage } from "../../components/states.tsx";
import { formatClock, formatDay, formatSessionTime, formatZone, zone } from "../../format.ts";
import { speeds } from "../../player/clock.ts";
import { Together } from "../../player/together.ts";
import { comparePath, type Route, recordingPath, replaceAddress } from "../../router.ts";
import { useStore } from "../../store.ts";
import { openRecording } from "../recording/open-recording.ts";
import type { OpenedRecording } from "../recording/opened.ts";
import { Stage } from "../recording/stage.tsx";
import { Verdict } from "../recording/verdict.tsx";
import { ImportedList, useImportedOfAll } from "./compare-imported.tsx";
import { CompareScrubber } from "./compare-scrubber.tsx";
import type { Compared } from "./compared.ts";

type Loaded = { session: string; compared: Compared } | { session: string; problem: string };

const STEP_MS = 5_000;
const ADDRESS_MS = 1_000;

export default function ComparePage({ current }: { current: Route }) {
  const sessions = current.view === "compare" ? current.sessions : [];
  const [loaded, setLoaded] = useState<readonly Loaded[] | null>(null);
  useEffect(() => {
    let gone = false;
    const made: OpenedRecording[] = [];
    const load = async (session: string): Promise<Loaded> => {
      try {
        const [index, summary] = await Promise.all([getIndex(session), getRecording(session), recordView(session)]);
        const opened = openRecording(index, false);
        made.push(opened);
        const first = opened.player.timeline.get().mainTrack();
        opened.player.open(first?.name ?? null, 0, performance.now());
        void opened.player.pictured.then(() => opened.audit());
        return { session, compared: { session, summary, opened, startedMs: Date.parse(index.startedAt) } };
      } catch (error) {
        return { session, problem: errorText(error) };
      }
    };
    void Promise.all(sessions.map(load)).then((all) => {
      if (gone) for (const opened of made) opened.close();
      else setLoaded(all);
    });
    return () => {
      gone = true;
      for (const opened of made) opened.close();
    };
  }, []);
  if (sessions.length < 2) {
    return (
      <EmptyState icon={<SearchIcon size={26} />} title="Choose two recordings or more" testId="compare-empty" page>
        In the list of <a href="/">recordings</a>, press Select and choose those that you want beside each other.
      </EmptyState>
    );
  }
  if (loaded === null) return <LoadingPage />;
  return <Beside loaded={loaded} at={current.view === "compare" ? current.at : null} />;
}

function Beside({ loaded, at }: { loaded: readonly Loaded[]; at: string | null }) {
  const compared = useMemo(() => loaded.flatMap((one) => ("compared" in one ? [one.compared] : [])), [loaded]);
  const together = useMemo(() => {
    const members = compared.map(({ startedMs, opened }) => ({ startedMs, player: opened.player }));
    return new Together(members, at === null ? Math.max(...members.map(({ startedMs }) => startedMs)) : Date.parse(at));
  }, [compared]);
  useEffect(() => () => together.dispose(), [together]);
  const imported = useImportedOfAll(compared, together);
  useKeys(together);
  useAddress(together, loaded);
  useStore(zone);
  return (
    <div class="compare" data-testid="compare">
      <h1 class="visually-hidden">Recordings side by side</h1>
      <ul class={`compare-panes of-${loaded.length}`}>
        {loaded.map((one) =>
          "compared" in one ? (
            <Pane key={one.session} compared={one.compared} together={together} />
          ) : (
            <li key={one.session} class="compare-pane" data-testid="compare-problem">
              <p class="form-error">{one.problem}</p>
            </li>
          ),
        )}
      </ul>
      {compared.length === 0 ? null : (
        <section class="compare-controls" aria-label="Playback of all">
          <CompareScrubber together={together} compared={compared} imported={imported} />
          <ImportedList imported={imported} together={together} />
          <Controls together={together} />
        </section>
      )}
    </div>
  );
}

function Pane({ compared, together }: { compared: Compared; together: Together }) {
  const { summary, opened, startedMs } = compared;
  const place = useWall(together, (wallMs) => {
    const endMs = startedMs + opened.player.timeline.get().durationUs / 1_000;
    return wallMs < startedMs ? "before" : wallMs > endMs ? "after" : "during";
  });
  const second = useWall(together, (wallMs) => Math.max(0, Math.floor((wallMs - startedMs) / 1_000)));
  return (
    <li class="compare-pane" data-testid="compare-pane" data-session={compared.session} data-place={place}>
      <header class="compare-head">
        <h2>
          <a href={`${recordingPath(compared.session)}?t=${second}`} title="Open this recording at this moment">
            {summary.person} → {summary.target}
          </a>
        </h2>
        <StateBadge state={summary.state} />
        <span class="compare-time">{formatSessionTime(second * 1e6)}</span>
        <Verdict opened={opened} />
      </header>
      <div class="compare-stage">
        <Stage opened={opened} zoom="fit" screenZoom="fit" quiet />
        {place === "during" ? null : (
          <p class="compare-away" role="status">
            {place === "before"
              ? `Begins at ${formatClock(startedMs)}`
              : `Ended at ${formatClock(startedMs + opened.player.timeline.get().durationUs / 1_000)}`}
          </p>
        )}
      </div>
    </li>
  );
}

/** What follows from the moment of all; the component renders again only when that changes. */
function useWall<T extends string | number>(together: Together, derive: (wallMs: number) => T): T {
  const [value, setValue] = useState(() => derive(together.wallMs.get()));
  useEffect(() => {
    const update = () => setValue(derive(together.wallMs.get()));
    update();
    return together.wallMs.subscribe(update);
  }, [together]);
  return value;
}

function Controls({ together }: { together: Together }) {
  const { playing, speed, waiting } = useStore(together.state);
  const second = useWall(together, (wallMs) => Math.floor(wallMs / 1_000));
  const iso = new Date(second * 1_000).toISOString();
  return (
    <div class="transport">
      <button
        type="button"
        class="icon-button play-button"
        aria-label={playing ? "Pause" : "Play"}
        title={`${playing ? "Pause" : "Play"} all (space)`}
        data-testid="compare-play"
        data-status={playing ? "playing" : "paused"}
        onClick={() => together.toggle()}
      >
        {playing ? <PauseIcon size={20} /> : <PlayIcon size={20} />}
      </button>
      <time class="times" dateTime={iso} data-testid="compare-time">
        <strong>{formatClock(second * 1_000)}</strong>{" "}
        <span class="time-wall">
          {formatDay(iso)} {formatZone(second * 1_000)}
        </span>
      </time>
      <span class="compare-waiting" role="status">
        {waiting ? "Waiting for a part…" : ""}
      </span>
      <label class="compare-speed">
        Speed{" "}
        <select
          value={String(speed)}
          data-testid="compare-speed"
          onChange={(event) => together.state.update({ speed: Number(event.currentTarget.value) })}
        >
          {speeds.map((choice) => (
            <option key={choice} value={String(choice)}>
              {choice}×
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function useKeys(together: Together): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest("input, select, dialog, .menu-panel") != null) return;
      if (event.key === " " && target?.closest("button, a") == null) together.toggle();
      else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        const byMs = STEP_MS * (event.shiftKey ? 12 : 1) * (event.key === "ArrowLeft" ? -1 : 1);
        together.seek(together.wallMs.get() + byMs);
      } else if (event.key === "Home") together.seek(together.covered.fromMs);
      else if (event.key === "End") together.seek(together.covered.toMs);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [together]);
}

/** The address names the moment, so that it can be sent to a colleague or loaded anew. */
function useAddress(together: Together, loaded: readonly Loaded[]): void {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => {
    const end = together.wallMs.subscribe((wallMs) => {
      timer.current ??= setTimeout(() => {
        timer.current = null;
        const sessions = loaded.map(({ session }) => session);
        replaceAddress(comparePath(sessions, new Date(together.wallMs.get() ?? wallMs).toISOString()));
      }, ADDRESS_MS);
    });
    return () => {
      end();
      if (timer.current !== null) clearTimeout(timer.current);
    };
  }, [together]);
}
