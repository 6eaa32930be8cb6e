// How the store keeps what it is given: its settings compared with those that retention wants, and its locks tried.
import { existsSync } from "node:fs";
import { AppError } from "../../../shared/errors.ts";
import { type Config, storeOptions } from "../../config.ts";
import { hasState, openDatabase, stateOf } from "../../database.ts";
import { RetainedRecordings } from "../../retention/retained.ts";
import { bucketPolicy } from "../../retention/terms.ts";
import type { BucketPolicy } from "../../store/retention-store.ts";
import { inventoryOf } from "../inventory-of.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const name = "retention";
const see = "See docs/retention.md.";

export async function checkRetention(config: Config): Promise<Check[]> {
  if (!existsSync(config.recorder.dataDirectory)) return [];
  return [...(await checkLocks(config)), ...(await checkOverdue(config))];
}

async function checkLocks(config: Config): Promise<Check[]> {
  const { createStore } = await import("../../store/create-store.ts");
  const store = createStore(storeOptions(config.store));
  try {
    const { retention } = store;
    const wanted = wantedOf(config);
    const drift = wanted === null ? [] : await retention.ensure(wanted, "report");
    const promise = await retention.promise();
    const checks = drift.map(({ message }) =>
      warn(name, message, config.retention.onDrift === "repair" ? "The service sets it when it runs." : see),
    );
    if (!promise.locks) return [...checks, ...promise.limits.map((limit) => fail(name, limit, see))];
    const probe = await retention.probe();
    const failed = probe.checks.filter((check) => !check.ok && check.name !== "overwrite-refused");
    checks.push(...failed.map(({ message }) => fail(name, message, "Do not keep evidence in this store.")));
    if (failed.length === 0) checks.push(ok(name, words[promise.enforcedBy]));
    return checks;
  } finally {
    await store.close();
  }
}

/** Null when the inventory is refused, which has a check of its own. */
function wantedOf(config: Config): BucketPolicy | null {
  if (!config.retention.lifecycle) return { classes: [] };
  try {
    return bucketPolicy(inventoryOf(config).policy);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

const words = {
  server: "the store refuses to delete and to shorten what is locked, and enforces holds",
  "file-system": "this software refuses to delete what is locked, and files are immutable until it takes that away",
  service: "this software refuses to delete what is locked; root on this machine is not hindered",
  nobody: "nothing keeps what is stored from being deleted",
};

async function checkOverdue(config: Config): Promise<Check[]> {
  if (!hasState(config)) return [];
  const database = await openDatabase(stateOf(config));
  try {
    const { overdue } = await new RetainedRecordings(database.retention).counts();
    if (overdue === 0) return [];
    const text = `${overdue} recordings were to be gone by now and are still in the store`;
    return [fail(name, text, "Look at conduit retention sweep, and at the rights of the store's keys.")];
  } finally {
    await database.close();
  }
}
