// Cases: what is being looked into, by whom, and the way into each.
import "../../styles/access.css";
import "../../styles/cases.css";
import { useEffect, useState } from "preact/hooks";
import type { CaseSummary } from "../../../shared/api/cases.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { listCases, openCase } from "../../api/cases-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { CaseIcon, SearchIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatDateTime, formatPlural } from "../../format.ts";
import { navigate } from "../../router.ts";

export default function CasesPage({ me }: { me: Me }) {
  const [state, setState] = useState("open");
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const [opening, setOpening] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setText(typed.trim()), 200);
    return () => clearTimeout(timer);
  }, [typed]);
  const cases = useLoad(() => listCases({ state, text }), [state, text]);
  const mayOpen = hasRole(me, "admin", "investigator", "auditor");
  return (
    <div class="container">
      <div class="page-head with-actions">
        <h1>Cases</h1>
        <span class="page-count" aria-live="polite" data-testid="cases-total">
          {cases.value === null ? "\u00a0" : formatPlural(cases.value.length, "case")}
        </span>
        <div class="page-actions">
          {mayOpen ? (
            <button type="button" class="button primary" data-testid="case-open" onClick={() => setOpening(true)}>
              Open a case
            </button>
          ) : null}
        </div>
      </div>
      <div class="case-filters">
        <label class="field">
          <span>Words of its title</span>
          <input
            type="search"
            value={typed}
            maxLength={200}
            data-testid="case-search"
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>State</span>
          <select value={state} data-testid="case-state" onChange={(event) => setState(event.currentTarget.value)}>
            <option value="">All</option>
            <option value="open">Open</option>
            <option value="closed">Closed</option>
          </select>
        </label>
      </div>
      <div class="list-card">
        {cases.value === null ? (
          cases.error === null ? (
            <Loading />
          ) : (
            <ErrorState error={cases.error} onRetry={cases.reload} />
          )
        ) : cases.value.length === 0 ? (
          text === "" ? (
            <EmptyState icon={<CaseIcon size={26} />} title="No cases here" testId="cases-empty">
              A case holds together the recordings, notes, holds and alarms of one question, and leaves as one file.
            </EmptyState>
          ) : (
            <EmptyState icon={<SearchIcon size={26} />} title="No case has these words" testId="cases-empty">
              <button type="button" class="link-button" onClick={() => setTyped("")}>
                Show all
              </button>
            </EmptyState>
          )
        ) : (
          <ul class="case-list" data-testid="case-list">
            {cases.value.map((one) => (
              <CaseLine key={one.id} of={one} />
            ))}
          </ul>
        )}
      </div>
      {opening ? <OpenCase onClose={() => setOpening(false)} /> : null}
    </div>
  );
}

function CaseLine({ of }: { of: CaseSummary }) {
  return (
    <li class="case-line" data-testid="case-line" data-case={of.id}>
      <a href={`/cases/${of.id}`} class="case-link">
        <span class="case-title">{of.title}</span>
        <span class="case-facts">
          <span>{of.id}</span>
          <span>{formatPlural(of.sessions, "recording")}</span>
          <span>{of.members.join(", ")}</span>
          <span>changed {formatDateTime(of.changedAt)}</span>
        </span>
      </a>
      <span class={of.state === "open" ? "tag good" : "tag"}>{of.state === "open" ? "Open" : "Closed"}</span>
    </li>
  );
}

function OpenCase({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const made = await openCase({ title: title.trim(), description: description.trim() });
      navigate(`/cases/${made.id}`);
    } catch (failure) {
      setError(errorText(failure));
    }
  };
  return (
    <Dialog title="Open a case" testId="case-open-dialog" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>What it is about</span>
          <input
            value={title}
            maxLength={200}
            required
            data-testid="case-title-field"
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>What is asked, and what is known</span>
          <textarea
            rows={4}
            maxLength={10_000}
            value={description}
            onInput={(event) => setDescription(event.currentTarget.value)}
          />
        </label>
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" data-testid="case-open-send" disabled={title.trim() === ""}>
            Open
          </button>
        </div>
      </form>
    </Dialog>
  );
}
