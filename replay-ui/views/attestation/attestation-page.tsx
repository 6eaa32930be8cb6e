// The retention attestation for auditors: made for a day or a period, read here, and taken away with its signature; and
// what the service's own verification in the background has found.
import "../../styles/ledger.css";
import "../../styles/attestation.css";
import { useState } from "preact/hooks";
import type { Attestation, AttestedRecording } from "../../../shared/evidence/attestation.ts";
import type { EvidenceFinding } from "../../../shared/evidence/verdict.ts";
import { attestationPageUrl, getAttestation, type LoadedAttestation } from "../../api/evidence-client.ts";
import { DownloadIcon, ListIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatBytes, formatCount, formatMoment, formatPlural } from "../../format.ts";
import { recordingPath, replaceAddress } from "../../router.ts";
import { Findings } from "./findings.tsx";
import { stateTone, stateWords } from "./state-words.ts";
import { Verification } from "./verification.tsx";

const dayMs = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** Days in UTC, both inclusive. */
interface Days {
  first: string;
  last: string;
}

function daysFromAddress(search: string): Days {
  const parameters = new URLSearchParams(search);
  const isDay = (text: string | null): text is string =>
    text !== null && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
  const today = dayOf(Date.now());
  const [first, last] = [parameters.get("first"), parameters.get("last")];
  return isDay(first) && isDay(last) && first <= last ? { first, last } : { first: today, last: today };
}

export default function AttestationView() {
  const [days, setDays] = useState(() => daysFromAddress(location.search));
  const loaded = useLoad(() => {
    const to = dayOf(Date.parse(`${days.last}T00:00:00Z`) + dayMs);
    return getAttestation({ from: `${days.first}T00:00:00Z`, to: `${to}T00:00:00Z` });
  }, [days.first, days.last]);
  const choose = (next: Days) => {
    setDays(next);
    replaceAddress(`${location.pathname}?${new URLSearchParams({ ...next })}`);
  };
  return (
    <div class="container">
      <div class="page-head with-actions">
        <h1>Attestation</h1>
        {loaded.value === null ? null : <Downloads loaded={loaded.value} />}
      </div>
      <DayPicker days={days} onChange={choose} />
      {loaded.value === null ? (
        <div class="list-card">
          {loaded.error === null ? <Loading rows={4} /> : <ErrorState error={loaded.error} onRetry={loaded.reload} />}
        </div>
      ) : (
        <>
          <Standing attestation={loaded.value.attestation} />
          <Recordings attestation={loaded.value.attestation} />
          <p class="dim attested-signed">
            Made {formatMoment(loaded.value.attestation.generatedAt)} by {loaded.value.attestation.recorder}, signed by
            the key <code class="tag">{loaded.value.attestation.keyId ?? "–"}</code>. With the signed file,{" "}
            <code>conduit attest --check</code> computes all of it again.
          </p>
        </>
      )}
      <Verification />
    </div>
  );
}

function DayPicker({ days, onChange }: { days: Days; onChange: (days: Days) => void }) {
  const field = (name: keyof Days, label: string) => (
    <label class="filter filter-time">
      <span class="filter-label">{label}</span>
      <input
        type="date"
        value={days[name]}
        data-testid={`attestation-${name}`}
        onChange={(event) => {
          const { value } = event.currentTarget;
          if (value === "") return;
          const next = { ...days, [name]: value };
          if (next.first > next.last) next[name === "first" ? "last" : "first"] = value;
          onChange(next);
        }}
      />
    </label>
  );
  return (
    <div class="filters attested-days">
      {field("first", "From (UTC)")}
      {field("last", "To, inclusive")}
    </div>
  );
}

function Downloads({ loaded }: { loaded: LoadedAttestation }) {
  const { text, signature, sha256, attestation } = loaded;
  const name = `attestation-${attestation.period.from.slice(0, 10)}.json`;
  const save = (bytes: BlobPart, as: string) => {
    const url = URL.createObjectURL(new Blob([bytes]));
    const link = Object.assign(document.createElement("a"), { href: url, download: as });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <div class="page-actions">
      <a class="button" href={attestationPageUrl(sha256)} download="" data-testid="attestation-html">
        <DownloadIcon size={16} /> Page
      </a>
      <button type="button" class="button" data-testid="attestation-json" onClick={() => save(text, name)}>
        <DownloadIcon size={16} /> Signed file
      </button>
      <button
        type="button"
        class="button"
        data-testid="attestation-sig"
        onClick={() =>
          save(
            Uint8Array.from(atob(signature), (char) => char.charCodeAt(0)),
            `${name}.sig`,
          )
        }
      >
        <DownloadIcon size={16} /> Signature
      </button>
    </div>
  );
}

