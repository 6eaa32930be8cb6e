// Recovery codes, shown once: copied, printed, and left only when the person says that they are kept.
import { useState } from "preact/hooks";

export function RecoveryCodes({ name, codes, onKept }: { name: string; codes: readonly string[]; onKept: () => void }) {
  const [kept, setKept] = useState(false);
  const [copied, setCopied] = useState<"" | "copied" | "failed">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(`${codes.join("\n")}\n`);
      setCopied("copied");
    } catch {
      setCopied("failed");
    }
  };
  return (
    <div class="recovery" data-testid="recovery-codes">
      <h2>Recovery codes</h2>
      <p>
        Without your phone, one of these signs you in instead. Each works once. They are shown <strong>only now</strong>
        : keep them on paper, apart from the phone.
      </p>
      <p class="print-only">
        Recovery codes of {name} for {location.host}, {new Date().toISOString().slice(0, 10)}. Strike out what is used.
      </p>
      <ol class="recovery-list mono">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <div class="recovery-actions">
        <button type="button" class="button" data-testid="recovery-copy" onClick={() => void copy()}>
          {copied === "copied" ? "Copied" : "Copy"}
        </button>
        <button type="button" class="button" onClick={() => window.print()}>
          Print
        </button>
      </div>
      <p class="form-error" role="status">
        {copied === "failed" ? "The browser does not let this page copy: select the codes by hand." : ""}
      </p>
      <label class="check">
        <input
          type="checkbox"
          checked={kept}
          data-testid="recovery-kept"
          onChange={(event) => setKept(event.currentTarget.checked)}
        />
        <span>I have kept them in a safe place.</span>
      </label>
      <button type="button" class="button primary block" disabled={!kept} data-testid="recovery-done" onClick={onKept}>
        Go on
      </button>
    </div>
  );
}
