// The ledger for auditors: how far it goes, who vouches for it, and its entries, each of which shows its proof and is checked
// here, in the browser, against the checkpoint's root.
import "../../styles/ledger.css";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LedgerPage, LedgerProof, LedgerState } from "../../../shared/api/ledger.ts";
import { fromHex, utf8 } from "../../../shared/ledger/bytes.ts";
import { parseCheckpoint } from "../../../shared/ledger/checkpoint.ts";
import { type LedgerEntry, parseEntry } from "../../../shared/ledger/entry.ts";
import { leafHash, verifyInclusion } from "../../../shared/ledger/merkle.ts";
import { getLedger, getProof, type LedgerFilters, listEntries } from "../../api/ledger-client.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { ListIcon, SearchIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatCount, formatMoment, formatPlural, sentence } from "../../format.ts";
import { recordingPath } from "../../router.ts";
import { sha256 } from "../../verify/sha256.ts";
import { entryWords, isFault, typeChoices } from "./entry-words.ts";

const refreshMs = 15_000;

export default function LedgerView() {
  const state = useLoad(getLedger, [], refreshMs);
  return (
    <div class="container">
      <div class="page-head">
        <h1>Ledger</h1>
        <span class="page-count" aria-live="polite">
          {state.value === null ? "\u00a0" : formatPlural(state.value.size, "entry", "entries")}
        </span>
      </div>
      {state.value === null ? (
        <div class="list-card">
          {state.error === null ? <Loading rows={3} /> : <ErrorState error={state.error} onRetry={state.reload} />}
        </div>
      ) : (
        <>
          <Standing state={state.value} />
          <Entries key="entries" />
        </>
      )}
    </div>
  );
}

