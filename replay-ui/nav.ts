// Which pages a person has, by role. The service decides; this keeps out of sight what it would refuse.
import type { Role } from "../shared/policy/policy.ts";
import type { Route } from "./router.ts";

export interface NavItem {
  path: string;
  text: string;
  views: readonly Route["view"][];
  /** Left out: everybody. */
  roles?: readonly Role[];
}

const items: readonly NavItem[] = [
  { path: "/", text: "Recordings", views: ["recordings", "recording", "compare"] },
  { path: "/search", text: "Search", views: ["search"], roles: ["admin", "escort", "investigator", "auditor"] },
  {
    path: "/activity",
    text: "Activity",
    views: ["activity"],
    roles: ["admin", "approver", "escort", "investigator", "auditor"],
  },
  { path: "/access", text: "My access", views: ["access", "new-request"] },
  { path: "/targets", text: "Targets", views: ["targets", "connect"] },
  { path: "/cases", text: "Cases", views: ["cases", "case"], roles: ["admin", "escort", "investigator", "auditor"] },
  { path: "/live", text: "Live", views: ["live"], roles: ["admin", "approver", "escort", "investigator", "auditor"] },
  {
    path: "/approvals",
    text: "Approvals",
    views: ["approvals", "request"],
    roles: ["admin", "approver", "escort", "investigator", "auditor"],
  },
  { path: "/policy", text: "Policy", views: ["policy"], roles: ["admin", "approver", "escort", "auditor"] },
  { path: "/report", text: "Report", views: ["report"], roles: ["admin", "approver", "auditor"] },
  { path: "/people", text: "People", views: ["people"], roles: ["admin", "approver", "auditor"] },
  { path: "/audit", text: "Audit", views: ["audit"], roles: ["admin", "auditor"] },
  { path: "/ledger", text: "Ledger", views: ["ledger"], roles: ["admin", "auditor"] },
  { path: "/attestation", text: "Attestation", views: ["attestation"], roles: ["admin", "auditor", "investigator"] },
];

/** Escorts and investigators decide only where the policy names them: the page is theirs when something waits for them. */
const alwaysDecide: readonly Role[] = ["admin", "approver", "auditor"];

export function navFor(roles: readonly Role[], waiting: number): NavItem[] {
  return items.filter((item) => {
    if (item.roles !== undefined && !item.roles.some((role) => roles.includes(role))) return false;
    return item.path !== "/approvals" || waiting > 0 || alwaysDecide.some((role) => roles.includes(role));
  });
}
