// SFTP version 3 (draft-ietf-secsh-filexfer-02) and OpenSSH's extensions to it (PROTOCOL §4): numbers and words.
import { AppError } from "../../../../shared/errors.ts";
import type { WireReader } from "../wire.ts";

export const packet = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** The version that is parsed; INIT is lowered to it on its way to the target. */
export const sftpVersion = 3;
/** OpenSSH's SFTP_MAX_MSG_LENGTH, with slack for servers that count the header apart. */
export const maxPacketBytes = 256 * 1024 + 1024;
/** The draft's limit of a handle. */
export const maxHandleBytes = 256;

const statusWords = [
  "ok",
  "eof",
  "no_such_file",
  "permission_denied",
  "failure",
  "bad_message",
  "no_connection",
  "connection_lost",
  "op_unsupported",
];

export function statusWord(code: number): string {
  return statusWords[code] ?? `code_${code}`;
}

const openFlags: readonly [number, string][] = [
  [0x01, "read"],
  [0x02, "write"],
  [0x04, "append"],
  [0x08, "creat"],
  [0x10, "trunc"],
  [0x20, "excl"],
];

export function openFlagWords(flags: number): string[] {
  return openFlags.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word);
}

/** ATTRS (draft §5): only what is there. */
export function readAttrs(reader: WireReader): Record<string, string | number> {
  const attrs: Record<string, string | number> = {};
  const flags = reader.uint32();
  if ((flags & 0x1) !== 0) attrs["size"] = readUint64(reader);
  if ((flags & 0x2) !== 0) {
    attrs["uid"] = reader.uint32();
    attrs["gid"] = reader.uint32();
  }
  if ((flags & 0x4) !== 0) attrs["mode"] = `0${(reader.uint32() & 0o7777).toString(8)}`;
  if ((flags & 0x8) !== 0) {
    attrs["atime"] = reader.uint32();
    attrs["mtime"] = reader.uint32();
  }
  if ((flags & 0x80000000) !== 0) attrs["extended"] = reader.uint32();
  return attrs;
}

/** Exact up to 2^53: beyond that there is no file. */
export function readUint64(reader: WireReader): number {
  return reader.uint32() * 2 ** 32 + reader.uint32();
}

export function malformedSftp(what: string): AppError {
  return new AppError("PROTOCOL_MALFORMED", `File transfer was ended: ${what}.`, { op: "sftp.parse" });
}

export function sftpLimit(what: string): AppError {
  return new AppError("PROTOCOL_LIMIT", `File transfer was ended: ${what}.`, { op: "sftp.parse" });
}
