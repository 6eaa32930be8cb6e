// The last line of the whole run, from reports as vitest writes them.
import { describe, expect, it } from "vitest";
// @ts-expect-error: a script in plain Node.
import { countsOf, filesToTryAgain, together } from "../../../scripts/test-counts.mjs";

type Status = "passed" | "failed" | "skipped" | "todo";

/** A hook that failed, or a file that could not be loaded, is told by `status` alone. */
function file(name: string, statuses: readonly Status[], status?: "passed" | "failed") {
  return {
    name: `/p/test/${name}`,
    status: status ?? (statuses.includes("failed") ? "failed" : "passed"),
    assertionResults: statuses.map((one) => ({ status: one })),
  };
}

function run(...testResults: ReturnType<typeof file>[]) {
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (status: Status) => all.filter((one) => one.status === status).length;
  return {
    clean: testResults.every(({ status }) => status === "passed"),
    results: {
      testResults,
      numPassedTests: count("passed"),
      numFailedTests: count("failed"),
      numPendingTests: count("skipped"),
      numTodoTests: count("todo"),
    },
  };
}

const nothing = { clean: false, results: null };
const realPeers = (name: string) => name.includes("/integration/");
const again = (one: ReturnType<typeof run> | typeof nothing, most = 2) => filesToTryAgain(one, realPeers, most);

const fine = file("unit/fine.test.ts", ["passed", "passed", "skipped", "todo"]);
const withFailedTest = file("integration/a.test.ts", ["passed", "failed", "passed"]);
const withFailedEnd = file("integration/b.test.ts", ["passed", "passed"], "failed");
const withFailedBeginning = file("integration/c.test.ts", ["skipped", "skipped"], "failed");
const notLoaded = file("integration/d.test.ts", [], "failed");

describe("a run", () => {
  it("counts its tests", () => {
    expect(countsOf(run(fine))).toEqual({ passed: 2, failed: 0, skipped: 2 });
    expect(countsOf(run(fine, withFailedTest))).toEqual({ passed: 4, failed: 1, skipped: 2 });
  });

  it.each([
    ["a hook at its end failed", withFailedEnd, { passed: 4, failed: 1, skipped: 2 }],
    ["a hook at its beginning failed", withFailedBeginning, { passed: 2, failed: 1, skipped: 4 }],
    ["that could not be loaded", notLoaded, { passed: 2, failed: 1, skipped: 2 }],
  ])("counts one failure for a file of which %s", (_what, one, counts) => {
    expect(countsOf(run(fine, one))).toEqual(counts);
  });

  it("fails with an error that is no file's, and where nothing was written", () => {
    expect(countsOf({ ...run(fine), clean: false })).toEqual({ passed: 2, failed: 1, skipped: 2 });
    expect(countsOf(nothing)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe("tried again", () => {
  it("is every file with real peers that failed, in whatever way", () => {
    for (const one of [withFailedTest, withFailedEnd, withFailedBeginning, notLoaded])
      expect(again(run(fine, one))).toEqual([one.name]);
    expect(again(run(withFailedTest, withFailedEnd))).toHaveLength(2);
  });

  it("is nothing where something else failed, too many did, none did, or nothing was written", () => {
    expect(again(run(withFailedTest, file("unit/x.test.ts", ["failed"])))).toEqual([]);
    expect(again(run(withFailedTest, withFailedEnd, withFailedBeginning))).toEqual([]);
    expect(again(run(fine))).toEqual([]);
    expect(again({ ...run(fine), clean: false })).toEqual([]);
    expect(again(nothing)).toEqual([]);
  });
});

describe("both runs together", () => {
  it("count a file that passed the second time as passed, each test once", () => {
    const second = run(file("integration/a.test.ts", ["passed", "passed", "passed"]));
    expect(together(run(fine, withFailedTest), second)).toEqual({ passed: 5, failed: 0, skipped: 2 });
    const end = run(file("integration/b.test.ts", ["passed", "passed"]));
    expect(together(run(fine, withFailedEnd), end)).toEqual({ passed: 4, failed: 0, skipped: 2 });
    const beginning = run(file("integration/c.test.ts", ["passed", "skipped"]));
    expect(together(run(fine, withFailedBeginning), beginning)).toEqual({ passed: 3, failed: 0, skipped: 3 });
  });

  it("fail with what fails again, in whatever way, and with a second run that wrote nothing", () => {
    for (const one of [withFailedTest, withFailedEnd, withFailedBeginning, notLoaded])
      expect(together(run(fine, one), run(one)).failed).toBe(1);
    expect(together(run(fine, withFailedTest), nothing)).toEqual({ passed: 2, failed: 1, skipped: 2 });
    expect(together(run(withFailedEnd, withFailedTest), run(withFailedEnd, withFailedTest)).failed).toBe(2);
  });
});
