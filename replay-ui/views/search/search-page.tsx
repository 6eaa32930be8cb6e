// Search over everything recorded: one box, filters in the address, hits that open the player at their second, searches
// that are kept.
import "../../styles/search.css";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SearchPage as Found, SavedSearch, SearchGroup, SearchKind } from "../../../shared/api/search.ts";
import type { Me } from "../../../shared/api/types.ts";
import { ApiError } from "../../api/client.ts";
import { forgetSearch, listSearches, saveSearch, searchRecordings } from "../../api/search-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { SearchIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { WhoFilters } from "../../components/who-filters.tsx";
import { formatCount, formatPlural } from "../../format.ts";
import { replaceAddress } from "../../router.ts";
import { AskReason } from "../recording/ask-reason.tsx";
import {
  type Asked,
  addressOf,
  askedFrom,
  askedOf,
  isAsked,
  kindNames,
  nothingAsked,
  offeredKinds,
  requestOf,
  savedOf,
} from "./asked.ts";
import { GroupList, HitList } from "./hits.tsx";

const typingMs = 300;
const pageSize = 50;

export default function SearchPage({ me }: { me: Me }) {
  const [asked, setAsked] = useState<Asked>(() => askedFrom(location.search));
  const [session, setSession] = useState<SearchGroup | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [saving, setSaving] = useState(false);
  const saved = useLoad(listSearches, []);
  const box = useRef<HTMLInputElement>(null);
  const isFirst = useRef(true);
  const isSearching = isAsked(asked);

  const request = () => ({
    ...requestOf(asked),
    ...(session === null ? {} : { session: session.session, group: "" }),
    ...(reason === null ? {} : { reason }),
    limit: pageSize,
  });

  useEffect(() => {
    replaceAddress(`${location.pathname}${addressOf(asked)}`);
    if (!isSearching) {
      setFound(null);
      setError(null);
      return;
    }
    const abort = new AbortController();
    const load = async () => {
      setBusy(true);
      try {
        setFound(await searchRecordings(request(), abort.signal));
        setError(null);
      } catch (failure) {
        if (!abort.signal.aborted) setError(failure);
      } finally {
        if (!abort.signal.aborted) setBusy(false);
      }
    };
    const timer = setTimeout(() => void load(), isFirst.current ? 0 : typingMs);
    isFirst.current = false;
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [asked, session, attempt, reason]);

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof Element && event.target.closest("input, textarea, select, dialog") !== null;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
      box.current?.select();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  const change = (next: Partial<Asked>) => {
    setSession(null);
    setAsked({ ...asked, ...next });
  };
  const more = async () => {
    if (found?.next == null) return;
    setBusy(true);
    try {
      const next = await searchRecordings({ ...request(), cursor: found.next });
      const groups = [...(found.groups ?? []), ...(next.groups ?? [])];
      setFound({ ...next, items: [...found.items, ...next.items], ...(next.groups === undefined ? {} : { groups }) });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const isWrong = error instanceof ApiError && error.code === "REQUEST_INVALID";
  const asksWhy = error instanceof ApiError && error.code === "REASON_REQUIRED";

  return (
    <div class="container">
      <div class="page-head with-actions">
        <h1>Search</h1>
        <div class="page-actions">
          {isSearching ? (
            <button type="button" class="button" data-testid="search-save" onClick={() => setSaving(true)}>
              Keep this search
            </button>
          ) : null}
        </div>
      </div>
      <label class="search-box">
        <span class="visually-hidden">Words to search for</span>
        <SearchIcon size={18} />
        <input
          ref={box}
          type="search"
          value={asked.q}
          maxLength={500}
          placeholder="Commands, output, files, keys…"
          data-testid="search-box"
          aria-invalid={isWrong ? "true" : undefined}
          aria-describedby="search-help"
          onInput={(event) => change({ q: event.currentTarget.value })}
        />
        <kbd>/</kbd>
      </label>
      <p class="search-help" id="search-help">
        Words that must all be there; “a phrase” in quotation marks; valve* for what begins so; -word for what must not
        be there.
      </p>
      <Kinds chosen={asked.kinds} onChange={(kinds) => change({ kinds })} />
      <SearchFilters asked={asked} onChange={change} />
      <Saved
        items={saved.value ?? []}
        me={me}
        onChoose={(one) => change(askedOf(one.query, asked.bySession))}
        onForget={(one) => void forgetSearch(one.id).then(saved.reload, saved.reload)}
      />
      {asksWhy ? (
        <AskReason
          action="search"
          testId="reason-search"
          act={async (said) => {
            setError(null);
            setReason(said);
          }}
          onClose={() => {
            setError(null);
            change(nothingAsked);
          }}
        />
      ) : null}
      {session === null ? null : (
        <p class="notice">
          In the session of {session.person} on {session.target}.{" "}
          <button type="button" class="link-button" onClick={() => setSession(null)}>
            All sessions
          </button>
        </p>
      )}
      <div
        class={busy && found !== null ? "list-card busy" : "list-card"}
        aria-live="polite"
        data-testid="search-results"
      >
        {isWrong ? (
          <EmptyState icon={<SearchIcon size={26} />} title="This cannot be searched for" testId="search-wrong">
            {errorText(error)}
          </EmptyState>
        ) : error !== null && !asksWhy ? (
          <ErrorState error={error} onRetry={() => setAttempt(attempt + 1)} />
        ) : !isSearching ? (
          <EmptyState icon={<SearchIcon size={26} />} title="Search everything that was recorded" testId="search-empty">
            Who ran which command, what a controller answered, which file was copied. Each hit opens the recording at
            its second.
          </EmptyState>
        ) : found === null ? (
          <Loading />
        ) : found.items.length === 0 && (found.groups ?? []).length === 0 ? (
          <EmptyState icon={<SearchIcon size={26} />} title="Nothing was found" testId="search-nothing">
            Try fewer words, a part of one with *, or other filters.
          </EmptyState>
        ) : found.groups === undefined ? (
          <HitList hits={found.items} />
        ) : (
          <GroupList groups={found.groups} onMore={setSession} />
        )}
      </div>
      {found?.next == null || error !== null ? null : (
        <div class="more">
          <button type="button" class="button" disabled={busy} data-testid="search-more" onClick={() => void more()}>
            {busy ? "Loading…" : "Show more"}
          </button>
        </div>
      )}
      {found === null ? null : <Coverage of={found.coverage} />}
      {saving ? (
        <SaveDialog
          onClose={() => setSaving(false)}
          save={async (name, shared) => {
            await saveSearch({ name, query: savedOf(asked), shared });
            saved.reload();
            setSaving(false);
          }}
        />
      ) : null}
    </div>
  );
}

function Kinds({ chosen, onChange }: { chosen: readonly SearchKind[]; onChange: (kinds: SearchKind[]) => void }) {
  const toggle = (kind: SearchKind) =>
    onChange(chosen.includes(kind) ? chosen.filter((one) => one !== kind) : [...chosen, kind]);
  return (
    <fieldset class="search-kinds">
      <legend class="visually-hidden">Kinds</legend>
      {offeredKinds.map((kind) => (
        <button
          key={kind}
          type="button"
          class={chosen.includes(kind) ? "chip on" : "chip"}
          aria-pressed={chosen.includes(kind)}
          data-testid={`kind-${kind}`}
          onClick={() => toggle(kind)}
        >
          {kindNames[kind]}
        </button>
      ))}
    </fieldset>
  );
}

function SearchFilters({ asked, onChange }: { asked: Asked; onChange: (next: Partial<Asked>) => void }) {
  const time = (name: "from" | "to", label: string) => (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={asked[name]}
        data-testid={`search-${name}`}
        onInput={(event) => onChange({ [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <div class="search-filters">
      <WhoFilters asked={asked} page="search" onChange={onChange} />
      <label class="field">
        <span>Protocol</span>
        <select value={asked.protocol} onChange={(event) => onChange({ protocol: event.currentTarget.value })}>
          <option value="">Any</option>
          <option value="ssh">SSH</option>
          <option value="vnc">VNC</option>
        </select>
      </label>
      {time("from", "From")}
      {time("to", "To")}
      <label class="search-by-session">
        <input
          type="checkbox"
          checked={asked.bySession}
          data-testid="search-by-session"
          onChange={(event) => onChange({ bySession: event.currentTarget.checked })}
        />
        By session
      </label>
    </div>
  );
}

function Saved(props: {
  items: readonly SavedSearch[];
  me: Me;
  onChoose: (one: SavedSearch) => void;
  onForget: (one: SavedSearch) => void;
}) {
  if (props.items.length === 0) return null;
  return (
    <section class="saved-searches" aria-label="Kept searches">
      {props.items.map((one) => (
        <span key={one.id} class="saved-search" data-testid="saved-search">
          <button type="button" class="link-button" onClick={() => props.onChoose(one)}>
            {one.name}
          </button>
          {one.by === props.me.name ? (
            <button
              type="button"
              class="saved-forget"
              aria-label={`Forget ${one.name}`}
              onClick={() => props.onForget(one)}
            >
              ×
            </button>
          ) : (
            <span class="saved-by">of {one.by}</span>
          )}
        </span>
      ))}
    </section>
  );
}

function SaveDialog({
  save,
  onClose,
}: {
  save: (name: string, shared: boolean) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const [failure, setFailure] = useState("");
  return (
    <Dialog title="Keep this search" testId="save-search" onClose={onClose}>
      <form
        class="dialog-content"
        onSubmit={(event) => {
          event.preventDefault();
          save(name.trim(), shared).catch((error: unknown) => setFailure(errorText(error)));
        }}
      >
        <label class="field">
          <span>Name</span>
          <input
            value={name}
            maxLength={80}
            required
            data-testid="save-search-name"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="search-by-session">
          <input type="checkbox" checked={shared} onChange={(event) => setShared(event.currentTarget.checked)} />
          Colleagues see it, too
        </label>
        {failure === "" ? null : (
          <p class="form-error" role="alert">
            {failure}
          </p>
        )}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Back
          </button>
          <button type="submit" class="button primary" disabled={name.trim() === ""} data-testid="save-search-done">
            Keep it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Coverage({ of }: { of: Found["coverage"] }) {
  const { sessions, waiting, damaged, shortened, withoutContents } = of;
  const parts = [`${formatPlural(sessions, "recording")} searched`];
  if (waiting > 0) parts.push(`${formatCount(waiting)} not read yet`);
  if (damaged > 0) parts.push(`${formatCount(damaged)} damaged in part`);
  if (shortened > 0) parts.push(`${formatCount(shortened)} too large to be searched whole`);
  if (withoutContents > 0) parts.push(`${formatCount(withoutContents)} encrypted: found by who and where alone`);
  return (
    <p class="search-coverage" data-testid="search-coverage">
      {parts.join(" · ")}
    </p>
  );
}
