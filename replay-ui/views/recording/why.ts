// Why a session was allowed and why it ended, in words. Codes are those of the OPEN record and the manifest.
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { endInWords } from "../../../shared/end-sentences.ts";

const ends: Record<string, string> = {
  "client-closed": "Closed by the person",
  "target-closed": "Closed by the target",
  "target-unreachable": "The target did not answer",
  terminated: "Ended by somebody who watched over it",
  "limit-duration": "Ended at the longest time that the policy allows",
  "limit-idle": "Ended, since nothing was typed or clicked for as long as the policy allows",
  "limit-recorded-bytes": "Ended at the size that the policy allows",
  "pattern-matched": "Ended by a pattern of the policy",
  "window-ended": "Ended with the window of its access",
  "access-revoked": "Ended, since its access was taken away",
  "access-withdrawn": "Ended, since the person's roles were changed and do not allow it any more",
  "recording-failed": "Ended, since it could not be recorded",
  "policy-changed": "Ended, since the policy was changed and forbids it",
  "service-stopping": "Ended when the recorder was stopped",
  "decode-error": "Ended, since what the target sent could not be recorded",
};

export function whyEnded(endReason: string, end: RecordingSummary["end"]): string {
  const said = endInWords(endReason, end);
  return `${ends[endReason] ?? `Ended: ${endReason.replaceAll("-", " ")}`}${said === "" ? "" : `, ${said}`}`;
}

export function whyAllowed({ request, rule, breakGlass, escort, escortedBy, factors }: RecordingSummary): string {
  const stood =
    request == null ? "" : breakGlass === true ? "It stood on emergency access." : "It stood on an approved request.";
  return [
    rule == null ? "" : `The policy's rule “${rule}” allowed it.`,
    stood,
    factors === undefined || factors.length === 0 ? "" : `Signed in with ${factors.join(", then ")}.`,
    escort === true ? released(escortedBy) : "",
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}

function released(by: readonly string[] | undefined): string {
  if (by === undefined) return "It began frozen, until an escort released it.";
  if (by.length === 0) return "It began frozen, to wait for an escort; none has released it.";
  return `It began frozen, until its escort released it: ${by.join(", ")}.`;
}
