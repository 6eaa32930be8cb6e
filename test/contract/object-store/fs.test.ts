import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createStore } from "../../../recorder/store/create-store.ts";
import { FlakyStore, RetryingStore } from "../../support/flaky-store.ts";
import { objectStoreContract } from "./contract.ts";

async function makeFsStore() {
  const directory = await mkdtemp(path.join(tmpdir(), "fs-store-"));
  return {
    store: createStore({ kind: "fs", directory: path.join(directory, "new", "store") }),
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  };
}

objectStoreContract("fs", makeFsStore, { listCount: 1203 });

let seed = 100;
objectStoreContract(
  "fs behind a flaky connection",
  async () => {
    const { store, cleanUp } = await makeFsStore();
    return { store: new RetryingStore(new FlakyStore(store, { seed: seed++ })), cleanUp };
  },
  { listCount: 203 },
);
