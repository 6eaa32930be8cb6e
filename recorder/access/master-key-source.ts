// Where the master key comes from: a file that only the service can read (made at the first start), the environment, or a
// command that asks a key service. Invariant: what is not exactly 32 bytes in base64 is refused, and never said in a message.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { keyBytes, keyIdOf } from "./sealing.ts";

export interface MasterKeySource {
  /** For messages: `the master key /etc/conduit/keys/master.key`. */
  readonly what: string;
  /** `keyId` names the key that is in force, where that is known; the caller compares. */
  load(keyId: string | null): Promise<Uint8Array>;
  /** Of a file alone: what a rotation needs. */
  readonly file?: MasterKeyFile;
}

/** Base64 of 32 bytes, or null. */
export function parseMasterKey(text: string): Uint8Array | null {
  const trimmed = text.trim();
  const key = Buffer.from(trimmed, "base64");
  return key.length === keyBytes && key.toString("base64") === trimmed ? new Uint8Array(key) : null;
}

export function masterKeyFromText(text: string, where: string): MasterKeySource {
  const key = parseMasterKey(text);
  if (key === null) {
    throw new AppError(
      "CONFIG_INVALID",
      `${where} does not hold 32 bytes in base64 (44 characters); make a new one with: openssl rand -base64 32`,
      { op: "access.masterKey" },
    );
  }
  return { what: `the master key in ${where}`, load: async () => key };
}

export function masterKeyFromFile(path: string): MasterKeySource {
  const file = new MasterKeyFile(path);
  return { what: `the master key ${path}`, load: (keyId) => file.load(keyId), file };
}

/**
 * The key's file, and the one that a rotation has written beside it: that one is named after its key and takes the file's
 * place once the database is sealed under it, whoever is first to see that.
 */
export class MasterKeyFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async load(keyId: string | null): Promise<Uint8Array> {
    const key = await loadOrCreateMasterKey(this.path);
    if (keyId === null || keyIdOf(key) === keyId) return key;
    // A rotation that was cut off after its commit, before its rename.
    const next = await load(this.#next(keyId));
    if (next === null || keyIdOf(next) !== keyId) return key;
    await this.adopt(keyId);
    return next;
  }

  /** Durable when it resolves. */
  async prepare(key: Uint8Array): Promise<void> {
    const path = this.#next(keyIdOf(key));
    const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      throw unusable(path, `it cannot be created (${error.code ?? error.message})`, error);
    });
    try {
      await file.writeFile(`${Buffer.from(key).toString("base64")}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(this.path);
  }

  /** The prepared key takes the file's place; that of the old one is gone. */
  async adopt(keyId: string): Promise<void> {
    await rename(this.#next(keyId), this.path).catch((error: NodeJS.ErrnoException) => {
      // Another process saw the commit first.
      if (error.code !== "ENOENT") throw unusable(this.path, `it cannot be replaced (${error.code})`, error);
    });
    await syncFolder(this.path);
  }

  /** What rotations left behind that never came to their commit. */
  async leftOver(): Promise<string[]> {
    const prefix = `${basename(this.path)}.next-`;
    const names = await readdir(dirname(this.path)).catch(() => []);
    return names.filter((name) => name.startsWith(prefix)).map((name) => join(dirname(this.path), name));
  }

  async removeLeftOver(): Promise<void> {
    for (const path of await this.leftOver()) await rm(path, { force: true });
  }

  #next(keyId: string): string {
    return `${this.path}.next-${keyId}`;
  }
}

const maxAnswerBytes = 1024;

/** A program and its arguments, without a shell. It prints the key in base64 and nothing else. */
export function masterKeyFromCommand(command: readonly string[], timeoutMs: number): MasterKeySource {
  const [program = "", ...args] = command;
  const what = `the master key's command ${JSON.stringify(program)} (masterKey.command)`;
  const failed = (why: string, cause?: unknown) =>
    new AppError("CONFIG_INVALID", `${what} ${why}`, { op: "access.masterKey", cause });
  const run = () =>
    new Promise<Uint8Array>((resolve, reject) => {
      // A group of its own: what it started ends with it.
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
      const chunks: Buffer[] = [];
      let bytes = 0;
      const give = (error: AppError) => {
        clearTimeout(timer);
        child.stdout.destroy();
        killGroup(child.pid);
        reject(error);
      };
      const late = `gave no key within ${timeoutMs / 1000} s; see why it hangs, or raise masterKey.timeoutSeconds`;
      const timer = setTimeout(() => give(failed(late)), timeoutMs);
      child.on("error", (error: NodeJS.ErrnoException) => {
        give(failed(`cannot be run (${error.code ?? "unknown error"}); give the program with its full path`, error));
      });
      child.stdout.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= maxAnswerBytes) chunks.push(chunk);
        else give(failed(`prints more than ${maxAnswerBytes} bytes; it must print the key alone`));
      });
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        const key = parseMasterKey(Buffer.concat(chunks).toString("latin1"));
        if (code !== 0) reject(failed(`failed (${signal ?? `exit code ${code}`}); run it by hand to see why`));
        else if (key === null) reject(failed("does not print 32 bytes in base64; it must print the key alone"));
        else resolve(key);
      });
    });
  return { what, load: run };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** A rename or a new file is there after a power cut only once its folder is written. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
}

/** Creates the file (0600, its folder 0700) when there is none. CONFIG_INVALID when it is damaged or open to others. */
export async function loadOrCreateMasterKey(path: string): Promise<Uint8Array> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return (await load(path)) ?? (await create(path));
}

async function load(path: string): Promise<Uint8Array | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw unusable(path, `it cannot be read (${error.code ?? error.message})`, error);
  });
  if (file === null) return null;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) throw unusable(path, "others than the service can read it; run chmod 600 on it");
    const key = parseMasterKey(await file.readFile("utf8"));
    if (key === null) {
      throw unusable(
        path,
        "it does not hold 32 bytes in base64; restore it from a backup, without it the stored secrets are lost",
      );
    }
    return key;
  } finally {
    await file.close();
  }
}

/** Written beside and renamed only if nobody was faster: of two processes starting at once, both use the same key. */
async function create(path: string): Promise<Uint8Array> {
  const key = randomBytes(keyBytes);
  const lock = `${path}.creating`;
  const file = await open(lock, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return null;
    throw unusable(path, `it cannot be created (${error.code ?? error.message})`, error);
  });
  if (file === null) return waitForOther(path, lock);
  try {
    await file.writeFile(`${key.toString("base64")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  const meanwhile = await load(path);
  if (meanwhile !== null) {
    await rm(lock, { force: true });
    return meanwhile;
  }
  await rename(lock, path);
  await syncFolder(path);
  return new Uint8Array(key);
}

async function waitForOther(path: string, lock: string): Promise<Uint8Array> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const key = await load(path);
    if (key !== null) return key;
    await new Promise((resume) => setTimeout(resume, 20));
  }
  // Left behind by a process that died before the rename: nothing was ever encrypted under what it holds.
  const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: 0 }));
  if (Date.now() - mtimeMs < 5_000) throw unusable(path, "another process is creating it just now; try again");
  await rm(lock, { force: true });
  return create(path);
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError("CONFIG_INVALID", `the master key ${path} cannot be used: ${why}`, {
    op: "access.masterKey",
    cause,
  });
}
