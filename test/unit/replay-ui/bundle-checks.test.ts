// Whoever has a bundle and no key of the recorder's makes nothing of it that its page would take for proven.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { BundleEvidence } from "../../../recorder/export/evidence.ts";
import { checkKeys, type Outcome, readRecords } from "../../../replay-ui/bundle/checks.ts";
import { type ExaminationState, verdictOf } from "../../../replay-ui/bundle/examination.ts";
import type { BundleFiles } from "../../../replay-ui/bundle/files.ts";
import { checkLedger } from "../../../replay-ui/bundle/ledger-check.ts";
import { bundleNames, entryName, historyName, keyName, proofName, proofSides } from "../../../shared/bundle/format.ts";
import { evidenceOf, objectsOf } from "../../support/evidence-plant.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";

const key = makeSigningKey();
const root = makeSigningKey();
const policyHash = createHash("sha256").update("{}").digest("hex");
const facts = {
  person: "vendor-drives",
  target: "plc-1",
  startedAt: "2026-11-20T06:11:00.000000Z",
  seed: 5,
  policyHash,
};
const recording = await maintenanceScene(facts, key);

function filesOf({ keys, history, custody, ledger }: BundleEvidence): BundleFiles {
  const files = new Map<string, Uint8Array>(objectsOf(recording));
  for (const { keyId, publicKeyPem } of keys) files.set(keyName(keyId), Buffer.from(publicKeyPem));
  if (history !== null) files.set(bundleNames.root, Buffer.from(history.rootPem));
  for (const { number, bytes, signature } of history?.versions ?? []) {
    files.set(historyName(number), bytes);
    files.set(`${historyName(number)}.sig`, signature);
  }
  files.set(bundleNames.custody, Buffer.from(custody.map(({ line }) => `${line}\n`).join("")));
  if (ledger !== null) files.set(bundleNames.checkpoint, ledger.checkpoint);
  for (const { n, line, path } of ledger?.entries ?? []) {
    files.set(entryName(n), line);
    files.set(proofName(n, proofSides(n, ledger?.size ?? 0)), Buffer.concat(path));
  }
  const stamped = ledger?.stamped ?? null;
  if (stamped !== null) {
    files.set(bundleNames.stamped, stamped.checkpoint);
    files.set(bundleNames.stampedTimestamp, stamped.timestamp);
    for (const { n, path } of stamped.paths)
      files.set(proofName(n, proofSides(n, stamped.size), "stamped-path"), Buffer.concat(path));
  }
  const read = async (name: string) => (files.has(name) ? new Uint8Array(files.get(name) as Uint8Array) : null);
  const segment = async ({ name }: { name: string }) => (await read(name)) ?? new Uint8Array();
  return { kind: "folder", names: [...files.keys()].sort(), hasSegments: true, read, segment };
}

async function ledgerOf(evidence: BundleEvidence): Promise<Outcome> {
  const files = filesOf(evidence);
  return (await checkLedger(files, await readRecords(files))).outcome;
}

describe("the ledger's excerpt of a bundle", () => {
  const genuine = evidenceOf(recording, key, root);

  it("holds by a key of the signed history, and without a history by the recording's own", async () => {
    expect(await ledgerOf(genuine)).toMatchObject({ tone: "good", findings: [] });
    expect(await ledgerOf({ ...genuine, history: null })).toMatchObject({ tone: "good", findings: [] });
  });

  it("has an older checkpoint that was stamped only by a key of the history, over entries that are there", async () => {
    const [stamped, forged] = [key, makeSigningKey()].map((by) =>
      evidenceOf(recording, by, root, null, () => Buffer.from("stamp")),
    );
    if (stamped?.ledger == null || forged?.ledger == null) throw new Error("no ledger");
    const good = await ledgerOf(stamped);
    expect(good).toMatchObject({ tone: "good", findings: [] });
    expect(good.text).toContain("The time stamp over the first 5 entries");
    const other = { ...stamped, ledger: { ...stamped.ledger, stamped: forged.ledger.stamped } };
    expect((await ledgerOf(other)).findings[0]).toMatchObject({ place: bundleNames.stamped });
    const last = stamped.ledger.stamped?.paths.at(-1);
    if (last === undefined) throw new Error("no path");
    const paths = [{ ...last, path: last.path.map((hash) => hash.map((byte) => byte ^ 1)) }];
    const wrong = { ...stamped.ledger, stamped: { ...stamped.ledger.stamped, paths } } as typeof stamped.ledger;
    expect((await ledgerOf({ ...stamped, ledger: wrong })).findings[0]?.place).toContain(".stamped-path-");
  });

  it("made anew, with a custody log of one's own, does not hold by a key that was put beside", async () => {
    const stranger = makeSigningKey();
    const forged = evidenceOf(recording, stranger, makeSigningKey());
    const keys = [...genuine.keys, ...forged.keys];
    const custody = forged.custody.slice(1);
    for (const history of [genuine.history, null]) {
      const mixed = { ...genuine, keys, custody, ledger: forged.ledger, history };
      const files = filesOf(mixed);
      if (history !== null) expect((await checkKeys(files, await readRecords(files))).tone).toBe("good");
      expect(await ledgerOf(mixed)).toMatchObject({ tone: "bad", findings: [{ place: bundleNames.checkpoint }] });
    }
  });
});

describe("the verdict", () => {
  const good: Outcome = { tone: "good", text: "", findings: [] };
  const ids = ["signatures", "chain", "sums", "segments", "keys", "ledger", "custody", "policy"];
  const stateOf = (open: readonly string[]): ExaminationState => ({
    parts: ids.map((id) => ({ id, title: id, outcome: open.includes(id) ? { ...good, tone: "open" } : good })),
    findings: [],
    checked: 1,
    total: 1,
    done: true,
  });

  it("is no good one where no ledger or no history bears the recording out: any key could have signed it", () => {
    expect(verdictOf(stateOf([]))).toBe("good");
    expect(verdictOf(stateOf(["policy", "custody"]))).toBe("good");
    expect(verdictOf(stateOf(["ledger"]))).toBe("partial");
    expect(verdictOf(stateOf(["keys"]))).toBe("partial");
  });
});
