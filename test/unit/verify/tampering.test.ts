// Somebody with the store in hand, and even with the recorder's keys: whatever is changed, taken away, put back or signed
// anew is found, with the verdict and the place that it has.
import { createHash, sign } from "node:crypto";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ledgerCheckpointKey, ledgerEntriesKey } from "../../../recorder/store/keys.ts";
import type { EvidenceOptions } from "../../../recorder/verify/verify-evidence.ts";
import type { EvidenceFinding, EvidenceReport } from "../../../shared/evidence/verdict.ts";
import { leafHash, MerkleTree } from "../../../shared/ledger/merkle.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { EvidenceStore, type StoredSession, verifyPlant } from "../../support/evidence-store.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array) => sha256(bytes).toString("hex");

let plant: EvidenceStore;
/** A verified state that each test begins with. */
let pristine: Map<string, Uint8Array>;
let [first, second, third]: StoredSession[] = [];

/** Two recordings, a rotation of keys, a third recording; checkpoints all along. */
beforeAll(async () => {
  plant = new EvidenceStore();
  plant.pass(5);
  first = await plant.session();
  plant.pass(10);
  second = await plant.session({ person: "omar" });
  plant.pass(5);
  plant.rotate();
  third = await plant.session();
  plant.pass(90);
  pristine = new Map(plant.store.objects);
});

beforeEach(() => {
  plant.store.objects.clear();
  for (const [key, bytes] of pristine) plant.store.objects.set(key, bytes);
});

const verify = (options: Partial<EvidenceOptions> = {}) => verifyPlant(plant, options);

function findings(report: EvidenceReport): EvidenceFinding[] {
  const all = [
    report.keys.findings,
    ...report.ledgers.map((one) => one.findings),
    ...report.recordings.map((one) => one.findings),
    report.findings,
  ];
  return all.flat();
}

const verdictOf = (report: EvidenceReport, { session } = first as StoredSession) =>
  report.recordings.find((one) => one.session === session)?.verdict;
const places = (report: EvidenceReport) => findings(report).map(({ place }) => place);
const isFault = ({ weight }: EvidenceFinding) => weight !== "NOTICE";

function change(key: string, how: (bytes: Buffer) => Uint8Array): void {
  plant.put(key, how(plant.bytes(key)));
}

function flipped(bytes: Buffer, at = Math.floor(bytes.length / 2), bit = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ bit;
  return copy;
}

describe("a ledger that began anew", () => {
  it.each([
    [{}, []],
    [{ lost: true, knownEntries: 9 }, ["ledger/recorder-1 entry 0"]],
  ])("with %o: what it should have had is MISSING", async (facts, faults) => {
    const anew = new EvidenceStore();
    const before = await anew.session();
    anew.pass(120);
    anew.beginLedgerAnew(facts);
    const after = await anew.session();
    anew.pass(10);
    const report = await verify({ store: anew.store, root: anew.rootPublic, now: () => anew.nowMs });
    expect([verdictOf(report, before), verdictOf(report, after)]).toEqual(["MISSING", "VALID"]);
    expect(report.verdict).toBe("MISSING");
    expect(report.ledgers[0]?.findings.map(({ place }) => place)).toEqual(faults);
    expect(report.findings).toEqual([
      expect.objectContaining({ weight: "NOTICE", message: expect.stringContaining("may have been a ledger before") }),
    ]);
  });
});

describe("an installation that nobody touched", () => {
  it("is VALID, in every part and without a word", async () => {
    const report = await verify();
    expect(findings(report)).toEqual([]);
    expect(report.verdict).toBe("VALID");
    expect(report.recordings.map(({ verdict }) => verdict)).toEqual(["VALID", "VALID", "VALID"]);
    expect(report.ledgers[0]).toMatchObject({ verdict: "VALID", entries: plant.size, anchored: null });
    expect(report.keys).toMatchObject({ verdict: "VALID", root: plant.root.keyId });
    expect(report.keys.keys.map(({ state }) => state)).toEqual(["retired", "active"]);
  });

  it("is VALID by what its anchors have", async () => {
    const report = await verify({ anchors: plant.notes });
    expect(findings(report)).toEqual([]);
    expect(report.ledgers[0]?.anchored).toBe(plant.size);
  });

  it("is looked at by recording or by period, the ledger always whole", async () => {
    const { session } = second as StoredSession;
    expect((await verify({ scope: { kind: "sessions", sessions: [session] } })).recordings).toHaveLength(1);
    const { startedAt } = (second as StoredSession).built.index;
    const fromMs = Date.parse(startedAt);
    const report = await verify({ scope: { kind: "period", fromMs, toMs: fromMs + 60_000 } });
    expect(report.recordings.map((one) => one.session)).toEqual([session]);
    expect(report.ledgers[0]?.entries).toBe(plant.size);
  });
});

