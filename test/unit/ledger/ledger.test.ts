import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Ledger, type LedgerSigner } from "../../../recorder/ledger/ledger.ts";
import { nodeNoteCrypto, sha256 } from "../../../recorder/ledger/node-crypto.ts";
import { fromHex } from "../../../shared/ledger/bytes.ts";
import { parseCheckpoint, verifyNote } from "../../../shared/ledger/checkpoint.ts";
import { genesisPrevious, type NewLedgerEntry } from "../../../shared/ledger/entry.ts";
import { verifyConsistency, verifyInclusion } from "../../../shared/ledger/merkle.ts";

const made: string[] = [];

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "conduit-ledger-"));
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function signerOf(key: KeyObject, publicKey: KeyObject): LedgerSigner {
  const der = publicKey.export({ type: "spki", format: "der" });
  return { publicKey: new Uint8Array(der.subarray(12)), sign: (bytes) => sign(null, bytes, key) };
}

const pair = generateKeyPairSync("ed25519");
const signer = signerOf(pair.privateKey, pair.publicKey);
const session = "019d1a7e-0000-7000-8000-000000000000";

function openLedger(directory: string, maxFileBytes?: number): Promise<Ledger> {
  return Ledger.open({
    directory,
    recorderId: "plant-a",
    signer,
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
  });
}

function entry(text: string, subject = "plant-a"): NewLedgerEntry {
  return { type: "alarm", actor: "recorder", subject, facts: { text } };
}

async function textsOf(ledger: Ledger): Promise<unknown[]> {
  const texts: unknown[] = [];
  for await (const line of ledger.entries(0, ledger.size)) texts.push(line.entry.facts["text"]);
  return texts;
}

