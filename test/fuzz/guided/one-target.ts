// One target in a process of its own, started by run.ts: arguments are its name, milliseconds and the seed. It says how it
// went as a line of JSON; a fault, and an input that hangs, is written to a file before it ends.
import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { fuzz, keepCorpus, maxInputBytes } from "./engine.ts";
import { fuzzTargets } from "./targets.ts";

/** No parser needs so long for so little. */
const hangMs = 10_000;

const [name = "", forMs = "", seed = ""] = process.argv.slice(2);
const target = fuzzTargets.find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no target ${name}`);
const faultFile = `fuzz-fault-${name}`;

/** Number and length of the input that is tried, and its bytes: a thread looks at them that no hang holds up. */
const trying = new SharedArrayBuffer(8 + maxInputBytes);
const head = new Uint32Array(trying, 0, 2);
const bytes = new Uint8Array(trying, 8);
const watchdog = `
  const { workerData } = require("node:worker_threads");
  const { writeFileSync } = require("node:fs");
  const head = new Uint32Array(workerData.trying, 0, 2);
  let [count, since] = [0, performance.now()];
  setInterval(() => {
    const now = Atomics.load(head, 0);
    if (now !== count) [count, since] = [now, performance.now()];
    else if (count > 0 && performance.now() - since > workerData.hangMs) {
      writeFileSync(workerData.faultFile, Buffer.from(new Uint8Array(workerData.trying, 8, Atomics.load(head, 1))));
      process.kill(process.pid, "SIGKILL");
    }
  }, 500);`;
const watching = new Worker(watchdog, { eval: true, execArgv: [], workerData: { trying, hangMs, faultFile } });
watching.unref();

const { inputs, covered, corpus, fault } = await fuzz(target, {
  forMs: Number(forMs),
  seed: Number(seed),
  trying(input) {
    bytes.set(input);
    Atomics.store(head, 1, input.length);
    Atomics.add(head, 0, 1);
  },
});
await watching.terminate();
if (fault === null) keepCorpus(name, corpus);
else writeFileSync(faultFile, fault.input);
const error = fault === null ? null : fault.error instanceof Error ? fault.error.stack : String(fault.error);
console.log(JSON.stringify({ inputs, covered, corpus: corpus.length, error }));
