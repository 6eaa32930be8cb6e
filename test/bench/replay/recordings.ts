// Recordings of a stated size and length for the replay benchmark, put into a service's file store as stored objects, and
// the same sessions each as one plain asciicast file for the peer.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BegunEncryption } from "../../../recorder/encryption/recording-encryption.ts";
import { checksumsName, recordingPrefix } from "../../../recorder/store/keys.ts";
import { type BuiltRecording, RecordingBuilder, type SigningKey } from "../../support/recording-builder.ts";

export interface BenchRecording {
  name: string;
  session: string;
  castFile: string;
}

export interface RecordingSize {
  name: string;
  megabytes: number;
  minutes: number;
}

/** Of every recording. */
export const startedAt = "2026-11-20T08:00:00.000Z";

/** Terminal output as programs make it: colours, cursor movement, a full-screen redraw now and then. */
function* outputs(size: RecordingSize): Generator<{ atUs: number; data: string }> {
  const totalBytes = size.megabytes * 1e6;
  const durationUs = size.minutes * 60e6;
  let written = 0;
  let line = 0;
  while (written < totalBytes) {
    let data = "";
    if (line % 400 === 399) data += "\x1b[2J\x1b[H";
    const lines = size.megabytes > 10 ? 40 : 4;
    for (let i = 0; i < lines; i++) {
      line++;
      data += `\x1b[${31 + (line % 7)}m${String(line).padStart(8)}\x1b[0m plc-reactor-01 TI-${line % 97} = ${(((line * 7919) % 10007) / 13).toFixed(3)} °C\x1b[K\r\n`;
    }
    yield { atUs: Math.floor((written / totalBytes) * durationUs), data };
    written += Buffer.byteLength(data);
  }
  yield { atUs: durationUs, data: "$ " };
}

export async function buildRecording(
  size: RecordingSize,
  seed: number,
  key: SigningKey,
  storeDirectory: string,
  castDirectory: string,
  encryption?: BegunEncryption,
): Promise<BenchRecording> {
  const facts = { person: "bench", target: size.name.replaceAll(" ", "-"), startedAt, seed };
  const builder = new RecordingBuilder(encryption === undefined ? facts : { ...facts, encryption }, key);
  builder.channel(0, { request: "shell", pty: true, cols: 120, rows: 40 });
  const castFile = join(castDirectory, `${seed}.cast`);
  const cast = createWriteStream(castFile);
  cast.write(`${JSON.stringify({ version: 2, width: 120, height: 40 })}\n`);
  let count = 0;
  for (const { atUs, data } of outputs(size)) {
    await builder.output(0, atUs, data);
    if (count++ % 5 === 0) builder.input({ t: atUs, ch: 0, k: "text", d: "x" });
    if (!cast.write(`${JSON.stringify([atUs / 1e6, "o", data])}\n`)) await once(cast, "drain");
  }
  cast.end();
  await once(cast, "close");
  const built = builder.finish();
  keepRecording(built, storeDirectory);
  return { name: size.name, session: built.summary.session, castFile };
}

/** As the service's file store has it. */
function keepRecording({ summary, objects }: BuiltRecording, storeDirectory: string): void {
  const prefix = join(storeDirectory, recordingPrefix(summary.startedAt, summary.session));
  let sums = "";
  for (const [name, bytes] of objects) {
    const file = join(prefix, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    sums += `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
  }
  writeFileSync(join(prefix, checksumsName), sums);
}

const hoursOfKeys = 4;
const lettersOfLine = 24;

/** Keystrokes all through four hours, each echoed with its line. */
export async function buildTypedRecording(
  keystrokes: number,
  seed: number,
  key: SigningKey,
  storeDirectory: string,
): Promise<string> {
  const builder = new RecordingBuilder({ person: "bench", target: "keys", startedAt, seed }, key);
  builder.channel(0, { request: "shell", pty: true, cols: 120, rows: 40 });
  const stepUs = Math.floor((hoursOfKeys * 3_600e6) / keystrokes);
  for (let n = 0; n < keystrokes; n++) {
    const atUs = (n + 1) * stepUs;
    if (n % lettersOfLine < lettersOfLine - 1) {
      builder.input({ t: atUs, ch: 0, k: "text", d: "set point reactor valve "[n % lettersOfLine]! });
      continue;
    }
    builder.input({ t: atUs, ch: 0, k: "key", name: "Enter", d: "\r" });
    await builder.output(0, atUs + 500, `set point reactor valve\r\nline ${n}: done\r\n$ `);
  }
  const built = builder.finish(hoursOfKeys * 3_600e6);
  keepRecording(built, storeDirectory);
  return built.summary.session;
}
