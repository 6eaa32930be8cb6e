import { sign } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { attestationPage } from "../../../recorder/verify/attest/attestation-page.ts";
import { checkAttestation, sha256Hex } from "../../../recorder/verify/attest/check-attestation.ts";
import {
  type AttestationSources,
  type CatalogueRows,
  makeAttestation,
} from "../../../recorder/verify/attest/make-attestation.ts";
import { readWitnesses } from "../../../recorder/verify/verify-evidence.ts";
import { Attestation } from "../../../shared/evidence/attestation.ts";
import { EvidenceStore, type StoredSession } from "../../support/evidence-store.ts";

const dayMs = 86_400_000;
let plant: EvidenceStore;
let [first, second]: StoredSession[] = [];

beforeEach(async () => {
  plant = new EvidenceStore();
  first = await plant.session();
  plant.pass(5);
  second = await plant.session({ person: "<omar> & co" });
  plant.pass(10);
});

const witnesses = () => readWitnesses({ store: plant.store, root: plant.rootPublic, given: new Map(), anchors: null });

async function attest(options: Partial<AttestationSources> = {}): Promise<Attestation> {
  return Attestation.parse(
    await makeAttestation({
      ...(await witnesses()),
      store: plant.store,
      recorder: plant.recorder,
      version: "1",
      storeName: "memory",
      policy: null,
      keyId: plant.key.keyId,
      nowMs: plant.nowMs,
      fromMs: Date.parse("2026-11-02T00:00:00Z"),
      toMs: Date.parse("2026-11-03T00:00:00Z"),
      ...options,
    }),
  );
}

const stateOf = ({ recordings }: Attestation, { session }: StoredSession) =>
  recordings.find((one) => one.session === session)?.state;
const bytesOf = (attestation: Attestation) => Buffer.from(`${JSON.stringify(attestation, null, 1)}\n`);
const check = async (bytes: Buffer, key = plant.key) =>
  checkAttestation(bytes, sign(null, bytes, key.privateKey), { ...(await witnesses()), store: plant.store });

