// How requests are shown at the command line.
import type { AccessRequest } from "../../../shared/api/access.ts";
import { eachProtocol } from "../../../shared/policy/request.ts";
import { type Cell, formatTime, type Output, printable } from "../output.ts";

export function showRequests(out: Output, requests: readonly AccessRequest[]): void {
  out.table(
    ["REQUEST", "STATE", "PEOPLE", "TARGETS", "FROM", "TO", "APPROVALS", "PURPOSE"],
    requests.map((request) => [
      request.id,
      request.state,
      request.people.join(","),
      request.targets.join(","),
      formatTime(request.from),
      formatTime(request.to),
      approvals(request),
      short(request.purpose),
    ]),
  );
}

export function showRequest(out: Output, request: AccessRequest): void {
  const lines: [string, Cell][] = [
    ["request", request.id],
    ["kind", request.kind],
    ["state", request.state],
    ["asked by", `${request.requester}, ${formatTime(request.submittedAt)}`],
    ["people", request.people.join(", ")],
    ["targets", `${request.targets.join(", ")} (${protocolOf(request)}; conduit ${request.conduits.join(", ")})`],
    [request.kind === "break-glass" ? "reason" : "purpose", request.purpose],
    ["window", `${formatTime(request.from)} to ${formatTime(request.to)}`],
    ...optional("ticket", request.ticket),
    ...optional("escorts", request.escorts.join(", ") || null),
    ...optional("only", request.capabilities?.join(", ") ?? null),
    ...optional(
      "sessions",
      request.maxSessions === null ? null : `${request.sessionsOpened} of ${request.maxSessions}`,
    ),
    ...optional("approvals", request.approvalsNeeded === 0 ? null : approvals(request)),
    ...request.decisions.map((one): [string, Cell] => [
      one.decision === "approve" ? "approved by" : "refused by",
      `${one.approver}, ${formatTime(one.at)}${one.comment === "" ? "" : `: ${one.comment}`}${one.lapsed === undefined ? "" : ` (does not count: ${one.lapsed})`}`,
    ]),
    ...request.grants.map((grant): [string, Cell] => [
      "grant",
      `${grant.person}: ${grant.state}${grant.credentials.map(({ kind }) => `, ${kind}`).join("")}`,
    ]),
    ...optional(
      "ended",
      request.ended === null ? null : `${formatTime(request.ended.at)} by ${request.ended.by}: ${request.ended.reason}`,
    ),
    ...optional("review", request.review === null ? null : reviewOf(request)),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, value] of lines) out.line(`${name.padEnd(width)}  ${printable(String(value))}`);
}

function protocolOf({ protocol }: AccessRequest): string {
  return protocol === eachProtocol ? "each by its own protocol" : protocol;
}

export function reviewOf({ review }: AccessRequest): string {
  if (review === null) return "";
  if (review.verdict === null) return `due ${formatTime(review.dueAt)}`;
  return `${review.verdict} (${review.reviewer ?? "unknown"}): ${review.comment}`;
}

function optional(name: string, value: string | null): [string, Cell][] {
  return value === null ? [] : [[name, value]];
}

function approvals({ decisions, approvalsNeeded }: AccessRequest): string {
  return `${countedApprovals(decisions)}/${approvalsNeeded}`;
}

/** How many have approved it and count. */
export function countedApprovals(decisions: AccessRequest["decisions"]): number {
  return decisions.filter(({ decision, lapsed }) => decision === "approve" && lapsed === undefined).length;
}

function short(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
