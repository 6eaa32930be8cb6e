// The list of recordings: filters in the address bar (so that a filtered list can be sent to a colleague), days as
// headings, more rows on demand. Live ones are refreshed while the page is open.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Me, RecordingPage, RecordingSummary } from "../../shared/api/types.ts";
import { hasRole } from "../account.ts";
import { ApiError, listRecordings, OfflineError } from "../api/client.ts";
import { SearchIcon, TerminalIcon } from "../components/icons.tsx";
import { ProtocolTag } from "../components/protocol-tag.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { EmptyState, ErrorState } from "../components/states.tsx";
import {
  dayKey,
  formatBytes,
  formatClock,
  formatCount,
  formatDay,
  formatDuration,
  formatPlural,
  formatZone,
} from "../format.ts";
import { comparePath, MAX_COMPARED, navigate, recordingPath, replaceAddress } from "../router.ts";
import type { AddToCase } from "./cases/add-to-case.tsx";
import { AskReason } from "./recording/ask-reason.tsx";
import { loadRecordingView, prepareRecording } from "./recording/prepare.ts";
import {
  Filters,
  type FilterValues,
  filtersFromAddress,
  filtersToAddress,
  hasFilters,
  noFilters,
  queryOf,
} from "./recording-filters.tsx";

const PAGE_SIZE = 50;
const REFRESH_MS = 5_000;
const TYPING_MS = 250;
const MAX_CHOSEN = 100;

export function RecordingsView({ me }: { me: Me }) {
  const [filters, setFilters] = useState<FilterValues>(() => filtersFromAddress(location.search));
  const [page, setPage] = useState<RecordingPage | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [reason, setReason] = useState<string | null>(null);
  /** Asked of searches alone: the list as it is needs none. */
  const said = reason === null || !hasFilters(filters) ? {} : { reason };
  const [offline, setOffline] = useState(false);
  const [busy, setBusy] = useState(true);
  const [loadingMore, setLoadingMore] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const firstRun = useRef(true);
  /** In the order in which they were chosen; null: nobody chooses. */
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const mayWatch = hasRole(me, "admin", "escort", "investigator", "auditor");

  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      setBusy(true);
      try {
        setPage(await listRecordings({ ...queryOf(filters), ...said, limit: PAGE_SIZE }, abort.signal));
        setError(null);
        setOffline(false);
      } catch (failure) {
        if (abort.signal.aborted) return;
        setError(failure);
      } finally {
        if (!abort.signal.aborted) setBusy(false);
      }
    };
    replaceAddress(`${location.pathname}${filtersToAddress(filters)}`);
    const timer = setTimeout(() => void load(), firstRun.current ? 0 : TYPING_MS);
    firstRun.current = false;
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [filters, attempt, reason]);

  // What is on the first page is asked for again, so that sessions appear and end while one looks on.
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden") return;
      listRecordings({ ...queryOf(filters), ...said, limit: PAGE_SIZE }).then(
        (fresh) => {
          setOffline(false);
          setError(null);
          setPage((old) => (old === null ? fresh : merge(fresh, old)));
        },
        (failure: unknown) => setOffline(failure instanceof OfflineError),
      );
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [filters, reason]);

  useEffect(() => {
    const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 500));
    const warmUp = () => loadRecordingView().then((view) => idle(() => void view.warmUp()));
    idle(() => void warmUp().catch(() => {}));
  }, []);

  const more = async () => {
    if (page?.next == null) return;
    setLoadingMore(true);
    try {
      const next = await listRecordings({ ...queryOf(filters), ...said, limit: PAGE_SIZE, cursor: page.next });
      setPage({ ...next, items: [...page.items, ...next.items] });
    } catch (failure) {
      setOffline(failure instanceof OfflineError);
    } finally {
      setLoadingMore(false);
    }
  };

  return (
    <div class="container">
      <div class="page-head">
        <h1>Recordings</h1>
        <span class="page-count" data-testid="recordings-total" aria-live="polite">
          {page === null ? "\u00a0" : formatPlural(page.total, "recording")}
        </span>
        {mayWatch ? <RowChoice me={me} chosen={chosen} onChange={setChosen} /> : null}
      </div>
      <Filters values={filters} onChange={setFilters} />
      {error instanceof ApiError && error.code === "REASON_REQUIRED" ? (
        <AskReason
          action="search"
          testId="reason-search"
          act={async (said) => {
            setError(null);
            setReason(said);
          }}
          onClose={() => {
            setError(null);
            setFilters(noFilters);
          }}
        />
      ) : null}
      {offline && page !== null ? (
        <p class="notice warn" role="status">
          The recorder does not answer. What you see may be out of date; this page retries by itself.
        </p>
      ) : null}
      <div class={busy && page !== null ? "list-card busy" : "list-card"} data-testid="recordings-list">
        {error !== null && page === null ? (
          <ErrorState error={error} onRetry={() => setAttempt(attempt + 1)} />
        ) : page === null ? (
          <ListSkeleton />
        ) : page.items.length === 0 ? (
          hasFilters(filters) ? (
            <EmptyState icon={<SearchIcon size={26} />} title="Nothing matches these filters" testId="recordings-empty">
              <button type="button" class="link-button" onClick={() => setFilters(noFilters)}>
                Clear the filters
              </button>
            </EmptyState>
          ) : (
            <EmptyState icon={<TerminalIcon size={26} />} title="No recordings yet" testId="recordings-empty">
              A session appears here as soon as somebody connects through the gateway.
            </EmptyState>
          )
        ) : (
          <RecordingTable items={page.items} mayWatch={mayWatch} choice={chosen} onChoice={setChosen} />
        )}
      </div>
      {page?.next != null ? (
        <div class="more">
          <button
            type="button"
            class="button"
            disabled={loadingMore}
            data-testid="recordings-more"
            onClick={() => void more()}
          >
            {loadingMore ? "Loading…" : `Show more (${formatCount(page.total - page.items.length)} left)`}
          </button>
        </div>
      ) : null}
    </div>
  );
}

