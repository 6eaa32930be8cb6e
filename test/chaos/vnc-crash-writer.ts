// The process that vnc-crash-points.test.ts kills: recovers, then records VNC sessions whose pixels and keys are a
// function of (run, session, step), and writes down what was acknowledged the moment it was.
import { createHash } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import path from "node:path";
import { createStore } from "../../recorder/store/create-store.ts";
import { KnownScreen, keyEvent, plainFormat, pointerEvent, type RawRect, updateRequest } from "../support/rfb-bytes.ts";
import type { AckLine } from "./crash-writer.ts";
import { makeRecorder, openFacts } from "./recorder-fixture.ts";

export const screenSize = { width: 160, height: 100 };

/** What the target draws at one step. Step 0 is the whole picture. */
export function stepRect(run: number, ordinal: number, step: number): RawRect {
  const seed = createHash("sha256").update(`${run}/${ordinal}/${step}`).digest();
  const width = step === 0 ? screenSize.width : 4 + ((seed[0] as number) % 60);
  const height = step === 0 ? screenSize.height : 3 + ((seed[1] as number) % 40);
  const x = step === 0 ? 0 : (seed[2] as number) % (screenSize.width - width);
  const y = step === 0 ? 0 : (seed[3] as number) % (screenSize.height - height);
  const colour = seed.readUIntBE(4, 3);
  const flat = (seed[7] as number) < 128;
  return { x, y, width, height, colour: (px, py) => (flat ? colour : (colour + px * 7919 + py * 104_729) & 0xffffff) };
}

async function main(base: string, run: number): Promise<void> {
  const acks = openSync(path.join(base, "acks.jsonl"), "a");
  const tell = (line: AckLine) => void writeSync(acks, `${JSON.stringify(line)}\n`);
  const directories = {
    base,
    spool: path.join(base, "spool"),
    store: path.join(base, "store"),
    keys: path.join(base, "keys"),
    remove: () => {},
  };
  const store = createStore({ kind: "fs", directory: directories.store });
  const limits = { segmentMaxSeconds: 0.2, screenSegmentSeconds: 0.3, segmentMaxBytes: 4096, tickMs: 20 };
  const { recorder } = await makeRecorder(directories, store, limits);
  await recorder.recover();
  tell({ at: "recovered", run });
  const one = async (ordinal: number): Promise<void> => {
    const screen = { quality: "evidence", video: "lossless", maskKeys: false, keepRaw: false } as const;
    const facts = openFacts();
    const session = await recorder.open({ ...facts, protocol: "vnc", recording: { ...facts.recording, screen } });
    tell({ at: "open", session: session.session, run, ordinal });
    // The first one waited for its thread to start.
    process.send?.("recording");
    const init = { ...screenSize, name: "known", format: { ...plainFormat } };
    session.append({ type: "channel-open", channel: 0, request: "vnc", screen: init });
    const known = new KnownScreen(screenSize.width, screenSize.height);
    const steps = ordinal % 3 === 0 ? 12 : 2000;
    for (let step = 0; step < steps; step++) {
      const bytes = known.draw(stepRect(run, ordinal, step));
      const size = 97 + ((step * 7919) % bytes.length);
      for (let at = 0; at < bytes.length; at += size) {
        const data = bytes.subarray(at, at + size);
        if (!session.append({ type: "output", channel: 0, stream: "stdout", data })) await session.drained();
      }
      for (const data of [updateRequest(160, 100), keyEvent(0x61 + (step % 26), true), pointerEvent(step % 160, 5, 0)])
        session.append({ type: "input", channel: 0, data });
      await session.durable();
      tell({ at: "step", session: session.session, step });
      await new Promise((resolve) => setTimeout(resolve, step % 5));
    }
    session.append({ type: "channel-close", channel: 0 });
    await session.close("client-closed");
    tell({ at: "closed", session: session.session });
  };
  let ordinal = 0;
  const lane = async () => {
    for (;;) {
      await one(ordinal++);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  await Promise.all([lane(), lane(), lane()]);
}

const [base, run] = process.argv.slice(2);
if (base !== undefined && process.argv[1]?.endsWith("vnc-crash-writer.ts")) await main(base, Number(run));
