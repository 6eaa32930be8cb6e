// What a crash leaves between the spool and the ledger, the next start writes; once, and marked as late.
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Ledger } from "../../../recorder/ledger/ledger.ts";
import { RecordingWitness } from "../../../recorder/ledger/recording-witness.ts";
import { createRecorder } from "../../../recorder/record/create-recorder.ts";
import type { RecordingWitness as Witnessing } from "../../../recorder/record/options.ts";
import type { Recorder } from "../../../recorder/record/recorder.ts";
import { loadOrCreateSigningKey, Signer } from "../../../recorder/record/signing.ts";
import { AppError } from "../../../shared/errors.ts";
import { NotRecordedFacts, RecordingCloseFacts, RecordingOpenFacts } from "../../../shared/ledger/facts.ts";
import { waitFor } from "../../support/wait-for.ts";
import { KeptStore } from "../record/kept-store.ts";
import { facts, quick } from "../record/recorder-under-test.ts";

let base: string;
let ledger: Ledger;
let alarms: string[];
let sealed: string[];
const store = () => new KeptStore();

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "conduit-witness-"));
  alarms = [];
  sealed = [];
  const signer = new Signer(await loadOrCreateSigningKey(join(base, "signing.pem")));
  const spki = createPublicKey(signer.publicKeyPem).export({ type: "spki", format: "der" });
  ledger = await Ledger.open({
    directory: join(base, "ledger"),
    recorderId: "recorder-1",
    signer: { publicKey: new Uint8Array(spki.subarray(-32)), sign: (bytes) => signer.sign(bytes) },
  });
});
afterEach(async () => {
  await ledger.close();
  rmSync(base, { recursive: true, force: true });
});

async function start(witness: Witnessing | undefined, kept: KeptStore): Promise<Recorder> {
  const recorder = createRecorder({
    directory: join(base, "spool"),
    store: kept,
    signing: await loadOrCreateSigningKey(join(base, "signing.pem")),
    recorderId: "recorder-1",
    version: "0",
    ...(witness === undefined ? {} : { ledger: witness }),
    limits: quick,
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    events: {
      opened: () => {},
      segment: () => {},
      sealed: ({ session }) => void sealed.push(session),
      stored: () => {},
      alarm: (code) => void alarms.push(code),
      clear: () => {},
    },
  });
  await recorder.recover();
  return recorder;
}

async function entriesOf(session: string) {
  return (await ledger.entriesOf(session)).map(({ entry }) => entry);
}

it("a close that the ledger did not take holds the recording back, and comes with the next try", async () => {
  const real = new RecordingWitness(ledger);
  let away = true;
  const witness: Witnessing = {
    opened: (...what) => real.opened(...what),
    closed: async (...what) => {
      if (away) throw new AppError("RECORD_LEDGER", "its disk is full", { op: "test" });
      await real.closed(...what);
    },
  };
  const recorder = await start(witness, store());
  const session = await recorder.open(facts());
  const closing = session.close("client-closed");
  await waitFor(() => alarms.includes("RECORD_LEDGER"));
  expect(sealed).toEqual([]);
  away = false;
  const manifest = await closing;
  expect(sealed).toEqual([session.session]);
  const [open, close] = await entriesOf(session.session);
  expect(RecordingOpenFacts.parse(open?.facts)).toMatchObject({ sequence: 1, openSha256: manifest.openSha256 });
  expect(RecordingCloseFacts.parse(close?.facts)).toMatchObject({ state: "sealed", endReason: "client-closed" });
  await recorder.stop();
});

it("what an earlier start did not tell is told late, and what stands there is not told twice", async () => {
  const kept = store();
  kept.failure = () => new AppError("STORE_UNAVAILABLE", "away", { op: "test" });
  const silent = await start(undefined, kept);
  const first = await silent.open(facts());
  await first.close("client-closed");
  const second = await silent.open(facts());
  await silent.stop();
  for (let run = 0; run < 2; run++) {
    const recorder = await start(new RecordingWitness(ledger), kept);
    await recorder.stop();
    for (const { session } of [first, second]) {
      const entries = await entriesOf(session);
      expect(entries.map(({ type }) => type)).toEqual(["recording-open", "recording-close"]);
      expect(entries.map((entry) => entry.facts["late"])).toEqual([true, true]);
    }
  }
});

it("a session that the policy does not record stands in the ledger as such, by which rule and why, before it begins", async () => {
  const kept = store();
  kept.failure = () => new AppError("STORE_UNAVAILABLE", "away", { op: "test" });
  const plain = facts();
  const unrecorded = {
    ...plain,
    policy: { ...plain.policy, rule: "office" },
    recording: { ...plain.recording, mode: "none" as const, because: "only a printer" },
  };
  const told = await start(new RecordingWitness(ledger), kept);
  const live = await told.open(unrecorded);
  const [opened, not] = await entriesOf(live.session);
  expect(opened).toMatchObject({ type: "recording-open", facts: { recorded: "none" } });
  expect(not).toMatchObject({ type: "not-recorded", facts: { rule: "office", because: "only a printer" } });
  expect(NotRecordedFacts.parse(not?.facts)).toMatchObject({ openSha256: opened?.facts["openSha256"] });
  await live.close("client-closed");
  const full = await told.open(facts());
  expect((await entriesOf(full.session)).map(({ type }) => type)).toEqual(["recording-open"]);
  await full.close("client-closed");
  await told.stop();
  const again = await start(new RecordingWitness(ledger), kept);
  await again.stop();
  const types = (await entriesOf(live.session)).map(({ type }) => type);
  expect(types).toEqual(["recording-open", "not-recorded", "recording-close"]);
});
