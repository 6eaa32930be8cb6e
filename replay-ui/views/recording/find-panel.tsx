// Looks for a text in the whole session: what is found is listed, and stands on the timeline.
import { useEffect, useRef, useState } from "preact/hooks";
import { SearchIcon } from "../../components/icons.tsx";
import { EmptyState } from "../../components/states.tsx";
import { VirtualList } from "../../components/virtual-list.tsx";
import { formatCount, formatPlural, formatSessionTime } from "../../format.ts";
import { type FindProgress, findAll, type Hit, type HitKind, MAX_HITS } from "../../player/find.ts";
import { upperBound } from "../../player/timeline.ts";
import { useStore } from "../../store.ts";
import { useMoment } from "./moment.ts";
import type { OpenedRecording } from "./opened.ts";

const TYPING_MS = 250;
const ROW_PX = 52;

const kindWords: Record<HitKind, string> = { output: "Output", typed: "Typed", file: "File", event: "Event" };

/** @param focus rises each time somebody wants to type here. */
export function FindPanel({ opened, focus }: { opened: OpenedRecording; focus: number }) {
  const { player, loader } = opened;
  const [query, setQuery] = useState("");
  const [progress, setProgress] = useState<FindProgress | null>(null);
  const [follow, setFollow] = useState(true);
  const range = useStore(opened.range);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, [focus]);

  useEffect(() => {
    const abort = new AbortController();
    setProgress(null);
    opened.hits.set([]);
    opened.wanted.set(query);
    if (query.trim() === "") return;
    const timer = setTimeout(() => {
      void findAll(loader, player.timeline.get(), query, abort.signal, (next) => {
        setProgress(next);
        opened.hits.set(next.hits);
      });
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [opened, query]);
  useEffect(
    () => () => {
      opened.hits.set([]);
      opened.wanted.set("");
    },
    [opened],
  );
  const onScreen = useStore(opened.onScreen);

  const all = progress?.hits ?? [];
  const first = range === null ? 0 : upperBound(all.length, (i) => all[i]!.atUs < range.fromUs);
  const last = range === null ? all.length : upperBound(all.length, (i) => all[i]!.atUs <= range.toUs);
  const shown = last - first;
  const current = useMoment(player, (atUs) => upperBound(all.length, (i) => all[i]!.atUs <= atUs) - 1, [progress]);

  const go = (hit: Hit) => {
    goToHit(opened, hit);
    setFollow(true);
  };
  const step = (direction: 1 | -1) => {
    stepToHit(opened, direction);
    setFollow(true);
  };

  return (
    <div class="find" data-testid="find">
      <search class="find-bar">
        <SearchIcon size={16} />
        <input
          ref={input}
          type="search"
          value={query}
          maxLength={200}
          placeholder="Find in the whole session"
          aria-label="Find in the whole session"
          spellcheck={false}
          data-testid="find-input"
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
            if (event.key === "Escape") {
              setQuery("");
              event.currentTarget.blur();
            }
          }}
        />
      </search>
      {progress === null ? (
        query.trim() === "" ? (
          <EmptyState icon={<SearchIcon size={24} />} title="Find in this session">
            Output of terminals, typed lines, files and events. Enter goes to the next, Shift and Enter to the one
            before.
          </EmptyState>
        ) : null
      ) : (
        <p class="find-state" role="status" data-testid="find-state" data-done={progress.done}>
          {said(progress, shown)}
        </p>
      )}
      {onScreen === 0 ? null : (
        <p class="find-on-screen" data-testid="find-on-screen">
          <mark>{formatCount(onScreen)}</mark> on the screen now
        </p>
      )}
      {shown === 0 ? null : (
        <VirtualList
          length={shown}
          rowHeight={ROW_PX}
          current={current < first || current >= last ? -1 : current - first}
          follow={follow}
          onFollow={setFollow}
          label="Found"
          testId="find-list"
          renderRow={(row) => {
            const hit = all[first + row];
            return hit === undefined ? null : (
              <button
                type="button"
                class={first + row === current ? "fact-row current" : "fact-row"}
                data-testid="find-hit"
                onClick={() => go(hit)}
              >
                <span class="row-time">{formatSessionTime(hit.atUs, { tenths: true })}</span>
                <span class="fact-text">
                  <span class="fact-title find-text">
                    {hit.text.slice(0, hit.from)}
                    <mark>{hit.text.slice(hit.from, hit.to)}</mark>
                    {hit.text.slice(hit.to)}
                  </span>
                  <span class="fact-detail">{kindWords[hit.kind]}</span>
                </span>
              </button>
            );
          }}
        />
      )}
    </div>
  );
}

function goToHit({ player }: OpenedRecording, hit: Hit): void {
  if (hit.kind === "output") player.setTrack(hit.track);
  void player.seek(hit.atUs);
}

/** To the next of what was found after this moment, or the one before it. */
export function stepToHit(opened: OpenedRecording, direction: 1 | -1): void {
  const hit = adjacentHit(opened.hits.get(), opened.player.timeUs.get(), direction);
  if (hit !== undefined) goToHit(opened, hit);
}

export function adjacentHit<T extends { atUs: number }>(
  hits: readonly T[],
  atUs: number,
  direction: 1 | -1,
): T | undefined {
  return direction === 1
    ? hits[upperBound(hits.length, (i) => hits[i]!.atUs <= atUs)]
    : hits[upperBound(hits.length, (i) => hits[i]!.atUs < atUs) - 1];
}

function said({ hits, read, total, unread, full, done }: FindProgress, shown: number): string {
  const found = full ? `The first ${formatCount(MAX_HITS)} are listed` : `${formatCount(hits.length)} found`;
  const here = shown === hits.length ? "" : `, ${formatCount(shown)} of them in this stretch`;
  if (!done) return `${found}${here}; ${formatCount(read)} of ${formatPlural(total, "segment")} read…`;
  const lost = unread === 0 ? "" : `; ${formatPlural(unread, "segment")} could not be read`;
  return `${found}${here}${lost}`;
}
