// The recording path alone: a recorder that takes output as fast as it stores it, and how long a session takes to open.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { SessionEncryption } from "../../../recorder/encryption/recording-encryption.ts";
import { createRecorder } from "../../../recorder/record/create-recorder.ts";
import type { Recorder } from "../../../recorder/record/recorder.ts";
import { loadOrCreateSigningKey } from "../../../recorder/record/signing.ts";
import { createStore } from "../../../recorder/store/create-store.ts";
import { openFacts } from "../../chaos/recorder-fixture.ts";
import { testEncryption } from "../../support/encryption.ts";
import { type BenchContext, type Figure, figure, interleaved, median } from "../harness.ts";

const totalBytes = 192 * 1024 * 1024;
const pieceBytes = 32 * 1024;

async function start(directory: string, encryption: SessionEncryption | null): Promise<Recorder> {
  mkdirSync(directory, { recursive: true });
  const recorder = createRecorder({
    directory: join(directory, "spool"),
    store: createStore({ kind: "fs", directory: join(directory, "store") }),
    signing: await loadOrCreateSigningKey(join(directory, "signing.pem")),
    recorderId: "bench",
    version: "bench",
    ...(encryption === null ? {} : { encryption }),
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    events: {
      opened: () => {},
      segment: () => {},
      sealed: () => {},
      stored: () => {},
      alarm: (code, message) => {
        throw new Error(`${code}: ${message}`);
      },
      clear: () => {},
    },
  });
  await recorder.recover();
  return recorder;
}

/** Bytes that do not compress: what is stored is encrypted, and there is nothing else to be done with it. */
const noise = Buffer.alloc(4 * 1024 * 1024);
for (let i = 0, x = 88_172_645_463_325_252n; i < noise.length; i += 8) {
  x ^= (x << 13n) & 0xffff_ffff_ffff_ffffn;
  x ^= x >> 7n;
  x ^= (x << 17n) & 0xffff_ffff_ffff_ffffn;
  noise.writeBigUInt64LE(x & 0xffff_ffff_ffff_ffffn, i);
}

/** MB/s, and milliseconds of all threads' time a MB, which says more on a machine that does much else. */
async function throughput(recorder: Recorder, cpu: number[]): Promise<number> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const session = await recorder.open(openFacts());
  session.append({ type: "channel-open", channel: 0, request: "exec", command: "bench" });
  for (let sent = 0; sent < totalBytes; sent += pieceBytes) {
    const at = sent % noise.length;
    const data = noise.subarray(at, at + pieceBytes);
    if (!session.append({ type: "output", channel: 0, stream: "stdout", data })) await session.drained();
  }
  await session.close("client-closed");
  const rate = totalBytes / 1e6 / ((performance.now() - startedAt) / 1000);
  while (recorder.pending(session.session)) await new Promise((resolve) => setTimeout(resolve, 20));
  const { user, system } = process.cpuUsage(before);
  cpu.push((user + system) / 1000 / (totalBytes / 1e6));
  return rate;
}

/** As sessions come one after the other: keys of the next one are made ahead. */
async function opening(recorder: Recorder): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  const startedAt = performance.now();
  const session = await recorder.open(openFacts());
  const ms = performance.now() - startedAt;
  await session.close("client-closed");
  return ms;
}

export async function encryptionOfRecorder(
  directory: string,
  rounds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  const { encryption } = await testEncryption();
  const [encrypted, plain] = [
    await start(join(directory, "encrypted"), encryption),
    await start(join(directory, "plain"), null),
  ];
  try {
    const cpu = { encrypted: [] as number[], plain: [] as number[] };
    const bulk = await interleaved(
      { encrypted: () => throughput(encrypted, cpu.encrypted), plain: () => throughput(plain, cpu.plain) },
      rounds,
    );
    log(`the recorder alone: encrypted ${bulk.encrypted.map(Math.round)}, plain ${bulk.plain.map(Math.round)} MB/s`);
    const opened = await interleaved({ encrypted: () => opening(encrypted), plain: () => opening(plain) }, 4 * rounds);
    return [
      figure("the recorder alone, noise, encrypted", "MB/s", median(bulk.encrypted), median(bulk.plain)),
      figure("the recorder alone, processor time, encrypted", "ms/MB", median(cpu.encrypted), median(cpu.plain)),
      figure("opening a recording, encrypted", "ms", median(opened.encrypted), median(opened.plain)),
    ];
  } finally {
    await encrypted.stop();
    await plain.stop();
  }
}
