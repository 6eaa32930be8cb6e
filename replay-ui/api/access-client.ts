// What the pages about access, people, policy and the report ask the service. Loaded with the first of these pages.
import type { z } from "zod";
import type {
  AccessBlock,
  AccessRequestPage,
  AccessRequestView,
  ApprovalConditions,
  DraftCheck,
  IssuedCredential,
  MyAccess,
  RequestDraft,
  ReviewVerdict,
} from "../../shared/api/access.ts";
import type { AddedPerson, NewPerson, PersonView } from "../../shared/api/people.ts";
import type { PolicyInForce, PolicyVersionText } from "../../shared/api/policy.ts";
import type { ConduitReport } from "../../shared/api/report.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { query, send } from "./client.ts";

type Schemas = typeof import("./access-schemas.ts");

/** The schemas are fetched beside the answer. */
async function read<T>(schema: (all: Schemas) => z.ZodType<T>, response: Promise<Response>): Promise<T> {
  const [answer] = await Promise.all([response, import("./access-schemas.ts")]);
  return schema(await import("./access-schemas.ts")).parse(await answer.json());
}

const at = (id: string, rest = "") => `/requests/${encodeURIComponent(id)}${rest}`;
const change = (id: string, step: string, body: object) =>
  read((all) => all.AccessRequestView, send("POST", at(id, `/${step}`), body));

export function getMyAccess(): Promise<MyAccess> {
  return read((all) => all.MyAccess, send("GET", "/me/access"));
}

export interface RequestFilters {
  view?: "all" | "mine" | "to-decide" | "to-review";
  kind?: "request" | "break-glass";
  state?: string;
  from?: string;
  to?: string;
  limit?: number;
  cursor?: string;
}

export function listRequests(filters: RequestFilters): Promise<AccessRequestPage> {
  return read((all) => all.AccessRequestPage, send("GET", `/requests${query({ ...filters })}`));
}

export function getRequest(id: string): Promise<AccessRequestView> {
  return read((all) => all.AccessRequestView, send("GET", at(id)));
}

export function checkDraft(draft: RequestDraft, signal: AbortSignal): Promise<DraftCheck> {
  return read((all) => all.DraftCheck, send("POST", "/requests/check", draft, signal));
}

export function submitDraft(draft: RequestDraft): Promise<AccessRequestView> {
  return read((all) => all.AccessRequestView, send("POST", "/requests", draft));
}

export function approveRequest(id: string, comment: string, conditions: ApprovalConditions) {
  return change(id, "approve", { comment, conditions });
}

export function refuseRequest(id: string, comment: string): Promise<AccessRequestView> {
  return change(id, "refuse", { comment });
}

export function withdrawRequest(id: string, reason: string): Promise<AccessRequestView> {
  return change(id, "withdraw", { reason });
}

export function revokeRequest(id: string, reason: string): Promise<AccessRequestView> {
  return change(id, "revoke", { reason });
}

export function reviewRequest(id: string, verdict: ReviewVerdict, comment: string): Promise<AccessRequestView> {
  return change(id, "review", { verdict, comment });
}

/** Without a key: a password, which is in the answer alone. */
export function issueCredential(id: string, publicKey?: string): Promise<IssuedCredential> {
  const wanted = publicKey === undefined ? { kind: "ssh-password" } : { kind: "ssh-key", publicKey };
  return read((all) => all.IssuedCredential, send("POST", at(id, "/credential"), wanted));
}

export function openEmergencyAccess(target: string, reason: string, seconds: number): Promise<AccessRequestView> {
  return read((all) => all.AccessRequestView, send("POST", "/break-glass", { target, reason, seconds }));
}

export async function listBlocks(): Promise<AccessBlock[]> {
  return (await read((all) => all.AccessBlockList, send("GET", "/access-blocks"))).items;
}

export function liftBlock(id: string, reason: string): Promise<AccessBlock> {
  return read((all) => all.AccessBlock, send("POST", `/access-blocks/${encodeURIComponent(id)}/lift`, { reason }));
}

export function getPolicy(): Promise<PolicyInForce> {
  return read((all) => all.PolicyInForce, send("GET", "/policy"));
}

export async function listPolicyVersions() {
  return (await read((all) => all.PolicyVersionList, send("GET", "/policy/versions"))).items;
}

export function getPolicyVersion(hash: string): Promise<PolicyVersionText> {
  return read((all) => all.PolicyVersionText, send("GET", `/policy/versions/${encodeURIComponent(hash)}`));
}

export type ReportPeriod = { days: number } | { from: string; to: string };

export function getReport(period: ReportPeriod): Promise<ConduitReport> {
  return read((all) => all.ConduitReport, send("GET", `/report${query({ ...period })}`));
}

export function reportUrl(period: ReportPeriod, format: "html" | "csv" | "json", table?: string): string {
  return `/api/v1/report${query({ ...period, format, table })}`;
}

export async function listPeople(): Promise<PersonView[]> {
  return (await read((all) => all.PersonList, send("GET", "/people"))).items;
}

export function addPerson(person: NewPerson): Promise<AddedPerson> {
  return read((all) => all.AddedPerson, send("POST", "/people", person));
}

const ofPerson = (name: string, step: string, body: object = {}) =>
  send("POST", `/people/${encodeURIComponent(name)}/${step}`, body);
const changePerson = (name: string, step: string, body?: object) =>
  read((all) => all.PersonView, ofPerson(name, step, body));

export function setRoles(name: string, roles: Role[]): Promise<PersonView> {
  return changePerson(name, "roles", { roles });
}

export function disablePerson(name: string, reason: string): Promise<PersonView> {
  return changePerson(name, "disable", { reason });
}

export function enablePerson(name: string): Promise<PersonView> {
  return read((all) => all.PersonView, send("POST", `/people/${encodeURIComponent(name)}/enable`));
}

export function makeOneTimePassword(name: string): Promise<AddedPerson> {
  return read((all) => all.AddedPerson, send("POST", `/people/${encodeURIComponent(name)}/one-time-password`));
}

export function addKey(name: string, publicKey: string): Promise<PersonView> {
  return changePerson(name, "keys", { publicKey });
}

export function removeKey(name: string, fingerprint: string): Promise<PersonView> {
  return changePerson(name, "keys/remove", { fingerprint });
}

export async function resetSecondFactor(name: string, reason: string): Promise<void> {
  await ofPerson(name, "mfa/reset", { reason });
}
