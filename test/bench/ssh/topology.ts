// The stage of the SSH benchmark: one sshd as the target, one as OpenSSH's jump host, and the gateway, all on loopback,
// with one client configuration that names the three paths `direct`, `jumped` and `gateway`.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createServer, connect as dial } from "node:net";
import { join } from "node:path";
import { openRules } from "../../support/open-rules.ts";
import { type RunningService, startRunningService } from "../../support/service.ts";

export type Path = "direct" | "jumped" | "gateway";

export interface Topology {
  directory: string;
  clientConfig: string;
  clientKey: string;
  textFile: string;
  binaryFile: string;
  fileBytes: number;
  service: RunningService;
  targetPort: number;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = dial(port, "127.0.0.1");
    const up = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers on port ${port}`);
}

function generateKey(file: string): string {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  return readFileSync(`${file}.pub`, "utf8").trim();
}

async function startSshd(
  directory: string,
  name: string,
  authorizedKeys: string,
): Promise<{ port: number; hostKey: string; process: ChildProcess }> {
  const port = await freePort();
  const hostKey = generateKey(join(directory, `${name}-host`));
  const config = join(directory, `${name}.conf`);
  writeFileSync(
    config,
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${join(directory, `${name}-host`)}
AuthorizedKeysFile ${authorizedKeys}
StrictModes no
PermitRootLogin prohibit-password
UsePAM no
PidFile none
MaxStartups 1000
MaxSessions 1000
Subsystem sftp internal-sftp
LogLevel ERROR
`,
  );
  if (!existsSync("/run/sshd")) mkdirSync("/run/sshd", { recursive: true });
  const child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "inherit"] });
  await answers(port);
  return { port, hostKey, process: child };
}

const defaultCiphers = "aes128-gcm@openssh.com";

/** Text as a log has it: repeats, but no line twice. */
function writeTextFile(file: string, bytes: number): void {
  const fd = openSync(file, "w");
  let line = 0;
  for (let written = 0; written < bytes; ) {
    let block = "";
    while (block.length < 1 << 20) {
      line++;
      block += `2026-11-23T00:${String(line % 60).padStart(2, "0")}:07.${line} plc-reactor-01 level=${["info", "warn", "alarm"][line % 3]} tag=TI-${line % 97} value=${((line * 7919) % 10007) / 13}\n`;
    }
    const chunk = Buffer.from(block).subarray(0, bytes - written);
    written += writeSync(fd, chunk);
  }
  closeSync(fd);
}

/** `ciphers`: of every path; `default`: what OpenSSH's client and servers agree on by themselves. */
export async function startTopology(
  directory: string,
  fileBytes: number,
  ciphers = defaultCiphers,
  config: Record<string, unknown> = {},
): Promise<Topology> {
  const clientKey = join(directory, "client");
  const clientPublicKey = generateKey(clientKey);
  const targetKey = join(directory, "gateway-to-target");
  const targetPublicKey = generateKey(targetKey);
  const authorizedKeys = join(directory, "authorized_keys");
  writeFileSync(authorizedKeys, `${clientPublicKey}\n${targetPublicKey}\n`);
  chmodSync(authorizedKeys, 0o600);
  const target = await startSshd(directory, "target", authorizedKeys);
  const jump = await startSshd(directory, "jump", authorizedKeys);
  const service = await startRunningService({
    directory: join(directory, "service"),
    config,
    people: [{ name: "bench", roles: ["vendor"], keys: [clientPublicKey] }],
    secrets: [{ name: "target", privateKeyFile: targetKey }],
    targets: [
      {
        name: "target",
        host: "127.0.0.1",
        port: target.port,
        account: "root",
        secret: "target",
        hostKeys: [target.hostKey],
      },
    ],
    policy: {
      ...openRules({ id: "bench", people: ["bench"], targets: ["*"], capabilities: ["shell", "exec", "sftp"] }),
      limits: { maxSessionsPerPerson: 1000, maxRecordedBytes: 1024 ** 4 },
    },
  });
  const clientConfig = join(directory, "ssh_config");
  writeFileSync(
    clientConfig,
    // The first value of a keyword counts, so what holds for all comes last.
    `Host jump
  Port ${jump.port}
Host direct
  Port ${target.port}
Host jumped
  Port ${target.port}
  ProxyJump jump
Host gateway
  Port ${service.sshPort}
  User bench+target
Host *
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  IdentityFile ${clientKey}
  IdentitiesOnly yes
  IdentityAgent none
  LogLevel ERROR
  ControlMaster no
${
  ciphers === "default"
    ? ""
    : `  Ciphers ${ciphers}
`
}  HostName 127.0.0.1
  User root
`,
  );
  const textFile = join(directory, "text.log");
  const binaryFile = join(directory, "binary.bin");
  writeTextFile(textFile, fileBytes);
  execFileSync("dd", ["if=/dev/urandom", `of=${binaryFile}`, "bs=1M", `count=${fileBytes >> 20}`, "status=none"]);
  return {
    directory,
    clientConfig,
    clientKey,
    textFile,
    binaryFile,
    fileBytes,
    service,
    targetPort: target.port,
    async stop() {
      await service.stop();
      for (const one of [jump.process, target.process]) {
        one.kill("SIGTERM");
        if (one.exitCode === null && one.signalCode === null) await once(one, "exit");
      }
    },
  };
}
