// People's SSH programs, pointed at a gateway: the same functions serve the tap alone and the whole service.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ProcessResult, type RunOptions, runProcess } from "../../support/process.ts";

export interface GatewayAddress {
  host: string;
  port: number;
  /** `person+target`. */
  login: string;
  /** Path of the person's private key. */
  identity: string;
  /** The gateway's public host key, `ssh-ed25519 AAAA…`. */
  hostKeyLine: string;
  /** For known_hosts files and the like. */
  dir: string;
}

export async function sshOptions(address: GatewayAddress): Promise<string[]> {
  const knownHosts = join(address.dir, "known_hosts");
  const [type = "", key = ""] = address.hostKeyLine.split(" ");
  await writeFile(knownHosts, `[${address.host}]:${address.port} ${type} ${key}\n`);
  return [
    "-F",
    "none",
    "-o",
    `UserKnownHostsFile=${knownHosts}`,
    "-o",
    "GlobalKnownHostsFile=none",
    "-o",
    "StrictHostKeyChecking=yes",
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    `IdentityFile=${address.identity}`,
    "-o",
    "IdentityAgent=none",
    "-o",
    "BatchMode=yes",
    "-o",
    "LogLevel=ERROR",
    "-o",
    `Port=${address.port}`,
  ];
}

/** OpenSSH's ssh. `args` come before the host, `command` after it. */
export async function ssh(
  address: GatewayAddress,
  command: readonly string[],
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const all = [...args, ...(await sshOptions(address)), `${address.login}@${address.host}`, ...command];
  return runProcess("ssh", all, options);
}

/** OpenSSH's sftp with a batch of commands on standard input. */
export async function sftp(
  address: GatewayAddress,
  batch: readonly string[],
  args: readonly string[] = [],
): Promise<ProcessResult> {
  const all = [...args, ...(await sshOptions(address)), "-b", "-", `${address.login}@${address.host}`];
  return runProcess("sftp", all, { input: `${batch.join("\n")}\n`, timeoutMs: 120_000 });
}

/** OpenSSH's scp; `remote:` in a path stands for the gateway. */
export async function scp(
  address: GatewayAddress,
  paths: readonly string[],
  args: readonly string[] = [],
): Promise<ProcessResult> {
  const all = [...args, ...(await sshOptions(address)), ...paths.map((path) => atGateway(address, path))];
  return runProcess("scp", all, { timeoutMs: 120_000 });
}

export async function rsync(
  address: GatewayAddress,
  paths: readonly string[],
  args: readonly string[] = [],
): Promise<ProcessResult> {
  const shell = ["ssh", ...(await sshOptions(address))]
    .map((word) => (word.includes(" ") ? `'${word}'` : word))
    .join(" ");
  return runProcess("rsync", ["-e", shell, ...args, ...paths.map((path) => atGateway(address, path))], {
    timeoutMs: 120_000,
  });
}

function atGateway(address: GatewayAddress, path: string): string {
  return path.startsWith("remote:") ? `${address.login}@${address.host}:${path.slice(7)}` : path;
}

/** PuTTY's programs take the key in their own format and the host key as a fingerprint. */
export async function putty(
  program: "plink" | "psftp" | "pscp",
  address: GatewayAddress,
  args: readonly string[],
  options: RunOptions & { hostKeyFingerprint: string },
): Promise<ProcessResult> {
  const { hostKeyFingerprint, ...run } = options;
  const ppk = join(address.dir, "person.ppk");
  await runProcess("puttygen", [address.identity, "-O", "private", "-o", ppk], { timeoutMs: 30_000 });
  const all = ["-batch", "-P", String(address.port), "-i", ppk, "-hostkey", hostKeyFingerprint];
  return runProcess(program, [...all, ...args], { ...run, env: { HOME: address.dir } });
}

/** Dropbear's client. */
export async function dbclient(
  address: GatewayAddress,
  command: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const key = join(address.dir, "person.dropbear");
  await runProcess("dropbearconvert", ["openssh", "dropbear", address.identity, key], { timeoutMs: 30_000 });
  return runProcess(
    "dbclient",
    ["-y", "-y", "-i", key, "-p", String(address.port), `${address.login}@${address.host}`, ...command],
    {
      ...options,
      env: { HOME: address.dir },
    },
  );
}