describe("one object of a recording", () => {
  it("changed, cut short, emptied, lengthened or removed, is found at its place, whichever it is", async () => {
    const { prefix } = first as StoredSession;
    for (const key of plant.keys(prefix)) {
      const changes: Array<[string, (bytes: Buffer) => Uint8Array]> = [
        ["flipped", flipped],
        ["cut short", (bytes) => bytes.subarray(0, -1)],
        ["emptied", () => Buffer.alloc(0)],
        ["longer", (bytes) => Buffer.concat([bytes, Buffer.from([0])])],
      ];
      for (const [what, how] of changes) {
        change(key, how);
        const report = await verify();
        expect([key, what, verdictOf(report)]).toEqual([key, what, "TAMPERED"]);
        expect(places(report)).toContain(key);
        expect(verdictOf(report, second)).toBe("VALID");
        plant.put(key, pristine.get(key) as Uint8Array);
      }
      plant.store.objects.delete(key);
      const report = await verify();
      expect([key, verdictOf(report)]).toEqual([key, "MISSING"]);
      expect(places(report)).toContain(key);
      plant.put(key, pristine.get(key) as Uint8Array);
    }
  });

  it("exchanged for the same object of another recording, is TAMPERED", async () => {
    const [one, other] = [first as StoredSession, second as StoredSession];
    for (const name of one.built.objects.keys()) {
      const [a, b] = [one.prefix + name, other.prefix + name];
      const [bytesA, bytesB] = [plant.bytes(a), plant.bytes(b)];
      if (bytesA.equals(bytesB)) continue;
      plant.put(a, bytesB);
      plant.put(b, bytesA);
      const report = await verify();
      expect([name, verdictOf(report, one), verdictOf(report, other)]).toEqual([name, "TAMPERED", "TAMPERED"]);
      expect(places(report)).toEqual(expect.arrayContaining([a, b]));
      plant.put(a, bytesA);
      plant.put(b, bytesB);
    }
  });

  it("added under its prefix, is TAMPERED there", async () => {
    const { prefix } = first as StoredSession;
    plant.put(`${prefix}events/000099.jsonl.zst`, Buffer.from("more"));
    const report = await verify();
    expect(verdictOf(report)).toBe("TAMPERED");
    expect(places(report)).toContain(`${prefix}events/000099.jsonl.zst`);
  });

  it("moved to another date, is MISSING, and where it lies is said", async () => {
    const { prefix } = first as StoredSession;
    const elsewhere = prefix.replace("/2026/11/", "/2026/10/");
    for (const key of plant.keys(prefix)) {
      plant.put(key.replace(prefix, elsewhere), plant.bytes(key));
      plant.store.objects.delete(key);
    }
    const report = await verify();
    expect(verdictOf(report)).toBe("MISSING");
    expect(findings(report)).toMatchObject([{ place: elsewhere, message: expect.stringContaining(`under ${prefix}`) }]);
  });

  it("without its manifest, is MISSING what the ledger says was sealed, and was not never sealed", async () => {
    const { prefix } = first as StoredSession;
    for (const name of ["manifest.json", "manifest.json.sig", "SHA256SUMS"]) plant.store.objects.delete(prefix + name);
    const report = await verify();
    expect(verdictOf(report)).toBe("MISSING");
    const ofManifest = findings(report).filter(({ place }) => place === `${prefix}manifest.json`);
    expect(ofManifest).toMatchObject([{ message: expect.stringContaining("was sealed, as entry") }]);
  });

  it("copied to another date as well, is TAMPERED", async () => {
    const { prefix } = first as StoredSession;
    const elsewhere = prefix.replace("/2026/11/", "/2026/10/");
    for (const key of plant.keys(prefix)) plant.put(key.replace(prefix, elsewhere), plant.bytes(key));
    const report = await verify();
    expect(verdictOf(report)).toBe("TAMPERED");
    expect(places(report).some((place) => place === prefix || place === elsewhere)).toBe(true);
  });
});

