// SFTP version 3 over the demo controller's files (draft-ietf-secsh-filexfer-02).
import ssh2, { type Attributes, type FileEntry, type SFTPWrapper } from "ssh2";
import type { Entry, MemoryFiles } from "./memory-files.ts";

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;
const directoryMode = 0o40755;
const fileMode = 0o100644;

type Handle = { kind: "file"; path: string } | { kind: "directory"; path: string; sent: boolean };

function attributes(entry: Entry): Attributes {
  const seconds = Math.floor(entry.modifiedAtMs / 1000);
  const mode = entry.directory ? directoryMode : fileMode;
  return { mode, uid: 0, gid: 0, size: entry.bytes, atime: seconds, mtime: seconds };
}

function fileEntry(entry: Entry): FileEntry {
  const kind = entry.directory ? "drwxr-xr-x" : "-rw-r--r--";
  const date = new Date(entry.modifiedAtMs).toUTCString().slice(5, 22);
  const longname = `${kind} 1 plc plc ${String(entry.bytes).padStart(8)} ${date} ${entry.name}`;
  return { filename: entry.name, longname, attrs: attributes(entry) };
}

/** Attaches every listener at once: a request that comes before its listener is lost. */
export function serveSftp(sftp: SFTPWrapper, files: MemoryFiles): void {
  const handles = new Map<number, Handle>();
  let nextHandle = 1;

  const open = (handle: Handle): Buffer => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(nextHandle);
    handles.set(nextHandle++, handle);
    return id;
  };
  const of = (id: Buffer): Handle | undefined => (id.length === 4 ? handles.get(id.readUInt32BE(0)) : undefined);
  const done = (request: number, ok: boolean) => sftp.status(request, ok ? STATUS_CODE.OK : STATUS_CODE.FAILURE);
  const stat = (request: number, path: string) => {
    const entry = files.stat(path);
    if (entry === null) sftp.status(request, STATUS_CODE.NO_SUCH_FILE);
    else sftp.attrs(request, attributes(entry));
  };

  // The client's end of file is its farewell; it waits for ours.
  sftp.on("end", () => sftp.end());
  sftp.on("REALPATH", (request, path) => {
    const normal = files.normal(path);
    sftp.name(request, [{ filename: normal, longname: normal, attrs: {} as Attributes }]);
  });
  sftp.on("STAT", stat);
  sftp.on("LSTAT", stat);
  sftp.on("FSTAT", (request, id) => {
    const handle = of(id);
    if (handle === undefined) sftp.status(request, STATUS_CODE.FAILURE);
    else stat(request, handle.path);
  });
  sftp.on("SETSTAT", (request) => done(request, true));
  sftp.on("FSETSTAT", (request) => done(request, true));
  sftp.on("OPEN", (request, path, flags) => {
    const entry = files.stat(path);
    if (entry?.directory === true) return done(request, false);
    if (entry === null && (flags & OPEN_MODE.CREAT) === 0) return sftp.status(request, STATUS_CODE.NO_SUCH_FILE);
    const fresh = entry === null || (flags & OPEN_MODE.TRUNC) !== 0;
    if (fresh && !files.truncate(path)) return done(request, false);
    sftp.handle(request, open({ kind: "file", path }));
  });
  sftp.on("READ", (request, id, offset, length) => {
    const handle = of(id);
    const data = handle?.kind === "file" ? files.read(handle.path) : null;
    if (data === null) return done(request, false);
    if (offset >= data.length) return sftp.status(request, STATUS_CODE.EOF);
    sftp.data(request, data.subarray(offset, offset + length));
  });
  sftp.on("WRITE", (request, id, offset, data) => {
    const handle = of(id);
    done(request, handle?.kind === "file" && files.write(handle.path, offset, data));
  });
  sftp.on("CLOSE", (request, id) => done(request, id.length === 4 && handles.delete(id.readUInt32BE(0))));
  sftp.on("OPENDIR", (request, path) => {
    const entry = files.stat(path);
    if (entry === null) return sftp.status(request, STATUS_CODE.NO_SUCH_FILE);
    if (!entry.directory) return done(request, false);
    sftp.handle(request, open({ kind: "directory", path, sent: false }));
  });
  sftp.on("READDIR", (request, id) => {
    const handle = of(id);
    if (handle?.kind !== "directory") return done(request, false);
    if (handle.sent) return sftp.status(request, STATUS_CODE.EOF);
    handle.sent = true;
    const entries = files.list(handle.path).map(fileEntry);
    if (entries.length === 0) sftp.status(request, STATUS_CODE.EOF);
    else sftp.name(request, entries);
  });
  sftp.on("REMOVE", (request, path) => done(request, files.stat(path)?.directory === false && files.remove(path)));
  sftp.on("MKDIR", (request, path) => done(request, files.makeDirectory(path)));
  sftp.on("RMDIR", (request, path) => done(request, files.stat(path)?.directory === true && files.remove(path)));
  sftp.on("RENAME", (request, from, to) => done(request, files.rename(from, to)));
}
