// What an operator's SFTP request asks for, as the event that records it. Operations that change something are recorded
// before they pass; those that only look are recorded with their answer.
import type { FileEvent, FileOperation } from "../../../../shared/events/session-event.ts";
import { WireReader } from "../wire.ts";
import { openFlagWords, packet, readAttrs, readUint64 } from "./protocol.ts";

export interface SftpRequest {
  id: number;
  op: FileOperation;
  /** Recorded, and durable, before it passes. */
  changes: boolean;
  /** Not worth an event of its own: reads and writes are summed up by file, READDIR follows OPENDIR. */
  silent: boolean;
  handle?: Buffer;
  /** Of a READ: where from. */
  offset?: number;
  /** What the event says beside op, id, path and handle. */
  facts: Omit<Partial<FileEvent>, "op" | "id">;
}

export function parseRequest(type: number, body: Buffer): SftpRequest {
  const reader = new WireReader(body);
  const id = reader.uint32();
  const changes = (op: FileOperation, facts: SftpRequest["facts"], handle?: Buffer): SftpRequest => ({
    id,
    op,
    changes: true,
    silent: false,
    facts,
    ...(handle === undefined ? {} : { handle }),
  });
  const looks = (op: FileOperation, facts: SftpRequest["facts"], handle?: Buffer): SftpRequest => ({
    id,
    op,
    changes: false,
    silent: false,
    facts,
    ...(handle === undefined ? {} : { handle }),
  });
  switch (type) {
    case packet.open: {
      const path = pathOf(reader);
      const flags = openFlagWords(reader.uint32());
      return changes("open", merge(path, { flags, attrs: readAttrs(reader) }));
    }
    case packet.close:
      return { ...looks("close", {}, copyOf(reader)), silent: true };
    case packet.read: {
      const handle = copyOf(reader);
      return { ...looks("read", {}, handle), silent: true, offset: readUint64(reader) };
    }
    case packet.readdir:
      return { ...looks("read", {}, copyOf(reader)), silent: true };
    case packet.stat:
    case packet.lstat:
      return looks("stat", pathOf(reader));
    case packet.fstat:
      return looks("stat", {}, copyOf(reader));
    case packet.setstat:
      return changes("setstat", merge(pathOf(reader), { attrs: readAttrs(reader) }));
    case packet.fsetstat: {
      const handle = copyOf(reader);
      return changes("setstat", { attrs: readAttrs(reader) }, handle);
    }
    case packet.opendir:
      return looks("opendir", pathOf(reader));
    case packet.remove:
      return changes("remove", pathOf(reader));
    case packet.mkdir:
      return changes("mkdir", merge(pathOf(reader), { attrs: readAttrs(reader) }));
    case packet.rmdir:
      return changes("rmdir", pathOf(reader));
    case packet.realpath:
      return looks("realpath", pathOf(reader));
    case packet.readlink:
      return looks("readlink", pathOf(reader));
    case packet.rename:
      return changes("rename", twoPaths(reader));
    case packet.symlink: {
      // OpenSSH sends the link's target first, against the draft, and everybody followed.
      const { path, newPath, attrs } = twoPaths(reader);
      return changes("symlink", {
        ...(newPath === undefined ? {} : { path: newPath }),
        ...(path === undefined ? {} : { newPath: path }),
        ...(attrs === undefined ? {} : { attrs }),
      });
    }
    case packet.extended:
      return extended(id, reader);
    default:
      return changes("extended", { attrs: { packetType: type } });
  }
}

/** Extensions that look at something; everything else, known or not, is taken to change something. */
const lookingExtensions = new Set([
  "statvfs@openssh.com",
  "fstatvfs@openssh.com",
  "limits@openssh.com",
  "expand-path@openssh.com",
  "home-directory",
  "users-groups-by-id@openssh.com",
  "check-file",
  "check-file-name",
  "check-file-handle",
]);

function extended(id: number, reader: WireReader): SftpRequest {
  const name = reader.text().slice(0, 128);
  const request = (op: FileOperation, facts: SftpRequest["facts"], handle?: Buffer): SftpRequest => ({
    id,
    op,
    changes: !lookingExtensions.has(name),
    silent: false,
    facts: merge(facts, { attrs: { request: name } }),
    ...(handle === undefined ? {} : { handle }),
  });
  switch (name) {
    case "posix-rename@openssh.com":
      return request("rename", twoPaths(reader));
    case "hardlink@openssh.com":
      return request("link", twoPaths(reader));
    case "lsetstat@openssh.com":
      return request("setstat", merge(pathOf(reader), { attrs: readAttrs(reader) }));
    case "statvfs@openssh.com":
    case "expand-path@openssh.com":
      return request("extended", pathOf(reader));
    case "fstatvfs@openssh.com":
    case "fsync@openssh.com":
      return request("extended", {}, copyOf(reader));
    case "copy-data": {
      const from = copyOf(reader);
      const facts = { fromOffset: readUint64(reader), length: readUint64(reader) };
      const to = copyOf(reader).toString("hex");
      return request("extended", { attrs: { ...facts, toHandle: to, toOffset: readUint64(reader) } }, from);
    }
    default:
      return request("extended", {});
  }
}

/** A view would keep the whole chunk alive. */
function copyOf(reader: WireReader): Buffer {
  return Buffer.from(reader.string());
}

function pathOf(reader: WireReader): SftpRequest["facts"] {
  const { text, exact } = textOf(reader.string());
  return exact === undefined ? { path: text } : { path: text, attrs: { pathBase64: exact } };
}

function twoPaths(reader: WireReader): SftpRequest["facts"] {
  const from = textOf(reader.string());
  const to = textOf(reader.string());
  const attrs = {
    ...(from.exact === undefined ? {} : { pathBase64: from.exact }),
    ...(to.exact === undefined ? {} : { newPathBase64: to.exact }),
  };
  return { path: from.text, newPath: to.text, ...(Object.keys(attrs).length === 0 ? {} : { attrs }) };
}

/** File names are bytes: where they are not UTF-8, the exact ones are kept beside. */
export function textOf(bytes: Buffer): { text: string; exact?: string } {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { text } : { text, exact: bytes.toString("base64") };
}

function merge(facts: SftpRequest["facts"], more: SftpRequest["facts"]): SftpRequest["facts"] {
  const attrs = { ...facts.attrs, ...more.attrs };
  const { attrs: _left, ...rest } = { ...facts, ...more };
  return Object.keys(attrs).length === 0 ? rest : { ...rest, attrs };
}
