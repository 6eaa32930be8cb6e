// A backup of the service's state while it runs: the database as of one moment, keys, configuration and inventory, in one
// file that is encrypted to age recipients (age-encryption.org/v1) and holds a gzipped tar. Invariant: nothing of it is ever
// on a disk in the clear outside the data directory, and the file appears under its name only when it is whole.
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { lstat, mkdtemp, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { Encrypter } from "age-encryption";
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import type { Config } from "../../config.ts";
import { connectSqlite } from "../../database/connection.ts";
import { version } from "../../version.ts";
import { type TarFile, writeTar } from "./tar.ts";

export const BackupManifest = z.strictObject({
  format: z.literal("conduit-backup"),
  version: z.literal(1),
  recorder: z.string(),
  software: z.string(),
  /** RFC 3339. */
  madeAt: z.string(),
  /** Where a store of files was; null: it is elsewhere. */
  storeDirectory: z.string().nullable(),
  /** Files that the configuration names and that are not in it. */
  elsewhere: z.array(z.string()),
  files: z.array(z.strictObject({ name: z.string(), bytes: z.int(), sha256: z.string() })),
});
export type BackupManifest = z.infer<typeof BackupManifest>;

export const manifestName = "manifest.json";
export const databaseName = "conduit.db";
export const configName = "conduit.yaml";
/** Nobody keeps more beside their keys. */
const maxKeyBytes = 1024 * 1024;

/** @returns what is in it, and the file's size. */
export async function makeBackup(
  config: Config,
  file: string,
  recipients: readonly string[],
): Promise<{ manifest: BackupManifest; bytes: number }> {
  if (config.database !== null) {
    throw new AppError(
      "REQUEST_INVALID",
      "The state is in PostgreSQL, whose own tools back it up (pg_dump, or its archive): this command is for the SQLite file. Keys, configuration and inventory are files to copy.",
      { op: "backup.make" },
    );
  }
  if (existsSync(file)) {
    throw new AppError("REQUEST_CONFLICT", `${file} is there already: name another`, { op: "backup.make" });
  }
  const staging = await mkdtemp(join(config.recorder.dataDirectory, ".backup-"));
  const beside = `${file}.part`;
  try {
    const snapshot = join(staging, databaseName);
    takeSnapshot(config.recorder.database, snapshot);
    const found: Array<{ name: string; path: string }> = [{ name: databaseName, path: snapshot }];
    found.push(...(await keysOf(config)));
    if (config.file !== null) found.push({ name: configName, path: config.file });
    for (const [list, path] of Object.entries(config.inventory)) {
      if (existsSync(path)) found.push({ name: `inventory/${list}.yaml`, path });
    }
    const files = await Promise.all(
      found.map(async ({ name, path }) => ({ name, ...(await digestOf(path)), from: { path } })),
    );
    const manifest: BackupManifest = {
      format: "conduit-backup",
      version: 1,
      recorder: config.recorder.id,
      software: version(),
      madeAt: new Date().toISOString(),
      storeDirectory: config.store.kind === "fs" ? config.store.directory : null,
      elsewhere: elsewhereOf(config),
      files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    };
    const data = Buffer.from(JSON.stringify(manifest, null, 2));
    const all: TarFile[] = [{ name: manifestName, bytes: data.length, from: { data } }, ...files];
    const bytes = await seal(all, beside, recipients);
    await rename(beside, file);
    return { manifest, bytes };
  } finally {
    await rm(staging, { recursive: true, force: true });
    await rm(beside, { force: true });
  }
}

/** One consistent moment, however much is written meanwhile: a transaction of SQLite's own. */
function takeSnapshot(database: string, into: string): void {
  const connection = connectSqlite(database);
  try {
    connection.execute({ sql: "vacuum into ?", parameters: [into] });
  } finally {
    connection.close();
  }
}

async function keysOf({ recorder }: Config): Promise<Array<{ name: string; path: string }>> {
  const names = await readdir(recorder.keyDirectory, { recursive: true });
  const found: Array<{ name: string; path: string }> = [];
  for (const name of names.sort()) {
    const path = join(recorder.keyDirectory, name);
    const { size, ...facts } = await lstat(path);
    if ((facts.mode & 0o170000) === 0o100000 && size <= maxKeyBytes) {
      found.push({ name: `keys/${name.split(sep).join("/")}`, path });
    }
  }
  return found;
}

function elsewhereOf(config: Config): string[] {
  const { keyDirectory } = config.recorder;
  const named = [
    ...config.ssh.hostKeys,
    config.vnc.tls.certificate,
    config.vnc.tls.key,
    ...(config.http.tls === null ? [] : [config.http.tls.certificate, config.http.tls.key]),
    ...(config.masterKey.kind === "file" ? [config.masterKey.path] : []),
  ];
  return [...new Set(named)].filter((path) => relative(keyDirectory, path).startsWith(".."));
}

async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { bytes: (await stat(path)).size, sha256: hash.digest("hex") };
}

async function seal(files: readonly TarFile[], path: string, recipients: readonly string[]): Promise<number> {
  const age = new Encrypter();
  for (const recipient of recipients) age.addRecipient(recipient);
  const plain = Readable.from(writeTar(files, Math.floor(Date.now() / 1000)), { objectMode: false }).pipe(createGzip());
  const sealed = await age.encrypt(Readable.toWeb(plain) as ReadableStream<Uint8Array>);
  const out = await open(path, "wx", 0o600);
  let bytes = 0;
  try {
    for await (const chunk of sealed as unknown as AsyncIterable<Uint8Array>) {
      await out.writeFile(chunk);
      bytes += chunk.length;
    }
    await out.sync();
  } finally {
    await out.close();
  }
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
  return bytes;
}

/** Lines of age recipients; comments and empty lines count for nothing. */
export async function recipientsIn(file: string): Promise<string[]> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim());
  const recipients = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (recipients.length > 0) return recipients;
  throw new AppError("REQUEST_INVALID", `${basename(file)} names no age recipient`, { op: "backup.recipients" });
}
