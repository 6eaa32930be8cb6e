import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const SECOND_MS = 1_000;

// One project a kind of test, so that each runs alone (`npx vitest run --project integration`).
// The limits are only there to end a hang.
const kinds = {
  unit: 60 * SECOND_MS,
  contract: 120 * SECOND_MS,
  golden: 60 * SECOND_MS,
  fuzz: 120 * SECOND_MS,
  integration: 180 * SECOND_MS,
  chaos: 300 * SECOND_MS,
  e2e: 240 * SECOND_MS,
};

/** Of the whole verdict: on a machine that does other work as well, these are tried a second time, and the run names them. */
const withRealPeers = new Set(["integration", "chaos", "e2e"]);

/** Those that take longest, in this order: one that begins late would leave the other cores with nothing to do. */
const longest = [
  "e2e/every-page",
  "e2e/live-escort",
  "integration/cli/watch",
  "chaos/spool-damage",
  "e2e/vendors-day",
  "e2e/access-pages",
  "integration/enforcement/ends",
  "integration/live/escort",
  "unit/record/vnc-record",
  "chaos/crash-points",
  "integration/vnc/screens",
  "e2e/replay-pages",
  "integration/cli/demo",
  "e2e/bundle",
  "integration/vnc-record/captures",
  "e2e/vnc-player",
  "e2e/replay-player",
  "chaos/vnc-crash-points",
  "fuzz/rfb/rfb",
  "e2e/live-desk",
  "e2e/vnc-connect",
  "integration/retention/rgw-time",
  "e2e/live-control",
  "integration/live/control",
  "integration/ssh/frozen",
  "chaos/store-outage",
  "integration/cli/serve",
  "integration/service/retention",
  "integration/service/whole",
];
const kindsByLength = ["e2e", "chaos", "integration", "fuzz", "contract", "unit", "golden"];

/** On a clean clone no earlier run says how long a file takes. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification) => {
      const known = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return known >= 0 ? known : longest.length + kindsByLength.indexOf(project.name);
    };
    return files.toSorted((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

export default defineConfig({
  test: {
    pool: "forks",
    // As many as a small machine has cores: a third gained a minute, and starved real peers.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: Object.entries(kinds).map(([kind, timeoutMs]) => ({
      test: {
        name: kind,
        environment: "node",
        pool: "forks" as const,
        include: [`test/${kind}/**/*.test.ts`],
        testTimeout: timeoutMs,
        retry: process.env["CI"] === "true" && withRealPeers.has(kind) ? 1 : 0,
        hookTimeout: Math.max(timeoutMs, 60 * SECOND_MS),
        teardownTimeout: 30 * SECOND_MS,
        restoreMocks: true,
        unstubEnvs: true,
      },
    })),
  },
});
