// `kill -9` at random points, again and again on the same spool, also while it recovers: what was acknowledged is in
// the recordings, in order, once; every recording is closed, chained and signed; nothing is set aside as damaged.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../recorder/store/create-store.ts";
import { seededRandom } from "../support/flaky-store.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
import { type AckLine, stepBytes } from "./crash-writer.ts";
import { type ReadBack, readBack, recordingsIn } from "./read-back.ts";
import { type Directories, makeDirectories, makeRecorder } from "./recorder-fixture.ts";

let directories: Directories;
beforeEach(() => {
  directories = makeDirectories();
});
afterEach(() => directories.remove());

const script = fileURLToPath(new URL("./crash-writer.ts", import.meta.url));
const loader = fileURLToPath(new URL("../../scripts/worker-ts.mjs", import.meta.url));

function start(run: number, mode: "record" | "recover"): ChildProcess {
  return fork(script, [directories.base, String(run), mode], {
    execArgv: ["--import", "tsx", "--import", loader],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

interface Acknowledged {
  run: number;
  ordinal: number;
  steps: number;
  closed: boolean;
}

function acknowledged(): Map<string, Acknowledged> {
  const file = path.join(directories.base, "acks.jsonl");
  const sessions = new Map<string, Acknowledged>();
  if (!existsSync(file)) return sessions;
  for (const text of readFileSync(file, "utf8").split("\n").slice(0, -1)) {
    const line = JSON.parse(text) as AckLine;
    if (line.at === "open")
      sessions.set(line.session, { run: line.run, ordinal: line.ordinal, steps: 0, closed: false });
    if (line.at === "step") (sessions.get(line.session) as Acknowledged).steps = line.step + 1;
    if (line.at === "closed") (sessions.get(line.session) as Acknowledged).closed = true;
  }
  return sessions;
}

function expectHolds(back: ReadBack, known: Acknowledged): void {
  const [output, input] = [back.output(0), back.input(0)];
  const all = { output: [] as Buffer[], input: [] as Buffer[] };
  let [outputBytes, inputBytes] = [0, 0];
  let [ackedOutput, ackedInput] = [0, 0];
  // What was appended and not yet acknowledged may be there too.
  for (let step = 0; outputBytes < output.length || inputBytes < input.length || step < known.steps; step++) {
    const bytes = stepBytes(known.run, known.ordinal, step);
    all.output.push(bytes.output);
    all.input.push(bytes.input);
    outputBytes += bytes.output.length;
    inputBytes += bytes.input.length;
    if (step < known.steps) [ackedOutput, ackedInput] = [outputBytes, inputBytes];
  }
  expect(output.length, "acknowledged output").toBeGreaterThanOrEqual(ackedOutput);
  expect(input.length, "acknowledged input").toBeGreaterThanOrEqual(ackedInput);
  expect(Buffer.concat(all.output).subarray(0, output.length).equals(output), "output is what was sent").toBe(true);
  expect(Buffer.concat(all.input).subarray(0, input.length).equals(input), "input is what was sent").toBe(true);
}

for (const seed of [1, 2, 3]) {
  test(`killed at random points, seed ${seed}`, async () => {
    const random = seededRandom(seed);
    const kills = 8;
    for (let run = 0; run < kills; run++) {
      const whileRecovering = run > 0 && random() < 0.35;
      const child = start(run, "record");
      if (whileRecovering) {
        await sleep(300 + random() * 500);
      } else {
        await Promise.race([once(child, "message"), once(child, "exit")]);
        expect(child.exitCode, "the process that is to be killed ended by itself").toBeNull();
        await sleep(random() * 900);
      }
      await kill(child);
    }
    await expectNothingLost();
  });
}

async function expectNothingLost(): Promise<void> {
  const known = acknowledged();
  expect(known.size).toBeGreaterThan(10);
  const store = createStore({ kind: "fs", directory: directories.store });
  const { recorder, told } = await makeRecorder(directories, store);
  const { damaged } = await recorder.recover();
  expect(damaged).toEqual([]);
  await waitFor(() => sessionFolders().length === 0, { what: "every recording to be stored", timeoutMs: 60_000 }).catch(
    async (error: Error) => {
      const left = sessionFolders().map((name) => [name, ...readdirSync(path.join(directories.spool, name))].join(" "));
      throw new Error(
        `${error.message}: ${JSON.stringify({ left, said: told.messages, spool: await recorder.spool() })}`,
      );
    },
  );
  await recorder.stop();
  expect([...told.alarms]).toEqual([]);

  const stored = await recordingsIn(store);
  const sequences: number[] = [];
  for (const session of stored.keys()) {
    const back = await readBack(store, session);
    sequences.push(back.manifest.recorder.sequence);
    const acks = known.get(session);
    // Opened, and killed before anybody was told.
    if (!acks) continue;
    expectHolds(back, acks);
    if (acks.closed) expect(back.manifest).toMatchObject({ state: "sealed", endReason: "client-closed", gaps: [] });
    else if (back.manifest.state === "interrupted") {
      expect(back.manifest.endReason).toBe("recorder-crash");
      expect(back.manifest.gaps.length, "the interruption is stated as a gap").toBeGreaterThan(0);
    }
  }
  for (const session of known.keys()) expect([...stored.keys()], "an opened session").toContain(session);
  expect(
    sequences.toSorted((a, b) => a - b),
    "the recorder's sequence has no gap and no double",
  ).toEqual(sequences.map((_, i) => i + 1));
}

function sessionFolders(): string[] {
  return readdirSync(directories.spool).filter((name) => /^[0-9a-f]{8}-/.test(name));
}
