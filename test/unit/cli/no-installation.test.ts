// A wrong directory must not look like an installation of which everything is in order.
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { createTempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

test.each([
  [["recordings", "verify", "--all"]],
  [["recordings", "list"]],
  [["user", "list"]],
  [["user", "add", "erika", "--role", "admin"]],
  [["secret", "set", "plc-1", "--stdin"]],
])("%j says that nothing is installed here, and makes nothing", async (line) => {
  const folder = await createTempDir("nothing-here");
  try {
    const { code, stderr } = await runConduit(folder.path, line, { input: "secret\n" });
    expect(code).toBe(6);
    expect(stderr).toContain("has no installation");
    expect(stderr).toContain("--config");
    expect(readdirSync(folder.path)).toEqual([]);
  } finally {
    await folder.remove();
  }
});
