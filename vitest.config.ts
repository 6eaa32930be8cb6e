import { defineConfig } from "vitest/config";

const SECOND_MS = 1_000;

// One project a kind of test, so that each runs alone (`npx vitest run --project integration`).
// Slow kinds start real servers and browsers: their limits are only there to end a hang.
const kinds = {
  unit: 20 * SECOND_MS,
  contract: 120 * SECOND_MS,
  golden: 30 * SECOND_MS,
  fuzz: 120 * SECOND_MS,
  integration: 180 * SECOND_MS,
  chaos: 300 * SECOND_MS,
  e2e: 240 * SECOND_MS,
};

/** Of the whole verdict: on a machine that does other work as well, these are tried a second time, and the run names them. */
const withRealPeers = new Set(["integration", "chaos", "e2e"]);

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
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