describe("whoever has the recorder's own key", () => {
  /** As the recorder signs, over whatever is there. */
  function signAnew({ prefix }: StoredSession, edit: (manifest: Manifest) => void, key = plant.key): void {
    const manifest = Manifest.parse(JSON.parse(plant.bytes(`${prefix}manifest.json`).toString()));
    edit(manifest);
    const bytes = Buffer.from(JSON.stringify(manifest));
    plant.put(`${prefix}manifest.json`, bytes);
    plant.put(`${prefix}manifest.json.sig`, sign(null, bytes, key.privateKey));
    const names = [
      "open.json",
      "open.json.sig",
      ...manifest.segments.map(({ name }) => name),
      "manifest.json",
      "manifest.json.sig",
    ];
    plant.put(
      `${prefix}SHA256SUMS`,
      Buffer.from(names.map((name) => `${hex(plant.bytes(prefix + name))}  ${name}\n`).join("")),
    );
  }

  it("signs another manifest, and the ledger knows better", async () => {
    const one = third as StoredSession;
    signAnew(one, (manifest) => {
      manifest.endReason = "terminated";
    });
    const report = await verify();
    expect(verdictOf(report, one)).toBe("TAMPERED");
    expect(places(report).sort()).toEqual([`${one.prefix}SHA256SUMS`, `${one.prefix}manifest.json`].sort());
  });

  it("leaves out the last segment, and the ledger knows better", async () => {
    const one = third as StoredSession;
    const manifest = Manifest.parse(JSON.parse(plant.bytes(`${one.prefix}manifest.json`).toString()));
    const last = manifest.segments.at(-1)?.name ?? "";
    plant.store.objects.delete(one.prefix + last);
    signAnew(one, (edited) => {
      edited.segments.pop();
    });
    const report = await verify();
    expect(verdictOf(report, one)).toBe("TAMPERED");
    expect(places(report)).toContain(`${one.prefix}manifest.json`);
  });

  it("puts a session in the past that never was: the ledger covers its time and has it not", async () => {
    const forged = new EvidenceStore();
    Object.assign(forged, { key: plant.key });
    forged.nowMs = plant.nowMs - 60 * 60_000;
    const never = await forged.session({ person: "nobody" });
    for (const key of forged.keys(never.prefix)) plant.put(key, forged.bytes(key));
    const report = await verify();
    expect(verdictOf(report, never)).toBe("TAMPERED");
    expect(places(report)).toContain(`${never.prefix}open.json`);
    // It took a number that another one has.
    expect(findings(report).some(({ place, weight }) => place === "recorder-1/1" && weight === "TAMPERED")).toBe(true);
  });

  it("rewrites the ledger from some entry on and signs every checkpoint anew: the anchors know better", async () => {
    rewriteLedger((entry) => ({ ...entry, actor: entry["actor"] === "recorder" ? "recorder" : "mallory" }), 3);
    const unanchored = await verify();
    expect(unanchored.ledgers[0]?.verdict).toBe("VALID");
    rewriteLedger((entry) => ({ ...entry, facts: { ...(entry["facts"] as object), person: "somebody-else" } }), 3);
    const report = await verify({ anchors: plant.notes });
    expect(report.ledgers[0]?.verdict).toBe("TAMPERED");
    expect(places(report)).toContain("anchor of 3 entries".replace("3", String(sizes()[1])));
  });

  it("has to have that very key: a stranger's signature is found at the signature", async () => {
    const one = third as StoredSession;
    signAnew(one, () => {}, makeSigningKey());
    const report = await verify();
    expect(verdictOf(report, one)).toBe("TAMPERED");
    expect(places(report)).toContain(`${one.prefix}manifest.json.sig`);
  });

  it("and it has ended, signs nothing more with it", async () => {
    const aging = new EvidenceStore();
    const old = aging.key;
    await aging.session();
    aging.rotate();
    aging.away(10);
    const present = aging.key;
    aging.key = old;
    const late = await aging.session();
    aging.key = present;
    aging.pass(5);
    const report = await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs });
    expect(verdictOf(report, late)).toBe("TAMPERED");
    expect(places(report)).toEqual([`${late.prefix}open.json.sig`, `${late.prefix}manifest.json.sig`]);
    aging.key = old;
    aging.pass(5);
    const again = await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs });
    expect(again.ledgers[0]?.verdict).toBe("TAMPERED");
  });

  function sizes(): number[] {
    return plant.keys("ledger/recorder-1/checkpoints/").map((key) => Number(key.slice(-12)));
  }

  function rewriteLedger(edit: (entry: Record<string, unknown>) => Record<string, unknown>, from: number): void {
    const tree = new MerkleTree(sha256);
    let prev = "0".repeat(64);
    for (const key of plant.keys("ledger/recorder-1/entries/")) {
      const lines = plant.bytes(key).toString().split("\n").slice(0, -1);
      const rewritten = lines.map((text) => {
        const entry = JSON.parse(text) as Record<string, unknown>;
        const line = JSON.stringify({ ...((entry["n"] as number) >= from ? edit(entry) : entry), prev });
        prev = hex(Buffer.from(line));
        tree.append(leafHash(Buffer.from(line), sha256));
        return `${line}\n`;
      });
      plant.put(key, Buffer.from(rewritten.join("")));
      const note = plant.bytes(ledgerCheckpointKey("recorder-1", tree.size)).toString();
      const at = /^at (.+)$/m.exec(note)?.[1] ?? "";
      const nowMs = plant.nowMs;
      plant.nowMs = Date.parse(at);
      plant.put(ledgerCheckpointKey("recorder-1", tree.size), Buffer.from(plant.note(tree.root(), tree.size)));
      plant.nowMs = nowMs;
    }
  }
});

