// What vitest's JSON report says, as counts: which files may be tried again, and what stands in the last line. Invariant: a
// file that failed is counted as failed, whether a test of it, a hook of it or the file itself did, unless it passed when
// it was tried again.

/** Vitest tells a hook that failed, and a file that could not be loaded, by the file alone: no test of it has failed. */
function failedWithoutTest(file) {
  return file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed");
}

/**
 * A file that could not be loaded, a hook that failed, and a runner that ended badly have no test of their own: each file
 * counts as one failure, and so does an error outside of any file. `results` is null where the runner wrote none.
 */
export function countsOf({ clean, results }) {
  if (results === null) return { passed: 0, failed: 1, skipped: 0 };
  const failed = results.numFailedTests + results.testResults.filter(failedWithoutTest).length;
  return {
    passed: results.numPassedTests,
    failed: clean ? failed : Math.max(failed, 1),
    skipped: results.numPendingTests + (results.numTodoTests ?? 0),
  };
}

/** The failed files, by the names that the report has; none unless all of them are few and `mayBeTriedAgain`. */
export function filesToTryAgain({ clean, results }, mayBeTriedAgain, most) {
  if (clean || results === null) return [];
  const failed = results.testResults.filter((file) => file.status === "failed").map(({ name }) => name);
  return failed.length <= most && failed.every(mayBeTriedAgain) ? failed : [];
}

/** Files of the second run count as it says, the others as the first does. */
export function together(first, second) {
  const again = countsOf(second);
  const before = withoutFailed(first);
  return {
    passed: before.passed + again.passed,
    failed: again.failed,
    skipped: before.skipped + again.skipped,
  };
}

function withoutFailed({ results }) {
  const files = results.testResults.filter(({ status }) => status !== "failed");
  const count = (...statuses) =>
    files.flatMap((file) => file.assertionResults).filter(({ status }) => statuses.includes(status)).length;
  return { passed: count("passed"), skipped: count("pending", "skipped", "todo", "disabled") };
}
