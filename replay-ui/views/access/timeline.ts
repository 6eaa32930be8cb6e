// What happened to a request, in order, and what is still to come.
import type { AccessRequest, ApprovalConditions } from "../../../shared/api/access.ts";
import { formatMoment, formatPlural } from "../../format.ts";

export interface Moment {
  at: string;
  text: string;
  /** In somebody's words. */
  said: string;
  tone: "" | "good" | "bad";
  toCome: boolean;
}

export function timelineOf(request: AccessRequest, nowMs: number): Moment[] {
  const moments: Moment[] = [];
  const add = (at: string, text: string, said = "", tone: Moment["tone"] = "") =>
    moments.push({ at, text, said, tone, toCome: Date.parse(at) > nowMs });
  const emergency = request.kind === "break-glass";
  add(
    request.submittedAt,
    emergency ? `${request.requester} opened emergency access` : `${request.requester} asked for it`,
    "",
    emergency ? "bad" : "",
  );
  for (const { at, approver, decision, comment, conditions, lapsed } of request.decisions) {
    const narrowed = conditionsInWords(conditions);
    const done = decision === "approve" ? `${approver} approved it` : `${approver} refused it`;
    const counts = lapsed === undefined ? "" : `; it does not count: ${lapsed}`;
    const tone = decision === "approve" && lapsed === undefined ? "good" : "bad";
    add(at, `${narrowed === "" ? done : `${done}, ${narrowed}`}${counts}`, comment, tone);
  }
  for (const { person, credentials } of request.grants) {
    for (const { issuedAt, kind } of credentials) {
      add(issuedAt, `${person} took ${kind === "ssh-key" ? "a key for it" : "a password for it"}`);
    }
  }
  if (request.activatedAt !== null) add(request.activatedAt, "The first session opened", "", "good");
  const stands = request.ended === null && request.state !== "submitted";
  if (stands && !emergency)
    add(request.from, Date.parse(request.from) > nowMs ? "The window begins" : "The window began");
  if (request.ended !== null) {
    const { at, by, reason } = request.ended;
    add(
      at,
      endWords(request.state, by),
      reason,
      request.state === "revoked" || request.state === "refused" ? "bad" : "",
    );
  } else {
    add(request.to, stands ? "The window ends, and what is live with it" : "Without a decision it is over");
  }
  if (request.review !== null) {
    const { at, reviewer, verdict, comment, dueAt } = request.review;
    if (at === null) add(dueAt, Date.parse(dueAt) > nowMs ? "The review is due" : "The review was due", "", "bad");
    else
      add(
        at,
        `${reviewer ?? "Somebody"} found it ${verdict === "justified" ? "justified" : "not justified"}`,
        comment,
        verdict === "justified" ? "good" : "bad",
      );
  }
  // A refusal is a decision and an end: told once.
  const once = moments.filter(
    (one) => !(request.state === "refused" && one.text.startsWith("It was refused") && request.decisions.length > 0),
  );
  return once
    .map((one, i) => ({ one, i }))
    .sort((a, b) => a.one.at.localeCompare(b.one.at) || a.i - b.i)
    .map(({ one }) => one);
}

function endWords(state: AccessRequest["state"], by: string): string {
  if (state === "refused") return `It was refused by ${by}`;
  if (state === "withdrawn") return `${by} withdrew it`;
  if (state === "revoked") return `${by} revoked it`;
  if (state === "used-up") return "All of its sessions were used";
  return "The window was over";
}

export function conditionsInWords({ from, to, capabilities, escorts, maxSessions }: ApprovalConditions): string {
  const words = [
    from === undefined ? "" : `not before ${formatMoment(from)}`,
    to === undefined ? "" : `not after ${formatMoment(to)}`,
    capabilities === undefined ? "" : `with ${capabilities.join(", ") || "nothing"} alone`,
    escorts === undefined ? "" : `escorted by ${escorts.join(" or ")}`,
    maxSessions === undefined ? "" : `for ${formatPlural(maxSessions, "session")}`,
  ];
  return words.filter((word) => word !== "").join(", ");
}
