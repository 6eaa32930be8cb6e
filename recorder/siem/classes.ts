// Which class of OCSF an entry of the ledger is, and how severe: the one table that both formats and docs/siem.md go by.

/** Of OCSF 1.2.0; `activities` are those that are used here, 99 is the event's own name. */
export const classes = {
  base: { uid: 0, name: "Base Event", category: 0, categoryName: "Uncategorized", activities: {} },
  finding: {
    uid: 2004,
    name: "Detection Finding",
    category: 2,
    categoryName: "Findings",
    activities: { 1: "Create", 2: "Update", 3: "Close" },
  },
  account: {
    uid: 3001,
    name: "Account Change",
    category: 3,
    categoryName: "Identity & Access Management",
    activities: {
      1: "Create",
      2: "Enable",
      3: "Password Change",
      4: "Password Reset",
      5: "Disable",
      9: "Lock",
      10: "MFA Factor Enable",
      11: "MFA Factor Disable",
    },
  },
  authentication: {
    uid: 3002,
    name: "Authentication",
    category: 3,
    categoryName: "Identity & Access Management",
    activities: { 1: "Logon", 2: "Logoff" },
  },
  entity: {
    uid: 3004,
    name: "Entity Management",
    category: 3,
    categoryName: "Identity & Access Management",
    activities: { 1: "Create", 2: "Read", 3: "Update", 4: "Delete" },
  },
  access: {
    uid: 3005,
    name: "User Access Management",
    category: 3,
    categoryName: "Identity & Access Management",
    activities: { 1: "Assign Privileges", 2: "Revoke Privileges" },
  },
  network: {
    uid: 4001,
    name: "Network Activity",
    category: 4,
    categoryName: "Network Activity",
    activities: { 1: "Open", 2: "Close", 5: "Refuse" },
  },
  ssh: {
    uid: 4007,
    name: "SSH Activity",
    category: 4,
    categoryName: "Network Activity",
    activities: { 1: "Open", 2: "Close", 5: "Refuse" },
  },
  resource: {
    uid: 6001,
    name: "Web Resources Activity",
    category: 6,
    categoryName: "Application Activity",
    activities: { 2: "Read", 5: "Search", 7: "Export" },
  },
  lifecycle: {
    uid: 6002,
    name: "Application Lifecycle",
    category: 6,
    categoryName: "Application Activity",
    activities: { 3: "Start", 4: "Stop" },
  },
  file: {
    uid: 6006,
    name: "File Hosting Activity",
    category: 6,
    categoryName: "Application Activity",
    activities: {},
  },
} as const satisfies Record<string, OcsfClass>;

export interface OcsfClass {
  uid: number;
  name: string;
  category: number;
  categoryName: string;
  activities: Readonly<Record<number, string>>;
}

export type ClassKey = keyof typeof classes;

/** As OCSF counts it: 1 informational to 5 critical. */
export type Severity = 1 | 2 | 3 | 4 | 5;

export interface Mapping {
  class: ClassKey;
  activity: number;
  severity: Severity;
  /** 1 success, 2 failure. */
  status: 1 | 2;
}

const other = 99;
const map = (cls: ClassKey, activity: number, severity: Severity, status: 1 | 2 = 1): Mapping => ({
  class: cls,
  activity,
  severity,
  status,
});