describe("an attestation", () => {
  it("of a day accounts for every object of every recording", async () => {
    const attestation = await attest();
    expect(attestation).toMatchObject({
      inOrder: true,
      counts: { recordings: 2, missingObjects: 0, unknownObjects: 0 },
    });
    expect(attestation.counts.states).toMatchObject({ kept: 2 });
    const keys = attestation.recordings.flatMap(({ objects }) => objects.map(({ key }) => key));
    expect(keys.sort()).toEqual(plant.keys("recordings/"));
    expect(attestation.recordings.flatMap(({ objects }) => objects).every(({ sha256 }) => sha256 !== null)).toBe(true);
  });

  it("of another day has none of them", async () => {
    const fromMs = Date.parse("2026-11-05T00:00:00Z");
    expect((await attest({ fromMs, toMs: fromMs + dayMs })).recordings).toEqual([]);
  });

  it("names what is early, overdue, held, due, gone, missing, unknown and on no list", async () => {
    const more = [];
    for (let i = 0; i < 6; i++) more.push(await plant.session());
    const [gone, early, held, missing, live, changed] = more as [
      StoredSession,
      StoredSession,
      StoredSession,
      StoredSession,
      StoredSession,
      StoredSession,
    ];
    plant.hold(held);
    plant.pass(5);
    plant.expire(early);
    const going = await plant.session({ isLive: true });
    for (const key of plant.keys(missing.prefix)) plant.store.objects.delete(key);
    plant.put(`${changed.prefix}events/000077.jsonl.zst`, Buffer.from("planted"));
    plant.store.objects.delete(plant.keys(`${live.prefix}terminal-0/`)[0] ?? "");
    plant.put("recordings/2026/11/02/notes.txt", Buffer.from("what is this"));
    const soon = await attest();
    expect(soon.inOrder).toBe(false);
    expect(stateOf(soon, early)).toBe("gone-early");
    expect(stateOf(soon, held)).toBe("held");
    expect(stateOf(soon, missing)).toBe("gone-early");
    expect(stateOf(soon, going)).toBe("live");
    expect(soon.counts).toMatchObject({ unknownObjects: 1, missingObjects: 1 });
    expect(soon.unknown).toEqual(["recordings/2026/11/02/notes.txt"]);
    plant.away(92);
    plant.expire(gone);
    plant.pass(5);
    const later = await attest();
    expect(stateOf(later, gone)).toBe("gone");
    expect(later.recordings.find(({ session }) => session === gone.session)?.gone?.proof).toMatch(/^[0-9a-f]{64}$/);
    expect(stateOf(later, first as StoredSession)).toBe("due");
    expect(stateOf(later, held)).toBe("held");
    plant.away(10);
    const last = await attest();
    expect(stateOf(last, first as StoredSession)).toBe("overdue");
    expect(stateOf(last, held)).toBe("held");
    // Those that went in a period are in it, too.
    const went = Date.parse(later.generatedAt) - dayMs;
    const gonePeriod = await attest({ fromMs: went, toMs: went + 2 * dayMs });
    expect(gonePeriod.recordings.map(({ session }) => session)).toContain(gone.session);
  });

  it("a session that was never sealed is no live one once the service has begun again, and `--check` knows that", async () => {
    const crashed = await plant.session({ isLive: true });
    plant.pass(5);
    expect(stateOf(await attest(), crashed)).toBe("live");
    plant.append({ type: "recorder-start", actor: "recorder", subject: plant.recorder, facts: {} });
    plant.pass(5);
    const attestation = await attest();
    expect(stateOf(attestation, crashed)).toBe("unsealed");
    expect(attestation).toMatchObject({ inOrder: false, counts: { states: { unsealed: 1, live: 0, kept: 2 } } });
    const page = attestationPage(attestation, { sha256: "0".repeat(64), signature: null });
    expect(page).toContain("NEVER SEALED");
    expect((await check(bytesOf(attestation))).findings).toEqual([]);
    // As one that calls it live would be.
    const recordings = attestation.recordings.map((one) =>
      one.session === crashed.session ? { ...one, state: "live" as const } : one,
    );
    const states = { ...attestation.counts.states, unsealed: 0, live: 1 };
    const lying = { ...attestation, recordings, counts: { ...attestation.counts, states }, inOrder: true };
    const { findings } = await check(bytesOf(lying));
    expect(findings.map(({ message }) => message)).toContainEqual(expect.stringContaining("was live then"));
  });

  it("another recorder's recordings in the same store are told as such, and are not this one's", async () => {
    const other = new EvidenceStore("2026-11-02T12:00:00.000Z", "recorder-2");
    const theirs = await other.session();
    other.pass(10);
    for (const prefix of ["recordings/", "ledger/"])
      for (const key of other.keys(prefix)) plant.put(key, other.bytes(key));
    const attestation = await attest();
    expect(stateOf(attestation, theirs)).toBe("foreign");
    expect(attestation.counts.states).toMatchObject({ kept: 2, foreign: 1 });
    expect(attestation.inOrder).toBe(false);
  });

  it("compares the index, and says what it has otherwise", async () => {
    const row = { startedAt: "2026-11-02T08:00:00Z", state: "sealed", retainUntil: null, held: false };
    const rows: CatalogueRows["rows"] = new Map([
      [(first as StoredSession).session, row],
      [(second as StoredSession).session, { ...row, held: true }],
      ["01a19b4a-0000-7000-8000-000000000000", row],
    ]);
    const { catalogue } = await attest({ catalogue: { rows } });
    expect(catalogue?.differences.map(({ session }) => session)).toEqual([
      (second as StoredSession).session,
      "01a19b4a-0000-7000-8000-000000000000",
    ]);
  });

  it("is a page that nothing of it can make markup of", async () => {
    const attestation = await attest();
    const page = attestationPage(attestation, { sha256: sha256Hex(bytesOf(attestation)), signature: "abc" });
    expect(page).toContain("&#60;omar&#62;".replaceAll("&#60;", "&lt;").replaceAll("&#62;", "&gt;"));
    expect(page).not.toContain("<omar>");
    expect(page).not.toMatch(/<script|src=|url\(/);
    for (const { session } of attestation.recordings) expect(page).toContain(session);
  });
});

describe("a check of an attestation", () => {
  it("holds, also after a hold, an expiry on time and more sessions since", async () => {
    const bytes = bytesOf(await attest());
    expect(await check(bytes)).toMatchObject({ findings: [], since: [] });
    plant.hold(second as StoredSession);
    await plant.session();
    plant.away(92);
    plant.expire(first as StoredSession);
    plant.pass(5);
    const { findings, since } = await check(bytes);
    // The session that came on the same day was not there yet.
    expect(findings).toEqual([]);
    expect(since.map((told) => told.slice(0, 36)).sort()).toEqual([first?.session, second?.session].sort());
  });

  it("finds a word changed, another signature, and none", async () => {
    const attestation = await attest();
    const bytes = bytesOf(attestation);
    const forged = bytesOf({ ...attestation, inOrder: true, recordings: attestation.recordings.slice(1) });
    expect((await check(forged)).findings.map(({ place }) => place)).toContain((first as StoredSession).session);
    const signature = sign(null, bytes, plant.root.privateKey);
    const how = { ...(await witnesses()), store: plant.store };
    expect((await checkAttestation(bytes, signature, how)).findings).toMatchObject([{ code: "INTEGRITY_SIGNATURE" }]);
    expect((await checkAttestation(bytes, null, how)).findings).toMatchObject([{ code: "INTEGRITY_SIGNATURE" }]);
  });

  it("finds figures that do not follow from what it lists, and from the numbers of the ledger", async () => {
    plant.nextSequence();
    await plant.session();
    plant.pass(5);
    const attestation = await attest();
    expect(attestation).toMatchObject({ inOrder: false, missingNumbers: [{ place: "recorder-1/3" }] });
    expect((await check(bytesOf(attestation))).findings).toEqual([]);
    const { counts } = attestation;
    const lies: Array<Partial<Attestation>> = [
      { inOrder: true },
      { missingNumbers: [] },
      { inOrder: true, missingNumbers: [] },
      { counts: { ...counts, bytes: counts.bytes + 1 } },
      { counts: { ...counts, objects: counts.objects - 1 } },
      { counts: { ...counts, states: { ...counts.states, kept: 7 } } },
    ];
    for (const lie of lies) {
      const { findings } = await check(bytesOf({ ...attestation, ...lie }));
      expect([lie, findings.length > 0]).toEqual([lie, true]);
    }
  });

  it("finds what the store lost or has otherwise, at its key", async () => {
    const bytes = bytesOf(await attest());
    const key = plant.keys(`${(first as StoredSession).prefix}terminal-0/`)[0] ?? "";
    plant.store.objects.delete(key);
    expect((await check(bytes)).findings.map(({ place }) => place)).toContain(key);
  });

  it("finds another ledger than the one that it stands on", async () => {
    const attestation = await attest();
    const { checkpoint } = attestation.ledger;
    const bytes = bytesOf({
      ...attestation,
      ledger: { ...attestation.ledger, checkpoint: { size: checkpoint?.size ?? 0, at: null, root: "0".repeat(64) } },
    });
    expect((await check(bytes)).findings.map(({ place }) => place)).toContain("ledger/recorder-1");
  });
});
