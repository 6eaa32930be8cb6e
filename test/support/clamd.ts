// ClamAV's daemon with a signature database and a socket of the test's own. Neither the system's service nor its
// definitions are touched; what it finds is the EICAR test string, anywhere in a file.
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eicarProbe } from "../../recorder/scan/probes.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";

const CLAMD = "/usr/sbin/clamd";

export const eicarSignature = "Test.Eicar.UNOFFICIAL";

export interface TestClamd {
  socket: string;
  process: RunningProcess;
  /** SIGKILL, then waits. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** @param config lines for clamd.conf, which come last. */
export async function startClamd(config: readonly string[] = []): Promise<TestClamd> {
  await access(CLAMD).catch(() => {
    throw new Error(`${CLAMD} is missing: run "npm run test:setup" (Debian package clamav-daemon)`);
  });
  const dir = await createTempDir("clamd");
  const database = join(dir.path, "database");
  await mkdir(database);
  await writeFile(join(database, "test.ndb"), `Test.Eicar:0:*:${eicarProbe.toString("hex")}\n`);
  const socket = join(dir.path, "clamd.sock");
  const configFile = join(dir.path, "clamd.conf");
  await writeFile(
    configFile,
    [
      "Foreground yes",
      `LocalSocket ${socket}`,
      `DatabaseDirectory ${database}`,
      `TemporaryDirectory ${dir.path}`,
      "AlertEncrypted yes",
      "AlertExceedsMax yes",
      "StreamMaxLength 500M",
      "MaxFileSize 500M",
      "MaxScanSize 1000M",
      ...config,
      "",
    ].join("\n"),
  );
  const daemon = await startProcess(CLAMD, ["-c", configFile], {
    ready: () =>
      access(socket).then(
        () => true,
        () => false,
      ),
  });
  return {
    socket,
    process: daemon,
    kill: async () => {
      await daemon.stop("SIGKILL");
    },
    stop: async () => {
      await daemon.stop();
      await dir.remove();
    },
  };
}
