// npm test [-- vitest arguments]: installs what the tests need, Debian packages included, builds, and runs everything.
// Its last line is always "N passed, N failed, N skipped"; it exits with 0 only when something passed and nothing failed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { binOf, requireNode, root, run } from "./steps.mjs";

requireNode();
const resultsDir = mkdtempSync(join(tmpdir(), "conduit-test-"));
const resultsPath = join(resultsDir, "results.json");
process.once("exit", () => rmSync(resultsDir, { recursive: true, force: true }));

const setupCode = run(process.execPath, [join(root, "scripts/setup-test.mjs")]);
if (setupCode !== 0) console.error("Going on without them: the tests that need them will fail.");
if (run(process.execPath, [join(root, "scripts/prepare.mjs")]) !== 0) finish({ passed: 0, failed: 1, skipped: 0 });

// Of the whole verdict: what failed beside everything else, with real servers and browsers, is tried once more with the
// machine to itself. A fault stays one; a peer that was starved is told from it. The run names what was tried again.
const realPeers = /[/\\]test[/\\](integration|chaos|e2e)[/\\]/;
const mostAgain = 6;

const args = process.argv.slice(2);
const first = vitest(args);
const again = process.env["CI"] === "true" ? filesToTryAgain(first) : [];
if (again.length === 0) finish(counts(first));
console.log(`\nTried again, with nothing beside: ${again.join(", ")}`);
const second = vitest(["--maxWorkers=1", ...again]);
finish(together(counts(first), counts(second), failuresOf(first)));

function vitest(more) {
  rmSync(resultsPath, { force: true });
  const { status } = spawnSync(
    process.execPath,
    [binOf("vitest"), "run", "--reporter=default", "--reporter=json", `--outputFile.json=${resultsPath}`, ...more],
    { cwd: root, stdio: "inherit" },
  );
  try {
    return { clean: status === 0, results: JSON.parse(readFileSync(resultsPath, "utf8")) };
  } catch {
    return { clean: false, results: null }; // the runner died before it could write
  }
}

/** None, unless every failure is a test's own, of few files with real peers. */
function filesToTryAgain({ clean, results }) {
  if (clean || results === null) return [];
  const failed = results.testResults.filter((file) => file.status === "failed");
  const isTheirOwn = failed.every(
    (file) => realPeers.test(file.name) && file.assertionResults.some(({ status }) => status === "failed"),
  );
  if (!isTheirOwn || failed.length === 0 || failed.length > mostAgain) return [];
  return failed.map((file) => relative(root, file.name));
}

function failuresOf({ results }) {
  return results.testResults
    .filter((file) => file.status === "failed")
    .flatMap((file) => file.assertionResults)
    .filter(({ status }) => status === "failed").length;
}

/** The files that were tried again count as their second run says; the others as the first. */
function together(one, two, failures) {
  return { passed: one.passed + (two.failed === 0 ? failures : 0), failed: two.failed, skipped: one.skipped };
}

function counts({ clean, results }) {
  if (results === null) return { passed: 0, failed: 1, skipped: 0 };
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
