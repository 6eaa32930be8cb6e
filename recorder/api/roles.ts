// Who may do what. docs/api.md has the same table for people; a test compares every route with it.
import type { Role } from "../../shared/policy/policy.ts";
import type { SignedIn } from "./route.ts";

/** Everybody but vendors sees the list of all recordings and live sessions; a vendor sees his own lines, without content. */
const lists: readonly Role[] = ["admin", "approver", "escort", "investigator", "auditor"];
export const contentReaders: readonly Role[] = ["admin", "escort", "investigator", "auditor"];
export const exporters: readonly Role[] = ["admin", "investigator", "auditor"];
export const terminators: readonly Role[] = ["admin", "escort"];
export const auditReaders: readonly Role[] = ["admin", "auditor"];
export const targetReaders: readonly Role[] = lists;

export function mayListAll(me: SignedIn): boolean {
  return me.roles.some((role) => lists.includes(role));
}
