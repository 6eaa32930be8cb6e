// What belongs beside a recording: the cases that it is part of, and events of other systems that are imported on it alone.
// All of it is fetched when somebody asks for it.
import { useState } from "preact/hooks";
import type { CaseSummary, Import } from "../../../shared/api/cases.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { CaseIcon, ChevronDownIcon } from "../../components/icons.tsx";
import { Menu } from "../../components/menu.tsx";
import { ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatPlural } from "../../format.ts";

type Parts = typeof import("./case-parts.ts");

export function CaseMenu({ session, me, onImported }: { session: string; me: Me; onImported: () => void }) {
  const [parts, setParts] = useState<Parts | null>(null);
  const [doing, setDoing] = useState<null | "add" | "import" | Import>(null);
  if (!hasRole(me, "admin", "escort", "investigator", "auditor")) return null;
  const open = async (what: "add" | "import" | Import) => {
    setParts(await import("./case-parts.ts"));
    setDoing(what);
  };
  const done = () => setDoing(null);
  return (
    <>
      <Menu
        label="Case"
        testId="case-menu"
        buttonClass="button"
        button={
          <>
            <CaseIcon size={16} /> <span class="button-text">Case</span> <ChevronDownIcon size={14} />
          </>
        }
      >
        {(close) => (
          <>
            <button
              type="button"
              class="menu-item two-lines"
              data-testid="case-menu-add"
              onClick={() => {
                close();
                void open("add");
              }}
            >
              <strong>Add to case…</strong>
              <span>One that you work on, or a new one</span>
            </button>
            <button
              type="button"
              class="menu-item two-lines"
              data-testid="case-menu-import"
              onClick={() => {
                close();
                void open("import");
              }}
            >
              <strong>Import events…</strong>
              <span>Alarms, a historian: beside this recording alone</span>
            </button>
            <Beside
              session={session}
              me={me}
              onRemove={(which) => {
                close();
                void open(which);
              }}
            />
          </>
        )}
      </Menu>
      {parts === null || doing === null ? null : doing === "add" ? (
        <parts.AddToCase sessions={[session]} me={me} onClose={done} />
      ) : doing === "import" ? (
        <parts.ImportDialog
          on={{ session }}
          onDone={() => {
            done();
            onImported();
          }}
          onClose={done}
        />
      ) : (
        <parts.ReasonDialog
          title={`Remove the events of ${doing.name}`}
          testId="import-remove"
          back="Back"
          confirm="Remove"
          act={async () => {
            await parts.removeImport({ session }, doing.id);
            done();
            onImported();
          }}
          onClose={done}
        >
          They are no longer shown beside the recording. The file is kept.
        </parts.ReasonDialog>
      )}
    </>
  );
}

/** The cases that it is part of, and what stands beside it alone. */
function Beside({ session, me, onRemove }: { session: string; me: Me; onRemove: (which: Import) => void }) {
  const there = useLoad<{ cases: CaseSummary[]; imports: Import[] }>(async () => {
    const { listCases, getImported } = await import("./case-parts.ts");
    const [cases, { imports }] = await Promise.all([listCases({ session }), getImported(session)]);
    return { cases, imports: imports.filter((one) => one.session === session) };
  });
  if (there.value === null)
    return there.error === null ? <Loading rows={1} /> : <ErrorState error={there.error} onRetry={there.reload} />;
  const { cases, imports } = there.value;
  return (
    <>
      {cases.map(({ id, title, state }) => (
        <a key={id} class="menu-item two-lines" href={`/cases/${id}`} data-testid="case-menu-case">
          <strong>{title}</strong>
          <span>
            {id}
            {state === "closed" ? ", closed" : ""}
          </span>
        </a>
      ))}
      {imports.map((one) =>
        hasRole(me, "admin") || one.addedBy.toLowerCase() === me.name.toLowerCase() ? (
          <button
            key={one.id}
            type="button"
            class="menu-item two-lines"
            data-testid="case-menu-remove"
            onClick={() => onRemove(one)}
          >
            <strong>Remove {one.name}…</strong>
            <span>{formatPlural(one.events, "event")}, imported here</span>
          </button>
        ) : null,
      )}
    </>
  );
}
