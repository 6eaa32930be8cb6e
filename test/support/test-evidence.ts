// What auditors are shown of attestations and of the verification in the background, of a plant where not all is well.
import { sign } from "node:crypto";
import type { EvidenceReading } from "../../recorder/api/deps.ts";
import { attestationPage } from "../../recorder/verify/attest/attestation-page.ts";
import { sha256Hex } from "../../recorder/verify/attest/check-attestation.ts";
import { makeAttestation } from "../../recorder/verify/attest/make-attestation.ts";
import { readWitnesses } from "../../recorder/verify/verify-evidence.ts";
import { EvidenceStore } from "./evidence-store.ts";

export async function testEvidence(): Promise<EvidenceReading> {
  const plant = new EvidenceStore("2026-11-02T08:00:00.000Z");
  const [whole, held, early, damaged] = [
    await plant.session({ person: "erika" }),
    await plant.session({ person: "jonas" }),
    await plant.session({ person: "erika" }),
    await plant.session({ person: "jonas" }),
  ];
  plant.hold(held);
  plant.pass(5);
  plant.expire(early);
  plant.store.objects.delete(plant.keys(`${damaged.prefix}terminal-0/`)[0] ?? "");
  plant.put("recordings/2026/11/02/notes.txt", Buffer.from("what is this"));
  plant.pass(5);
  const attest: EvidenceReading["attest"] = async () => {
    const witnesses = await readWitnesses({
      store: plant.store,
      root: plant.rootPublic,
      given: new Map(),
      anchors: null,
    });
    const attestation = await makeAttestation({
      ...witnesses,
      store: plant.store,
      recorder: plant.recorder,
      version: "0",
      storeName: "s3:evidence/",
      policy: { hash: "0".repeat(64), retentionDays: 90, classes: [{ name: "SIS-*", days: 365 }] },
      keyId: plant.key.keyId,
      nowMs: plant.nowMs,
      fromMs: Date.parse("2026-11-02T00:00:00Z"),
      toMs: Date.parse("2026-11-03T00:00:00Z"),
    });
    const bytes = Buffer.from(`${JSON.stringify(attestation, null, 1)}\n`);
    const signature = sign(null, bytes, plant.key.privateKey);
    const sha256 = sha256Hex(bytes);
    const page = () => attestationPage(attestation, { sha256, signature: signature.toString("base64") });
    return { attestation, bytes, signature, sha256, page };
  };
  const at = new Date(plant.nowMs).toISOString();
  const fine = { session: whole.session, at, verdict: "VALID" as const, findings: [] };
  const place = `${damaged.prefix}terminal-0/000000.cast.zst`;
  const findings = [{ place, code: "STORE_NOT_FOUND", message: "is not in the store", weight: "MISSING" as const }];
  const bad = { session: damaged.session, at, verdict: "MISSING" as const, findings };
  return {
    attest,
    verification: async () => ({
      on: true,
      bytesPerSecond: 4 * 1024 ** 2,
      everyDays: 30,
      recordings: 3,
      upToDate: 2,
      oldestAt: null,
      latest: [bad, fine],
      faults: [bad],
      ledger: { at, verdict: "VALID", findings: [] },
    }),
    verificationOf: async (session) => (session === whole.session ? fine : null),
  };
}