/** By the type of an entry, or the action of an audit line; with `.*` for all that begin so. The first that fits counts. */
export const mappings: ReadonlyArray<readonly [string, Mapping]> = [
  ["sign-in", map("authentication", 1, 1)],
  ["sign-in-failed", map("authentication", 1, 3, 2)],
  ["sign-out", map("authentication", 2, 1)],
  ["mfa.code-refused", map("authentication", 1, 3, 2)],
  ["password.change-failed", map("account", 3, 3, 2)],
  ["password.change", map("account", 3, 2)],
  ["password.reset", map("account", 4, 3)],
  ["person.add", map("account", 1, 2)],
  ["person.provisioned", map("account", 1, 2)],
  ["person.enable", map("account", 2, 2)],
  ["person.reprovisioned", map("account", 2, 2)],
  ["person.disable", map("account", 5, 2)],
  ["person.deprovisioned", map("account", 5, 2)],
  ["person.*", map("account", other, 2)],
  ["identity.*", map("account", other, 2)],
  ["token.*", map("account", other, 2)],
  ["mfa.enrolled", map("account", 10, 2)],
  ["mfa.passkey-added", map("account", 10, 2)],
  ["mfa.reset", map("account", 11, 3)],
  ["mfa.passkey-removed", map("account", 11, 2)],
  ["mfa.passkey-copied", map("finding", 1, 4)],
  ["mfa.*", map("account", other, 2)],
  ["access.blocked", map("account", 9, 3)],
  ["access.clock-accepted", map("lifecycle", other, 3)],
  ["access.*", map("account", other, 2)],
  ["grant.issued", map("access", 1, 2)],
  ["grant.revoked", map("access", 2, 3)],
  ["grant.expired", map("access", 2, 1)],
  ["credential.issued", map("access", 1, 2)],
  ["break-glass.opened", map("access", 1, 5)],
  ["break-glass.refused", map("access", other, 4, 2)],
  ["break-glass.review-overdue", map("finding", 1, 4)],
  ["break-glass.*", map("entity", 3, 2)],
  ["request.submitted", map("entity", 1, 1)],
  ["request.rejected", map("entity", 1, 2, 2)],
  ["request.*", map("entity", 3, 1)],
  ["vnc.ticket", map("access", 1, 1)],
  ["session.open", map("network", 1, 2)],
  ["session.refused", map("network", 5, 3, 2)],
  ["session.ended", map("network", 2, 1)],
  ["session.terminate", map("network", other, 3)],
  ["session.pattern", map("finding", 1, 4)],
  ["session.escort-lost", map("finding", 1, 4)],
  ["session.frozen", map("network", other, 3)],
  ["session.*", map("network", other, 1)],
  ["recording-open", map("entity", 1, 1)],
  ["recording-close", map("entity", 3, 1)],
  ["recording-stored", map("entity", 3, 1)],
  ["not-recorded", map("finding", 1, 3)],
  ["expired", map("entity", 4, 2)],
  ["overdue", map("finding", 1, 3)],
  ["hold", map("entity", 3, 2)],
  ["hold-release-asked", map("entity", 3, 2)],
  ["hold-release", map("entity", 3, 3)],
  ["hold.*", map("entity", 3, 2)],
  ["retention-extended", map("entity", 3, 2)],
  ["view", map("resource", 2, 1)],
  ["search", map("resource", 5, 1)],
  ["export", map("resource", 7, 3)],
  ["unseal", map("resource", 2, 4)],
  ["verify", map("resource", 2, 1)],
  ["recording.*", map("resource", 2, 1)],
  ["attestation.*", map("resource", 2, 1)],
  ["report.*", map("resource", 2, 1)],
  ["evidence.*", map("resource", 2, 1)],
  ["case.*", map("entity", 3, 1)],
  ["note.*", map("entity", 3, 1)],
  ["import.*", map("entity", 3, 1)],
  ["search.*", map("entity", 3, 1)],
  ["file.quarantined", map("file", other, 4)],
  ["file.refused", map("file", other, 3, 2)],
  ["file.*", map("file", other, 1)],
  ["quarantine.*", map("file", other, 3)],
  ["policy-changed", map("entity", 3, 3)],
  ["policy.refused", map("entity", 3, 3, 2)],
  ["secret.*", map("entity", 3, 3)],
  ["key-created", map("entity", 1, 3)],
  ["key-rotated", map("entity", 3, 3)],
  ["key-retired", map("entity", 4, 3)],
  ["key-lost", map("finding", 1, 5)],
  ["key.*", map("entity", 3, 3)],
  ["encryption.*", map("entity", 4, 2)],
  ["stop.*", map("entity", 3, 4)],
  ["alarm", map("finding", 1, 4)],
  ["alarm-over", map("finding", 3, 1)],
  ["store-failure", map("finding", 1, 4)],
  ["drift", map("finding", 1, 4)],
  ["drift-repaired", map("finding", 3, 2)],
  ["probe-failed", map("finding", 1, 4)],
  ["probe", map("lifecycle", other, 1)],
  ["recorder-start", map("lifecycle", 3, 2)],
  ["recorder-stop", map("lifecycle", 4, 3)],
  ["ledger-start", map("lifecycle", other, 3)],
  ["heartbeat", map("lifecycle", other, 1)],
  ["anchor", map("lifecycle", other, 1)],
  ["service.*", map("lifecycle", other, 2)],
  ["state.*", map("lifecycle", other, 2)],
  ["database.*", map("lifecycle", other, 3)],
  ["ledger.*", map("lifecycle", other, 1)],
  ["recordings.*", map("lifecycle", other, 2)],
  ["target.*", map("lifecycle", other, 1)],
];

/** Of a later version: told as it is. */
const unknown = map("base", other, 2);

export function mappingOf(action: string): Mapping {
  const found = mappings.find(([name]) =>
    name.endsWith(".*") ? action.startsWith(name.slice(0, -1)) : action === name,
  );
  return found?.[1] ?? unknown;
}
