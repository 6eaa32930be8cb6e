// Encryption at rest as service and command line use it: what new recordings are encrypted with, the keys by which old ones
// are read, and the end of a month's key when nothing needs it any more. A part of the composition root, beside main.ts.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sessionIdPattern } from "../shared/ids.ts";
import { OpenRecord } from "../shared/manifest/open-record.ts";
import type { MasterKey } from "./access/master-key.ts";
import { type MonthKey, MonthKeys } from "./access/month-keys.ts";
import { isInUse, type MonthsInUse, monthsInUse } from "./catalog/months-in-use.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import { KeyServiceCommand } from "./encryption/key-service.ts";
import { RecordingEncryption } from "./encryption/recording-encryption.ts";
import { openName } from "./store/keys.ts";
import type { ObjectStore } from "./store/object-store.ts";

export function openMonthKeys(config: Config, database: ServiceDatabase, masterKey: MasterKey): MonthKeys {
  const command = config.encryption?.keyService;
  const keyService = command ? new KeyServiceCommand(command.command, command.timeoutMs) : undefined;
  return new MonthKeys(database.access, masterKey, { keyService });
}

interface AlarmBoard {
  raise(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

/** Null: recordings are not encrypted. CONFIG_INVALID: a recipient is none. */
export async function openEncryption(
  config: Config,
  monthKeys: MonthKeys,
  alarms: AlarmBoard,
): Promise<RecordingEncryption | null> {
  if (config.encryption === null) return null;
  const alarm = "ENCRYPTION_NO_KEY";
  const encryption = new RecordingEncryption({
    ...config.encryption,
    recipientOf: (month) => monthKeys.recipientOf(month),
    noServiceKey: (month, error) =>
      alarms.raise(
        alarm,
        `the service's key of ${month} cannot be made (${(error as Error).message}): recordings are encrypted to their recipients alone, and the portal will not show them when they have ended`,
        { month, cause: String(error) },
      ),
    serviceKeyAgain: () => alarms.clear(alarm),
  });
  await encryption.check();
  return encryption;
}

/** After the end of a month its last recordings may still wait for their removal. */
const graceMs = 10 * 86_400_000;

function isOver(month: string, nowMs: number): boolean {
  const [year = 0, number = 0] = month.split("-").map(Number);
  return nowMs >= Date.UTC(year, number, 1) + graceMs;
}

export interface ShredParts {
  monthKeys: MonthKeys;
  store: ObjectStore;
  spoolDirectory: string;
  nowMs?: number;
  signal?: AbortSignal;
}

export interface MonthState extends MonthKey {
  recordings: number;
  /** `kept`: something needs it; `due`: it is to be destroyed. */
  state: "kept" | "due" | "destroyed";
}

export interface Shredding {
  months: MonthState[];
  unknown: MonthsInUse["unknown"];
}

/** What could be destroyed now. The whole store is looked through. */
export async function shreddingNow({ nowMs = Date.now(), ...parts }: ShredParts): Promise<Shredding> {
  const { monthKeys, store, spoolDirectory, signal } = parts;
  const use = await monthsInUse(store, signal);
  await addSpooled(spoolDirectory, use);
  const months = (await monthKeys.list()).map((key): MonthState => {
    const recordings = use.counts.get(key.month) ?? 0;
    if (key.destroyedAt !== null) return { ...key, recordings, state: "destroyed" };
    return { ...key, recordings, state: isOver(key.month, nowMs) && !isInUse(use, key.month) ? "due" : "kept" };
  });
  return { months, unknown: use.unknown };
}

/** Destroys what is due; `before` is awaited for each, so that it is written down first. */
export async function shredDue(parts: ShredParts, before: (month: MonthKey) => Promise<void>): Promise<MonthKey[]> {
  const { monthKeys, nowMs = Date.now() } = parts;
  const over = (await monthKeys.list()).filter(
    ({ month, destroyedAt }) => destroyedAt === null && isOver(month, nowMs),
  );
  if (over.length === 0) return [];
  const due = (await shreddingNow(parts)).months.filter(({ state }) => state === "due");
  for (const month of due) {
    await before(month);
    await monthKeys.destroy(month.month);
  }
  return due;
}

/** What waits for a store that is away is nowhere else. */
async function addSpooled(directory: string, use: MonthsInUse): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const session of names.filter((name) => sessionIdPattern.test(name))) {
    try {
      const open = OpenRecord.parse(JSON.parse(await readFile(join(directory, session, openName), "utf8")));
      const month = open.encryption?.serviceKey;
      if (month != null) use.counts.set(month, (use.counts.get(month) ?? 0) + 1);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      use.unknown.push({ session, from: "", why: `its ${openName} in the spool: ${(error as Error).message}` });
    }
  }
}

export interface ShredHooks {
  before(month: MonthKey): Promise<void>;
  /** A key was destroyed: nothing that it opened is to be kept. */
  forget(): void;
  failed(error: unknown): void;
}

const shredEveryMs = 6 * 3_600_000;

/** Looks now and then whether a month's key is due; most of the time none is, and the store is not asked. */
export function shredRegularly(parts: ShredParts, hooks: ShredHooks): { stop(): Promise<void> } {
  const abort = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const run = async () => {
    try {
      const gone = await shredDue({ ...parts, signal: abort.signal }, (month) => hooks.before(month));
      if (gone.length > 0) hooks.forget();
    } catch (error) {
      if (!abort.signal.aborted) hooks.failed(error);
    }
  };
  const timer = setInterval(() => {
    running = running.then(run);
  }, shredEveryMs).unref();
  running = run();
  return {
    async stop() {
      clearInterval(timer);
      abort.abort();
      await running;
    },
  };
}
