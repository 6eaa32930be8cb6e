// An entry of the ledger as an event for a SIEM. Invariant: of its facts only those go out that are named here: never what
// was typed, searched or said, and never a secret.
import type { LedgerEntry } from "../../shared/ledger/entry.ts";
import { classes, type Mapping, mappingOf, type OcsfClass } from "./classes.ts";

export interface SiemEvent {
  recorder: string;
  /** Of the entry. */
  n: number;
  /** SHA-256 of the entry's line, hex: which entry it is, whoever else numbers so. */
  sha256: string;
  /** RFC 3339 in UTC, six decimals: when it happened, as far as that is told apart from when it was written. */
  at: string;
  action: string;
  actor: string;
  subject: string;
  /** Null: nowhere in particular. */
  address: string | null;
  /** What else is told; short texts and numbers. */
  facts: Record<string, string | number | boolean>;
  mapping: Mapping;
}

/** Facts that go out, from `facts` and `details` of an entry. Free text among them is people's own reasons. */
const told: ReadonlySet<string> = new Set([
  "approver",
  "bytes",
  "by",
  "code",
  "conduit",
  "direction",
  "effect",
  "endReason",
  "endedAt",
  "findings",
  "fingerprint",
  "format",
  "from",
  "gaps",
  "grant",
  "in",
  "issuer",
  "keyId",
  "kind",
  "manifestSha256",
  "method",
  "mode",
  "openSha256",
  "path",
  "pattern",
  "person",
  "policyHash",
  "protocol",
  "reason",
  "receiptSha256",
  "recorded",
  "recording",
  "request",
  "retainUntil",
  "roles",
  "rule",
  "sequence",
  "session",
  "sessions",
  "sha256",
  "size",
  "startedAt",
  "state",
  "step",
  "target",
  "targets",
  "to",
  "use",
  "verdict",
  "version",
  "why",
]);
/** An alarm is a sentence of the recorder's; elsewhere a message is somebody's. */
const tellsMessage: ReadonlySet<string> = new Set(["alarm", "store-failure"]);

export function eventOf(recorder: string, entry: LedgerEntry, sha256: string): SiemEvent {
  const { n, type, actor, subject, address = "", facts } = entry;
  const isAuditLine = typeof facts["action"] === "string" && isRecord(facts["details"]);
  const details = isAuditLine ? (facts["details"] as Record<string, unknown>) : facts;
  const happened = isAuditLine && typeof facts["at"] === "string" ? Date.parse(facts["at"]) : Number.NaN;
  const action = type.startsWith("audit:") ? type.slice("audit:".length) : type;
  return {
    recorder,
    n,
    sha256,
    at: Number.isNaN(happened) ? entry.at : `${new Date(happened).toISOString().slice(0, -1)}000Z`,
    action,
    actor,
    subject,
    address: address === "" ? null : address,
    facts: {
      ...toldOf(details, action),
      // Several actions may have one type: a search hit that is sought, and a recording that is played.
      ...(isAuditLine && facts["action"] !== action ? { action: String(facts["action"]) } : {}),
    },
    mapping: specific(mappingOf(action), details["protocol"]),
  };
}

/** OCSF has a class of its own for SSH. */
function specific(mapping: Mapping, protocol: unknown): Mapping {
  return mapping.class === "network" && protocol === "ssh" ? { ...mapping, class: "ssh" } : mapping;
}

function toldOf(details: Record<string, unknown>, action: string): SiemEvent["facts"] {
  const facts: SiemEvent["facts"] = {};
  for (const [name, value] of Object.entries(details)) {
    if (!told.has(name) && !(name === "message" && tellsMessage.has(action))) continue;
    if (typeof value === "string" || typeof value === "boolean") facts[name] = value;
    else if (typeof value === "number" && Number.isFinite(value)) facts[name] = value;
    else if (Array.isArray(value) && value.every((one) => typeof one === "string")) facts[name] = value.join(", ");
  }
  return facts;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same for the same entry, whenever and how often it is sent: receivers know a repetition by it. */
export function eventId({ recorder, n, sha256 }: SiemEvent): string {
  return `${recorder}/${n}/${sha256.slice(0, 16)}`;
}

export function activityName({ action, mapping }: SiemEvent): string {
  const { activities }: OcsfClass = classes[mapping.class];
  return activities[mapping.activity] ?? action;
}
