// The process that crash-points.test.ts kills: recovers, then records sessions whose bytes are known beforehand, and
// writes down what was acknowledged the moment it was. Its data are a function of (run, session, step), so that the
// test can say what must be there.
import { createHash } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import path from "node:path";
import { createStore } from "../../recorder/store/create-store.ts";
import { FlakyStore } from "../support/flaky-store.ts";
import { makeRecorder, openFacts } from "./recorder-fixture.ts";

export type AckLine =
  | { at: "open"; session: string; run: number; ordinal: number }
  | { at: "step"; session: string; step: number }
  | { at: "closed"; session: string }
  | { at: "recovered"; run: number };

const pool = Buffer.concat(Array.from({ length: 4000 }, (_, i) => createHash("sha256").update(`pool ${i}`).digest()));

/** `away`: records while the store is away, so that the spool keeps everything. */
export type CrashMode = "record" | "away";

/** Bytes of one step: binary or text, from one byte to some kilobytes, in every fourth session now and then a flood. */
export function stepBytes(run: number, ordinal: number, step: number): { output: Buffer; input: Buffer } {
  const seed = createHash("sha256").update(`${run}/${ordinal}/${step}`).digest();
  const at = seed.readUInt16LE(0);
  const length = 1 + (seed.readUInt16LE(2) % ((seed[6] as number) < 40 ? 9000 : 300));
  const flood = ordinal % 4 === 1 && (seed[7] as number) < 30;
  const raw = flood ? Buffer.concat([pool, pool]).subarray(at, at + 120_000) : pool.subarray(at, at + length);
  const output = (seed[4] as number) < 128 ? Buffer.from(raw.toString("base64")) : Buffer.from(raw);
  const input = Buffer.from(
    `${run}.${ordinal}.${step} ${seed.toString("hex").slice(0, 1 + ((seed[5] as number) % 40))}\n`,
  );
  return { output, input };
}

async function main(base: string, run: number, mode: CrashMode): Promise<void> {
  const acks = openSync(path.join(base, "acks.jsonl"), "a");
  const tell = (line: AckLine) => void writeSync(acks, `${JSON.stringify(line)}\n`);
  const directories = {
    base,
    spool: path.join(base, "spool"),
    store: path.join(base, "store"),
    keys: path.join(base, "keys"),
    remove: () => {},
  };
  const real = createStore({ kind: "fs", directory: directories.store });
  const store = mode === "away" ? new FlakyStore(real, { failBefore: 1 }) : real;
  const { recorder } = await makeRecorder(directories, store, {
    segmentMaxSeconds: 0.2,
    segmentMaxBytes: 4096,
    tickMs: 20,
  });
  await recorder.recover();
  tell({ at: "recovered", run });
  process.send?.("recovered");
  const one = async (ordinal: number): Promise<void> => {
    const session = await recorder.open(openFacts());
    tell({ at: "open", session: session.session, run, ordinal });
    session.append({ type: "channel-open", channel: 0, request: "exec", command: "known" });
    const steps = ordinal % 3 === 0 ? 12 : 2000;
    for (let step = 0; step < steps; step++) {
      const { output, input } = stepBytes(run, ordinal, step);
      for (let at = 0; at < output.length; at += 16_384) {
        const data = output.subarray(at, at + 16_384);
        if (!session.append({ type: "output", channel: 0, stream: "stdout", data })) await session.drained();
      }
      session.append({ type: "input", channel: 0, data: input });
      await session.durable();
      tell({ at: "step", session: session.session, step });
      if (step % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    session.append({ type: "channel-close", channel: 0 });
    await session.close("client-closed");
    tell({ at: "closed", session: session.session });
  };
  let ordinal = 0;
  const lane = async () => {
    for (;;) {
      await one(ordinal++);
      // What is recorded must also be uploaded in the end: a machine that is busy otherwise needs a limit here.
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

const [base, run, mode] = process.argv.slice(2);
if (base !== undefined && process.argv[1]?.endsWith("crash-writer.ts")) {
  await main(base, Number(run), mode as CrashMode);
}
