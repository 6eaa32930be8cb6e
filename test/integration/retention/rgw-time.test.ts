// Ninety days on a real Ceph RGW whose clock is moved: what cannot be deleted by anybody who holds the recorder's keys, what
// is gone by day 100, what a legal hold keeps, and that verification and attestation say exactly that. Once with the bucket's
// own lifecycle, once with the sweeper alone.
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStore } from "../../../recorder/store/create-store.ts";
import { type CephRgw, startCephRgw } from "../../support/ceph-rgw.ts";
import { type KeptSessions, keptSessions } from "./kept-sessions.ts";

let rgw: CephRgw;
let thief: S3Client;
const open: KeptSessions[] = [];

beforeAll(async () => {
  rgw = await startCephRgw({ movableTime: true });
  thief = withTheSameKeys();
});
afterAll(async () => {
  for (const kept of open) await kept.close();
  thief?.destroy();
  await rgw?.stop();
});

function withTheSameKeys(): S3Client {
  return new S3Client({
    endpoint: rgw.endpoint,
    region: rgw.region,
    forcePathStyle: true,
    credentials: { accessKeyId: rgw.accessKeyId, secretAccessKey: rgw.secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

async function begin(bucket: string, lifecycle: boolean): Promise<KeptSessions> {
  const store = createStore({
    kind: "s3",
    endpoint: rgw.endpoint,
    region: rgw.region,
    bucket,
    forcePathStyle: true,
    accessKeyId: rgw.accessKeyId,
    secretAccessKey: rgw.secretAccessKey,
    createBucket: true,
    objectLock: true,
  });
  const kept = await keptSessions(store, { lifecycle });
  open.push(kept);
  await kept.retention.tick();
  return kept;
}

/** Every way to take something from the bucket that its keys offer, on every version; answers what got through. */
async function rob(bucket: string, kept: KeptSessions, sessions: readonly string[]): Promise<string[]> {
  const through: string[] = [];
  const attempt = async (what: string, action: () => Promise<unknown>) => {
    const refused = await action().then(
      () => false,
      (error: { $metadata?: { httpStatusCode?: number } }) => {
        const status = error.$metadata?.httpStatusCode ?? 0;
        return status >= 400 && status < 500;
      },
    );
    if (!refused) through.push(what);
  };
  const soon = new Date(Date.now() + (kept.days + 0.01) * 86_400_000);
  for (const session of sessions) {
    for (const { key, versionId } of await kept.versions(session)) {
      const version = { Bucket: bucket, Key: key, VersionId: versionId ?? "" };
      await attempt(`delete ${key}`, () => thief.send(new DeleteObjectCommand(version)));
      await attempt(`delete past governance ${key}`, () =>
        thief.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true })),
      );
      for (const Mode of ["COMPLIANCE", "GOVERNANCE"] as const) {
        const Retention = { Mode, RetainUntilDate: soon };
        await attempt(`shorten to ${Mode} ${key}`, () =>
          thief.send(new PutObjectRetentionCommand({ ...version, Retention, BypassGovernanceRetention: true })),
        );
      }
      // The multi-delete answers 200 and tells of each object in its body.
      const Objects = [{ Key: key, VersionId: versionId ?? "" }];
      const { Deleted } = await thief.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
      if ((Deleted ?? []).length > 0) through.push(`multi-delete ${key}`);
    }
  }
  await attempt("suspend versions", () =>
    thief.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Suspended" } })),
  );
  return through;
}

/** What `conduit verify --all` and `conduit attest` say of each, beside ledger, keys and the whole. */
async function told(kept: KeptSessions): Promise<Record<string, unknown>> {
  const report = await kept.verified();
  const { recordings, inOrder, counts, missingNumbers, unknown } = await kept.attested();
  const said = new Map(recordings.map((one) => [one.session, one]));
  const { unlockedObjects, missingObjects, unknownObjects } = counts;
  return {
    verdict: report.verdict,
    findings: report.ledgers.flatMap(({ findings }) => findings).concat(report.findings),
    attested: { inOrder, missingNumbers, unknown, unlockedObjects, missingObjects, unknownObjects },
    of: Object.fromEntries(
      report.recordings.map(({ session, verdict }) => {
        const { state, holds, gone } = said.get(session) ?? {};
        return [session, { verdict, state, holds, proof: gone?.proof ?? null }];
      }),
    ),
  };
}

const inOrder = {
  verdict: "VALID",
  findings: [],
  attested: {
    inOrder: true,
    missingNumbers: [],
    unknown: [],
    unlockedObjects: 0,
    missingObjects: 0,
    unknownObjects: 0,
  },
};
const isKept = { verdict: "VALID", state: "kept", holds: [], proof: null };
const isHeld = (caseId: string) => ({ verdict: "VALID", state: "held", holds: [caseId], proof: null });
const isGone = {
  verdict: "EXPIRED-ON-TIME",
  state: "gone",
  holds: [],
  proof: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
};

const forbidden = { $metadata: { httpStatusCode: 403 } };

describe.each([
  { name: "the bucket's own lifecycle", bucket: "with-lifecycle", lifecycle: true },
  { name: "the sweeper alone", bucket: "sweeper-alone", lifecycle: false },
])("ninety days with $name", ({ bucket, lifecycle }) => {
  let kept: KeptSessions;
  let plain: string;
  let held: string;
  let heldLive: string;
  let long: string;
  let all: string[];
  const count = new Map<string, number>();

  it("keeps what is recorded locked, and held what is held, a live session's later parts as well", async () => {
    await rgw.moveTime(0);
    kept = await begin(bucket, lifecycle);
    plain = await kept.record();
    long = await kept.record(365);
    held = await kept.record();
    const by = { name: "anna", address: "local" };
    expect(await kept.retention.holds.place(held, { caseId: "C-1", reason: "incident" }, by)).toMatchObject({
      state: "active",
      enforced: true,
    });
    const live = await kept.open();
    heldLive = live.session;
    await kept.retention.holds.place(heldLive, { caseId: "C-2", reason: "incident" }, by);
    live.writer.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from("later\r\n".repeat(2000)) });
    await live.writer.close("client-closed");
    await kept.stored(heldLive);
    all = [plain, held, heldLive, long];
    for (const session of all) {
      const versions = await kept.versions(session);
      expect(versions.length).toBeGreaterThanOrEqual(7);
      expect(versions.every(({ latest, deleteMarker }) => latest && !deleteMarker)).toBe(true);
      count.set(session, versions.length);
      const mustHold = session === held || session === heldLive;
      const days = session === long ? 366 : 91;
      for (const { key, versionId } of versions) {
        const lock = await kept.store.retention.lock(key, versionId);
        expect(lock).toMatchObject({ mode: "compliance", hold: mustHold });
        expect(Date.parse(lock.retainUntil ?? "")).toBeGreaterThan(Date.now() + days * 86_400_000 - 60_000);
      }
      expect(await kept.verdict(session)).toBe("VALID");
    }
    expect(kept.retention.storeState).toMatchObject({ drift: [{ what: "lifecycle", repaired: true }], fault: null });
    expect(kept.retention.health()).toMatchObject({ ok: true });
    expect(kept.told.map(({ type }) => type)).toEqual(expect.arrayContaining(["probe", "drift-repaired", "hold"]));
  });

  it("at +89 days nothing can be deleted with the recorder's keys", async () => {
    await rgw.moveTime(89);
    await kept.startedAgain(89);
    expect(await rob(bucket, kept, all)).toEqual([]);
    if (lifecycle) await rgw.lifecyclePass(89);
    expect(await kept.retention.sweep({ whole: true })).toMatchObject({ expired: [], uncovered: 0, failed: [] });
    for (const session of all) {
      expect(await kept.versions(session)).toHaveLength(count.get(session) ?? 0);
      expect(await kept.verdict(session)).toBe("VALID");
    }
    expect(await told(kept)).toEqual({
      ...inOrder,
      of: { [plain]: isKept, [long]: isKept, [held]: isHeld("C-1"), [heldLive]: isHeld("C-2") },
    });
  });

  it("at +89 days a recording hidden by delete markers is found and shown again", async () => {
    for (const session of [plain, held])
      for (const { key } of await kept.versions(session))
        await thief.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    expect(await kept.verdict(plain)).not.toBe("VALID");
    expect(await told(kept)).toMatchObject({
      verdict: "DELETED-EARLY",
      attested: { inOrder: false },
      of: { [plain]: { verdict: "DELETED-EARLY" }, [held]: { verdict: "DELETED-EARLY" }, [long]: isKept },
    });
    const swept = await kept.retention.sweep({ whole: true });
    expect(swept.uncovered).toBe((count.get(plain) ?? 0) + (count.get(held) ?? 0));
    for (const session of [plain, held]) {
      expect(await kept.versions(session)).toHaveLength(count.get(session) ?? 0);
      expect(await kept.verdict(session)).toBe("VALID");
    }
    expect(kept.told).toContainEqual(
      expect.objectContaining({ type: "drift-repaired", subject: held, facts: expect.anything() }),
    );
  });

  it("at +100 days what is not held is gone with its proof, and what is held is whole", async () => {
    for (const days of lifecycle ? [95, 97, 99] : []) {
      await rgw.lifecyclePass(days);
    }
    await rgw.moveTime(100);
    await kept.startedAgain(100);
    if (lifecycle) expect(await kept.versions(plain)).toEqual([]);
    const swept = await kept.retention.sweep({ whole: true });
    // The bucket's own rules did not even hide what is kept longer.
    expect(swept).toMatchObject({ expired: [plain], uncovered: 0, failed: [], locked: [], overdue: [] });
    expect(await kept.versions(plain)).toEqual([]);
    const expired = kept.told.filter(({ type }) => type === "expired");
    expect(expired).toHaveLength(1);
    expect(expired[0]).toMatchObject({
      subject: plain,
      facts: { by: lifecycle ? "lifecycle" : "sweeper", manifestSha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(await kept.retention.of(plain)).toMatchObject({ state: "expired" });
    for (const session of [held, heldLive, long]) {
      const versions = await kept.versions(session);
      expect(versions.filter(({ deleteMarker }) => !deleteMarker)).toHaveLength(count.get(session) ?? 0);
      expect(versions.every(({ deleteMarker }) => !deleteMarker)).toBe(true);
      expect(await kept.verdict(session)).toBe("VALID");
    }
    expect(await told(kept)).toEqual({
      ...inOrder,
      of: { [plain]: isGone, [long]: isKept, [held]: isHeld("C-1"), [heldLive]: isHeld("C-2") },
    });
  });

  it("at +100 days what is held cannot be deleted, not even after its hold was taken away with the recorder's keys", async () => {
    const versions = await kept.versions(held);
    for (const { key, versionId } of versions) {
      const version = { Bucket: bucket, Key: key, VersionId: versionId ?? "" };
      await expect(thief.send(new DeleteObjectCommand(version))).rejects.toMatchObject(forbidden);
      await thief.send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status: "OFF" } }));
      await expect(thief.send(new DeleteObjectCommand(version))).rejects.toMatchObject(forbidden);
    }
    expect((await kept.retention.sweep()).heldAgain).toEqual([held]);
    for (const { key, versionId } of versions)
      expect(await kept.store.retention.lock(key, versionId)).toMatchObject({ hold: true });
    expect(await kept.verdict(held)).toBe("VALID");
  });

  it("a hold released by two people lets go: the sweeper takes the recording then", async () => {
    const { holds } = kept.retention;
    const [hold] = await holds.list(held);
    const id = hold?.id ?? "";
    const [anna, bert] = [
      { name: "anna", address: "local" },
      { name: "bert", address: "local" },
    ];
    await holds.release(held, id, { step: "ask", reason: "case closed" }, anna);
    await expect(holds.release(held, id, { step: "confirm" }, anna)).rejects.toMatchObject({ code: "POLICY_REFUSED" });
    expect((await kept.retention.sweep()).expired).toEqual([]);
    expect(await holds.release(held, id, { step: "confirm" }, bert)).toMatchObject({ state: "released" });
    expect((await kept.retention.sweep()).locked).toEqual([held]);
    await rgw.moveTime(108);
    await kept.startedAgain(108);
    expect((await kept.retention.sweep()).expired).toEqual([held]);
    expect(await kept.versions(held)).toEqual([]);
    expect(await kept.verdict(heldLive)).toBe("VALID");
    expect(kept.told.map(({ type }) => type)).toEqual(expect.arrayContaining(["hold-release-asked", "hold-release"]));
    expect(await told(kept)).toEqual({
      ...inOrder,
      of: { [plain]: isGone, [long]: isKept, [held]: isGone, [heldLive]: isHeld("C-2") },
    });
  });
});

it("an object that was put over another hides it, and the older version stays", async () => {
  const [kept] = open;
  if (kept === undefined) throw new Error("the tests before did not run");
  await rgw.moveTime(0);
  const session = await kept.record();
  const [version] = await kept.versions(session);
  const now = withTheSameKeys();
  await now.send(new PutObjectCommand({ Bucket: "with-lifecycle", Key: version?.key ?? "", Body: "another" }));
  now.destroy();
  expect(await kept.verdict(session)).not.toBe("VALID");
  const versions = await kept.versions(session);
  expect(versions).toContainEqual(expect.objectContaining({ versionId: version?.versionId, latest: false }));
});
