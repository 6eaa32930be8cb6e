// A ledger of a plant that has seen something, for tests and pictures of what auditors ask of it.
import { generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { FileAnchor } from "../../recorder/ledger/file-anchor.ts";
import { LedgerDesk } from "../../recorder/ledger/ledger-desk.ts";
import { LedgerService } from "../../recorder/ledger/ledger-service.ts";
import { makeSessionId } from "../../shared/ids.ts";
import type { NewLedgerEntry } from "../../shared/ledger/entry.ts";
import { MemoryStore } from "./memory-store.ts";
import { createTempDir } from "./temp-dir.ts";

export interface TestLedger {
  desk: LedgerDesk;
  service: LedgerService;
  close(): Promise<void>;
}

export async function startTestLedger(): Promise<TestLedger> {
  const directory = await createTempDir("ledger");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  const recorder = "plant-a";
  const service = await LedgerService.open({
    directory: directory.path,
    recorderId: recorder,
    version: "0",
    signer: { publicKey: raw, sign: (bytes) => sign(null, bytes, privateKey) },
    keys: [],
    store: new MemoryStore(),
    isNew: true,
    checkpointSeconds: 3600,
    anchors: () => [new FileAnchor(join(directory.path, "anchor.jsonl"))],
    alarms: { raise: () => {}, clear: () => {} },
    logger: { info: () => {}, warn: () => {} },
  });
  const session = makeSessionId(new Uint8Array(10), Date.UTC(2026, 10, 23, 8));
  const entries: NewLedgerEntry[] = [
    { type: "recording-open", actor: "recorder", subject: session, facts: { sequence: 1, person: "erika" } },
    { type: "recording-close", actor: "recorder", subject: session, facts: { sequence: 1, segments: 4 } },
    {
      type: "view",
      actor: "ines",
      subject: session,
      address: "192.0.2.7",
      facts: { action: "recording.view", details: { signIn: "1" } },
    },
    { type: "store-failure", actor: "recorder", subject: recorder, facts: { code: "STORE_UNAVAILABLE" } },
  ];
  for (const entry of entries) await service.append(entry);
  await service.checkpoint();
  const desk = new LedgerDesk({ service, recorder, keyHistory: () => null });
  return {
    desk,
    service,
    close: async () => {
      await service.stop();
      await directory.remove();
    },
  };
}
