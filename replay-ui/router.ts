// The address bar as state. Paths: / (recordings), /recordings/<session>?t=<seconds or h:mm:ss>&to=<the same>&track=<name>, /live, /audit, /ledger, /attestation,
// /compare?sessions=<one>,<another>&t=<wall clock>,
// /targets, /connect/<target>, /account, /access, /access/new, /requests/<id>, /approvals, /policy, /report, /people, /search?q=<words>, /activity?day=<2026-11-23>, /cases, /cases/<id>.
import { Store } from "./store.ts";

export type Route =
  | { view: "recordings" }
  | { view: "recording"; session: string; atSeconds: number; toSeconds: number | null; track: string | null }
  /** `at`: ISO 8601; null is the beginning. */
  | { view: "compare"; sessions: readonly string[]; at: string | null }
  | { view: "live" }
  | { view: "audit" }
  | { view: "ledger" }
  | { view: "attestation" }
  | { view: "targets" }
  | { view: "account" }
  | { view: "connect"; target: string }
  | { view: "access" }
  | { view: "new-request" }
  | { view: "request"; id: string }
  | { view: "approvals" }
  | { view: "policy" }
  | { view: "report" }
  | { view: "people" }
  | { view: "search" }
  | { view: "activity" }
  | { view: "cases" }
  | { view: "case"; id: string }
  | { view: "unknown" };

/** More do not fit beside each other. */
export const MAX_COMPARED = 4;

export function parseRoute(path: string, search: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0 || (parts.length === 1 && parts[0] === "recordings")) return { view: "recordings" };
  if (parts.length === 2 && parts[0] === "recordings") {
    const parameters = new URLSearchParams(search);
    return {
      view: "recording",
      session: decodeURIComponent(parts[1] ?? ""),
      // What is no time is the beginning.
      atSeconds: secondsOf(parameters.get("t") ?? "") ?? 0,
      toSeconds: secondsOf(parameters.get("to") ?? ""),
      track: parameters.get("track"),
    };
  }
  if (parts.length === 2 && parts[0] === "requests") return { view: "request", id: decodeURIComponent(parts[1] ?? "") };
  if (parts.length === 2 && parts[0] === "cases") return { view: "case", id: decodeURIComponent(parts[1] ?? "") };
  if (parts.length === 2 && parts[0] === "access" && parts[1] === "new") return { view: "new-request" };
  if (parts.length === 1 && parts[0] === "compare") {
    const parameters = new URLSearchParams(search);
    const sessions = [...new Set((parameters.get("sessions") ?? "").split(",").filter((session) => session !== ""))];
    const at = parameters.get("t");
    return {
      view: "compare",
      sessions: sessions.slice(0, MAX_COMPARED),
      at: at === null || Number.isNaN(Date.parse(at)) ? null : at,
    };
  }
  const plain = parts.length === 1 ? plainViews.find((view) => view === parts[0]) : undefined;
  if (plain !== undefined) return { view: plain };
  if (parts.length === 2 && parts[0] === "connect") {
    return { view: "connect", target: decodeURIComponent(parts[1] ?? "") };
  }
  return { view: "unknown" };
}

/** Pages whose address is their name. */
const plainViews = [
  "live",
  "audit",
  "ledger",
  "attestation",
  "targets",
  "account",
  "access",
  "approvals",
  "policy",
  "report",
  "people",
  "search",
  "activity",
  "cases",
] as const;

/** `750`, `750.5`, and as clocks write it: `12:30`, `1:02:30.5`. Null is no time. */
export function secondsOf(time: string): number | null {
  if (!/^(?:(?:\d+:)?\d+:)?\d+(?:\.\d*)?$/.test(time)) return null;
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function here(): Route {
  return parseRoute(location.pathname, location.search);
}

/** Outside a browser (tests of what uses it) there is no address. */
export const route = new Store<Route>(typeof location === "undefined" ? { view: "recordings" } : here());

type Guard = (go: () => void) => void;

let guard: Guard | null = null;
/** Where this view stands in the browser's history: with that, a way back that was taken can be undone. */
let place = 0;

/** Until the answer is called, every way out of the view is handed to `ask`, which calls `go` or does not. */
export function guardView(ask: Guard): () => void {
  guard = ask;
  return () => {
    if (guard === ask) guard = null;
  };
}

/** Does what ends the view: at once, or when the person has agreed. */
export function leaveView(go: () => void): void {
  if (guard === null) {
    go();
    return;
  }
  guard(() => {
    guard = null;
    go();
  });
}

export function navigate(path: string): void {
  if (path === location.pathname + location.search) return;
  leaveView(() => {
    place++;
    history.pushState({ place }, "", path);
    route.set(here());
    window.scrollTo(0, 0);
  });
}

/** Changes the address without a new history entry and without a new view. */
export function replaceAddress(path: string): void {
  history.replaceState({ place }, "", path);
}

function placeIn(state: unknown): number | null {
  const value = (state as { place?: unknown } | null)?.place;
  return typeof value === "number" ? value : null;
}

/** The browser has gone already when it says so. A guarded view goes back to its own address first, and then asks. */
function onTraversal(event: PopStateEvent): void {
  const to = placeIn(event.state);
  if (guard === null || to === null) {
    place = to ?? place;
    route.set(here());
    return;
  }
  if (to === place) return;
  const steps = to - place;
  history.go(-steps);
  leaveView(() => history.go(steps));
}

export function recordingPath(session: string): string {
  return `/recordings/${encodeURIComponent(session)}`;
}

export function comparePath(sessions: readonly string[], at?: string): string {
  const parameters = new URLSearchParams({ sessions: sessions.join(","), ...(at === undefined ? {} : { t: at }) });
  return `/compare?${parameters}`;
}

export function connectPath(target: string): string {
  return `/connect/${encodeURIComponent(target)}`;
}

export function requestPath(id: string): string {
  return `/requests/${encodeURIComponent(id)}`;
}

/** Follows links within the app without loading the page anew. */
export function installRouter(): void {
  place = placeIn(history.state) ?? 0;
  history.replaceState({ place }, "");
  window.addEventListener("popstate", onTraversal);
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.target !== "" || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
