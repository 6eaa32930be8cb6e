import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createStore } from "../../../recorder/store/create-store.ts";
import { run } from "../../support/daemon.ts";
import { FlakyStore, RetryingStore } from "../../support/flaky-store.ts";
import { objectStoreContract } from "./contract.ts";
import { retentionContract } from "./retention.ts";

async function makeFsStore(options: { immutable?: boolean } = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), "fs-store-"));
  return {
    store: createStore({ kind: "fs", directory: path.join(directory, "new", "store"), ...options }),
    cleanUp: async () => {
      if (options.immutable === true) await run("chattr", ["-R", "-i", directory], process.env).catch(() => {});
      await rm(directory, { recursive: true, force: true });
    },
  };
}

objectStoreContract("fs", () => makeFsStore(), { listCount: 1203 });
retentionContract("fs", () => makeFsStore());
// Where the attribute is not permitted here, the store says so and keeps its promise without it.
retentionContract("fs, immutable", () => makeFsStore({ immutable: true }));

let seed = 100;
objectStoreContract(
  "fs behind a flaky connection",
  async () => {
    const { store, cleanUp } = await makeFsStore();
    return { store: new RetryingStore(new FlakyStore(store, { seed: seed++ })), cleanUp };
  },
  { listCount: 203 },
);
