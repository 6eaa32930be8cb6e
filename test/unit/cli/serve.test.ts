// What `conduit serve` says when it cannot start, or starts on something doubtful.
import { once } from "node:events";
import { chmodSync, mkdirSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

let folder: TempDir;
let umask: number;
let other: Server;
beforeEach(async () => {
  folder = await createTempDir("serve-refused");
  umask = process.umask(0o077);
  other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
});
afterEach(async () => {
  process.umask(umask);
  other.close();
  await folder.remove();
});

const free = "127.0.0.1:0";
const serve = (addresses: { ssh: string; http: string; vnc?: string }) =>
  runConduit(folder.path, ["serve"], {
    env: {
      CONDUIT_SSH_LISTEN: addresses.ssh,
      CONDUIT_HTTP_LISTEN: addresses.http,
      CONDUIT_VNC_LISTEN: addresses.vnc ?? free,
      CONDUIT_SPOOL_FLOOR_BYTES: "1 MiB",
      CONDUIT_LOG_LEVEL: "silent",
    },
  });

test.each(["ssh", "http", "vnc"] as const)(
  "a port in use is told with the key %s.listen and what mends it",
  async (key) => {
    const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const result = await serve({ ssh: free, http: free, [key]: taken });
    expect(result.stderr).toBe(
      `conduit: ${key}.listen: ${taken} is in use. Another program listens there: stop it, or choose another port. [CONFIG_INVALID]\n`,
    );
    expect(result.code).toBe(6);
  },
);

test("an address of another machine is told with its key", async () => {
  const result = await serve({ ssh: "192.0.2.1:2222", http: free });
  expect(result.stderr).toBe(
    "conduit: ssh.listen: 192.0.2.1:2222 is not an address of this machine. Listen on an address of this machine. [CONFIG_INVALID]\n",
  );
});

test("a data directory that others can read is warned of at the start", async () => {
  const data = join(folder.path, "data");
  mkdirSync(data);
  chmodSync(data, 0o755);
  const script = fileURLToPath(new URL("../../../recorder/cli/main.ts", import.meta.url));
  const tsx = import.meta.resolve("tsx");
  const { stderr } = await runProcess(process.execPath, ["--import", tsx, script, "serve"], {
    cwd: folder.path,
    // The taken port ends the start after the warning.
    env: {
      CONDUIT_SSH_LISTEN: `127.0.0.1:${(other.address() as AddressInfo).port}`,
      CONDUIT_HTTP_LISTEN: free,
      CONDUIT_SPOOL_FLOOR_BYTES: "1 MiB",
    },
  });
  const warning = stderr.split("\n").find((line) => line.includes(`others can read ${data}`)) ?? "{}";
  expect(JSON.parse(warning)).toMatchObject({ level: "warn", mend: `chmod go= '${data}'` });
});