describe("the ledger", () => {
  const entriesKeys = () => plant.keys("ledger/recorder-1/entries/");
  const checkpointKeys = () => plant.keys("ledger/recorder-1/checkpoints/");

  it("with one entry changed, anywhere, is TAMPERED, and says where", async () => {
    for (const key of entriesKeys()) {
      const lines = plant.bytes(key).toString().split("\n").slice(0, -1);
      for (const [i, line] of lines.entries()) {
        const n = (JSON.parse(line) as { n: number }).n;
        const changed = lines.with(i, line.replace('"actor":"recorder"', '"actor":"recordes"'));
        plant.put(key, Buffer.from(`${changed.join("\n")}\n`));
        const report = await verify();
        expect([n, report.ledgers[0]?.verdict]).toEqual([n, "TAMPERED"]);
        const said = findings(report).filter(isFault);
        const isPlaced = said.some(
          ({ place, message }) => place === `ledger/recorder-1 entry ${n}` || message.includes(`entries`),
        );
        expect([n, isPlaced]).toEqual([n, true]);
      }
      plant.put(key, pristine.get(key) as Uint8Array);
    }
  });

  it("with lines swapped, doubled, or left out, is TAMPERED at that object", async () => {
    const key = ledgerEntriesKey("recorder-1", 0);
    const lines = plant.bytes(key).toString().split("\n").slice(0, -1);
    expect(lines.length).toBeGreaterThan(1);
    for (const changed of [lines.toReversed(), [...lines, lines[0] ?? ""], lines.slice(1)]) {
      plant.put(key, Buffer.from(`${changed.join("\n")}\n`));
      const report = await verify();
      expect(["TAMPERED", "MISSING"]).toContain(report.ledgers[0]?.verdict);
      expect(findings(report).some(({ place }) => place.startsWith("ledger/recorder-1"))).toBe(true);
    }
  });

  it("with an object of entries removed, is MISSING those, and what they bore out is UNANCHORED or unknown", async () => {
    for (const key of entriesKeys()) {
      plant.store.objects.delete(key);
      const report = await verify();
      expect([key, report.ledgers[0]?.verdict]).toEqual([key, "MISSING"]);
      expect(report.verdict).not.toBe("VALID");
      plant.put(key, pristine.get(key) as Uint8Array);
    }
  });

  it("with a checkpoint changed, replayed, exchanged or signed by a stranger, is TAMPERED there", async () => {
    const stranger = makeSigningKey();
    for (const [i, key] of checkpointKeys().entries()) {
      const note = plant.bytes(key).toString();
      const forged = plant.note(Buffer.alloc(32, 7), Number(key.slice(-12)), stranger);
      const other = plant.bytes(checkpointKeys()[i === 0 ? 1 : 0] ?? "");
      const resigned = plant.note(Buffer.alloc(32, 7), Number(key.slice(-12)));
      for (const bytes of [
        Buffer.from(forged),
        other,
        flipped(Buffer.from(note), note.length - 10),
        Buffer.from(resigned),
      ]) {
        plant.put(key, bytes);
        const report = await verify();
        expect([key, report.ledgers[0]?.verdict]).toEqual([key, "TAMPERED"]);
        expect(places(report)).toContain(key);
      }
      plant.put(key, pristine.get(key) as Uint8Array);
    }
  });

  it("with a checkpoint removed, is MISSING it; the last one takes the signature from what follows", async () => {
    const keys = checkpointKeys();
    for (const key of keys) {
      plant.store.objects.delete(key);
      const report = await verify();
      expect([key, report.ledgers[0]?.verdict]).toEqual([key, key === keys.at(-1) ? "UNANCHORED" : "MISSING"]);
      expect(places(report)).toContain(key);
      plant.put(key, pristine.get(key) as Uint8Array);
    }
  });

  /** The last checkpoints and what they cover, as if they had never been. */
  function cutTail(count: number): void {
    for (const key of entriesKeys().slice(-count)) plant.store.objects.delete(key);
    for (const key of checkpointKeys().slice(-count)) plant.store.objects.delete(key);
  }

  it("with its tail cut off, is MISSING it by what stands outside", async () => {
    cutTail(2);
    expect((await verify()).ledgers[0]?.verdict).toBe("VALID");
    const report = await verify({ anchors: plant.notes });
    expect(report.ledgers[0]?.verdict).toBe("MISSING");
    expect(places(report)).toContain(`anchor of ${plant.size} entries`);
  });

  it("with its tail cut off, is MISSING it by recordings that say more", async () => {
    cutTail(19);
    const report = await verify();
    expect(report.ledgers[0]?.verdict).toBe("MISSING");
    expect(verdictOf(report, third)).toBe("UNANCHORED");
  });

  it("removed altogether, is MISSING, and leaves every recording UNANCHORED", async () => {
    for (const key of plant.keys("ledger/")) plant.store.objects.delete(key);
    const report = await verify();
    expect(report.recordings.map(({ verdict }) => verdict)).toEqual(["UNANCHORED", "UNANCHORED", "UNANCHORED"]);
    expect(report.findings).toMatchObject([{ place: "ledger/recorder-1/", weight: "MISSING" }]);
    const { session } = first as StoredSession;
    const one = await verify({ scope: { kind: "sessions", sessions: [session] }, anchors: plant.notes });
    expect(one.findings).toMatchObject([{ place: "ledger/recorder-1/", weight: "MISSING" }]);
    const strangers = new EvidenceStore();
    strangers.pass(5);
    const others = strangers.notes.map((note) => note.replaceAll("/recorder-1", "/recorder-2"));
    const alone = await verify({ scope: { kind: "sessions", sessions: [session] }, anchors: others });
    expect(alone.findings).toEqual([]);
  });

  it("made anew under a forked history of keys is UNTRUSTED by what stands outside", async () => {
    const forked = new EvidenceStore();
    Object.assign(forked, { root: plant.root });
    forked.rotate();
    await forked.session();
    forked.pass(5);
    const before = forked.keys("keys/history/000001");
    for (const key of before) forked.store.objects.delete(key);
    const version = JSON.parse(forked.bytes("keys/history/000002.json").toString());
    const bytes = Buffer.from(JSON.stringify({ ...version, number: 1, previousSha256: null }));
    for (const key of forked.keys("keys/history/")) forked.store.objects.delete(key);
    forked.put("keys/history/000001.json", bytes);
    forked.put("keys/history/000001.json.sig", sign(null, bytes, plant.root.privateKey));
    const options = { store: forked.store, now: () => forked.nowMs };
    const report = await verify({ ...options, anchors: plant.notes });
    expect(report.keys.verdict).toBe("VALID");
    expect(report.ledgers[0]?.verdict).toBe("UNTRUSTED");
  });

  it("in which checkpoints stay out while the service ran, is INCOMPLETE", async () => {
    const silent = new EvidenceStore();
    silent.pass(5);
    silent.nowMs += 3_600_000;
    silent.checkpoint();
    const report = await verify({ store: silent.store, root: silent.rootPublic, now: () => silent.nowMs });
    expect(report.ledgers[0]?.verdict).toBe("INCOMPLETE");
    const stopped = new EvidenceStore();
    stopped.pass(5);
    stopped.away(3);
    const told = await verify({ store: stopped.store, root: stopped.rootPublic, now: () => stopped.nowMs });
    expect(findings(told)).toEqual([]);
  });
});

