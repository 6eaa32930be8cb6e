// Why a recorded session ended, in words.
export const endSentences: Record<string, string> = {
  "client-closed": "the person closed the connection",
  "target-closed": "the target closed the connection",
  terminated: "somebody of the plant ended it",
  "pattern-matched": "a pattern of the policy was found, and it ends sessions",
  "window-ended": "the window of the access was over",
  "access-revoked": "the access was revoked",
  "access-withdrawn": "the roles of the person were changed, and do not allow it any more",
  "policy-changed": "the policy was changed, and forbids it now",
  "escort-gone": "nobody escorted it any more, and no escort came back in time",
  stopped: "the plant stopped all sessions of its scope",
  "limit-duration": "it reached the longest duration that the policy allows",
  "limit-idle": "nothing was typed for as long as the policy allows",
  "limit-recorded-bytes": "its recording reached the size that the policy allows",
  refused: "its access ended while it was being opened",
  "recording-failed": "it could not be recorded any more",
  "recorder-stopped": "the recorder was stopped",
  "recorder-crash": "the recorder crashed; what it had recorded was recovered",
};

/** Ends that the code alone does not explain: by whom, and what the person was told. */
const needsWhom: ReadonlySet<string> = new Set(["terminated", "pattern-matched", "access-revoked", "stopped"]);

/** `by olga: "The plant ended this session. Reason: lunch"`; empty where the code says it all. */
export function endInWords(endReason: string, end: { by: string; sentence: string } | undefined): string {
  if (end === undefined || !needsWhom.has(endReason)) return "";
  const by = end.by === "policy" ? "" : `by ${end.by}`;
  return end.sentence === "" ? by : `${by}${by === "" ? "" : ": "}“${end.sentence}”`;
}
