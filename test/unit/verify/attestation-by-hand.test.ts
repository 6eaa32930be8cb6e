// The very commands of docs/attestation.md, run on an attestation and a copy of its store: they hold, and find what is wrong.
import { execFileSync } from "node:child_process";
import { sign } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAttestation } from "../../../recorder/verify/attest/make-attestation.ts";
import { readWitnesses } from "../../../recorder/verify/verify-evidence.ts";
import { EvidenceStore } from "../../support/evidence-store.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

const page = readFileSync(new URL("../../../docs/attestation.md", import.meta.url), "utf8");
const script = /```sh\n(# offline\n.*?)```/s.exec(page)?.[1] ?? "";

let folder: TempDir;
let kept: string;
let gone: string;

beforeAll(async () => {
  folder = await createTempDir("by-hand");
  const plant = new EvidenceStore();
  const first = await plant.session();
  plant.rotate();
  const second = await plant.session();
  plant.away(92);
  plant.expire(first);
  plant.pass(5);
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
    version: "1",
    storeName: "memory",
    policy: null,
    keyId: plant.key.keyId,
    nowMs: plant.nowMs,
    fromMs: Date.parse("2026-11-02T00:00:00Z"),
    toMs: Date.parse("2026-11-03T00:00:00Z"),
  });
  const bytes = Buffer.from(`${JSON.stringify(attestation, null, 1)}\n`);
  const write = (name: string, what: Uint8Array | string) => {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), what);
  };
  write("day.json", bytes);
  write("day.json.sig", sign(null, bytes, plant.key.privateKey));
  write("root.pub.pem", plant.root.publicKeyPem);
  for (const key of plant.keys("")) write(`store/${key}`, plant.bytes(key));
  [gone, kept] = [first.session, second.session];
});
afterAll(() => folder?.remove());

const run = () => execFileSync("sh", ["-c", script], { cwd: folder.path, encoding: "utf8", stdio: "pipe" });

function damaged(name: string, how: (text: string) => string): () => void {
  const path = join(folder.path, name);
  const before = readFileSync(path);
  writeFileSync(path, how(before.toString()));
  return () => writeFileSync(path, before);
}

describe("an attestation checked by hand", () => {
  it("holds", () => {
    const said = run();
    expect(said).toContain("ledger linked");
    expect(said).toContain("checkpoint signed by");
    expect(said).toContain(`${kept} whole`);
    expect(said).toContain(`${gone} gone on time`);
  });

  it("does not, with a word of it, of the keys or of the ledger changed", () => {
    const entries = "store/ledger/recorder-1/entries/000000000000.jsonl";
    const changes = [
      ["day.json", (text: string) => text.replace('"state": "gone"', '"state": "kept"')],
      ["store/keys/history/000001.json", (text: string) => text.replace("recorder-1", "recorder-2")],
      [entries, (text: string) => text.replace('"jane"', '"jone"')],
    ] as const;
    for (const [name, how] of changes) {
      const back = damaged(name, how);
      expect(run, name).toThrow();
      back();
    }
    expect(run()).toContain("whole");
  });
});