describe("keys", () => {
  it("whose history is changed, cut, replayed or signed by another root prove nothing any more", async () => {
    for (const key of plant.keys("keys/history/")) {
      const other = plant.bytes(
        key.endsWith("1.json") || key.endsWith("1.json.sig")
          ? key.replace("000001", "000002")
          : key.replace("000002", "000001"),
      );
      for (const bytes of [flipped(plant.bytes(key)), plant.bytes(key).subarray(0, -1), other]) {
        plant.put(key, bytes);
        const report = await verify();
        expect([key, report.keys.verdict]).toEqual([key, "TAMPERED"]);
        expect(places(report)).toContain(key.replace(/\.sig$/, ""));
      }
      plant.store.objects.delete(key);
      const report = await verify();
      expect([key, report.keys.verdict === "VALID"]).toEqual([key, false]);
      plant.put(key, pristine.get(key) as Uint8Array);
    }
  });

  it("whose history lost the version that ended one are MISSING it, as the ledger knows", async () => {
    const rotated = new EvidenceStore();
    const old = rotated.key;
    rotated.pass(5);
    rotated.rotate();
    rotated.append({ type: "key-retired", actor: "recorder", subject: old.keyId, facts: { state: "retired" } });
    const made = rotated.key;
    for (const key of rotated.keys("keys/history/000002")) rotated.store.objects.delete(key);
    rotated.store.objects.delete(`keys/${made.keyId}.pub.pem`);
    rotated.key = old;
    rotated.pass(90);
    const report = await verify({ store: rotated.store, root: rotated.rootPublic, now: () => rotated.nowMs });
    expect(report.keys).toMatchObject({ verdict: "MISSING" });
    expect(report.keys.findings.map(({ message }) => message.includes(made.keyId))).toEqual([true, false]);
    expect(report.keys.findings[1]?.message).toContain(old.keyId);
  });

  it("of another root vouch for nothing: nothing here is trusted", async () => {
    const other = new EvidenceStore();
    const report = await verify({ root: other.rootPublic });
    expect(report.keys.verdict).toBe("UNTRUSTED");
    expect(report.recordings.map(({ verdict }) => verdict)).toEqual(["UNTRUSTED", "UNTRUSTED", "UNTRUSTED"]);
  });

  it("beside the history count only as its copies", async () => {
    const key = `keys/${plant.key.keyId}.pub.pem`;
    plant.put(key, Buffer.from(makeSigningKey().publicKeyPem));
    const report = await verify();
    expect(report.keys.verdict).toBe("TAMPERED");
    expect(places(report)).toContain(key);
  });
});

