// The verdict on the bundle: in one sentence, in parts, and every fault by its name.
import { useRef } from "preact/hooks";
import { ShieldAlertIcon, ShieldCheckIcon, ShieldIcon } from "../components/icons.tsx";
import { formatCount, formatPlural } from "../format.ts";
import { useStore } from "../store.ts";
import { type Examination, type ExaminationState, type Part, verdictOf } from "./examination.ts";

export function ExaminationPanel({
  examination,
  onFolder,
}: {
  examination: Examination;
  onFolder: (files: readonly File[]) => void;
}) {
  const state = useStore(examination.state);
  const verdict = verdictOf(state);
  const Icon = verdict === "bad" ? ShieldAlertIcon : verdict === "good" ? ShieldCheckIcon : ShieldIcon;
  const folder = examination.files.kind === "folder";
  return (
    <section
      class={`examination ${verdict}`}
      aria-label="Verification"
      data-testid="examination"
      data-verdict={verdict}
      data-done={String(state.done)}
      data-kind={examination.files.kind}
    >
      <div class="examination-head">
        <Icon size={26} />
        <div class="examination-said">
          <strong role="status" data-testid="bundle-verdict">
            {sentence(state)}
          </strong>
          <p>
            {folder
              ? "Checked: the files of the folder that you chose."
              : "Checked: what this page carries in its folder data. To have the files beside it checked too, choose the folder."}
          </p>
        </div>
        <FolderButton text={folder ? "Choose another folder" : "Choose the folder"} onFolder={onFolder} />
      </div>
      {state.done || state.total === 0 ? null : (
        <progress class="examination-progress" aria-label="Segments checked" max={state.total} value={state.checked} />
      )}
      {state.findings.length === 0 ? null : (
        <ul class="findings" data-testid="findings">
          {state.findings.map(({ place, message }, i) => (
            <li key={i} data-testid="finding">
              <span class="mono">{place}</span>
              <p>{message}</p>
            </li>
          ))}
        </ul>
      )}
      <details class="examination-parts" data-testid="examination-parts">
        <summary>What was checked</summary>
        <div class="examination-lines">
          {state.parts.map((part) => (
            <PartLine key={part.id} part={part} />
          ))}
        </div>
        <p class="examination-limits">
          This page came with the bundle, and who can alter the one can alter the other. What it says is proven to you
          when the key is: compare it with the one that the recorder's operator publishes. VERIFY.md checks the same by
          standard tools, without this page.
        </p>
      </details>
    </section>
  );
}

export function FolderButton({ text, onFolder }: { text: string; onFolder: (files: readonly File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={(element) => {
          input.current = element;
          // Not in the typings.
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        data-testid="folder-input"
        onChange={(event) => onFolder([...(event.currentTarget.files ?? [])])}
      />
      <button type="button" class="button" data-testid="choose-folder" onClick={() => input.current?.click()}>
        {text}
      </button>
    </>
  );
}

function PartLine({ part }: { part: Part }) {
  const tone = part.outcome?.tone ?? "open";
  return (
    <div class={`verdict-line ${tone}`} data-testid={`part-${part.id}`} data-tone={part.outcome?.tone ?? "pending"}>
      <span class="verdict-mark" aria-hidden="true">
        {tone === "good" ? "✓" : tone === "bad" ? "✕" : "•"}
      </span>
      <div>
        <strong>{part.title}</strong>
        <p>{part.outcome?.text ?? "Being checked…"}</p>
      </div>
    </div>
  );
}

function sentence(state: ExaminationState): string {
  switch (verdictOf(state)) {
    case "bad":
      return `This bundle does not hold: ${state.findings.length === 0 ? "a part of it" : formatPlural(state.findings.length, "fault")}.`;
    case "checking":
      return `Checking… ${formatCount(state.checked)} of ${formatPlural(state.total, "segment")}`;
    case "partial":
      return "Nothing wrong was found, and not all of it is proven.";
    case "good":
      return "The recording is whole and unaltered.";
  }
}