function Standing({ state }: { state: LedgerState }) {
  const { checkpoint, anchors, anchoredSize, storedSize, size } = state;
  return (
    <section class="ledger-standing" aria-label="What vouches for the ledger" data-testid="ledger-standing">
      <div class="list-card ledger-fact">
        <h2>Newest checkpoint</h2>
        {checkpoint === null ? (
          <p>None is signed yet.</p>
        ) : (
          <>
            <p class="ledger-figure">{checkpoint.at === null ? "signed" : formatMoment(checkpoint.at)}</p>
            <p class="dim">
              Over {formatPlural(checkpoint.size, "entry", "entries")}
              {checkpoint.size < size ? `; ${formatCount(size - checkpoint.size)} came since` : ""}.{" "}
              <CopyButton text={checkpoint.note} what="the checkpoint" />
            </p>
          </>
        )}
      </div>
      <div class="list-card ledger-fact">
        <h2>In the store</h2>
        <p class="ledger-figure">{formatPlural(storedSize, "entry", "entries")}</p>
        <p class="dim">Entries go there with their checkpoint.</p>
      </div>
      <div class="list-card ledger-fact">
        <h2>Anchored outside</h2>
        {anchoredSize === null ? (
          <p>
            Nowhere. Without an anchor, whoever holds this machine and its keys could write another ledger; name one in{" "}
            <code>ledger.anchors</code>.
          </p>
        ) : (
          <>
            <p class="ledger-figure">{formatPlural(anchoredSize, "entry", "entries")}</p>
            <ul class="ledger-anchors">
              {anchors.map((anchor) => (
                <li key={anchor.name}>
                  <span class="ledger-name">{anchor.name}</span>{" "}
                  {anchor.failing === null ? (
                    <span class="dim">has {formatCount(anchor.size)}</span>
                  ) : (
                    <span class="text-bad">{sentence(anchor.failing)}</span>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      <div class="list-card ledger-fact">
        <h2>Head</h2>
        <p class="ledger-hash">
          <code>{state.head}</code> <CopyButton text={state.head} what="the hash of the newest entry" />
        </p>
        <p class="dim">
          {state.rootKeyId === null ? "No root key vouches for the signing keys." : `Root key ${state.rootKeyId}; `}
          {state.rootKeyId === null
            ? ""
            : state.keys.map(({ keyId, state: is }) => `${keyId.slice(0, 8)} ${is}`).join(", ")}
        </p>
      </div>
    </section>
  );
}

function Entries() {
  const [filters, setFilters] = useState<LedgerFilters>({});
  const [page, setPage] = useState<LedgerPage | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const newest = useRef(0);
  const load = async (before: LedgerPage | null) => {
    const mine = ++newest.current;
    setBusy(true);
    try {
      const next = await listEntries(filters, before?.next ?? undefined);
      if (mine !== newest.current) return;
      setPage({ items: [...(before?.items ?? []), ...next.items], next: next.next });
      setError(null);
    } catch (failure) {
      if (mine === newest.current) setError(failure);
    } finally {
      if (mine === newest.current) setBusy(false);
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => void load(null), page === null ? 0 : 250);
    return () => clearTimeout(timer);
  }, [JSON.stringify(filters)]);
  return (
    <>
      <EntryFilters filters={filters} onChange={setFilters} />
      <div class="list-card" data-testid="ledger-entries">
        {error !== null ? (
          <ErrorState error={error} onRetry={() => void load(null)} />
        ) : page === null ? (
          <Loading />
        ) : page.items.length === 0 && page.next === null ? (
          <EmptyState icon={<ListIcon size={26} />} title="No such entries" />
        ) : (
          <table class="audit ledger">
            <thead>
              <tr>
                <th scope="col">No.</th>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col">Who</th>
                <th scope="col">Subject and facts</th>
              </tr>
            </thead>
            <tbody>
              {page.items.map((entry) => (
                <EntryRow key={entry.n} entry={entry} />
              ))}
            </tbody>
          </table>
        )}
      </div>
      {page?.next != null && error === null ? (
        <div class="more">
          <button type="button" class="button" disabled={busy} onClick={() => void load(page)}>
            {busy ? "Loading…" : "Look further back"}
          </button>
        </div>
      ) : null}
    </>
  );
}

function EntryFilters({ filters, onChange }: { filters: LedgerFilters; onChange: (next: LedgerFilters) => void }) {
  const set = (name: keyof LedgerFilters, value: string) =>
    onChange({ ...filters, [name]: value.trim() === "" ? undefined : value.trim() });
  const text = (name: "subject" | "actor", label: string) => (
    <label class="filter filter-text">
      <span class="filter-label">{label}</span>
      <SearchIcon size={15} />
      <input
        type="search"
        placeholder="Any"
        maxLength={200}
        value={filters[name] ?? ""}
        data-testid={`filter-${name}`}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  return (
    <search>
      <form class="filters" aria-label="Filter entries" onSubmit={(event) => event.preventDefault()}>
        <label class="filter">
          <span class="filter-label">What</span>
          <select
            value={filters.type ?? ""}
            data-testid="filter-type"
            onChange={(event) => set("type", event.currentTarget.value)}
          >
            <option value="">Anything</option>
            {typeChoices.map(({ value, text: words }) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
        {text("actor", "Who")}
        {text("subject", "Subject")}
      </form>
    </search>
  );
}

const sessionId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/;

function EntryRow({ entry }: { entry: LedgerEntry }) {
  const [open, setOpen] = useState(false);
  const { n, at, type, actor, subject, facts } = entry;
  return (
    <tr class="audit-row" data-testid="ledger-row">
      <td class="cell-number">
        <button
          type="button"
          class="link-button"
          aria-expanded={open}
          aria-label={`Entry ${n} with its proof`}
          data-testid="open-entry"
          onClick={() => setOpen(!open)}
        >
          {n}
        </button>
      </td>
      <td class="cell-when">
        <time dateTime={at}>{formatMoment(at)}</time>
      </td>
      <td class="cell-action">
        <span class={isFault(type, facts) ? "audit-action text-bad" : "audit-action"} title={type}>
          {entryWords(type, facts)}
        </span>
      </td>
      <td class="cell-actor">{actor}</td>
      <td class="cell-subject">
        {sessionId.test(subject) ? <a href={recordingPath(subject)}>{subject.slice(0, 18)}…</a> : subject}
        {open ? <Proof entry={entry} /> : <span class="cell-details">{summaryOf(entry)}</span>}
      </td>
    </tr>
  );
}

const summaryChars = 120;
/** Of a hash the beginning tells it from others; the line itself has all of it. */
const hashes = /\b([0-9a-f]{12})[0-9a-f]{52}\b/g;

function summaryOf({ facts, address }: LedgerEntry): string {
  const details = facts["details"];
  const shown = typeof details === "object" && details !== null ? details : facts;
  const words = Object.entries(shown)
    .filter(([name]) => name !== "signIn")
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const all = [...words, ...(address === undefined ? [] : [`from ${address}`])];
  const text = all.join(" · ").replace(hashes, "$1…");
  return text.length > summaryChars ? `${text.slice(0, summaryChars)}…` : text;
}

function Proof({ entry }: { entry: LedgerEntry }) {
  const proof = useLoad(() => getProof(entry.n), [entry.n]);
  const holds = proof.value === null ? null : isOf(proof.value, entry) && proofHolds(proof.value);
  return (
    <div class="ledger-proof" data-testid="ledger-proof">
      <pre class="ledger-line">{JSON.stringify(entry, null, 2)}</pre>
      {proof.error !== null ? (
        <p class="dim">{sentence((proof.error as Error).message)}</p>
      ) : proof.value === null ? null : holds === true ? (
        <p data-testid="proof-verdict">
          Under the checkpoint of {formatPlural(proof.value.size, "entry", "entries")}: the inclusion proof was checked
          here. <CopyButton text={JSON.stringify(proof.value)} what="the proof" />
        </p>
      ) : (
        <p class="text-bad" data-testid="proof-verdict">
          The proof does not lead to the checkpoint's root: this entry is not the one that was signed.
        </p>
      )}
    </div>
  );
}

/** The line that is proved says what is shown. */
function isOf({ line }: LedgerProof, entry: LedgerEntry): boolean {
  return JSON.stringify(parseEntry(line)) === JSON.stringify(entry);
}

/** The line, its path and the checkpoint's own root; the checkpoint's signature is checked by `conduit ledger verify`. */
function proofHolds({ n, line, path, size, checkpoint }: LedgerProof): boolean {
  const signed = parseCheckpoint(checkpoint);
  if (signed === null || signed.size !== size) return false;
  const leaf = leafHash(utf8(line), sha256);
  return verifyInclusion({ leaf, index: n, size, root: signed.root, path: path.map(fromHex) }, sha256);
}