/** Fresh first rows, then the older ones that were paged in. */
function merge(fresh: RecordingPage, old: RecordingPage): RecordingPage {
  const seen = new Set(fresh.items.map((item) => item.session));
  const rest = old.items.slice(PAGE_SIZE).filter((item) => !seen.has(item.session));
  return rest.length === 0 ? fresh : { items: [...fresh.items, ...rest], next: old.next, total: fresh.total };
}

/** Choosing recordings: to be looked at side by side, or to be added to a case. */
function RowChoice(props: {
  me: Me;
  chosen: readonly string[] | null;
  onChange: (chosen: readonly string[] | null) => void;
}) {
  const { me, chosen, onChange } = props;
  const [Adding, setAdding] = useState<typeof AddToCase | null>(null);
  if (chosen === null) {
    return (
      <button type="button" class="button compare-chosen" data-testid="compare-start" onClick={() => onChange([])}>
        Select
      </button>
    );
  }
  return (
    <span class="compare-chosen">
      <span role="status">{chosen.length === 0 ? "Choose recordings" : `${chosen.length} chosen`}</span>
      <button
        type="button"
        class="button primary"
        disabled={chosen.length < 2 || chosen.length > MAX_COMPARED}
        title={`Two to ${MAX_COMPARED} recordings on one clock`}
        data-testid="compare-open"
        onClick={() => navigate(comparePath(chosen))}
      >
        Side by side
      </button>
      <button
        type="button"
        class="button"
        disabled={chosen.length === 0}
        data-testid="chosen-add-to-case"
        onClick={() => void import("./cases/add-to-case.tsx").then((parts) => setAdding(() => parts.AddToCase))}
      >
        Add to case…
      </button>
      <button type="button" class="button" data-testid="compare-cancel" onClick={() => onChange(null)}>
        Cancel
      </button>
      {Adding === null ? null : <Adding sessions={chosen} me={me} onClose={() => setAdding(null)} />}
    </span>
  );
}

interface Choice {
  mayWatch: boolean;
  choice: readonly string[] | null;
  onChoice: (chosen: readonly string[]) => void;
}

