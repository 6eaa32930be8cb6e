// What around access has to be loud: emergency access while it is open, its review while that is overdue, and a clock that
// windows are not measured by. A part of the composition root. Invariant: what is raised here is raised again after a
// restart, for as long as it is so.
import type { AccessEvent, AccessRequest } from "../shared/api/access.ts";
import type { AccessFeed } from "./access/feed.ts";
import type { AccessRequests } from "./access/requests/requests.ts";

export interface AlarmBoard {
  /** Logged as an error, and part of the service's health until it is cleared. */
  raise(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

/** Less than this is what clocks do. */
const toleratedMs = 60_000;
const clockCode = "ACCESS_CLOCK_BEHIND";

const openCode = (request: string) => `BREAK_GLASS_OPEN ${request}`;
const reviewCode = (request: string) => `BREAK_GLASS_REVIEW_OVERDUE ${request}`;

export class AccessAlarms {
  readonly #requests: AccessRequests;
  readonly #alarms: AlarmBoard;
  #clockIsBehind = false;

  constructor(requests: AccessRequests, alarms: AlarmBoard) {
    this.#requests = requests;
    this.#alarms = alarms;
  }

  /** Once, before events are waited for. */
  async start(feed: AccessFeed): Promise<void> {
    feed.subscribe((event) => this.#heard(event));
    const nowMs = this.#requests.nowMs();
    for (const request of await this.#requests.unreviewed()) {
      if (request.ended === null) this.#opened(request);
      else if (nowMs >= Date.parse(request.review?.dueAt ?? "")) this.#overdue(request.id, request.requester);
    }
  }

  /** From time to time. */
  lookAtClock(): void {
    const behindMs = this.#requests.clockBehindMs();
    const isBehind = behindMs > toleratedMs;
    if (isBehind === this.#clockIsBehind) return;
    this.#clockIsBehind = isBehind;
    if (!isBehind) {
      this.#alarms.clear(clockCode);
      return;
    }
    const seconds = Math.round(behindMs / 1000);
    const message = `the clock of this machine is ${seconds} s behind the latest time that was seen; windows are measured by that time until the clock has caught up. If it ran ahead by mistake and is right now: conduit access accept-clock`;
    this.#alarms.raise(clockCode, message, { behindSeconds: seconds });
  }

  #heard({ type, subject, actor, details }: AccessEvent): void {
    switch (type) {
      case "break-glass.opened":
        this.#raiseOpen(subject, actor, String(details["target"]), String(details["to"]), String(details["reason"]));
        break;
      case "request.expired":
      case "request.revoked":
      case "request.withdrawn":
        this.#alarms.clear(openCode(subject));
        break;
      case "break-glass.review-overdue":
        this.#overdue(subject, String(details["person"]));
        break;
      case "break-glass.reviewed":
        this.#alarms.clear(reviewCode(subject));
        break;
      default:
    }
  }

  #opened({ id, requester, targets, to, purpose }: AccessRequest): void {
    this.#raiseOpen(id, requester, targets.join(", "), to, purpose);
  }

  #raiseOpen(request: string, person: string, target: string, to: string, reason: string): void {
    const message = `${person} opened emergency access to ${target} until ${to}: ${reason}`;
    this.#alarms.raise(openCode(request), message, { request, person, target, to });
  }

  #overdue(request: string, person: string): void {
    const message = `the review of ${person}'s emergency access is overdue: conduit break-glass review ${request}`;
    this.#alarms.raise(reviewCode(request), message, { request, person });
  }
}
