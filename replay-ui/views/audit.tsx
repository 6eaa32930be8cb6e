// The audit log, newest first.
import { useEffect, useState } from "preact/hooks";
import type { AuditEntry, AuditPage } from "../../shared/api/types.ts";
import { listAudit } from "../api/client.ts";
import { ListIcon } from "../components/icons.tsx";
import { EmptyState, ErrorState, Loading } from "../components/states.tsx";
import { formatMoment } from "../format.ts";
import { auditWords, isAuditedFault } from "../lists/audit-words.ts";
import { recordingPath } from "../router.ts";

export function AuditView() {
  const [page, setPage] = useState<AuditPage | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const load = async (before: AuditPage | null) => {
    setBusy(true);
    try {
      const next = await listAudit(before?.next ?? undefined);
      setPage({ items: [...(before?.items ?? []), ...next.items], next: next.next });
      setError(null);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    void load(null);
  }, []);
  return (
    <div class="container">
      <div class="page-head">
        <h1>Audit log</h1>
      </div>
      <div class="list-card" data-testid="audit-list">
        {error !== null && page === null ? (
          <ErrorState error={error} onRetry={() => void load(null)} />
        ) : page === null ? (
          <Loading />
        ) : page.items.length === 0 ? (
          <EmptyState icon={<ListIcon size={26} />} title="Nothing was logged yet" />
        ) : (
          <table class="audit">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col">Subject</th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              {page.items.map((entry) => (
                <AuditRow key={entry.id} entry={entry} />
              ))}
            </tbody>
          </table>
        )}
      </div>
      {page?.next != null ? (
        <div class="more">
          <button type="button" class="button" disabled={busy} onClick={() => void load(page)}>
            {busy ? "Loading…" : "Show older entries"}
          </button>
        </div>
      ) : null}
    </div>
  );
}

const sessionId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/;

function AuditRow({ entry }: { entry: AuditEntry }) {
  // The sign-in's own number ties lines of the log together; it says nothing to a reader.
  const details = Object.entries(entry.details)
    .filter(([name]) => name !== "signIn")
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" · ");
  return (
    <tr class="audit-row" data-testid="audit-row">
      <td class="cell-when">
        <time dateTime={entry.at}>{formatMoment(entry.at)}</time>
      </td>
      <td class="cell-actor">{entry.actor}</td>
      <td class="cell-action">
        <span class={isAuditedFault(entry.action) ? "audit-action text-bad" : "audit-action"} title={entry.action}>
          {auditWords(entry.action)}
        </span>
      </td>
      <td class="cell-subject">
        {sessionId.test(entry.subject) ? (
          <a href={recordingPath(entry.subject)}>{entry.subject.slice(0, 18)}…</a>
        ) : (
          entry.subject
        )}
        {details === "" ? null : <span class="cell-details">{details}</span>}
      </td>
      <td class="cell-address">{entry.address}</td>
    </tr>
  );
}
