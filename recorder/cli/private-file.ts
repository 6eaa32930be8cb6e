// Files that only the service's account may read, created whole or not at all.
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, renameSync, statSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";

function writeBeside(path: string, text: string, mode: number): string {
  const beside = `${path}.${randomBytes(6).toString("hex")}.new`;
  const file = openSync(beside, "wx", mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return beside;
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

/** False when a file of that name exists already: it is left as it is, also when two processes create it at once. */
export function createPrivateFile(path: string, text: string): boolean {
  const beside = writeBeside(path, text, 0o600);
  try {
    linkSync(beside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(beside);
  }
  syncFolder(path);
  return true;
}

/** Atomic: a reader sees the old text or the new one. Keeps the file's mode. */
export function replaceFile(path: string, text: string): void {
  const beside = writeBeside(path, text, statSync(path).mode & 0o777);
  renameSync(beside, path);
  syncFolder(path);
}
