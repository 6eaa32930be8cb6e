// `npm run fuzz -- [--minutes N] [--seed N] [TARGET…]`: each target for its share of the time. What reaches code that nothing
// reached before is kept under test/fuzz/corpus, which every run of the tests goes through again. Exit code 1: an input is
// a fault; it is in ./fuzz-fault-TARGET, and the same seed comes upon it again.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fuzzTargets } from "./targets.ts";

const heapMiB = 512;

const { values, positionals } = parseArgs({
  options: {
    minutes: { type: "string", default: "15" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
  },
  allowPositionals: true,
});
const minutes = Number(values.minutes);
const names = positionals.length > 0 ? positionals : fuzzTargets.map(({ name }) => name);
const isUnknown = names.some((name) => !fuzzTargets.some((target) => target.name === name));
if (isUnknown || !(minutes > 0) || !Number.isSafeInteger(Number(values.seed))) {
  console.error("usage: npm run fuzz -- [--minutes N] [--seed N] [TARGET…]");
  console.error(`targets: ${fuzzTargets.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const forMs = Math.round((minutes * 60_000) / names.length);
console.log(`seed ${values.seed}, ${names.length} targets, ${(forMs / 1000).toFixed(0)} s each`);
let [inputs, faults] = [0, 0];
for (const name of names) {
  const script = fileURLToPath(new URL("./one-target.ts", import.meta.url));
  const own = ["--import", "tsx", `--max-old-space-size=${heapMiB}`, script, name, String(forMs), values.seed];
  const { status, signal, stdout } = spawnSync(process.execPath, own, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) {
    faults++;
    console.error(`${name}: its process ended with ${signal ?? status}: it hung or grew beyond ${heapMiB} MiB`);
    continue;
  }
  const said = JSON.parse(stdout) as { inputs: number; covered: number; corpus: number; error: string | null };
  inputs += said.inputs;
  console.log(
    `${name.padEnd(22)} ${String(said.inputs).padStart(10)} inputs, ${said.covered} characters of code reached, ${said.corpus} in the corpus`,
  );
  if (said.error === null) continue;
  faults++;
  console.error(`${name}: ${said.error}\nthe input is in fuzz-fault-${name}`);
}
console.log(`${inputs} inputs in all, ${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;
