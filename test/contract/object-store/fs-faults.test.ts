// What a file store meets in the field: crashes, full and read-only disks, links, a disk that is not mounted.
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../../recorder/store/create-store.ts";
import { AppError } from "../../../shared/errors.ts";
import { expectCode, keysOf, sha256 } from "./contract.ts";

const isRoot = process.getuid?.() === 0;
const body = Buffer.from("evidence");
const announced = { sha256: sha256(body) };
let directory: string;
let root: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "fs-faults-"));
  root = path.join(directory, "store");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (options: { createDirectory?: boolean } = {}) => createStore({ kind: "fs", directory: root, ...options });

test("an object is one read-only file under its key, with nothing beside it", async () => {
  const store = open();
  await store.put("recordings/2026/a.zst", body, announced);
  await store.put("recordings/2026/a.zst", body, announced);
  await expectCode(
    store.put("recordings/2026/a.zst", Buffer.from("x"), { sha256: sha256(Buffer.from("x")) }),
    "STORE_EXISTS",
  );
  expect(readdirSync(path.join(root, "recordings/2026"))).toEqual(["a.zst"]);
  expect(readdirSync(path.join(root, ".incoming"))).toEqual([]);
  expect(statSync(path.join(root, "recordings/2026/a.zst")).mode & 0o777 & 0o222).toBe(0);
});

test("a killed writer leaves whole objects only, and its leftovers go with the next writer's first put", async () => {
  const script = fileURLToPath(new URL("./fs-writer.ts", import.meta.url));
  let acknowledged = 0;
  for (let round = 0; round < 4; round++) {
    const child = fork(script, [root, String(round)], { execArgv: ["--import", "tsx"], stdio: "inherit" });
    const done: string[] = [];
    child.on("message", (key) => done.push(key as string));
    await once(child, "message");
    await sleep(20 + 40 * round);
    child.kill("SIGKILL");
    await once(child, "exit");
    acknowledged += done.length;
    const store = open();
    for (const key of done) expect(await store.head(key)).not.toBeNull();
    for (const key of await keysOf(store, "")) expect(sha256(await store.get(key))).toBe(path.basename(key));
  }
  expect(acknowledged).toBeGreaterThan(4);
  const store = open();
  writeFileSync(path.join(root, ".incoming", `${hostname()}.999999999.dead.x`), "half an obj");
  await store.put("last", body, announced);
  expect(readdirSync(path.join(root, ".incoming"))).toEqual([]);
});

test("of the files being written only those of dead writers are removed", async () => {
  const incoming = path.join(root, ".incoming");
  mkdirSync(incoming, { recursive: true });
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9-]/g, "_")
    .slice(0, 64);
  const names = {
    earlierSelf: `${host}.${process.pid}.0000aaaa.1`,
    deadProcess: `${host}.999999999.0000aaaa.2`,
    liveProcess: `${host}.${process.ppid}.0000aaaa.3`,
    otherHost: "elsewhere.1.0000aaaa.4",
    otherHostOld: "elsewhere.1.0000aaaa.5",
  };
  for (const name of Object.values(names)) writeFileSync(path.join(incoming, name), "half");
  utimesSync(path.join(incoming, names.otherHostOld), 1e9, 1e9);
  const reader = open();
  expect(await keysOf(reader, "")).toEqual([]);
  expect(await reader.head("x")).toBeNull();
  expect(readdirSync(incoming).length).toBe(5);
  await open().put("x", body, announced);
  expect(readdirSync(incoming).sort()).toEqual([names.liveProcess, names.otherHost].sort());
});

test("symbolic links are neither followed nor listed", async () => {
  const store = open();
  const outside = path.join(directory, "outside");
  mkdirSync(outside);
  writeFileSync(path.join(outside, "secret"), "not yours");
  await store.put("a/object", body, announced);
  symlinkSync(outside, path.join(root, "linked"));
  symlinkSync(path.join(outside, "secret"), path.join(root, "a/link"));
  symlinkSync(path.join(outside, "new"), path.join(root, "a/dangling"));
  await expectCode(store.put("linked/new", body, announced), "STORE_REFUSED");
  await expectCode(store.put("linked/deep/new", body, announced), "STORE_REFUSED");
  await expectCode(store.get("linked/secret"), "STORE_REFUSED");
  await expectCode(store.stream("linked/secret"), "STORE_REFUSED");
  await expectCode(store.head("linked/secret"), "STORE_REFUSED");
  await expectCode(store.delete("linked/secret"), "STORE_REFUSED");
  await expectCode(store.get("a/link"), "STORE_REFUSED");
  expect(await store.head("a/link")).toBeNull();
  await expectCode(
    store.put("a/link", Buffer.from("not yours"), { sha256: sha256(Buffer.from("not yours")) }),
    "STORE_REFUSED",
  );
  await expectCode(store.put("a/dangling", body, announced), "STORE_REFUSED");
  await store.delete("a/link");
  expect(await keysOf(store, "")).toEqual(["a/object"]);
  expect(await keysOf(store, "linked/")).toEqual([]);
  expect(readdirSync(outside)).toEqual(["secret"]);
  expect(readFileSync(path.join(outside, "secret"), "utf8")).toBe("not yours");
});