function RecordingTable({ items, ...choosing }: { items: RecordingSummary[] } & Choice) {
  const rows: preact.JSX.Element[] = [];
  let lastDay = "";
  for (const item of items) {
    const day = dayKey(item.startedAt);
    if (day !== lastDay) {
      rows.push(
        <tr key={`day-${day}`} class="day-row">
          <th colSpan={6} scope="rowgroup">
            {formatDay(item.startedAt)}
          </th>
        </tr>,
      );
      lastDay = day;
    }
    rows.push(<RecordingRow key={item.session} item={item} {...choosing} />);
  }
  return (
    <table class="recordings">
      <thead>
        <tr>
          <th scope="col">
            Started <span class="th-zone">{formatZone(Date.now())}</span>
          </th>
          <th scope="col">Person and target</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Length
          </th>
          <th scope="col" class="number">
            Keys
          </th>
          <th scope="col" class="number">
            Size
          </th>
        </tr>
      </thead>
      <tbody>{rows}</tbody>
    </table>
  );
}

function RecordingRow({ item, mayWatch, choice, onChoice }: { item: RecordingSummary } & Choice) {
  const isChosen = choice?.includes(item.session) === true;
  const who = (
    <>
      <span class="who-person">{item.person}</span>
      <span class="visually-hidden"> on </span>
      <span class="who-arrow" aria-hidden="true">
        →
      </span>
      <span class="who-target">{item.target}</span>
    </>
  );
  return (
    <tr
      class={mayWatch ? "recording-row" : "recording-row still"}
      data-testid="recording-row"
      data-session={item.session}
      data-state={item.state}
    >
      <td class="cell-time">{formatClock(Date.parse(item.startedAt)).slice(0, 5)}</td>
      <td class="cell-who">
        {choice === null ? null : (
          <input
            type="checkbox"
            class="compare-check"
            checked={isChosen}
            disabled={!isChosen && choice.length >= MAX_CHOSEN}
            aria-label={`Choose ${item.person} on ${item.target}, ${formatDay(item.startedAt)}`}
            data-testid="compare-check"
            onChange={() =>
              onChoice(isChosen ? choice.filter((session) => session !== item.session) : [...choice, item.session])
            }
          />
        )}
        {mayWatch ? (
          <a
            href={recordingPath(item.session)}
            class="row-link"
            onPointerDown={(event) => event.button === 0 && prepareRecording(item.session)}
          >
            {who}
          </a>
        ) : (
          <span class="row-link">{who}</span>
        )}
        <span class="who-more">
          <ProtocolTag protocol={item.protocol} />
          <span>{item.clientAddress}</span>
          {item.files > 0 ? <span>{formatPlural(item.files, "file")}</span> : null}
          {item.redactions > 0 ? <span>{formatPlural(item.redactions, "password")} kept out</span> : null}
          {item.gaps > 0 ? <span class="text-bad">{formatPlural(item.gaps, "gap")}</span> : null}
        </span>
      </td>
      <td class="cell-state">
        <StateBadge state={item.state} />
      </td>
      <td class="cell-length number">{formatDuration(lengthUs(item))}</td>
      <td class="cell-keys number">{item.endedAt === null ? "–" : formatCount(item.keystrokes)}</td>
      <td class="cell-size number">{item.endedAt === null ? "–" : formatBytes(item.bytes)}</td>
    </tr>
  );
}

/** What a session counted is known when it has ended; how long it goes on already is known at any time. */
function lengthUs(item: RecordingSummary): number {
  if (item.endedAt !== null) return item.durationUs;
  return Math.max(item.durationUs, (Date.now() - Date.parse(item.startedAt)) * 1_000);
}

function ListSkeleton() {
  return (
    <div class="skeleton-list" aria-label="Loading" role="status">
      {Array.from({ length: 8 }, (_, i) => (
        <div key={i} class="skeleton-row">
          <span class="skeleton" style={{ width: "48px" }} />
          <span class="skeleton" style={{ width: `${180 + ((i * 47) % 120)}px` }} />
          <span class="skeleton" style={{ width: "72px" }} />
        </div>
      ))}
    </div>
  );
}
