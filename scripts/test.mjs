// npm test [-- vitest arguments]: installs what the tests need, Debian packages included, builds, and runs everything.
// Its last line is always "N passed, N failed, N skipped"; it exits with 0 only when something passed and nothing failed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { binOf, requireNode, root, run } from "./steps.mjs";
import { countsOf, filesToTryAgain, together } from "./test-counts.mjs";

requireNode();
/** Far more than each takes: nothing waits for ever. */
const mostMinutes = { setup: 30, tests: 60, again: 30 };
const minuteMs = 60_000;
const resultsDir = mkdtempSync(join(tmpdir(), "conduit-test-"));
const resultsPath = join(resultsDir, "results.json");
process.once("exit", () => rmSync(resultsDir, { recursive: true, force: true }));

const setupCode = run(process.execPath, [join(root, "scripts/setup-test.mjs")], {
  timeout: mostMinutes.setup * minuteMs,
});
if (setupCode !== 0) console.error("Going on without them: the tests that need them will fail.");
if (run(process.execPath, [join(root, "scripts/prepare.mjs")]) !== 0) finish({ passed: 0, failed: 1, skipped: 0 });

// Of the whole verdict: what failed beside everything else, with real servers and browsers, is tried once more with the
// machine to itself, whether it was a test, a hook or the file's own beginning. A fault stays one; a peer that was starved
// is told from it. The run names what was tried again.
const realPeers = /[/\\]test[/\\](integration|chaos|e2e)[/\\]/;
const mostAgain = 10;

const args = process.argv.slice(2);
const first = vitest(args, mostMinutes.tests);
const again = process.env["CI"] === "true" ? filesToTryAgain(first, (name) => realPeers.test(name), mostAgain) : [];
if (again.length === 0) finish(countsOf(first));
const files = again.map((name) => relative(root, name));
console.log(`\nTried again, with nothing beside: ${files.join(", ")}`);
const second = vitest(["--maxWorkers=1", ...files], mostMinutes.again);
finish(together(first, second));

function vitest(more, minutes) {
  rmSync(resultsPath, { force: true });
  const { status, error } = spawnSync(
    process.execPath,
    [binOf("vitest"), "run", "--reporter=default", "--reporter=json", `--outputFile.json=${resultsPath}`, ...more],
    { cwd: root, stdio: "inherit", timeout: minutes * minuteMs, killSignal: "SIGKILL" },
  );
  if (error?.code === "ETIMEDOUT")
    console.error(`\nThe runner was ended: it was not through after ${minutes} minutes.`);
  try {
    return { clean: status === 0, results: JSON.parse(readFileSync(resultsPath, "utf8")) };
  } catch {
    return { clean: false, results: null }; // the runner died before it could write
  }
}

function finish({ passed, failed, skipped }) {
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
