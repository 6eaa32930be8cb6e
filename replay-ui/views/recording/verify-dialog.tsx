// The recorder's own check of the whole recording.
import { useEffect, useState } from "preact/hooks";
import type { VerifyReport } from "../../../shared/api/types.ts";
import { verifyRecording } from "../../api/client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { ShieldAlertIcon, ShieldCheckIcon } from "../../components/icons.tsx";
import { errorText } from "../../components/states.tsx";
import { formatBytes, formatCount } from "../../format.ts";
import type { LineTone } from "./verdict.tsx";

const verdictWords: Record<VerifyReport["verdict"], { tone: LineTone; text: string }> = {
  VALID: { tone: "good", text: "Valid: everything that was recorded is there and unchanged." },
  TAMPERED: { tone: "bad", text: "Tampered with: something differs from what was recorded." },
  MISSING: { tone: "bad", text: "Missing: something that was recorded is not there." },
  INCOMPLETE: { tone: "open", text: "Incomplete: the recording is not sealed yet, or lost time is stated." },
  UNTRUSTED: { tone: "bad", text: "Not proven: signed by a key that is not trusted here." },
};

export function VerifyDialog({ session, reason, onClose }: { session: string; reason?: string; onClose: () => void }) {
  const [report, setReport] = useState<VerifyReport | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    verifyRecording(session, reason).then(setReport, (failure: unknown) => setError(errorText(failure)));
  }, [session]);
  return (
    <Dialog title="Verification by the recorder" testId="verify-dialog" wide onClose={onClose}>
      {error !== null ? (
        <p class="form-error">{error}</p>
      ) : report === null ? (
        <p class="verify-wait" role="status">
          Reading every stored object and checking its hash, the chain and the signatures…
        </p>
      ) : (
        <>
          <div
            class={`verify-verdict ${verdictWords[report.verdict].tone}`}
            data-testid="verify-verdict"
            data-verdict={report.verdict}
          >
            {verdictWords[report.verdict].tone === "good" ? (
              <ShieldCheckIcon size={22} />
            ) : (
              <ShieldAlertIcon size={22} />
            )}
            <strong>{verdictWords[report.verdict].text}</strong>
          </div>
          <dl class="facts">
            <div class="fact">
              <dt>Segments checked</dt>
              <dd>{formatCount(report.checkedSegments)}</dd>
            </div>
            <div class="fact">
              <dt>Bytes read</dt>
              <dd>{formatBytes(report.checkedBytes)}</dd>
            </div>
            <div class="fact">
              <dt>Signing key</dt>
              <dd class="mono">{report.keyId ?? "none"}</dd>
            </div>
          </dl>
          {report.findings.length === 0 ? null : (
            <ul class="findings" data-testid="findings">
              {report.findings.map((finding, i) => (
                <li key={i}>
                  <span class="tag bad">{finding.code}</span>
                  <span class="mono">{finding.place}</span>
                  <p>{finding.message}</p>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Dialog>
  );
}
