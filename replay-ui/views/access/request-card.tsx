// One access request in a list: what for, which targets, when, and what this person may do about it now.
import type { ComponentChildren } from "preact";
import type { AccessRequestView } from "../../../shared/api/access.ts";
import { formatLeft, formatMoment, formatPlural, formatUtc, formatWindow, formatZone } from "../../format.ts";
import { requestPath } from "../../router.ts";
import { RequestBadge } from "./request-state.tsx";

export function RequestCard(props: {
  request: AccessRequestView;
  /** Whose it is matters where others look at it. */
  showWho?: boolean;
  children?: ComponentChildren;
}) {
  const { request } = props;
  return (
    <li class="card request-card" data-testid="request" data-request={request.id}>
      <div class="live-head">
        <RequestBadge request={request} />
        {request.kind === "break-glass" ? <span class="tag bad">emergency</span> : null}
        <span class="live-age">{request.ticket ?? ""}</span>
      </div>
      <h3 class="request-title">
        <a href={requestPath(request.id)}>{request.purpose}</a>
      </h3>
      <dl class="request-facts">
        {props.showWho === true ? (
          <Fact name="Who">
            {request.people.join(", ")}
            {request.people.length === 1 && request.people[0] === request.requester ? null : (
              <span class="dim"> · asked by {request.requester}</span>
            )}
          </Fact>
        ) : null}
        <Fact name={request.targets.length === 1 ? "Target" : "Targets"}>{request.targets.join(", ")}</Fact>
        <Fact name="When">
          <WindowText from={request.from} to={request.to} />
          <span class="dim"> {whenWords(request)}</span>
        </Fact>
      </dl>
      {props.children === undefined ? null : <div class="live-actions">{props.children}</div>}
    </li>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** In the viewer's time; UTC is on the tooltip, and said where the two differ. */
export function WindowText({ from, to }: { from: string; to: string }) {
  const zone = formatZone(Date.parse(from));
  return (
    <time dateTime={from} title={`${formatUtc(from)} – ${formatUtc(to)}`}>
      {formatWindow(from, to)} {zone}
    </time>
  );
}

function whenWords(request: AccessRequestView, nowMs = Date.now()): string {
  const fromMs = Date.parse(request.from);
  const toMs = Date.parse(request.to);
  if (request.ended !== null || toMs <= nowMs) return "";
  if (fromMs > nowMs) return `begins in ${formatLeft(fromMs - nowMs)}`;
  return request.state === "submitted" ? "has begun" : `${formatLeft(toMs - nowMs)} left`;
}

/** `asked 20 Nov 2026, 06:11, waits for 2 people` */
export function waitingWords({ submittedAt, approvalsNeeded, decisions }: AccessRequestView): string {
  const agreed = decisions.filter(({ decision }) => decision === "approve").length;
  const left = approvalsNeeded - agreed;
  const asked = `Asked ${formatMoment(submittedAt)}`;
  return agreed === 0
    ? left > 1
      ? `${asked}; ${formatPlural(left, "person has", "people have")} to agree`
      : asked
    : `${asked}; ${formatPlural(agreed, "person has", "people have")} agreed, ${left} more needed`;
}
