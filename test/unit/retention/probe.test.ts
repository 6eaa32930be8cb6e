// The probe against stores that lie: each broken promise is found, and named.
import { expect, it } from "vitest";
import { entryTypeOf } from "../../../recorder/catalog/audit-actions.ts";
import { StoreCare } from "../../../recorder/retention/store-care.ts";
import { type Checked, type ProbeActions, probeLocks } from "../../../recorder/store/probe-locks.ts";
import type { ProbeResult } from "../../../recorder/store/retention-store.ts";
import { AppError } from "../../../shared/errors.ts";

interface Lies {
  takesLockAndForgets?: boolean;
  deletesLocked?: boolean;
  shortens?: boolean;
  deletesHeld?: boolean;
}

/** A store in memory that keeps its word, but for what it is told to do otherwise. */
function storeWith(lies: Lies = {}): ProbeActions {
  const objects = new Map<string, { retainUntil: string | null; hold: boolean }>();
  const of = (key: string) => {
    const object = objects.get(key);
    if (object === undefined) throw new Error("refused: not there");
    return object;
  };
  return {
    key: (name) => `probes/${name}`,
    locks: true,
    versioned: true,
    put: async (key, { retainUntil, hold }) => {
      if (objects.has(key)) throw new Error("refused: exists");
      objects.set(key, { retainUntil: (lies.takesLockAndForgets ? null : retainUntil) ?? null, hold: hold ?? false });
      return "v1";
    },
    lock: async (key) => {
      const { retainUntil, hold } = of(key);
      return { mode: retainUntil === null ? null : "compliance", retainUntil, hold };
    },
    refused: (action) =>
      action.then(
        (): Checked => "done",
        (error: Error): Checked => {
          if (error.message.startsWith("refused")) return "refused";
          throw error;
        },
      ),
    deleteVersion: async (key) => {
      const { retainUntil, hold } = of(key);
      if ((retainUntil !== null && !lies.deletesLocked) || (hold && !lies.deletesHeld)) throw new Error("refused");
      objects.delete(key);
    },
    shorten: async (key, _version, until) => {
      if (!lies.shortens) throw new Error("refused");
      of(key).retainUntil = until;
    },
    hold: async (key, _version, on) => {
      of(key).hold = on;
    },
  };
}

const failed = ({ checks }: ProbeResult) => checks.filter(({ ok }) => !ok).map(({ name }) => name);

it.each<[string, Lies, string[]]>([
  ["keeps its word", {}, []],
  ["takes a lock and forgets it", { takesLockAndForgets: true }, ["lock", "shorten-refused", "delete-refused"]],
  ["deletes what is locked", { deletesLocked: true }, ["delete-refused"]],
  ["shortens", { shortens: true }, ["shorten-refused"]],
  ["deletes what is held", { deletesHeld: true }, ["hold-enforced"]],
])("a store that %s", async (_what, lies, names) => {
  const result = await probeLocks(storeWith(lies));
  expect(failed(result)).toEqual(names);
  expect(result.ok).toBe(names.length === 0);
});

it("a store without locks fails at once", async () => {
  const result = await probeLocks({ ...storeWith(), locks: false });
  expect(result).toMatchObject({ ok: false, checks: [{ name: "lock", ok: false }] });
});

it("no answer is no refusal", async () => {
  const away = { ...storeWith(), deleteVersion: () => Promise.reject(new Error("ECONNRESET")) };
  await expect(probeLocks(away)).rejects.toThrow("ECONNRESET");
});

function careOf(probe: () => Promise<ProbeResult>) {
  const told: { type: string }[] = [];
  const alarms = new Map<string, string>();
  const promise = {
    enforcedBy: "server" as const,
    locks: true,
    holds: true,
    versions: true,
    lifecycle: true,
    limits: [],
  };
  const drift = [{ what: "versioning" as const, message: "no versions", repaired: false }];
  const care = new StoreCare({
    store: { kind: "s3", retention: { promise: async () => promise, ensure: async () => [...drift], probe } },
    audit: { append: async ({ action }) => void told.push({ type: entryTypeOf(action) }) },
    wanted: () => ({ classes: [] }),
    onDrift: "report",
    alarms: { raise: (code, message) => void alarms.set(code, message), clear: (code) => void alarms.delete(code) },
    logger: { info: () => {}, warn: () => {}, error: () => {} },
  });
  return { care, told, alarms, drift };
}

it("a probe that fails is an alarm and stands in the ledger; drift is told once, and its alarm ends with it", async () => {
  const bad: ProbeResult = {
    at: "2026-11-23T00:00:00Z",
    ok: false,
    checks: [{ name: "lock", ok: false, message: "No." }],
  };
  const results = [bad, { ...bad, ok: true, checks: [] }];
  const { care, told, alarms, drift } = careOf(async () => results.shift() as ProbeResult);
  expect(await care.look({ probe: true })).toBe(true);
  expect(told.map(({ type }) => type)).toEqual(["drift", "probe-failed"]);
  expect(alarms.get("retention-probe")).toContain("No.");
  expect(alarms.get("retention-drift")).toBe("no versions");
  drift.length = 0;
  await care.look({ probe: true });
  expect(told.map(({ type }) => type)).toEqual(["drift", "probe-failed", "probe"]);
  expect([...alarms.keys()]).toEqual([]);
});

it("a store that refuses the probe has failed it; one that is away was not probed", async () => {
  const refused = new AppError("STORE_REFUSED", "these credentials may not", { op: "store.put" });
  const { care, told } = careOf(() => Promise.reject(refused));
  expect(await care.look({ probe: true })).toBe(true);
  expect(care.state.probe).toMatchObject({ ok: false });
  expect(told.at(-1)).toMatchObject({ type: "probe-failed" });
  const away = careOf(() => Promise.reject(new AppError("STORE_UNAVAILABLE", "away", { op: "x", retryable: true })));
  expect(await away.care.look({ probe: true })).toBe(false);
  expect(away.care.state.fault).toBe("away");
});
