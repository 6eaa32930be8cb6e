// A file store with recordings, locks, ledger and keys, as large as a bench asks for; written recording by recording.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EvidenceStore } from "../../support/evidence-store.ts";
import { RecordingBuilder } from "../../support/recording-builder.ts";

export interface EvidenceOnDisk {
  directory: string;
  rootFile: string;
  recorder: string;
  nowMs: number;
  fromMs: number;
  /** Of all recordings' objects. */
  files: string[];
  bytes: number;
}

export interface Wanted {
  recordings: number;
  segments: number;
  segmentBytes: number;
}

export function evidenceOnDisk(directory: string, wanted: Wanted, raw: (bytes: number) => Uint8Array): EvidenceOnDisk {
  const fromMs = Date.parse("2026-11-02T00:00:00.000Z");
  const plant = new EvidenceStore(new Date(fromMs).toISOString());
  const files: string[] = [];
  let bytes = 0;
  const flush = () => {
    for (const [key, body] of plant.store.objects) {
      write(join(directory, key), body);
      if (!key.startsWith("recordings/")) continue;
      files.push(join(directory, key));
      bytes += body.length;
    }
    plant.store.objects.clear();
  };
  for (let n = 0; n < wanted.recordings; n++) {
    const startedAt = new Date(plant.nowMs).toISOString().replace("Z", "000Z");
    const facts = { person: `person-${n % 40}`, target: `plc-${n % 25}`, startedAt, seed: plant.nextSequence() };
    const builder = new RecordingBuilder(facts, plant.key);
    builder.event({ t: 0, type: "session-open", facts: {} });
    for (let i = 0; i < wanted.segments; i++) {
      const segment = { raw: raw(wanted.segmentBytes), startUs: i * 1000, endUs: i * 1000 + 999, events: 1 };
      builder.made({ name: "frames-0", kind: "frames", channel: 0 }, segment);
    }
    const { prefix, built } = plant.keep(builder.finish(), 1);
    const until = new Date(Date.parse(built.index.startedAt) + 92 * 86_400_000).toISOString();
    const lock = { format: "conduit-lock/1", prefix, retainUntil: until, hold: false };
    write(join(directory, ".retention", `${prefix.slice(0, -1)}.json`), `${JSON.stringify(lock)}\n`);
    if (n % 100 === 99) plant.pass(5);
    flush();
    plant.sessions.length = 0;
  }
  plant.pass(5);
  flush();
  const rootFile = `${directory}.root.pub.pem`;
  write(rootFile, plant.root.publicKeyPem);
  return { directory, rootFile, recorder: plant.recorder, nowMs: plant.nowMs, fromMs, files, bytes };
}

function write(path: string, body: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, body);
}
