// Makes the configured store. Nothing is touched before the first operation, so that the service starts, and records
// into its spool, while the store is away.
import { FsStore, type FsStoreConfig } from "./fs-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { S3StoreConfig } from "./s3-config.ts";
import { S3Store } from "./s3-store.ts";

export type StoreConfig = FsStoreConfig | S3StoreConfig;

export function createStore(config: StoreConfig): ObjectStore {
  switch (config.kind) {
    case "fs":
      return new FsStore(config);
    case "s3":
      return new S3Store(config);
  }
}
