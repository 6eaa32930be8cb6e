// Whether the timeline is open: where there is room for it, unless the person chose otherwise. Kept in the browser.
import { useState } from "preact/hooks";

const storageKey = "conduit.timeline";
/** In a smaller window the screen needs the room. */
const ROOM = { width: 900, height: 760 };

function first(): boolean {
  try {
    const kept = localStorage.getItem(storageKey);
    if (kept !== null) return kept === "open";
  } catch {
    // A browser that keeps nothing.
  }
  return window.innerWidth > ROOM.width && window.innerHeight >= ROOM.height;
}

export function useLanesShown(): [shown: boolean, set: (shown: boolean) => void] {
  const [shown, setShown] = useState(first);
  const set = (next: boolean) => {
    setShown(next);
    try {
      localStorage.setItem(storageKey, next ? "open" : "closed");
    } catch {
      // It counts until the page is left.
    }
  };
  return [shown, set];
}
