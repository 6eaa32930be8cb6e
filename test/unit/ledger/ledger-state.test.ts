// A start of a long ledger that reads what came after its stored tree alone; and every way in which that may not be believed.
import { generateKeyPairSync, sign } from "node:crypto";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Ledger, type LocalLedgerOptions } from "../../../recorder/ledger/ledger.ts";
import { readState, removeState } from "../../../recorder/ledger/ledger-state.ts";
import { ledgerOrigin, type NoteKey } from "../../../shared/ledger/checkpoint.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const raw = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
const keys: NoteKey[] = [{ name: ledgerOrigin("plant-a"), publicKey: raw }];
const sessionOf = (n: number) => `01a2061a-33bf-7a59-915f-${String(Math.floor(n / 100)).padStart(12, "0")}`;
const entries = 10_500;

let made: TempDir;
let folder: TempDir;
let opened: Ledger[];
let told: number[];

beforeAll(async () => {
  made = await createTempDir("ledger-state");
  const ledger = await open(made.path);
  const more = (from: number, to: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, i) =>
        ledger.append({ type: "view", actor: "ines", subject: sessionOf(from + i), facts: {} }),
      ),
    );
  await more(0, 5000);
  await ledger.checkpoint();
  await more(5000, entries);
  await ledger.checkpoint();
  await more(entries, entries + 3);
  await ledger.close();
});
afterAll(() => made.remove());

beforeEach(async () => {
  folder = await createTempDir("ledger-state");
  [opened, told] = [[], []];
  cpSync(made.path, folder.path, { recursive: true });
});
afterEach(async () => {
  for (const ledger of opened) await ledger.close();
  await folder.remove();
});

function open(directory: string, options: Partial<LocalLedgerOptions> = {}): Promise<Ledger> {
  const signer = { publicKey: raw, sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) };
  return Ledger.open({ directory, recorderId: "plant-a", signer, keys, maxFileBytes: 500_000, ...options });
}

async function start(options: Partial<LocalLedgerOptions> = {}): Promise<Ledger> {
  const ledger = await open(folder.path, { onEntry: ({ n }) => void told.push(n), ...options });
  opened.push(ledger);
  return ledger;
}

const linesPath = () => join(folder.path, "entries/000000000000.jsonl");
const readAgain = (ledger: Ledger) => ledger.readAgain(new AbortController().signal);

it("reads what came after the checkpoint, and is the same ledger in everything that it is asked", async () => {
  const quick = await start();
  expect([quick.unread, told]).toEqual([entries, [entries, entries + 1, entries + 2]]);
  await readAgain(quick);
  await removeState(folder.path);
  const whole = await start();
  expect(whole.unread).toBe(0);
  for (const of of [
    (one: Ledger) => [one.size, one.head, one.root(), one.root(5000), one.lastCheckpoint, one.checkpointSizes],
    (one: Ledger) => [one.proof(17, entries), one.proof(entries + 1, entries + 3), one.consistency(5000, entries)],
  ])
    expect(of(quick)).toEqual(of(whole));
  for (const session of [sessionOf(42), sessionOf(entries)])
    expect(await quick.entriesOf(session)).toEqual(await whole.entriesOf(session));
  expect((await quick.checkpointOver(5000))?.size).toBe(entries);
  const { n } = await quick.append({ type: "view", actor: "ines", subject: "a", facts: {} });
  expect([n, (await quick.checkpoint()).size]).toEqual([entries + 3, entries + 4]);
});

it("a line that was changed is not seen at the start, but beside it, and at the next start for certain", async () => {
  const text = readFileSync(linesPath(), "utf8");
  writeFileSync(linesPath(), text.replace('"actor":"ines"', '"actor":"anna"'));
  const ledger = await start();
  expect(ledger.unread).toBe(entries);
  await expect(readAgain(ledger)).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
  await ledger.close();
  expect(await readState(folder.path)).toBeNull();
  await expect(start()).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
});

it.each<[string, () => void, Partial<LocalLedgerOptions>]>([
  ["was changed", () => change((bytes) => bytes.fill(0, bytes.length - 900, bytes.length - 800)), {}],
  ["is cut off", () => change((bytes) => bytes.subarray(0, bytes.length / 2)), {}],
  ["is empty", () => change(() => Buffer.alloc(0)), {}],
  ["stands under a checkpoint that nobody trusted signed", () => {}, { keys: [] }],
  ["is not asked for by who only reads", () => {}, { signer: null }],
])("what is stored of the tree and %s counts for nothing: all is read", async (_what, spoil, options) => {
  spoil();
  const ledger = await start(options);
  expect([ledger.unread, ledger.size, new Set(told).size]).toEqual([0, entries + 3, entries + 3]);
});

it("lines that are gone are missed at once", async () => {
  rmSync(linesPath());
  await expect(start()).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
});

function change(how: (bytes: Buffer) => Buffer): void {
  const path = join(folder.path, "tree-state");
  writeFileSync(path, how(readFileSync(path)));
}
