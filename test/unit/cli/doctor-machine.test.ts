// What doctor says of the machine, where a test can choose the machine.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkFfmpeg } from "../../../recorder/cli/doctor/machine.ts";
import { createTempDir } from "../../support/temp-dir.ts";

test("ffmpeg is told where it is, or how to get it and what needs none", async () => {
  const folder = await createTempDir("doctor");
  try {
    const [missing] = checkFfmpeg(folder.path);
    expect(missing).toMatchObject({ name: "ffmpeg", verdict: "warn" });
    expect(missing?.mend).toContain("Debian's package ffmpeg");
    const program = join(folder.path, "ffmpeg");
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o755);
    expect(checkFfmpeg(`/nowhere:${folder.path}`)).toMatchObject([
      { verdict: "ok", message: `${program}: videos can be exported` },
    ]);
  } finally {
    await folder.remove();
  }
});
