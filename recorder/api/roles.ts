// Who may do what. docs/api.md has the same table for people; a test compares every route with it.
import type { Role } from "../../shared/policy/policy.ts";
import type { SignedIn } from "./route.ts";

/** Everybody but vendors sees the list of all recordings and live sessions; a vendor sees his own lines, without content. */
const lists: readonly Role[] = ["admin", "approver", "escort", "investigator", "auditor"];
export const contentReaders: readonly Role[] = ["admin", "escort", "investigator", "auditor"];
/** Who sees what was typed. */
export const inputReaders: readonly Role[] = ["admin", "escort", "investigator", "auditor"];
export const exporters: readonly Role[] = ["admin", "investigator", "auditor"];
/** Who places legal holds, asks for a release, and confirms what another one asked. */
export const holders: readonly Role[] = ["admin", "investigator"];
export const terminators: readonly Role[] = ["admin", "escort"];
/** Whom a policy may want to agree to what a session's person does. */
export const confirmers: readonly Role[] = ["escort", "approver"];
export const stopLifters: readonly Role[] = ["admin"];
export const auditReaders: readonly Role[] = ["admin", "auditor"];
export const targetReaders: readonly Role[] = lists;
/** Whom a policy may make an approver or a reviewer: never a vendor. */
export const deciders: readonly Role[] = lists;
export const blockers: readonly Role[] = ["admin", "approver", "escort"];
export const unblockers: readonly Role[] = ["admin", "approver"];
export const peopleReaders: readonly Role[] = ["admin", "approver", "auditor"];
export const peopleKeepers: readonly Role[] = ["admin"];
export const policyReaders: readonly Role[] = ["admin", "approver", "escort", "auditor"];
/** Attestations and verification name every recording, whoever may see it. */
export const evidenceReaders: readonly Role[] = ["admin", "auditor", "investigator"];
export const reportReaders: readonly Role[] = ["admin", "approver", "auditor"];
export const accessEventReaders: readonly Role[] = ["admin", "approver", "escort", "auditor"];

export function mayListAll(me: SignedIn): boolean {
  return me.roles.some((role) => lists.includes(role));
}