function Standing({ attestation }: { attestation: Attestation }) {
  const { counts, ledger, keys, store, inOrder, unknown, missingNumbers, catalogue } = attestation;
  const states = Object.entries(counts.states).filter(([, count]) => count > 0) as [
    AttestedRecording["state"],
    number,
  ][];
  return (
    <section class="ledger-standing" aria-label="What the attestation says" data-testid="attestation-standing">
      <div class="list-card ledger-fact">
        <h2>All in all</h2>
        <p class={`ledger-figure ${inOrder ? "attested-fine" : "attested-bad"}`} data-testid="attestation-order">
          {inOrder ? "In order" : "Not in order"}
        </p>
        <p class="dim">
          {formatPlural(counts.recordings, "recording")}
          {states.map(([state, count]) => `, ${formatCount(count)} ${stateWords[state]}`).join("")}
        </p>
      </div>
      <div class="list-card ledger-fact">
        <h2>Objects in the store</h2>
        <p class="ledger-figure">{formatCount(counts.objects)}</p>
        <p class="dim">
          {formatBytes(counts.bytes)}; {formatCount(counts.unlockedObjects)} not locked,{" "}
          {formatCount(counts.missingObjects)} missing, {formatCount(counts.unknownObjects + unknown.length)} on no list
        </p>
        {store.limits.length === 0 ? null : (
          <details>
            <summary>What this store cannot promise</summary>
            <ul>
              {store.limits.map((limit) => (
                <li key={limit}>{limit}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
      <div class="list-card ledger-fact">
        <h2>Ledger and keys</h2>
        <p class="ledger-figure">
          {ledger.verdict === keys.verdict ? ledger.verdict : `${ledger.verdict}, ${keys.verdict}`}
        </p>
        <p class="dim">
          {ledger.checkpoint === null ? "No checkpoint. " : `To entry ${formatCount(ledger.checkpoint.size - 1)}. `}
          {formatPlural(missingNumbers.length, "number")} that no session has.
          {catalogue === null ? "" : ` The index differs in ${formatPlural(catalogue.differences.length, "place")}.`}
        </p>
      </div>
    </section>
  );
}

function Recordings({ attestation }: { attestation: Attestation }) {
  const { recordings, ledger, keys, missingNumbers, catalogue } = attestation;
  const findings = [...keys.findings, ...ledger.findings, ...missingNumbers];
  const differences = (catalogue?.differences ?? []).map(
    ({ session, message }): EvidenceFinding => ({ place: session, code: "INDEX", message, weight: "NOTICE" }),
  );
  return (
    <>
      <Findings findings={[...findings, ...differences]} />
      <div class={recordings.length === 0 ? "list-card" : "list-card attested-list"}>
        {recordings.length === 0 ? (
          <EmptyState icon={<ListIcon size={26} />} title="No recording began or went in these days" />
        ) : (
          <table class="audit attested">
            <thead>
              <tr>
                <th scope="col">No.</th>
                <th scope="col">Session</th>
                <th scope="col">State</th>
                <th scope="col">Kept until</th>
                <th scope="col">Objects</th>
                <th scope="col">Last checked</th>
              </tr>
            </thead>
            <tbody>
              {recordings.map((one) => (
                <Row key={one.session} one={one} />
              ))}
            </tbody>
          </table>
        )}
      </div>
    </>
  );
}

function Row({ one }: { one: AttestedRecording }) {
  const there = one.objects.filter(({ state }) => state !== "missing");
  const locks = there.flatMap(({ lockedUntil }) => (lockedUntil === null ? [] : [lockedUntil])).sort();
  return (
    <tr data-testid="attested-row" data-state={one.state}>
      <td data-label="No.">{one.sequence ?? "–"}</td>
      <td>
        {one.state === "gone" || one.state === "gone-early" ? (
          <code>{one.session}</code>
        ) : (
          <a href={recordingPath(one.session)}>{`${one.person ?? "?"} → ${one.target ?? "?"}`}</a>
        )}
        <br />
        <span class="dim">{formatMoment(one.startedAt)}</span>
        <Findings findings={one.findings} />
      </td>
      <td>
        <span class={`attested-${stateTone(one.state)}`}>{stateWords[one.state]}</span>
        {one.holds.map((hold) => (
          <span key={hold} class="dim">{` ${hold}`}</span>
        ))}
        {one.gone === null ? null : (
          <span class="dim">
            <br />
            {formatMoment(one.gone.at)}, proof <code>{one.gone.proof.slice(0, 12)}</code>
          </span>
        )}
      </td>
      <td data-label="Kept until">
        {one.retainUntil === null ? "–" : formatMoment(one.retainUntil)}
        {locks[0] === undefined ? null : (
          <span class="dim">
            <br />
            locked until {formatMoment(locks[0])}
          </span>
        )}
      </td>
      <td data-label="Objects">{formatCount(there.length)}</td>
      <td data-label="Last checked">
        {one.verified === null ? "–" : `${one.verified.verdict}, ${formatMoment(one.verified.at)}`}
      </td>
    </tr>
  );
}
