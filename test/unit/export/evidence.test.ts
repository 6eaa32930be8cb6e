// What a bundle gets beside the recording: an older checkpoint where that has a time stamp and the newest has none, and the
// policy in the form whose hash the OPEN record names.
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { PolicyVersions } from "../../../recorder/access/policy-versions.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { createEvidence } from "../../../recorder/evidence.ts";
import { courtPage } from "../../../recorder/export/court-page.ts";
import { parseInventory } from "../../../recorder/inventory/snapshot.ts";
import { keepPolicies } from "../../../recorder/policy-history.ts";
import { ledgerCheckpointKey } from "../../../recorder/store/keys.ts";
import { storedLedger } from "../../../recorder/stored-ledger.ts";
import { AppError } from "../../../shared/errors.ts";
import { parseCheckpoint } from "../../../shared/ledger/checkpoint.ts";
import { leafHash, verifyInclusion } from "../../../shared/ledger/merkle.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { EvidenceStore } from "../../support/evidence-store.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
let plant: EvidenceStore;
beforeEach(() => {
  plant = new EvidenceStore();
});

type FoundPolicy = (Awaited<ReturnType<PolicyVersions["find"]>> & { canonical: string | null }) | null;

function evidence(policy: FoundPolicy = null) {
  const { keyId, publicKeyPem } = plant.key;
  const keys = () => [{ keyId, publicKeyPem }];
  return createEvidence({
    audit: { list: async () => ({ items: [], next: null }) } as never,
    policies: {
      async find() {
        if (policy !== null) return policy;
        throw new AppError("REQUEST_NOT_FOUND", "no policy of this hash was in force here", { op: "test" });
      },
      canonical: async () => policy?.canonical ?? null,
    },
    keys,
    history: async () => null,
    ledger: () => storedLedger(plant.store, plant.recorder, keys(), new AbortController().signal),
  });
}

const version = (text: string, canonical: string | null) => ({
  hash: "",
  firstSeen: "",
  lastSeen: "",
  text,
  canonical,
});

describe("an older checkpoint with a time stamp", () => {
  /** Over all of the ledger, with an answer of three bytes where `stamped`. */
  const checkpoint = (stamped: boolean) => {
    plant.nowMs += 300_000;
    plant.checkpoint();
    if (stamped) plant.put(`${ledgerCheckpointKey(plant.recorder, plant.size)}.tsr`, Buffer.from([1, 2, 3]));
    return plant.size;
  };
  const of = async (session: string) => (await evidence(version("", null)).of(session, "")).ledger;

  it("is the first over the recording's end, with the ways of its entries to that root", async () => {
    checkpoint(true);
    const { session } = await plant.session();
    const size = checkpoint(true);
    checkpoint(true);
    checkpoint(false);
    const ledger = await of(session);
    expect(ledger).toMatchObject({ timestamp: null, stamped: { size, keyId: plant.key.keyId } });
    const { stamped, entries = [] } = ledger ?? {};
    const parsed = parseCheckpoint(Buffer.from(stamped?.checkpoint ?? "").toString());
    expect(parsed?.size).toBe(size);
    expect([...(stamped?.timestamp ?? [])]).toEqual([1, 2, 3]);
    expect(stamped?.paths.map(({ n }) => n)).toEqual(entries.map(({ n }) => n));
    for (const [i, { n, path }] of (stamped?.paths ?? []).entries()) {
      const leaf = leafHash(entries[i]?.line ?? new Uint8Array(), sha256);
      expect(verifyInclusion({ leaf, index: n, size, root: parsed?.root ?? leaf, path: [...path] }, sha256)).toBe(true);
    }
  });

  it("is none where the newest has one, or none was stamped since the beginning", async () => {
    checkpoint(true);
    const { session } = await plant.session();
    checkpoint(false);
    expect(await of(session)).toMatchObject({ timestamp: null, stamped: null });
    checkpoint(true);
    expect((await of(session))?.timestamp).not.toBeNull();
    expect((await of(session))?.stamped).toBeNull();
  });
});

describe("the policy in force", () => {
  const texts = { targets: "version: 1\n", conduits: "version: 1\n", policy: "version: 1\nrules: [] # none\n" };
  const files = { targets: "targets.yaml", conduits: "conduits.yaml", policy: "policy.yaml" };

  it("is kept in the form that has its hash, also where a later version reads its text otherwise", async () => {
    const current = parseInventory(files, texts);
    const database = await openDatabase(":memory:");
    const versions = new PolicyVersions(database.policies);
    const inventory = { current, onReload: () => {}, onRefused: () => {} };
    await keepPolicies({
      inventory: inventory as never,
      versions,
      feed: { record: async () => ({}) as never },
      logger: { error: () => {} },
    });
    const { policyHash } = current;
    const found = { ...(await versions.find(policyHash)), canonical: await versions.canonical(policyHash) };
    await database.close();
    const { session } = await plant.session();
    plant.checkpoint();
    const { policy } = await evidence({ ...found, text: "a text that no version reads" }).of(
      session,
      current.policyHash,
    );
    expect(sha256(policy?.canonical ?? new Uint8Array()).toString("hex")).toBe(current.policyHash);
    // Of what older versions kept, the text is read anew where that gives the hash.
    const older = await evidence(version(texts.policy, null)).of(session, current.policyHash);
    expect(older.policy?.canonical).toEqual(policy?.canonical);
  });

  it("that is not in the bundle is said in the page for a court, with the reason", async () => {
    const { built, session } = await plant.session();
    plant.checkpoint();
    const open = OpenRecord.parse(JSON.parse(String(built.objects.get("open.json"))));
    const pageWith = async (policy: FoundPolicy) => {
      const gathered = await evidence(policy).of(session, open.policy.hash);
      return courtPage({ index: built.index, open, evidence: gathered, faults: [], carried: true });
    };
    const unproved = (page: string) => page.slice(page.indexOf("What is not proved"));
    expect(unproved(await pageWith(version("rules: []", null)))).toContain(
      "an older version of the recorder kept the rules as they were written",
    );
    expect(unproved(await pageWith(null))).toContain("does not have them any more");
  });
});
