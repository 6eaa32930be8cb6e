// The file system's errors as the store's: which of them pass by themselves, and what mends the others.
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import { notFoundError } from "./object-key.ts";

interface Translation {
  code: ErrorCode;
  retryable: boolean;
  mend: string;
}

const passing = (mend: string): Translation => ({ code: "STORE_UNAVAILABLE", retryable: true, mend });
const full = (mend: string): Translation => ({ code: "STORE_FULL", retryable: true, mend });
const lasting = (mend: string): Translation => ({ code: "STORE_REFUSED", retryable: false, mend });

const translations: Record<string, Translation> = {
  ENOSPC: full("the disk is full (space or inodes); free some, or give the store a larger disk"),
  EDQUOT: full("the disk quota is used up; raise it, or free some space"),
  EIO: passing("the disk reports an input/output error; look at the kernel's log and at the disk's health"),
  EMFILE: passing("too many files are open in this process; raise its limit (LimitNOFILE)"),
  ENFILE: passing("too many files are open on this host; raise fs.file-max"),
  EBUSY: passing("the file or disk is busy"),
  ESTALE: passing("the network file system lost its handle; check the mount"),
  ETIMEDOUT: passing("the network file system does not answer; check the mount"),
  EACCES: lasting("the service's user may not do this there; give it the directory (chown) and its parents' x bit"),
  EPERM: lasting("the file system does not allow it: check owner and attributes, and that it has hard links"),
  EROFS: lasting("the file system is mounted read-only; remount it for writing, and find out why it was"),
  ENOTSUP: lasting("the file system lacks hard links; put the store on one that has them (ext4, xfs, btrfs, zfs)"),
  EXDEV: lasting("the store's directory spans two file systems; mount the disk at the store's directory itself"),
  EMLINK: lasting("the directory cannot hold more entries"),
  ENAMETOOLONG: lasting("the path is too long; use a shorter store directory"),
  ELOOP: lasting("there is a symbolic link where an object or a folder belongs; remove it"),
  ENOTDIR: lasting("there is a file where the key needs a folder; a key must not be the beginning of another's path"),
  EISDIR: lasting("there is a folder where the key needs a file; a key must not be the beginning of another's path"),
};

export function fsStoreError(error: unknown, op: string, file: string, key: string): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "unknown";
  if (code === "ENOENT" && (op === "store.get" || op === "store.stream")) {
    return notFoundError(key, op, "the file store", error);
  }
  const known = translations[code] ?? passing("look at the directory, its disk and its mount");
  return new AppError(
    known.code,
    `The file store could not ${op.replace("store.", "")} ${file} (${code}): ${known.mend}.`,
    { op, retryable: known.retryable, cause: error, details: { key, file, errno: code } },
  );
}
