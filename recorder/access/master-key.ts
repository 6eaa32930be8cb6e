// The key under which target credentials are kept: 32 random bytes in a file that only the service can read. Whoever has
// both it and the database has the credentials, so it is never in the database, a backup of which is worth nothing alone.
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../../shared/errors.ts";

const keyBytes = 32;

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
    const text = (await file.readFile("utf8")).trim();
    const key = Buffer.from(text, "base64");
    if (key.length !== keyBytes || key.toString("base64") !== text) {
      throw unusable(
        path,
        "it does not hold 32 bytes in base64; restore it from a backup, without it the stored secrets are lost",
      );
    }
    return new Uint8Array(key);
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
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
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
