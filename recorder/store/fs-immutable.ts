// The immutable attribute of files (`chattr +i`): while it is set nobody renames, changes or removes the file, root neither,
// until somebody with that right takes it away. Through e2fsprogs' own program; whether it is there, permitted and
// supported is found out once, on a file of our own.
import { execFile } from "node:child_process";
import { unlink } from "node:fs/promises";
import path from "node:path";
import { writeSynced } from "./fs-file.ts";
import { incomingName } from "./fs-incoming.ts";

const filesAtOnce = 200;
const timeoutMs = 60_000;

export type Immutable = { works: true } | { works: false; why: string };

export async function tryImmutable(directory: string): Promise<Immutable> {
  const file = path.join(directory, incomingName());
  await writeSynced(file, Buffer.from("conduit\n"), undefined);
  try {
    await setImmutable([file], true);
    const removed = await unlink(file).then(
      () => true,
      () => false,
    );
    if (removed) return { works: false, why: "the file system takes the immutable attribute and does not keep it" };
    await setImmutable([file], false);
    return { works: true };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { works: false, why: "the program chattr (e2fsprogs) is not installed" };
    const said = message.split("\n").at(-1) ?? "";
    const why = /Operation not permitted/.test(message)
      ? "the service may not set the immutable attribute (it needs CAP_LINUX_IMMUTABLE)"
      : `the file system has no immutable attribute (${said.slice(0, 200)})`;
    return { works: false, why };
  } finally {
    await unlink(file).catch(() => {});
  }
}

export async function setImmutable(files: readonly string[], on: boolean): Promise<void> {
  for (let at = 0; at < files.length; at += filesAtOnce)
    await chattr([on ? "+i" : "-i", "--", ...files.slice(at, at + filesAtOnce)]);
}

function chattr(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      "chattr",
      args,
      { timeout: timeoutMs, env: { PATH: systemPath(), LC_ALL: "C" } },
      (error, _out, stderr) => {
        if (error === null) resolve();
        else reject(Object.assign(new Error(stderr.trim() || error.message), { code: error.code }));
      },
    );
  });
}

/** Services are often started without the folders of system programs. */
function systemPath(): string {
  return "/usr/sbin:/usr/bin:/sbin:/bin";
}
