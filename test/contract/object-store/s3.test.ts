import { afterAll, beforeAll } from "vitest";
import { createStore } from "../../../recorder/store/create-store.ts";
import { type CephRgw, startCephRgw } from "../../support/ceph-rgw.ts";
import { FlakyStore, RetryingStore } from "../../support/flaky-store.ts";
import { objectStoreContract } from "./contract.ts";
import { retentionContract } from "./retention.ts";

let rgw: CephRgw;
beforeAll(async () => {
  rgw = await startCephRgw();
});
afterAll(() => rgw?.stop());

let count = 0;

/** A bucket of its own for each test. */
async function makeS3Store(options: { prefix?: string; objectLock?: boolean } = {}) {
  count++;
  const store = createStore({
    kind: "s3",
    endpoint: rgw.endpoint,
    region: rgw.region,
    bucket: `contract-${count}`,
    forcePathStyle: true,
    accessKeyId: rgw.accessKeyId,
    secretAccessKey: rgw.secretAccessKey,
    createBucket: true,
    listPageSize: 20,
    ...options,
  });
  await store.check();
  return { store, cleanUp: async () => {} };
}

objectStoreContract("s3 on Ceph", () => makeS3Store(), { listCount: 63 });
objectStoreContract(
  "s3 on Ceph, prefix, versioned bucket",
  () => makeS3Store({ prefix: "/plant a/ü/", objectLock: true }),
  {
    listCount: 63,
  },
);
objectStoreContract(
  "s3 on Ceph behind a flaky connection",
  async () => {
    const { store, cleanUp } = await makeS3Store();
    return { store: new RetryingStore(new FlakyStore(store, { seed: 1000 + count })), cleanUp };
  },
  { listCount: 43, largeBytes: 2 * 1024 * 1024 },
);
retentionContract("s3 on Ceph", () => makeS3Store({ prefix: "plant-a/", objectLock: true }));
