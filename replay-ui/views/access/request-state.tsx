import type { AccessRequest, RequestState } from "../../../shared/api/access.ts";

const words: Record<RequestState, { text: string; tone: "" | "good" | "warn" | "bad" }> = {
  submitted: { text: "Waits for a decision", tone: "warn" },
  approved: { text: "Approved", tone: "good" },
  refused: { text: "Refused", tone: "bad" },
  withdrawn: { text: "Withdrawn", tone: "" },
  active: { text: "In use", tone: "good" },
  expired: { text: "Over", tone: "" },
  revoked: { text: "Revoked", tone: "bad" },
  "used-up": { text: "Used up", tone: "" },
};

export function RequestBadge({ request: { state, kind } }: { request: Pick<AccessRequest, "state" | "kind"> }) {
  const emergency = kind === "break-glass" && (state === "approved" || state === "active");
  const { text, tone } = emergency ? ({ text: "Open", tone: "bad" } as const) : words[state];
  return (
    <span class={`badge ${tone}`} data-testid="request-state" data-state={state}>
      <span class="badge-dot" aria-hidden="true" />
      {text}
    </span>
  );
}

/** Something of it still stands: it waits, or opens. */
export function isGoingOn({ state, to }: Pick<AccessRequest, "state" | "to">, nowMs = Date.now()): boolean {
  if (state === "submitted") return Date.parse(to) > nowMs;
  return (state === "approved" || state === "active" || state === "used-up") && Date.parse(to) > nowMs;
}
