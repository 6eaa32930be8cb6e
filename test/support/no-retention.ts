// The retention of a store that has none: of tests' stores in memory, which lock nothing and say so.
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import type { ObjectVersion, StoreRetention } from "../../recorder/store/retention-store.ts";

export function noRetention(store: Pick<ObjectStore, "list" | "delete">): StoreRetention {
  return {
    promise: async () => ({
      enforcedBy: "nobody",
      locks: false,
      holds: false,
      versions: false,
      lifecycle: false,
      limits: ["A store in memory keeps nothing."],
    }),
    ensure: async () => [],
    async *versions(prefix: string): AsyncIterable<ObjectVersion> {
      for await (const { key, bytes } of store.list(prefix))
        yield { key, versionId: null, latest: true, deleteMarker: false, bytes, modifiedAt: new Date(0).toISOString() };
    },
    lock: async () => ({ mode: null, retainUntil: null, hold: false }),
    extend: async () => {},
    hold: async () => {},
    secure: async () => {},
    deleteVersion: (key) => store.delete(key),
    probe: async () => ({ at: new Date().toISOString(), ok: false, checks: [] }),
  };
}