test("the root itself may be a link, as administrators make them", async () => {
  mkdirSync(path.join(directory, "disk"));
  symlinkSync(path.join(directory, "disk"), root);
  const store = open();
  await store.put("a/b", body, announced);
  expect(await keysOf(store, "a/")).toEqual(["a/b"]);
  expect(existsSync(path.join(directory, "disk/a/b"))).toBe(true);
});

test("a damaged object is not silently replaced", async () => {
  const store = open();
  mkdirSync(path.join(root, "a"), { recursive: true });
  writeFileSync(path.join(root, "a/cut"), body.subarray(0, 3));
  await expectCode(store.put("a/cut", body, announced), "STORE_EXISTS");
  expect(readFileSync(path.join(root, "a/cut"), "utf8")).toBe("evi");
});

test("a file where a folder belongs, and the reverse, are refused in words", async () => {
  const store = open();
  await store.put("a/file", body, announced);
  const below = await expectCode(store.put("a/file/below", body, announced), "STORE_REFUSED");
  expect(below.retryable).toBe(false);
  expect(below.message).toMatch(/file where the key needs a folder/);
  await expectCode(store.put("a", body, announced), "STORE_REFUSED");
  expect(await keysOf(store, "")).toEqual(["a/file"]);
});

test("files that are no objects do not appear: pipes, names that are no keys, a disk's lost+found", async () => {
  const store = open();
  await store.put("a/object", body, announced);
  mkdirSync(path.join(root, "lost+found"), { mode: 0o700 });
  writeFileSync(path.join(root, "lost+found", "#123"), "");
  writeFileSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0xfe])]), "");
  execFileSync("/usr/bin/mkfifo", [path.join(root, "a/pipe")]);
  expect(await keysOf(store, "")).toEqual(["a/object"]);
  await expectCode(store.get("a/pipe"), "STORE_NOT_FOUND");
  expect(await store.head("a/pipe")).toBeNull();
});

test("a disk that is not mounted is an outage, not a new store", async () => {
  const store = open({ createDirectory: false });
  const error = await expectCode(store.put("a", body, announced), "STORE_UNAVAILABLE");
  expect(error.retryable).toBe(true);
  await expectCode(store.check(), "STORE_UNAVAILABLE");
  expect(existsSync(root)).toBe(false);
  mkdirSync(root);
  await store.put("a/b", body, announced);
  renameSync(root, path.join(directory, "unmounted"));
  await expectCode(store.put("a/c", body, announced), "STORE_UNAVAILABLE");
  await expectCode(store.check(), "STORE_UNAVAILABLE");
  expect(existsSync(root)).toBe(false);
  renameSync(path.join(directory, "unmounted"), root);
  await store.put("a/c", body, announced);
  expect(await keysOf(store, "")).toEqual(["a/b", "a/c"]);
});

test("folders that someone removes while writing goes on are made anew", async () => {
  const store = open();
  await store.put("a/b/c", body, announced);
  rmSync(path.join(root, "a"), { recursive: true });
  rmSync(path.join(root, ".incoming"), { recursive: true });
  await store.put("a/b/d", body, announced);
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      await store.put(`busy/${i % 2}/${i}`, body, announced);
      await store.delete(`busy/${i % 2}/${i}`);
    }),
  );
  expect(await keysOf(store, "")).toEqual(["a/b/d"]);
  expect(existsSync(path.join(root, "busy"))).toBe(false);
});

test("no permission is refused with what to do", async () => {
  mkdirSync(root);
  if (isRoot) execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", root]);
  else chmodSync(root, 0o500);
  try {
    const error = await expectCode(open().put("a", body, announced), "STORE_REFUSED");
    expect(error.retryable).toBe(false);
    expect(error.message).toContain(root);
    expect(error.message).toMatch(isRoot ? /remount/ : /chown/);
    await expectCode(open().check(), "STORE_REFUSED");
  } finally {
    if (isRoot) execFileSync("/bin/umount", [root]);
    else chmodSync(root, 0o700);
  }
});

test.runIf(isRoot)("a full disk is an outage that ends when there is space again", async () => {
  mkdirSync(root);
  execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", root]);
  try {
    const store = open();
    const large = Buffer.alloc(700_000, 7);
    await store.put("full/1", large, { sha256: sha256(large) });
    const error = await expectCode(store.put("full/2", large, { sha256: sha256(large) }), "STORE_FULL");
    expect(error.retryable).toBe(true);
    expect(error.message).toMatch(/disk is full/);
    expect(await keysOf(store, "")).toEqual(["full/1"]);
    expect(readdirSync(path.join(root, ".incoming"))).toEqual([]);
    await store.delete("full/1");
    await store.put("full/2", large, { sha256: sha256(large) });
    expect(sha256(await store.get("full/2"))).toBe(sha256(large));
  } finally {
    execFileSync("/bin/umount", [root]);
  }
});

test("a file that shrinks while it is read ends the stream with an error", async () => {
  const store = open();
  const large = Buffer.alloc(3 * 1024 * 1024, 1);
  await store.put("large", large, { sha256: sha256(large) });
  const stream = await store.stream("large");
  const file = path.join(root, "large");
  const read = async () => {
    for await (const _ of stream) {
      chmodSync(file, 0o600);
      writeFileSync(file, "short");
    }
  };
  const error = await read().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", op: "store.stream" });
});