describe("a whole session", () => {
  it("removed before its time, is DELETED-EARLY; held, all the more", async () => {
    const { prefix } = second as StoredSession;
    for (const key of plant.keys(prefix)) plant.store.objects.delete(key);
    const report = await verify();
    expect(verdictOf(report, second)).toBe("DELETED-EARLY");
    expect(verdictOf(report, first)).toBe("VALID");
  });

  it("removed from store and ledger both, is MISSING by its number", async () => {
    const gap = new EvidenceStore();
    await gap.session();
    const lost = await gap.session();
    await gap.session();
    gap.pass(90);
    for (const key of gap.keys(lost.prefix)) gap.store.objects.delete(key);
    const entries = gap.keys("ledger/recorder-1/entries/")[0] ?? "";
    const lines = gap
      .bytes(entries)
      .toString()
      .split("\n")
      .filter((line) => !line.includes(lost.session));
    gap.put(entries, Buffer.from(lines.join("\n")));
    const report = await verify({ store: gap.store, root: gap.rootPublic, now: () => gap.nowMs });
    expect(report.verdict).toBe("TAMPERED");
    expect(findings(report).some(({ place, weight }) => place === "recorder-1/2" && weight === "MISSING")).toBe(true);
  });

  it("that expired is EXPIRED-ON-TIME, early, still held, or back again", async () => {
    const aging = new EvidenceStore();
    const [onTime, early, held, back, waiting, late] = [
      await aging.session(),
      await aging.session(),
      await aging.session(),
      await aging.session(),
      await aging.session(),
      await aging.session(),
    ];
    aging.hold(held);
    aging.pass(5);
    aging.expire(early);
    aging.away(92);
    aging.expire(onTime);
    aging.expire(held);
    const kept = new Map(aging.keys(back.prefix).map((key) => [key, aging.bytes(key)]));
    aging.expire(back);
    for (const [key, bytes] of kept) aging.put(key, bytes);
    for (const key of aging.keys(waiting.prefix)) aging.store.objects.delete(key);
    aging.pass(5);
    const now = await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs });
    expect(verdictOf(now, onTime)).toBe("EXPIRED-ON-TIME");
    expect(verdictOf(now, early)).toBe("DELETED-EARLY");
    expect(verdictOf(now, held)).toBe("DELETED-EARLY");
    expect(verdictOf(now, back)).toBe("TAMPERED");
    expect(verdictOf(now, waiting)).toBe("INCOMPLETE");
    expect(verdictOf(now, late)).toBe("VALID");
    aging.away(20);
    const later = await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs });
    expect(verdictOf(later, late)).toBe("OVERDUE");
    expect(verdictOf(later, waiting)).toBe("MISSING");
  });

  it("that went by a clock that was ahead, is DELETED-EARLY once it is right again, and by the verifier's own", async () => {
    for (const isSetBack of [true, false]) {
      const ahead = new EvidenceStore();
      const gone = await ahead.session();
      const kept = await ahead.session();
      ahead.pass(5);
      const realMs = ahead.nowMs;
      ahead.away(95);
      ahead.expire(gone);
      ahead.checkpoint();
      if (isSetBack) {
        ahead.nowMs = realMs + 60_000;
        ahead.append({ type: "recorder-start", actor: "recorder", subject: ahead.recorder, facts: {} });
        ahead.pass(5);
      }
      // Later still nothing of what was written then can be as late as it says.
      const laterMs = realMs + (isSetBack ? 200 : 1) * 86_400_000;
      const report = await verify({ store: ahead.store, root: ahead.rootPublic, now: () => laterMs });
      expect([isSetBack, verdictOf(report, gone)]).toEqual([isSetBack, "DELETED-EARLY"]);
      expect(verdictOf(report, kept)).not.toBe("DELETED-EARLY");
    }
  });

  it("whose hold one person released alone, is TAMPERED there and still held", async () => {
    const asked = (held: StoredSession, actor: string) =>
      aging.append({
        type: "hold-release-asked",
        actor,
        subject: held.session,
        facts: { action: "hold.release-ask", details: { hold: "hold-1" } },
      });
    const aging = new EvidenceStore();
    const [alone, unasked, byTwo] = [await aging.session(), await aging.session(), await aging.session()];
    for (const held of [alone, unasked, byTwo]) aging.hold(held);
    asked(alone, "Otto");
    asked(byTwo, "ines");
    for (const { session } of [alone, unasked, byTwo])
      aging.append({
        type: "hold-release",
        actor: "otto",
        subject: session,
        facts: { action: "hold.release", details: { hold: "hold-1" } },
      });
    aging.away(92);
    for (const held of [alone, byTwo]) aging.expire(held);
    aging.pass(5);
    const report = await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs });
    const [one, two, three] = [alone, unasked, byTwo].map((of) => verdictOf(report, of));
    expect([one, two, three]).toEqual(["TAMPERED", "TAMPERED", "EXPIRED-ON-TIME"]);
    expect(findings(report).some(({ weight }) => weight === "DELETED-EARLY")).toBe(true);
  });

  it("that never ended, is kept for the days of its beginning, whatever its expiry says", async () => {
    const live = new EvidenceStore();
    const one = await live.session({ isLive: true });
    for (const key of live.keys(one.prefix)) live.store.objects.delete(key);
    const facts = { manifestSha256: null, objects: 1, versions: 1, bytes: 1, proof: "0".repeat(64), by: "sweeper" };
    const retainUntil = new Date(live.nowMs).toISOString();
    live.append({ type: "expired", actor: "recorder", subject: one.session, facts: { ...facts, retainUntil } });
    live.pass(5);
    const report = await verify({ store: live.store, root: live.rootPublic, now: () => live.nowMs });
    expect(verdictOf(report, one)).toBe("DELETED-EARLY");
  });

  it("that is held goes on being kept, and is not overdue", async () => {
    const aging = new EvidenceStore();
    const held = await aging.session();
    aging.hold(held);
    aging.away(120);
    expect(verdictOf(await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs }), held)).toBe(
      "VALID",
    );
    aging.release(held);
    aging.pass(5);
    expect(verdictOf(await verify({ store: aging.store, root: aging.rootPublic, now: () => aging.nowMs }), held)).toBe(
      "OVERDUE",
    );
  });

  it("that goes on, is INCOMPLETE; one that ended a moment ago and is on its way, too", async () => {
    const live = new EvidenceStore();
    const going = await live.session({ isLive: true });
    const ended = await live.session({ stored: false });
    live.pass(5);
    const report = await verify({ store: live.store, root: live.rootPublic, now: () => live.nowMs });
    expect(verdictOf(report, going)).toBe("INCOMPLETE");
    expect(verdictOf(report, ended)).toBe("INCOMPLETE");
    live.pass(70);
    const later = await verify({ store: live.store, root: live.rootPublic, now: () => live.nowMs });
    expect(verdictOf(later, ended)).toBe("MISSING");
  });
});

