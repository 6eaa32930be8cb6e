// A real OpenSSH server on loopback with its own configuration, host key and authorised key; the system's sshd and
// its configuration are neither read nor touched.
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { startProcess } from "./process.ts";
import { generateSshKey, type SshKey, type SshKeyType } from "./ssh-key.ts";
import type { SshTarget } from "./ssh-target.ts";
import { createTempDir } from "./temp-dir.ts";
import { testAccount } from "./test-account.ts";

export interface SshdOptions {
  /** Lines for sshd_config; the first value of a keyword counts, and these come first. */
  config?: readonly string[];
  hostKeyType?: SshKeyType;
  /** Serve with this host key instead of a new one. */
  hostKey?: SshKey;
  port?: number;
}

const SSHD = "/usr/sbin/sshd";

export async function startSshd(options: SshdOptions = {}): Promise<SshTarget> {
  await access(SSHD).catch(() => {
    throw new Error(`${SSHD} is missing: run "npm run test:setup" (Debian package openssh-server)`);
  });
  const account = await testAccount();
  const dir = await createTempDir("sshd");
  await chmod(dir.path, 0o755); // sshd reads the authorised keys as the account, not as root
  const hostKey = options.hostKey ?? (await generateSshKey(dir.path, "host-key", options.hostKeyType));
  const userKey = await generateSshKey(dir.path, "user-key");
  const authorizedKeysPath = join(dir.path, "authorized_keys");
  await writeFile(authorizedKeysPath, `${userKey.publicLine}\n`, { mode: 0o644 });
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });

  const port = options.port ?? (await freePort());
  const configPath = join(dir.path, "sshd_config");
  await writeFile(
    configPath,
    [
      ...(options.config ?? []),
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${hostKey.privatePath}`,
      "PidFile none",
      `AuthorizedKeysFile ${authorizedKeysPath}`,
      `AllowUsers ${account.user}`,
      "PubkeyAuthentication yes",
      `PasswordAuthentication ${account.password === undefined ? "no" : "yes"}`,
      "KbdInteractiveAuthentication no",
      "UsePAM no",
      "StrictModes no",
      "AcceptEnv LANG LC_* CONDUIT_TEST_*",
      "AllowAgentForwarding yes",
      "AllowTcpForwarding yes",
      "X11Forwarding yes",
      "PrintMotd no",
      "PrintLastLog no",
      "MaxAuthTries 20",
      "MaxSessions 500",
      "MaxStartups 1000:100:2000",
      "LogLevel VERBOSE",
      "Subsystem sftp /usr/lib/openssh/sftp-server",
      "",
    ].join("\n"),
  );
  const server = await startProcess(SSHD, ["-D", "-e", "-f", configPath], { ready: /Server listening on/ }).catch(
    async (error: unknown) => {
      await dir.remove();
      throw error;
    },
  );
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
      await dir.remove();
    },
  };
}
