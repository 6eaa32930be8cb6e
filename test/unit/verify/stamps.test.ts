// Time stamps beside the checkpoints, by a real authority: what they bear out, and what they give away of a past that was
// made anew. The authority's clock is this machine's; the ledger's is set around it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ledgerCheckpointKey } from "../../../recorder/store/keys.ts";
import type { StampAuthorities } from "../../../recorder/verify/ledger-check.ts";
import { verifyEvidence } from "../../../recorder/verify/verify-evidence.ts";
import { EvidenceStore } from "../../support/evidence-store.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../support/timestamp-authority.ts";

const hourMs = 3_600_000;
let authority: TimestampAuthority;
let stranger: TimestampAuthority;
let plant: EvidenceStore;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([startTimestampAuthority(), startTimestampAuthority()]);
});
afterAll(async () => {
  await authority?.stop();
  await stranger?.stop();
});
beforeEach(() => {
  plant = new EvidenceStore(new Date(Date.now() - 10 * 60_000).toISOString());
});

const believed = ({ caFile }: TimestampAuthority = authority, alone = true): StampAuthorities => ({
  pem: readFileSync(caFile, "utf8"),
  alone,
});

async function verified(authorities?: StampAuthorities, anchors: readonly string[] | null = null) {
  const { report } = await verifyEvidence({
    store: plant.store,
    threads: null,
    root: plant.rootPublic,
    given: new Map(),
    scope: { kind: "all" },
    anchors,
    authorities,
    contents: false,
    locks: false,
    now: () => Math.max(Date.now(), plant.nowMs),
    name: "test",
  });
  const [ledger] = report.ledgers;
  if (ledger === undefined) throw new Error("no ledger");
  const told = ledger.findings.map(({ weight, place, message }) => `${weight} ${place}: ${message}`);
  return { report, ledger, told };
}

const stampKey = () => `${ledgerCheckpointKey(plant.recorder, plant.size)}.tsr`;

/** Over the newest checkpoint; answers where it lies. */
function stamp(by: TimestampAuthority = authority): string {
  plant.put(stampKey(), by.stamp(Buffer.from(plant.notes.at(-1) ?? "")));
  return stampKey();
}

describe("time stamps of checkpoints", () => {
  it("bear out what they are over, where their authority is believed; what is younger is not anchored yet", async () => {
    await plant.session();
    plant.pass(5);
    stamp();
    const size = plant.size;
    plant.nowMs += 60_000;
    const later = await plant.session();
    plant.checkpoint();
    const alone = await verified(believed());
    expect(alone.told).toEqual([]);
    expect(alone.ledger).toMatchObject({ verdict: "VALID", anchored: size, stamps: { count: 1, proven: 1 } });
    expect(alone.ledger.stamps?.newest).toMatchObject({ size });
    expect(alone.report.recordings.map(({ verdict }) => verdict)).toEqual(["VALID", "UNANCHORED"]);
    expect(alone.report.recordings[1]?.session).toBe(later.session);
    // Beside another anchor the later one counts; by themselves, an installation's own settings make nothing unanchored.
    expect((await verified(believed(), plant.notes)).ledger.anchored).toBe(plant.size);
    expect((await verified(believed(authority, false))).report.verdict).toBe("VALID");
    expect((await verified()).ledger).toMatchObject({ verdict: "VALID", anchored: null, stamps: { proven: null } });
  });

  it("over other bytes are found without the authority's certificate", async () => {
    await plant.session();
    plant.pass(5);
    const first = stamp();
    plant.pass(5);
    plant.put(stampKey(), plant.bytes(first));
    const key = stampKey();
    const { ledger, told } = await verified();
    expect(ledger.verdict).toBe("TAMPERED");
    expect(told).toEqual([`TAMPERED ${key}: is over other bytes than the checkpoint beside it`]);
    plant.put(key, Buffer.from("no answer"));
    expect((await verified()).told).toEqual([`TAMPERED ${key}: is no time stamp`]);
  });

  it("with a signature that does not hold, or by an authority that nobody gave, anchor nothing", async () => {
    await plant.session();
    plant.pass(5);
    const key = stamp(stranger);
    const { ledger, told, report } = await verified(believed());
    expect(ledger).toMatchObject({ verdict: "UNTRUSTED", anchored: 0 });
    expect(told).toEqual([expect.stringMatching(`^UNTRUSTED ${key}: is by no authority of those that were given`)]);
    expect(report.recordings[0]?.verdict).toBe("UNANCHORED");
    const answer = plant.bytes(stamp());
    const [at] = [answer.length - 1];
    answer[at] = (answer[at] ?? 0) ^ 1;
    plant.put(key, answer);
    expect((await verified(believed())).told).toEqual([
      expect.stringMatching(`^TAMPERED ${key}: .*(does not hold|cannot be verified)`),
    ]);
  });

  it("later than the checkpoint after it give away a past that was made anew", async () => {
    plant = new EvidenceStore(new Date(Date.now() - 30 * 24 * hourMs).toISOString());
    await plant.session();
    plant.pass(5);
    const key = stamp();
    plant.pass(5);
    const { ledger, told } = await verified(believed());
    expect(ledger).toMatchObject({ verdict: "TAMPERED", anchored: 0 });
    expect(told).toEqual([
      expect.stringMatching(`^TAMPERED ${key}: is of .*was made, or stamped, afterwards`),
      expect.stringContaining("although the recorder had not stopped"),
    ]);
  });

  it("end nothing by a clock that was ahead: what expired before its time was deleted early", async () => {
    const gone = await plant.session();
    plant.pass(5);
    plant.away(95);
    plant.expire(gone);
    plant.checkpoint();
    // By its own clock all of it is on time, and nobody set it back.
    expect((await verified()).report.recordings[0]?.verdict).toBe("EXPIRED-ON-TIME");
    const key = stamp();
    const { report, told } = await verified(believed());
    expect(report.recordings[0]?.verdict).toBe("DELETED-EARLY");
    expect(told).toEqual([expect.stringMatching(`^NOTICE ${key}: .*the recorder's clock was ahead`)]);
  });

  it("are the answers that the ledger tells of; one that is gone is told", async () => {
    await plant.session();
    plant.pass(5);
    const size = plant.size;
    const key = stamp();
    const hash = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
    plant.append({
      type: "anchor",
      actor: "recorder",
      subject: "timestamp:https://tsa.example/tsr",
      facts: { size, checkpointSha256: hash(plant.notes.at(-1) ?? ""), receiptSha256: hash(plant.bytes(key)) },
    });
    plant.pass(5);
    expect((await verified(believed())).told).toEqual([]);
    const genuine = plant.bytes(key);
    plant.put(key, authority.stamp(Buffer.from(plant.notes.at(-2) ?? "")));
    expect((await verified()).told).toEqual([
      `TAMPERED ${key}: is not the answer that the ledger says the authority gave`,
    ]);
    plant.put(key, genuine);
    plant.store.objects.delete(key);
    // It may be on its way for an hour.
    expect((await verified()).told).toEqual([]);
    plant.pass(65);
    expect((await verified()).told).toEqual([
      expect.stringMatching(`^NOTICE ${key}: is not in the store; entry \\d+ says that an authority gave it`),
    ]);
  });
});
