// Recordings are added to a case that who asks may change, or to a new one: from the player, and from rows that were chosen in
// the list. Loaded when somebody asks for it.
import "../../styles/cases.css";
import { useEffect, useState } from "preact/hooks";
import type { CaseSummary } from "../../../shared/api/cases.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { addToCase, getCase, listCases, openCase } from "../../api/cases-client.ts";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatPlural } from "../../format.ts";
import { navigate } from "../../router.ts";

/** In the list of cases. */
const newCase = "new";

export function AddToCase(props: { sessions: readonly string[]; me: Me; onClose: () => void }) {
  const { sessions, me, onClose } = props;
  const cases = useLoad<CaseSummary[]>(() =>
    listCases({ state: "open", ...(hasRole(me, "admin") ? {} : { mine: "true" }) }),
  );
  const mayOpen = hasRole(me, "admin", "investigator", "auditor");
  const [chosen, setChosen] = useState("");
  const [title, setTitle] = useState("");
  useEffect(() => {
    if (cases.value !== null) setChosen(cases.value[0]?.id ?? (mayOpen ? newCase : ""));
  }, [cases.value]);
  const act = async (reason: string) => {
    if (chosen === "") throw new Error("Somebody who works on a case, or opens cases, has to add it.");
    if (chosen === newCase && title.trim() === "") throw new Error("Say what the new case is about.");
    const id = chosen === newCase ? (await openCase({ title: title.trim(), description: "" })).id : chosen;
    // Once it is there, another attempt goes on with it.
    setChosen(id);
    const there = new Set((await getCase(id)).sessions.map(({ session }) => session));
    for (const session of sessions) if (!there.has(session)) await addToCase(id, { session, reason });
    navigate(`/cases/${id}`);
  };
  return (
    <ReasonDialog
      title={sessions.length === 1 ? "Add to a case" : `Add ${sessions.length} recordings to a case`}
      testId="add-to-case"
      label={sessions.length === 1 ? "Why it belongs to the case" : "Why they belong to the case"}
      required
      maxLength={1_000}
      back="Back"
      confirm="Add"
      act={act}
      onClose={onClose}
    >
      {cases.value === null ? (
        cases.error === null ? (
          <Loading rows={2} />
        ) : (
          <ErrorState error={cases.error} onRetry={cases.reload} />
        )
      ) : cases.value.length === 0 && !mayOpen ? (
        <p data-testid="add-to-case-none">
          There is no open case that you work on. Who works on one can add you to it.
        </p>
      ) : (
        <>
          <label class="field">
            <span>Case</span>
            <select
              value={chosen}
              data-testid="add-to-case-choice"
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {cases.value.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.id} · {one.title} ({formatPlural(one.sessions, "recording")})
                </option>
              ))}
              {mayOpen ? <option value={newCase}>A new case…</option> : null}
            </select>
          </label>
          {chosen === newCase ? (
            <label class="field">
              <span>What it is about</span>
              <input
                value={title}
                maxLength={200}
                data-testid="add-to-case-title"
                onInput={(event) => setTitle(event.currentTarget.value)}
              />
            </label>
          ) : null}
        </>
      )}
    </ReasonDialog>
  );
}
