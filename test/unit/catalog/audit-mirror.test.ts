// Audit log and ledger say the same, whatever ended between the two.
import { afterEach, beforeEach, expect, it } from "vitest";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { AuditMirror } from "../../../recorder/catalog/audit-mirror.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { entryTime, genesisPrevious, type LedgerEntry, type NewLedgerEntry } from "../../../shared/ledger/entry.ts";
import { openState } from "../../support/state.ts";

let database: ServiceDatabase;
let lines: LedgerEntry[];
let failing: boolean;

beforeEach(async () => {
  database = await openState(":memory:");
  lines = [];
  failing = false;
});
afterEach(() => database.close());

const ledger = {
  get size() {
    return lines.length;
  },
  async append(entry: NewLedgerEntry) {
    if (failing) throw new Error("the disk is full");
    const at = entryTime(Date.UTC(2026, 10, 23, 8, 0, lines.length));
    lines.push({ n: lines.length, at, prev: genesisPrevious, ...entry });
    return { n: lines.length - 1, at };
  },
  async *entries(from: number, to: number) {
    for (const entry of lines.slice(from, to)) yield { entry };
  },
};

const mirror = () => new AuditMirror({ db: database.catalog, ledger, onError: () => {} });
const entry = (action: string) => ({ actor: "ines", action, subject: "s1", address: "192.0.2.1", details: { a: 1 } });
const audit = () => new AuditLog(database.catalog, undefined, ledger);
const beside = () => new AuditLog(database.catalog);
const actions = async () => (await beside().list({ limit: 100 })).items.map(({ action }) => action).reverse();

it("a line goes into the ledger first; without that it is none", async () => {
  await audit().append(entry("recording.view"));
  expect(lines).toMatchObject([
    { type: "view", actor: "ines", subject: "s1", facts: { action: "recording.view", details: { a: 1 } } },
  ]);
  const [row] = (await beside().list({ limit: 9 })).items;
  expect(row).toMatchObject({ action: "recording.view", at: lines[0]?.at, details: { a: 1 } });
  failing = true;
  await expect(audit().append(entry("recording.export"))).rejects.toThrow("the disk is full");
  expect(await actions()).toEqual(["recording.view"]);
});

it("lines of other processes come into the ledger once, in their order", async () => {
  for (const action of ["person.add", "sign-in", "key.rotate"]) await beside().append(entry(action));
  await audit().append(entry("recording.view"));
  const one = mirror();
  expect(await one.reconcile()).toBe(0);
  expect(lines.map(({ type }) => type)).toEqual(["view", "audit:person.add", "audit:sign-in", "key-rotated"]);
  await one.reconcile();
  await beside().append(entry("recording.export"));
  one.wake();
  await one.stop();
  expect(lines.map(({ type }) => type).slice(4)).toEqual(["export"]);
});

it("a crash between ledger and database loses no line and makes none twice", async () => {
  await audit().append(entry("recording.view"));
  await beside().append(entry("person.add"));
  await mirror().reconcile();
  // In the ledger, and not in the database any more: the line itself, or which entry it is.
  await ledger.append({
    type: "export",
    actor: "ines",
    subject: "s1",
    facts: { action: "recording.export", details: {} },
  });
  await database.catalog.deleteFrom("audit_ledger").where("n", "=", 1).execute();
  await ledger.append({ type: "alarm", actor: "recorder", subject: "plant-a", facts: { code: "X" } });
  const before = lines.length;
  expect(await mirror().reconcile()).toBe(1);
  expect(lines.length).toBe(before);
  expect(await actions()).toEqual(["recording.view", "person.add", "recording.export"]);
  expect(await mirror().reconcile()).toBe(0);
  expect(lines.length).toBe(before);
});

it("a lost database has every line again", async () => {
  for (let i = 0; i < 450; i++) await audit().append(entry(`step.${i}`));
  await database.close();
  database = await openState(":memory:");
  expect(await mirror().reconcile()).toBe(450);
  expect((await beside().list({ limit: 500 })).items.map(({ action }) => action)).toEqual(
    Array.from({ length: 450 }, (_, i) => `step.${449 - i}`),
  );
});
