// Asking for access. What the policy has against it is said at its fields while it is being written, all of it together.
import "../../styles/access.css";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DraftCheck, MyAccess, RequestDraft } from "../../../shared/api/access.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { checkDraft, getMyAccess, listPeople, submitDraft } from "../../api/access-client.ts";
import { BackLink } from "../../components/back-link.tsx";
import { ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatLeft, formatPlural, formatUtc, formatZone, fromLocalField, toLocalField } from "../../format.ts";
import { navigate, requestPath } from "../../router.ts";
import { type DraftFields, draftOf, emptyDraft, type FieldName, faultsOf, violationsByField } from "./draft.ts";
import { NameList } from "./name-list.tsx";
import { TargetPicker } from "./target-picker.tsx";

const TYPING_MS = 350;

export default function NewRequestPage({ me }: { me: Me }) {
  const access = useLoad(getMyAccess);
  return (
    <div class="container">
      <BackLink path="/access" text="My access" />
      <div class="page-head">
        <h1>Ask for access</h1>
      </div>
      {access.value === null ? (
        <div class="list-card">
          {access.error === null ? <Loading /> : <ErrorState error={access.error} onRetry={access.reload} />}
        </div>
      ) : (
        <RequestForm me={me} access={access.value} />
      )}
    </div>
  );
}

interface Checked {
  check: DraftCheck | null;
  error: unknown;
}

