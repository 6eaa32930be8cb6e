// npm test [-- vitest arguments]: installs what the tests need, Debian packages included, builds, and runs everything.
// Its last line is always "N passed, N failed, N skipped"; it exits with 0 only when something passed and nothing failed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binOf, requireNode, root, run } from "./steps.mjs";

requireNode();
const resultsDir = mkdtempSync(join(tmpdir(), "conduit-test-"));
const resultsPath = join(resultsDir, "results.json");
process.once("exit", () => rmSync(resultsDir, { recursive: true, force: true }));

const setupCode = run(process.execPath, [join(root, "scripts/setup-test.mjs")]);
if (setupCode !== 0) console.error("Going on without them: the tests that need them will fail.");
if (run(process.execPath, [join(root, "scripts/prepare.mjs")]) !== 0) finish({ passed: 0, failed: 1, skipped: 0 });

const vitest = spawnSync(
  process.execPath,
  [
    binOf("vitest"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${resultsPath}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit" },
);
finish(counts(vitest.status === 0));

function counts(clean) {
  let results;
  try {
    results = JSON.parse(readFileSync(resultsPath, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }; // the runner died before it could write
  }
  // A file that could not be loaded, and an error outside any test, have no test of their own to count.
  const unloadable = results.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  const failed = results.numFailedTests + unloadable.length;
  return {
    passed: results.numPassedTests,
    failed: clean ? failed : Math.max(failed, 1),
    skipped: results.numPendingTests + (results.numTodoTests ?? 0),
  };
}

function finish({ passed, failed, skipped }) {
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