describe("any number of changes at once", () => {
  it("are all found", async () => {
    const keys = [...pristine.keys()];
    const edit = fc.record({
      key: fc.constantFrom(...keys),
      how: fc.constantFrom("flip", "truncate", "delete", "swap"),
      at: fc.nat(1_000_000),
      other: fc.constantFrom(...keys),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        plant.store.objects.clear();
        for (const [key, bytes] of pristine) plant.store.objects.set(key, bytes);
        for (const { key, how, at, other } of edits) {
          const bytes = plant.store.objects.get(key);
          if (bytes === undefined) continue;
          if (how === "delete") plant.store.objects.delete(key);
          else if (how === "flip") plant.put(key, flipped(Buffer.from(bytes), at % bytes.length, 1 << (at % 8)));
          else if (how === "truncate") plant.put(key, bytes.subarray(0, at % bytes.length));
          else plant.put(key, plant.store.objects.get(other) ?? bytes);
        }
        const changed = [...new Set([...keys, ...plant.store.objects.keys()])].filter((key) => {
          const [before, now] = [pristine.get(key), plant.store.objects.get(key)];
          return before === undefined || now === undefined || !Buffer.from(before).equals(now);
        });
        const report = await verify({ anchors: plant.notes });
        const isFine = report.verdict === "VALID";
        return changed.length === 0 ? isFine : !isFine;
      }),
      { numRuns: 60 },
    );
  });
});
