// Files to take away. Invariant: one appears under its name only when it is whole, whatever ends the work before; what
// --force replaces stays until then.
import { accessSync, constants, createReadStream, realpathSync, statSync } from "node:fs";
import { link, mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { AppError } from "../../../shared/errors.ts";
import type { Cli } from "../cli.ts";

export interface FilePlace {
  /** Null for standard output. */
  path: string | null;
  force: boolean;
  /** That which names it. */
  option: string;
}

/** Before any work: REQUEST_INVALID where no file could be put in the end. */
export function placeFor(
  cli: Cli,
  output: string | undefined,
  fileName: string,
  force: boolean,
  option = "--output",
): FilePlace {
  if (output === "-") return { path: null, force, option };
  const path = resolve(cli.directory, output ?? fileName);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined) {
    refuseClosedFolder(dirname(path), option);
    return { path, force, option };
  }
  if (there.isDirectory()) {
    throw refused(`${path} is a directory; name a file in it: ${option} ${join(output ?? path, fileName)}`);
  }
  if (!force) throw existsAlready(path, option);
  if (!there.isFile()) throw refused(`${path} is no file; name another with ${option}, or - for standard output`);
  // A link stays one: what it leads to is replaced.
  const real = realpathSync(path);
  refuseClosedFolder(dirname(real), option);
  return { path: real, force, option };
}

function refuseClosedFolder(folder: string, option: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw closedFolder(folder, option, cause);
  }
}

function closedFolder(folder: string, option: string, cause: unknown): AppError {
  const { code } = cause as NodeJS.ErrnoException;
  return refused(`${folder} cannot be written to (${code}); name another place with ${option}`, cause);
}

/** Calls `write` with an empty file, mode 0600, which then takes its name at once or goes to standard output. */
export async function intoFile(
  cli: Cli,
  { path, force, option }: FilePlace,
  write: (file: string) => Promise<void>,
): Promise<void> {
  const within = path === null ? tmpdir() : dirname(path);
  const folder = await workingFolder(within, option);
  const file = join(folder, path === null ? "export" : basename(path));
  try {
    await (await open(file, "wx", 0o600)).close();
    await write(file);
    cli.signal.throwIfAborted();
    if (path === null) {
      for await (const chunk of createReadStream(file)) {
        await cli.out.write(chunk as Uint8Array);
        if (cli.out.closed) break;
      }
    } else if (force) await rename(file, path);
    else await nameAnew(file, path);
  } catch (error) {
    throw fileError(error, path ?? file, folder, option);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function workingFolder(within: string, option: string): Promise<string> {
  try {
    return await mkdtemp(join(within, ".conduit-export-"));
  } catch (cause) {
    throw closedFolder(within, option, cause);
  }
}

/** A rename would replace what has come into being meanwhile. */
async function nameAnew(file: string, path: string): Promise<void> {
  try {
    await link(file, path);
  } catch (error) {
    // FAT and exFAT, as memory sticks have them, know no second name of a file.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await (await open(path, "wx", 0o600)).close();
    try {
      await rename(file, path);
    } catch (failure) {
      await rm(path, { force: true });
      throw failure;
    }
  }
}

const full: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  EFBIG: "the file system takes no file so large",
};

function fileError(error: unknown, path: string, folder: string, option: string): unknown {
  const cause = error instanceof AppError ? error.cause : error;
  const { code = "" } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === "EEXIST") return existsAlready(path, option, error);
  const why = full[code];
  if (why === undefined) return error;
  // A video has files of its own underway.
  const named = error instanceof AppError ? error.details["path"] : undefined;
  const at = typeof named === "string" && !named.startsWith(folder + sep) ? named : path;
  return new AppError(
    "REQUEST_CONFLICT",
    `${at} cannot be written: ${why} (${code}). Nothing of it was kept. Free space in ${dirname(at)}, or name another place with ${option}.`,
    { op: "cli.export", cause: error },
  );
}

function existsAlready(path: string, option: string, cause?: unknown): AppError {
  return refused(`${path} exists already; name another with ${option}, or give --force`, cause);
}

function refused(message: string, cause?: unknown): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.export", cause });
}
