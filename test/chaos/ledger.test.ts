// The ledger when its process is killed at any moment, and when its disk is full: what was acknowledged is there, half a
// line is none, and without a ledger there is no session. The full disk needs root, for a disk of its own (tmpfs).
import { execFileSync, spawn } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Ledger, type LedgerSigner } from "../../recorder/ledger/ledger.ts";
import { nodeNoteCrypto } from "../../recorder/ledger/node-crypto.ts";
import { RecordingWitness } from "../../recorder/ledger/recording-witness.ts";
import { createRecorder } from "../../recorder/record/create-recorder.ts";
import { loadOrCreateSigningKey, Signer } from "../../recorder/record/signing.ts";
import { FsStore } from "../../recorder/store/fs-store.ts";
import { parseCheckpoint, verifyNote } from "../../shared/ledger/checkpoint.ts";
import { sleep } from "../support/wait-for.ts";
import { openFacts } from "./recorder-fixture.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "conduit-ledger-chaos-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const writer = fileURLToPath(new URL("./ledger-writer.ts", import.meta.url));

async function readAll(directory: string): Promise<{ texts: string[]; notes: Map<number, string> }> {
  const ledger = await Ledger.open({ directory, recorderId: "plant-a", signer: null });
  const texts: string[] = [];
  for await (const { entry } of ledger.entries(0, ledger.size)) texts.push(String(entry.facts["text"]));
  const notes = new Map<number, string>();
  for await (const { size, note } of ledger.checkpoints()) notes.set(size, note);
  await ledger.close();
  return { texts, notes };
}

test("killed at any moment, the ledger has every entry and checkpoint that was acknowledged, and goes on", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const raw = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  const key = { name: "conduit-recorder/plant-a", publicKey: raw };
  const entries = new Map<number, string>();
  const checkpoints = new Map<number, string>();
  for (let run = 0; run < 8; run++) {
    // Into a file: a pipe that is full would end the writer by itself.
    const path = join(base, `said-${run}`);
    const output = openSync(path, "w");
    const child = spawn(process.execPath, ["--import", "tsx", writer, base, pem, String(run)], {
      stdio: ["ignore", output, "inherit"],
    });
    while (!readFileSync(path, "utf8").includes("acknowledged")) await sleep(5);
    await sleep(30 + run * 23);
    expect(child.exitCode).toBeNull();
    child.kill("SIGKILL");
    await once(child, "close");
    closeSync(output);
    const said = readFileSync(path, "utf8");
    // The last line may be half said.
    for (const line of said.split("\n").slice(0, -1)) {
      const [what = "", number = "", ...rest] = line.split(" ");
      if (what === "acknowledged") entries.set(Number(number), rest.join(" "));
      if (what === "checkpoint") checkpoints.set(Number(number), Buffer.from(rest[0] ?? "", "base64").toString());
    }
    const { texts, notes } = await readAll(base);
    for (const [n, text] of entries) expect(texts[n]).toBe(text);
    for (const [size, note] of checkpoints) expect(notes.get(size)).toBe(note);
    for (const note of notes.values())
      expect(await verifyNote(parseCheckpoint(note)!, [key], nodeNoteCrypto)).toBe(key);
  }
  expect(entries.size).toBeGreaterThan(100);
  expect(checkpoints.size).toBeGreaterThan(8);
}, 120_000);

describe.runIf(process.getuid?.() === 0)("on a full disk", () => {
  let disk: string;
  beforeEach(() => {
    disk = join(base, "disk");
    mkdirSync(disk);
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", disk]);
  });
  afterEach(() => execFileSync("/bin/umount", ["-l", disk]));

  test("no session begins, in words that say what to mend, and its number is given to the next one", async () => {
    const signing = await loadOrCreateSigningKey(join(base, "signing.pem"));
    const signer = new Signer(signing);
    const spki = createPublicKey(signer.publicKeyPem).export({ type: "spki", format: "der" });
    const ledgerSigner: LedgerSigner = {
      publicKey: new Uint8Array(spki.subarray(-32)),
      sign: (bytes) => signer.sign(bytes),
    };
    const ledger = await Ledger.open({ directory: join(disk, "ledger"), recorderId: "plant-a", signer: ledgerSigner });
    const opened: string[] = [];
    const recorder = createRecorder({
      directory: join(base, "spool"),
      store: new FsStore({ kind: "fs", directory: join(base, "store") }),
      signing,
      recorderId: "plant-a",
      version: "0",
      ledger: new RecordingWitness(ledger),
      limits: { spoolFloorBytes: 0, journalFileBytes: 1024 * 1024 },
      logger: { info: () => {}, warn: () => {}, error: () => {} },
      events: {
        opened: ({ session }) => void opened.push(session),
        segment: () => {},
        sealed: () => {},
        stored: () => {},
        alarm: () => {},
        clear: () => {},
      },
    });
    await recorder.recover();
    const first = await recorder.open(openFacts());
    const ballast = join(disk, "ballast");
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize, 1));
    // What is left in the last block may hold an entry or two.
    let refusal: unknown = null;
    for (let i = 0; refusal === null && i < 30; i++) {
      await recorder.open(openFacts()).catch((error: unknown) => {
        refusal = error;
      });
    }
    expect(refusal).toMatchObject({ code: "RECORD_LEDGER", message: expect.stringContaining("disk is full") });
    const before = opened.length;
    rmSync(ballast);
    const next = await recorder.open(openFacts());
    expect(next.open.recorder.sequence).toBe(before + 1);
    await first.close("client-closed");
    await recorder.stop();
    const entries = [];
    for await (const { entry } of ledger.entries(0, ledger.size)) entries.push(entry);
    const numbers = entries.flatMap(({ type, facts }) => (type === "recording-open" ? [facts["sequence"]] : []));
    // One entry a session that began, and none of a session that did not.
    expect(numbers).toEqual(Array.from({ length: before + 1 }, (_, i) => i + 1));
    expect(entries.filter(({ type }) => type === "recording-close").length).toBe(before + 1);
    await ledger.close();
  });
});
