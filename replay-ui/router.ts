// The address bar as state. Paths: / (recordings), /recordings/<session>?t=<seconds>&track=<name>, /live, /audit,
// /targets, /connect/<target>.
import { Store } from "./store.ts";

export type Route =
  | { view: "recordings" }
  | { view: "recording"; session: string; atSeconds: number; track: string | null }
  | { view: "live" }
  | { view: "audit" }
  | { view: "targets" }
  | { view: "connect"; target: string }
  | { view: "unknown" };

export function parseRoute(path: string, search: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0 || (parts.length === 1 && parts[0] === "recordings")) return { view: "recordings" };
  if (parts.length === 2 && parts[0] === "recordings") {
    const parameters = new URLSearchParams(search);
    const atSeconds = Number(parameters.get("t") ?? "0");
    return {
      view: "recording",
      session: decodeURIComponent(parts[1] ?? ""),
      atSeconds: Number.isFinite(atSeconds) && atSeconds > 0 ? atSeconds : 0,
      track: parameters.get("track"),
    };
  }
  if (parts.length === 1 && parts[0] === "live") return { view: "live" };
  if (parts.length === 1 && parts[0] === "audit") return { view: "audit" };
  if (parts.length === 1 && parts[0] === "targets") return { view: "targets" };
  if (parts.length === 2 && parts[0] === "connect") {
    return { view: "connect", target: decodeURIComponent(parts[1] ?? "") };
  }
  return { view: "unknown" };
}

function here(): Route {
  return parseRoute(location.pathname, location.search);
}

/** Outside a browser (tests of what uses it) there is no address. */
export const route = new Store<Route>(typeof location === "undefined" ? { view: "recordings" } : here());

export function navigate(path: string): void {
  if (path === location.pathname + location.search) return;
  history.pushState(null, "", path);
  route.set(here());
  window.scrollTo(0, 0);
}

/** Changes the address without a new history entry and without a new view. */
export function replaceAddress(path: string): void {
  history.replaceState(null, "", path);
}

export function recordingPath(session: string): string {
  return `/recordings/${encodeURIComponent(session)}`;
}

export function connectPath(target: string): string {
  return `/connect/${encodeURIComponent(target)}`;
}

/** Follows links within the app without loading the page anew. */
export function installRouter(): void {
  window.addEventListener("popstate", () => route.set(here()));
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
