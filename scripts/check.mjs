// npm run check [-- STEP…]: everything that needs no run of the program. All steps run; the end names those that failed.
import { join } from "node:path";
import { binOf, fail, installIfNeeded, requireNode, root, run } from "./steps.mjs";

requireNode();
installIfNeeded();

const script = (name) => [join(root, "scripts", name)];
const steps = {
  types: [binOf("typescript", "tsc"), "-b"],
  biome: [binOf("@biomejs/biome", "biome"), "check", "--error-on-warnings", "."],
  oxlint: [binOf("oxlint"), "--type-aware", "--deny-warnings"],
  layers: script("check-layers.mjs"),
  unused: [binOf("knip")],
  lockfile: script("check-lockfile.mjs"),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => steps[name] === undefined);
if (unknown.length > 0) fail(`no such step: ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}`);

const failed = [];
for (const [name, args] of Object.entries(steps)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`── ${name}`);
  const start = performance.now();
  const passed = run(process.execPath, args) === 0;
  if (!passed) failed.push(name);
  console.log(`   ${name}: ${passed ? "passed" : "FAILED"} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}
if (failed.length > 0) fail(`\ncheck FAILED in: ${failed.join(", ")}`);
console.log("\ncheck passed");
