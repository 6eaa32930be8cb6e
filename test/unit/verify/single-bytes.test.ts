// One bit of one byte, at every place of a whole installation with a small recording: none goes unseen.
import { beforeAll, describe, expect, it } from "vitest";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { judge } from "../../../recorder/verify/judge.ts";
import { noteKeysOf, readKeyTrust } from "../../../recorder/verify/key-trust.ts";
import { checkLedger } from "../../../recorder/verify/ledger-check.ts";
import { survey } from "../../../recorder/verify/survey.ts";
import { readWitnesses } from "../../../recorder/verify/verify-evidence.ts";
import { EvidenceStore, type StoredSession } from "../../support/evidence-store.ts";

let plant: EvidenceStore;
const recordings: StoredSession[] = [];

beforeAll(async () => {
  plant = new EvidenceStore();
  recordings.push(await plant.session({ seconds: 1 }));
  plant.pass(5);
  plant.rotate();
  plant.pass(10);
});

const witnesses = () =>
  readWitnesses({ store: plant.store, root: plant.rootPublic, given: new Map(), anchors: plant.notes });

/** Calls with each byte of the object changed in one bit, another one each time; answers where `isSeen` says no. */
async function unseen(key: string, isSeen: () => Promise<boolean>): Promise<number[]> {
  const bytes = plant.bytes(key);
  const missed: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    plant.put(key, changed);
    if (!(await isSeen())) missed.push(at);
  }
  plant.put(key, bytes);
  return missed;
}

// Some thousand verifications each: seconds on a machine that does nothing else.
describe("a single byte", { timeout: 180_000 }, () => {
  it("of a recording is found, wherever it is, and nothing else is called wrong", async () => {
    const { trust, ledgers } = await witnesses();
    const ledger = ledgers.get(plant.recorder) ?? null;
    const verifier = new RecordingVerifier({
      store: plant.store,
      trustedKeys: () => trust.pems,
      isOwn: () => true,
      contents: false,
    });
    const verdictOf = async (session: string) => {
      const surveyed = (await survey(plant.store, ["recordings/"])).recordings.get(session) ?? null;
      const run = verifier.examine(session);
      let step = await run.next();
      while (step.done !== true) step = await run.next();
      const entries = ledger?.entries.sessions.get(session) ?? null;
      const { keys } = trust;
      const how = { nowMs: plant.nowMs, uploadSlackMs: 3_600_000 };
      return judge({ session, surveyed, examined: step.value, ledger, entries, keys, ...how });
    };
    let bytes = 0;
    for (const { session, prefix } of recordings) {
      expect((await verdictOf(session)).findings).toEqual([]);
      for (const key of plant.keys(prefix)) {
        bytes += plant.bytes(key).length;
        const missed = await unseen(key, async () => {
          const { verdict, findings } = await verdictOf(session);
          return verdict === "TAMPERED" && findings.some(({ place }) => place === key);
        });
        expect([key, missed]).toEqual([key, []]);
      }
    }
    expect(bytes).toBeGreaterThan(2500);
  });

  it("of the history of keys is found, wherever it is", async () => {
    for (const key of plant.keys("keys/")) {
      const missed = await unseen(key, async () => {
        const trust = await readKeyTrust({ store: plant.store, root: plant.rootPublic, given: new Map() });
        return trust.evidence.verdict !== "VALID";
      });
      expect([key, missed]).toEqual([key, []]);
    }
  });

  it("of the ledger or its checkpoints is found, wherever it is", async () => {
    const { recorder, store } = plant;
    const keys = noteKeysOf((await witnesses()).trust, recorder);
    for (const key of plant.keys("ledger/")) {
      const missed = await unseen(key, async () => {
        const { evidence } = await checkLedger({ store, recorder, keys, anchors: null, checkpointSeconds: 300 });
        return evidence.verdict !== "VALID";
      });
      expect([key, missed]).toEqual([key, []]);
    }
  });
});
