// A store that is read no faster than a given number of bytes a second, so that what reads in the background takes nothing
// from those who record.
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectStore } from "../store/object-store.ts";

/** Reading stops, with what was read, when the signal aborts. */
export function pacedStore(store: ObjectStore, bytesPerSecond: number, signal: AbortSignal): ObjectStore {
  let freeAtMs = 0;
  return {
    kind: store.kind,
    retention: store.retention,
    put: (...what) => store.put(...what),
    get: async (key, options) => {
      const bytes = await store.get(key, options);
      const nowMs = performance.now();
      const startMs = Math.max(nowMs, freeAtMs);
      freeAtMs = startMs + (bytes.length / bytesPerSecond) * 1000;
      // In the order of the calls: whoever reads ahead waits for its turn.
      if (startMs > nowMs) await sleep(startMs - nowMs, undefined, { signal, ref: false });
      return bytes;
    },
    stream: (...what) => store.stream(...what),
    head: (...what) => store.head(...what),
    list: (...what) => store.list(...what),
    delete: (...what) => store.delete(...what),
    check: () => store.check(),
    close: () => store.close(),
  };
}
