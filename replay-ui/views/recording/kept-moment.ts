// The moment at which a page was left, for when it is loaded anew: kept in the tab, and used once.
import type { OpenedRecording } from "./opened.ts";

export interface KeptMoment {
  session: string;
  atUs: number;
  track: string | null;
}

const KEY = "conduit:moment";

export function keepMoment({ source, player }: OpenedRecording): void {
  const { track, following } = player.state.get();
  const kept: KeptMoment = { session: source.session, atUs: player.timeUs.get(), track };
  try {
    if (following) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing begins at the address's moment.
  }
}

/** Null unless the page was loaded anew, and showed this recording before. */
export function takeKeptMoment(session: string): KeptMoment | null {
  try {
    const text = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    if (text === null || navigation?.type !== "reload") return null;
    return momentOf(JSON.parse(text), session);
  } catch {
    return null;
  }
}

/** Null where it is not one, or another recording's. */
export function momentOf(value: unknown, session: string): KeptMoment | null {
  if (typeof value !== "object" || value === null) return null;
  const { session: of, atUs, track } = value as Partial<Record<keyof KeptMoment, unknown>>;
  if (of !== session || typeof atUs !== "number" || !Number.isFinite(atUs) || atUs < 0) return null;
  return { session, atUs, track: typeof track === "string" ? track : null };
}
