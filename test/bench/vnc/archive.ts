// Long recordings of screens for the VNC bench, made of captured scenes one after the other, signed and chained like real
// ones, in the store of a service that is started on them.
import { createHash, createPrivateKey } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rebuildRecordings } from "../../../recorder/catalog/rebuild.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { loadOrCreateSigningKey, Signer } from "../../../recorder/record/signing.ts";
import { FsStore } from "../../../recorder/store/fs-store.ts";
import { checksumsName, recordingPrefix } from "../../../recorder/store/keys.ts";
import type { SegmentMeta, TrackMeta } from "../../../shared/manifest/manifest.ts";
import { screenHeaderLine } from "../../../shared/screen/format.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { openRules } from "../../support/open-rules.ts";
import { type BuiltRecording, RecordingBuilder, type SigningKey } from "../../support/recording-builder.ts";
import { prepareService, type RunningService, startPrepared } from "../../support/service.ts";
import type { Recorded } from "./screen-recording.ts";
import { person } from "./stage.ts";

const track: TrackMeta = { name: "screen-0", kind: "screen", channel: 0, request: "vnc" };

export interface StoredRecording {
  session: string;
  durationUs: number;
  segments: readonly SegmentMeta[];
  /** Where the segments' objects lie. */
  prefix: string;
}

export interface Archive {
  /** The built service on these recordings. */
  service: RunningService;
  recordings: StoredRecording[];
  stop(): Promise<void>;
}

/** Each recording is a list of scenes as they were recorded, which follow each other. */
export async function startArchive(directory: string, recordings: readonly Recorded[][]): Promise<Archive> {
  const { configFile } = await prepareService({
    directory,
    people: [{ ...person, roles: ["investigator"] }],
    secrets: [],
    targets: [],
    policy: openRules(),
  });
  const data = join(directory, "data");
  const signing = await loadOrCreateSigningKey(join(data, "keys", "signing.pem"));
  const key: SigningKey = {
    keyId: signing.keyId,
    privateKey: createPrivateKey(signing.privateKeyPem),
    publicKeyPem: new Signer(signing).publicKeyPem,
  };
  const store = join(data, "store");
  const stored = recordings.map((scenes, i) => put(build(scenes, i + 1, key), store));
  const database = await openDatabase(join(data, "conduit.db"));
  const rebuilt = await rebuildRecordings(
    new FsStore({ kind: "fs", directory: store }),
    new Recordings(database.catalog),
  );
  await database.close();
  if (rebuilt.recordings !== stored.length) {
    throw new Error(`the index has ${rebuilt.recordings} recordings: ${JSON.stringify(rebuilt.faults)}`);
  }
  const service = await startPrepared(configFile, directory);
  return { service, recordings: stored, stop: () => service.stop() };
}

function build(scenes: readonly Recorded[], seed: number, key: SigningKey): BuiltRecording {
  const facts = { person: person.name, target: "hmi", startedAt: "2026-11-20T08:00:00.000Z", seed };
  const builder = new RecordingBuilder({ ...facts, protocol: "vnc" }, key);
  builder.event({ t: 0, type: "session-open", facts: { person: person.name, client: "127.0.0.1" } });
  let atUs = 0;
  for (const { segments, seconds } of scenes) {
    for (const segment of segments) append(builder, segment, atUs);
    atUs += seconds * 1e6;
  }
  builder.event({ t: atUs, type: "session-close", facts: { reason: "client-closed" } });
  return builder.finish(atUs);
}

/** The same records, later: only the header says when a segment began. */
function append(builder: RecordingBuilder, segment: Uint8Array, laterUs: number): void {
  const reader = new ScreenReader(segment);
  const startUs = reader.header.startUs + laterUs;
  let endUs = startUs;
  let events = -1;
  for (let record = reader.next(); record !== null; record = reader.next()) {
    endUs = record.atUs + laterUs;
    events++;
  }
  const conduit = { version: 1 as const, session: builder.session, track: track.name, startUs, ...builder.next(track) };
  const { width, height } = reader;
  const header = Buffer.from(screenHeaderLine(conduit, width, height), "latin1");
  const body = segment.subarray(segment.indexOf(0x0a) + 1);
  builder.made(track, { raw: Buffer.concat([header, body]), startUs, endUs, events, width, height });
}

function put({ summary, index, objects }: BuiltRecording, store: string): StoredRecording {
  const prefix = join(store, recordingPrefix(summary.startedAt, summary.session));
  let sums = "";
  for (const [name, bytes] of objects) {
    const file = join(prefix, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    sums += `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
  }
  writeFileSync(join(prefix, checksumsName), sums);
  const segments = index.segments.filter((segment) => segment.track === track.name);
  return { session: summary.session, durationUs: summary.durationUs, segments, prefix };
}
