// What waits for the signed-in person, whose emergency access is open, and what the kill switch has stopped: asked for after the page stands, and again now and
// then. Everybody may ask; the answer has only what they may know.
import type { Stop } from "../shared/api/types.ts";
import type { Role } from "../shared/policy/policy.ts";
import { Store } from "./store.ts";

export interface OpenEmergency {
  id: string;
  person: string;
  target: string;
  to: string;
}

export interface Waiting {
  /** Requests and reviews. */
  count: number;
  emergencies: readonly OpenEmergency[];
  stops: readonly Stop[];
  /** Why the store does not keep recordings as it should; null: it does, or is not this person's to know. */
  store: string | null;
}

export const nothingWaits: Waiting = { count: 0, emergencies: [], stops: [], store: null };
export const waiting = new Store<Waiting>(nothingWaits);

/** The first picture of a recording waits for nothing of this. */
const FIRST_MS = 1_200;
const REFRESH_MS = 30_000;

/** Asks until the returned function is called. */
export function watchWaiting(roles: readonly Role[]): () => void {
  let stopped = false;
  const look = async () => {
    if (document.visibilityState === "hidden") return;
    const { lookForWaiting } = await import("./api/waiting-client.ts");
    const seen = await lookForWaiting(roles);
    if (!stopped) waiting.set(seen);
  };
  // What the service does not answer now it answers later; the pages themselves say when it does not.
  const quietly = () => void look().catch(() => {});
  const first = setTimeout(quietly, FIRST_MS);
  lookAgain = quietly;
  const timer = setInterval(quietly, REFRESH_MS);
  return () => {
    stopped = true;
    lookAgain = () => {};
    clearTimeout(first);
    clearInterval(timer);
    waiting.set(nothingWaits);
  };
}

let lookAgain: () => void = () => {};

/** After somebody decided: the number need not wait. */
export function refreshWaiting(): void {
  lookAgain();
}
