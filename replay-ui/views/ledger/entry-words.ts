// What the ledger's types say. The type itself stays in the tooltip, for who looks for it elsewhere.
import { auditWords } from "../../lists/audit-words.ts";

const known: Record<string, string> = {
  "ledger-start": "Ledger begun or taken up",
  heartbeat: "Nothing else happened",
  "recorder-start": "Recorder started",
  "recorder-stop": "Recorder stopped",
  "recording-open": "Recording opened",
  "recording-close": "Recording closed",
  "recording-stored": "Recording in the store",
  "not-recorded": "Session not recorded",
  hold: "Legal hold placed",
  "hold-release-asked": "Release of a hold asked for",
  "hold-release": "Legal hold released",
  "retention-extended": "Kept longer",
  expired: "Expired and removed",
  overdue: "Overdue for removal",
  view: "Recording viewed",
  search: "Recordings searched",
  export: "Recording exported",
  verify: "Recording verified",
  unseal: "Keystrokes unsealed",
  "key-created": "Key named",
  "key-rotated": "Key rotated",
  "key-retired": "Key retired",
  "key-lost": "Key lost",
  probe: "Store checked",
  "probe-failed": "Store failed its check",
  drift: "Settings of the store drifted",
  "drift-repaired": "Settings of the store repaired",
  "policy-changed": "Policy changed",
  "store-failure": "Store failed",
  anchor: "Checkpoint anchored",
  alarm: "Alarm",
  "alarm-over": "Alarm over",
};

const faults: ReadonlySet<string> = new Set([
  "not-recorded",
  "overdue",
  "key-lost",
  "probe-failed",
  "drift",
  "store-failure",
  "alarm",
]);

export function entryWords(type: string, facts: Record<string, unknown> = {}): string {
  if (isLost(type, facts)) return "Ledger begun anew: the one before is LOST";
  return known[type] ?? (type.startsWith("audit:") ? auditWords(type.slice("audit:".length)) : type);
}

export function isFault(type: string, facts: Record<string, unknown>): boolean {
  return faults.has(type) || isLost(type, facts);
}

/** The ledger before it is gone, here and in the store. */
function isLost(type: string, facts: Record<string, unknown>): boolean {
  return type === "ledger-start" && facts["lost"] === true;
}

/** For the filter: types of their own, and all lines of the audit log that have none. */
export const typeChoices: ReadonlyArray<{ value: string; text: string }> = [
  ...Object.entries(known).map(([value, text]) => ({ value, text })),
  { value: "audit", text: "Other lines of the audit log" },
];