describe("the ledger", () => {
  it("links every line to the bytes of the one before, in the order of the calls", async () => {
    const directory = makeDirectory();
    const ledger = await openLedger(directory);
    const texts = Array.from({ length: 20 }, (_, i) => `entry ${i} – ä`);
    const answers = await Promise.all(texts.map((text) => ledger.append(entry(text))));
    expect(answers.map(({ n }) => n)).toEqual(texts.map((_, i) => i));
    await ledger.close();
    const lines = readFileSync(join(directory, "entries", "000000000000.jsonl"), "utf8")
      .split("\n")
      .slice(0, -1);
    let previous = genesisPrevious;
    for (const [n, line] of lines.entries()) {
      expect(JSON.parse(line)).toMatchObject({ n, prev: previous, facts: { text: texts[n] } });
      previous = createHash("sha256").update(line).digest("hex");
    }
    expect(lines.length).toBe(texts.length);
  });

  it("goes on where it was, over several files, and knows the entries of a session", async () => {
    const directory = makeDirectory();
    for (let run = 0; run < 5; run++) {
      const ledger = await openLedger(directory, 700);
      expect(ledger.size).toBe(run * 4);
      for (let i = 0; i < 3; i++) await ledger.append(entry(`${run}.${i}`));
      await ledger.append({ ...entry("of it"), ...(run % 2 === 0 ? { subject: session } : { facts: { session } }) });
      await ledger.close();
    }
    expect(readdirSync(join(directory, "entries")).length).toBeGreaterThan(3);
    const ledger = await openLedger(directory, 700);
    expect((await ledger.entriesOf(session)).map((line) => line.entry.n)).toEqual([3, 7, 11, 15, 19]);
    const some = [];
    for await (const line of ledger.entries(5, 17)) some.push(line.entry.n);
    expect(some).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    await ledger.close();
  });

  it("signs checkpoints that prove every entry and each other, also when nothing happened", async () => {
    const ledger = await openLedger(makeDirectory());
    const checkpoints = [];
    for (const count of [1, 3, 0, 7, 0]) {
      for (let i = 0; i < count; i++) await ledger.append(entry(`${i}`));
      checkpoints.push(await ledger.checkpoint());
    }
    expect(checkpoints.map(({ size }) => size)).toEqual([1, 4, 5, 12, 13]);
    const key = { name: "conduit-recorder/plant-a", publicKey: signer.publicKey };
    const read = checkpoints.map(({ note }) => parseCheckpoint(note)!);
    for (const one of read) expect(await verifyNote(one, [key], nodeNoteCrypto)).toBe(key);
    for (const [i, from] of read.entries()) {
      for (const to of read.slice(i)) {
        const path = ledger.consistency(from.size, to.size).map(fromHex);
        const proof = { from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root, path };
        expect(verifyConsistency(proof, sha256)).toBe(true);
      }
    }
    for (let n = 0; n < 13; n++) {
      const over = (await ledger.checkpointOver(n))!;
      expect(over.size).toBe([1, 4, 5, 12, 13].find((size) => size > n));
      const proof = ledger.proof(n, over.size);
      const { root } = parseCheckpoint(over.note)!;
      const path = proof.path.map(fromHex);
      expect(verifyInclusion({ leaf: fromHex(proof.leaf), index: n, size: over.size, root, path }, sha256)).toBe(true);
    }
    await ledger.append(entry("not signed yet"));
    expect(await ledger.checkpointOver(13)).toBeNull();
    await ledger.close();
  });

  it("tells what is too long for a line by its hash", async () => {
    const ledger = await openLedger(makeDirectory());
    await ledger.append(entry("ä".repeat(200_000)));
    for await (const line of ledger.entries(0, 1)) expect(line.entry.facts).toMatchObject({ tooLong: true });
    await ledger.close();
  });

  it("has all that was acknowledged after a crash at any byte, and sets aside what was half written", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 40, unit: "grapheme" }), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        fc.constantFrom("cut", "zeros", "noise"),
        async (texts, seed, damage) => {
          const directory = makeDirectory();
          const ledger = await openLedger(directory);
          const kept = seed % (texts.length + 1);
          for (const text of texts.slice(0, kept)) await ledger.append(entry(text));
          const path = join(directory, "entries", "000000000000.jsonl");
          const acknowledged = kept === 0 ? 0 : readFileSync(path).length;
          for (const text of texts.slice(kept)) await ledger.append(entry(text));
          await ledger.close();
          const whole = readFileSync(path);
          const at = acknowledged + (seed % (whole.length - acknowledged + 1));
          truncateSync(path, at);
          if (damage !== "cut") appendFileSync(path, Buffer.alloc(seed % 300, damage === "zeros" ? 0 : "{\n"));
          const again = await openLedger(directory);
          const found = await textsOf(again);
          expect(found.slice(0, kept)).toEqual(texts.slice(0, kept));
          expect(texts.slice(0, found.length)).toEqual(found);
          const left = readFileSync(path).length;
          const torn = readdirSync(join(directory, "entries")).filter((name) => name.startsWith("torn-"));
          expect(torn.length).toBe(again.setAside === null ? 0 : 1);
          if (damage === "cut") expect(left + (again.setAside?.bytes ?? 0)).toBe(at);
          // It goes on as if nothing had been.
          await again.append(entry("after"));
          await again.close();
          const last = await openLedger(directory);
          expect((await textsOf(last)).at(-1)).toBe("after");
          expect(last.setAside).toBeNull();
          await last.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is read while it is written, with neither a line nor a checkpoint that is not whole yet", async () => {
    const directory = makeDirectory();
    const ledger = await openLedger(directory);
    await ledger.append(entry("one"));
    await ledger.checkpoint();
    const lines = join(directory, "entries", "000000000000.jsonl");
    const before = readFileSync(lines);
    await ledger.append(entry("two"));
    await ledger.checkpoint();
    // As it looks to who read the lines before the second was there, and the checkpoints after.
    const copy = makeDirectory();
    cpSync(directory, copy, { recursive: true });
    writeFileSync(join(copy, "entries", "000000000000.jsonl"), Buffer.concat([before, Buffer.from('{"n":1,')]));
    const read = await Ledger.open({ directory: copy, recorderId: "plant-a", signer: null });
    expect(read.size).toBe(1);
    expect(read.lastCheckpoint?.size).toBe(1);
    await expect(read.append(entry("three"))).rejects.toMatchObject({ code: "RECORD_LEDGER" });
    await expect(read.checkpoint()).rejects.toMatchObject({ code: "RECORD_LEDGER" });
    await read.close();
    expect(readdirSync(join(copy, "entries"))).toEqual(["000000000000.jsonl"]);
    await ledger.close();
  });

  it("is refused where a line was changed, taken out, or is no longer under its checkpoint", async () => {
    const original = makeDirectory();
    const ledger = await openLedger(original, 900);
    for (let i = 0; i < 12; i++) await ledger.append(entry(`entry ${i}`));
    await ledger.checkpoint();
    await ledger.close();
    const names = readdirSync(join(original, "entries"));
    expect(names.length).toBeGreaterThan(2);
    const copy = (change: (path: (name: string) => string) => void) => {
      const directory = makeDirectory();
      cpSync(original, directory, { recursive: true });
      change((name) => join(directory, "entries", name));
      return openLedger(directory);
    };
    const edit = (from: string, to: string) => (path: (name: string) => string) => {
      for (const name of names) writeFileSync(path(name), readFileSync(path(name), "utf8").replace(from, to));
    };
    await expect(copy(edit("entry 1", "entrY 1"))).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
    await expect(copy(edit("entry 11", "entrY 11"))).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
    await expect(copy((path) => rmSync(path(names[0]!)))).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
    await expect(copy((path) => rmSync(path(names.at(-1)!)))).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
    await expect(copy(() => {})).resolves.toBeDefined();
  });
});
