import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../../recorder/config.ts";
import { createTempDir } from "../../support/temp-dir.ts";

async function load(env: Record<string, string>) {
  const folder = await createTempDir("config-scan");
  try {
    return { folder: folder.path, config: loadConfig({ env, directory: folder.path }) };
  } finally {
    await folder.remove();
  }
}

test("without a scanner there is none, and a quarantine in the data directory", async () => {
  const { folder, config } = await load({});
  expect(config.scan).toEqual({
    clamd: null,
    timeoutSeconds: 120,
    maxFileBytes: 100 * 1024 ** 2,
    maxSessionBytes: 1024 ** 3,
    quarantineDirectory: join(folder, "data", "quarantine"),
    maxQuarantineBytes: 10 * 1024 ** 3,
  });
});

test("clamd is reached by a socket or by host and port", async () => {
  expect((await load({ CONDUIT_SCAN_CLAMD_SOCKET: "/run/clamd" })).config.scan.clamd).toEqual({ socket: "/run/clamd" });
  expect((await load({ CONDUIT_SCAN_CLAMD_HOST: "::1" })).config.scan.clamd).toEqual({ host: "::1", port: 3310 });
  await expect(load({ CONDUIT_SCAN_CLAMD_HOST: "::1", CONDUIT_SCAN_CLAMD_SOCKET: "/run/clamd" })).rejects.toThrow(
    "stands beside scan.clamd.host",
  );
});

test("a limit that holds less than what is in it is refused", async () => {
  await expect(load({ CONDUIT_SCAN_MAX_FILE_BYTES: "2 GiB" })).rejects.toThrow("the larger does not hold the smaller");
  await expect(load({ CONDUIT_SCAN_MAX_QUARANTINE_BYTES: "1 MiB" })).rejects.toThrow("the larger does not hold");
});