function useChecked(fields: DraftFields): Checked & { now: (draft: RequestDraft) => Promise<void> } {
  const [checked, setChecked] = useState<Checked>({ check: null, error: null });
  useEffect(() => {
    const draft = draftOf(fields);
    if (draft === null) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      checkDraft(draft, abort.signal).then(
        (check) => setChecked({ check, error: null }),
        (error: unknown) => abort.signal.aborted || setChecked(({ check }) => ({ check, error })),
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [fields]);
  const now = async (draft: RequestDraft) => {
    const check = await checkDraft(draft, new AbortController().signal).catch(() => null);
    if (check !== null) setChecked({ check, error: null });
  };
  return { ...checked, now };
}

function RequestForm({ me, access }: { me: Me; access: MyAccess }) {
  const [fields, setFields] = useState(() => emptyDraft(me.name, access, Date.parse(access.now), location.search));
  const [touched, setTouched] = useState<ReadonlySet<FieldName>>(new Set());
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [known, setKnown] = useState<{ name: string; escort: boolean }[]>([]);
  const form = useRef<HTMLFormElement>(null);
  const { check, error: checkError, now: checkNow } = useChecked(fields);
  useEffect(() => {
    if (!hasRole(me, "admin", "approver", "auditor")) return;
    // Names are only offered where they may be read; without them they are typed.
    listPeople().then(
      (people) =>
        setKnown(
          people
            .filter(({ disabled }) => !disabled)
            .map(({ name, roles }) => ({ name, escort: roles.includes("escort") })),
        ),
      () => {},
    );
  }, []);
  const problems = { ...violationsByField(check?.violations ?? []), ...faultsOf(fields) };
  const set = <K extends keyof DraftFields>(name: K, value: DraftFields[K], at: FieldName) => {
    setFields((old) => ({ ...old, [name]: value }));
    setTouched((old) => new Set([...old, at]));
    setError("");
  };
  const said = (name: FieldName) => (asked || touched.has(name) ? (problems[name] ?? []) : []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setAsked(true);
    setError("");
    const toTheFirstFault = () =>
      requestAnimationFrame(() =>
        form.current?.querySelector<HTMLElement>("[aria-invalid=true], .picker-part.wrong input")?.focus(),
      );
    const draft = draftOf(fields);
    if (draft === null || Object.keys(faultsOf(fields)).length > 0) {
      toTheFirstFault();
      return;
    }
    setBusy(true);
    try {
      const request = await submitDraft(draft);
      navigate(requestPath(request.id));
    } catch (failure) {
      // What was typed in the last moment is judged, too, before somebody is led to it.
      await checkNow(draft);
      setError(errorText(failure));
      setBusy(false);
      toTheFirstFault();
    }
  };
  const fault = (name: FieldName) => <FieldFault id={`fault-${name}`} said={said(name)} />;
  const wrong = (name: FieldName) => said(name).length > 0;
  return (
    <form class="request-form" ref={form} onSubmit={(event) => void submit(event)} noValidate>
      <div class="card form-card">
        <div class={wrong("targets") ? "picker-part wrong" : "picker-part"}>
          <TargetPicker
            targets={access.targets}
            chosen={fields.targets}
            describedBy="fault-targets"
            onChange={(targets) => set("targets", targets, "targets")}
          />
          {fault("targets")}
        </div>
        <NameList
          label="Who works"
          names={fields.people}
          known={known.map(({ name }) => name)}
          testId="request-people"
          hint="Names"
          invalid={wrong("people")}
          describedBy="fault-people"
          onChange={(people) => set("people", people, "people")}
        />
        {fault("people")}
        <WindowFields fields={fields} wrong={wrong("window")} set={set} />
        {fault("window")}
        <label class="field">
          <span>What for</span>
          <textarea
            rows={3}
            value={fields.purpose}
            maxLength={2000}
            aria-invalid={wrong("purpose")}
            aria-describedby="fault-purpose"
            data-testid="request-purpose"
            onInput={(event) => set("purpose", event.currentTarget.value, "purpose")}
          />
        </label>
        {fault("purpose")}
        <label class="field">
          <span>{access.requests.ticketNeeded ? "Ticket" : "Ticket (optional)"}</span>
          <input
            value={fields.ticket}
            maxLength={100}
            placeholder="Work order or change"
            autocomplete="off"
            aria-invalid={wrong("ticket")}
            aria-describedby="fault-ticket"
            data-testid="request-ticket"
            onInput={(event) => set("ticket", event.currentTarget.value, "ticket")}
          />
        </label>
        {fault("ticket")}
        <NameList
          label="Escorts (optional)"
          hint="Anybody with that role"
          names={fields.escorts}
          known={known.filter(({ escort }) => escort).map(({ name }) => name)}
          testId="request-escorts"
          invalid={wrong("escorts")}
          describedBy="fault-escorts"
          onChange={(escorts) => set("escorts", escorts, "escorts")}
        />
        {fault("escorts")}
        <label class="field short">
          <span>How many sessions (optional)</span>
          <input
            inputMode="numeric"
            value={fields.maxSessions}
            maxLength={4}
            placeholder="Any number"
            autocomplete="off"
            aria-invalid={wrong("maxSessions")}
            aria-describedby="fault-maxSessions"
            onInput={(event) => set("maxSessions", event.currentTarget.value, "maxSessions")}
          />
        </label>
        {fault("maxSessions")}
      </div>
      <aside class="form-aside">
        <PolicyAsks access={access} chosen={fields.targets} check={check} />
        <p class="form-error" role="alert" data-testid="request-error">
          {error !== "" ? error : checkError !== null ? errorText(checkError) : ""}
        </p>
        <button type="submit" class="button primary block" disabled={busy} data-testid="request-submit">
          {busy ? "Asking…" : "Ask for access"}
        </button>
        <a class="button block" href="/access">
          Cancel
        </a>
      </aside>
    </form>
  );
}

function FieldFault({ id, said }: { id: string; said: readonly string[] }) {
  return (
    <div class="field-fault" id={id} role="status" data-testid={id}>
      {said.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
    </div>
  );
}

const lengths = [1, 2, 4, 8];

function WindowFields(props: {
  fields: DraftFields;
  wrong: boolean;
  set: (name: "from" | "to", value: string, at: FieldName) => void;
}) {
  const { from, to } = props.fields;
  const fromIso = fromLocalField(from);
  const toIso = fromLocalField(to);
  const field = (name: "from" | "to", label: string, value: string): ComponentChildren => (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={value}
        aria-invalid={props.wrong}
        aria-describedby="window-utc fault-window"
        data-testid={`request-${name}`}
        onInput={(event) => props.set(name, event.currentTarget.value, "window")}
      />
    </label>
  );
  return (
    <div class="window-part">
      <div class="window-fields">
        {field("from", "From", from)}
        {field("to", "To", to)}
        <fieldset class="window-lengths">
          <legend class="visually-hidden">Length of the window</legend>
          {lengths.map((hours) => (
            <button
              key={hours}
              type="button"
              class="chip"
              disabled={fromIso === null}
              onClick={() =>
                fromIso !== null && props.set("to", toLocalField(Date.parse(fromIso) + hours * 3_600_000), "window")
              }
            >
              {hours} h
            </button>
          ))}
        </fieldset>
      </div>
      <p class="dim" id="window-utc" data-testid="window-utc">
        {fromIso === null || toIso === null
          ? "\u00a0"
          : `Your time is ${formatZone(Date.parse(fromIso))}: ${formatUtc(fromIso)} – ${formatUtc(toIso)}`}
      </p>
    </div>
  );
}

function PolicyAsks(props: { access: MyAccess; chosen: readonly string[]; check: DraftCheck | null }) {
  const { requests, targets } = props.access;
  const chosen = targets.filter(({ name }) => props.chosen.includes(name));
  const escort = chosen.filter(({ needs }) => needs.escort).map(({ name }) => name);
  const mfa = chosen.filter(({ needs }) => needs.mfa).map(({ name }) => name);
  const needed = props.check?.approvalsNeeded ?? 1;
  return (
    <section class="card policy-asks" aria-labelledby="policy-asks">
      <h2 id="policy-asks">What the policy asks</h2>
      <ul>
        <li>
          {requests.noticeSeconds === 0 ? "No notice" : `Notice: ${formatLeft(requests.noticeSeconds * 1000)}`}, for a
          window of {formatLeft(requests.maxWindowSeconds * 1000)} at most
        </li>
        <li>{needed === 1 ? "One person approves it" : `${formatPlural(needed, "person", "people")} approve it`}</li>
        {mfa.length === 0 ? null : <li>A second factor: {mfa.join(", ")}</li>}
        {escort.length === 0 ? null : <li>An escort who releases the session: {escort.join(", ")}</li>}
      </ul>
    </section>
  );
}
