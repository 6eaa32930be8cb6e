// A real dropbear server on loopback: the SSH of small controllers. It reads the authorised key from the account's
// home, so the key of this run is added there and taken out again.
import { chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, waitForPort } from "./free-port.ts";
import { runChecked, startProcess } from "./process.ts";
import { generateSshKey, type SshKey } from "./ssh-key.ts";
import type { SshTarget } from "./ssh-target.ts";
import { createTempDir } from "./temp-dir.ts";
import { type TestAccount, testAccount } from "./test-account.ts";

export async function startDropbear(options: { port?: number } = {}): Promise<SshTarget> {
  const account = await testAccount();
  const dir = await createTempDir("dropbear");
  const userKey = await generateSshKey(dir.path, "user-key");
  const hostKey = await dropbearHostKey(dir.path);
  const withdraw = await authorize(account, userKey);

  const port = options.port ?? (await freePort());
  // -F foreground, -E log to stderr, -s no password log-in
  const args = ["-F", "-E", "-r", hostKey.privatePath, "-p", `127.0.0.1:${port}`, "-P", join(dir.path, "pid")];
  if (account.password === undefined) args.push("-s");
  const server = await startProcess("/usr/sbin/dropbear", args, { ready: /Not backgrounding/ }).catch(
    async (error: unknown) => {
      await withdraw();
      await dir.remove();
      throw error;
    },
  );
  await waitForPort(port);
  return {
    host: "127.0.0.1",
    port,
    user: account.user,
    home: account.home,
    ...(account.password === undefined ? {} : { password: account.password }),
    userKey,
    hostKey,
    pid: server.pid,
    log: () => server.output(),
    stop: async () => {
      await server.stop();
      await withdraw();
      await dir.remove();
    },
  };
}

/** A host key in dropbear's own format; `privatePath` is that file, `privatePem` is empty. */
async function dropbearHostKey(dir: string): Promise<SshKey> {
  const privatePath = join(dir, "dropbear-host-key");
  await runChecked("dropbearkey", ["-t", "ed25519", "-f", privatePath]);
  const shown = await runChecked("dropbearkey", ["-y", "-f", privatePath]);
  const publicLine = shown.split("\n").find((line) => line.startsWith("ssh-")) ?? "";
  const publicPath = `${privatePath}.pub`;
  await writeFile(publicPath, `${publicLine}\n`);
  const fingerprint = (await runChecked("ssh-keygen", ["-l", "-f", publicPath])).split(" ")[1] ?? "";
  return { privatePath, publicPath, privatePem: "", publicLine, fingerprint };
}

async function authorize(account: TestAccount, key: SshKey): Promise<() => Promise<void>> {
  const sshDir = join(account.home, ".ssh");
  const path = join(sshDir, "authorized_keys");
  await mkdir(sshDir, { recursive: true, mode: 0o700 });
  const before = await readLines(path);
  await writeFile(path, `${[...before, key.publicLine].join("\n")}\n`, { mode: 0o600 });
  if (process.getuid?.() === 0) {
    const [uid, gid] = (await runChecked("stat", ["-c", "%u %g", account.home])).trim().split(" ").map(Number);
    await chown(sshDir, uid ?? 0, gid ?? 0);
    await chown(path, uid ?? 0, gid ?? 0);
  }
  return async () => {
    const rest = (await readLines(path)).filter((line) => line !== key.publicLine);
    await writeFile(path, rest.length === 0 ? "" : `${rest.join("\n")}\n`);
  };
}

async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}
