// A backup made into an installation again, in a directory that is empty or not there. Invariant: nothing is put in place
// before every byte was decrypted and compared with its hash, and nothing that is there is replaced.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decrypter } from "age-encryption";
import { parseDocument } from "yaml";
import { AppError } from "../../../shared/errors.ts";
import { MasterKey } from "../../access/master-key.ts";
import { masterKeyFromFile } from "../../access/master-key-source.ts";
import { SecretStore } from "../../access/secrets.ts";
import { openDatabase } from "../../database.ts";
import { BackupManifest, configName, databaseName, manifestName } from "./make-backup.ts";
import { damaged, readTar } from "./tar.ts";

const maxManifestBytes = 4 * 1024 * 1024;
const names =
  /^(?:conduit\.(?:db|yaml)|inventory\/(?:targets|conduits|policy)\.yaml|keys\/[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)$/;

export interface Restored {
  manifest: BackupManifest;
  config: string;
  /** Secrets of targets that its master key opens; null: the key is not in the backup. */
  secrets: number | null;
}

/** @param identities of age (`AGE-SECRET-KEY-1…`). INTEGRITY_HASH: it is not whole, or not for them. */
export async function restoreBackup(file: string, identities: readonly string[], to: string): Promise<Restored> {
  await refuseFilled(to);
  await mkdir(dirname(to), { recursive: true });
  const staging = await mkdtemp(`${to}.restoring-`);
  try {
    const manifest = await unpack(file, identities, staging);
    await compare(manifest, staging);
    const secrets = await tryOut(staging, await settle(manifest, staging));
    await rmdir(to).catch(() => undefined);
    await rename(staging, to);
    return { manifest, config: join(to, configName), secrets };
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function refuseFilled(to: string): Promise<void> {
  const inside = await readdir(to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (inside.length === 0) return;
  throw new AppError("REQUEST_CONFLICT", `${to} is not empty: name a directory that is, or is not there yet`, {
    op: "backup.restore",
  });
}

async function unpack(file: string, identities: readonly string[], into: string): Promise<BackupManifest> {
  const age = new Decrypter();
  for (const identity of identities) age.addIdentity(identity);
  let manifest: BackupManifest | null = null;
  try {
    const sealed = Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;
    const opened = Readable.fromWeb((await age.decrypt(sealed)) as Parameters<typeof Readable.fromWeb>[0]);
    const plain = createGunzip();
    opened.on("error", (error) => plain.destroy(error));
    for await (const { name, bytes, content } of readTar(opened.pipe(plain) as AsyncIterable<Uint8Array>)) {
      if (manifest === null) {
        if (name !== manifestName || bytes > maxManifestBytes) throw damaged("its manifest is not its first file");
        const chunks: Uint8Array[] = [];
        for await (const chunk of content) chunks.push(chunk);
        manifest = BackupManifest.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        continue;
      }
      const wanted = manifest.files.find((one) => one.name === name);
      if (!names.test(name) || wanted === undefined || wanted.bytes !== bytes) {
        throw damaged("it has a file that its manifest does not name");
      }
      await mkdir(dirname(join(into, name)), { recursive: true, mode: 0o700 });
      const out = await open(join(into, name), "wx", 0o600);
      try {
        for await (const chunk of content) await out.writeFile(chunk);
        await out.sync();
      } finally {
        await out.close();
      }
    }
  } catch (cause) {
    if (cause instanceof AppError || (cause as NodeJS.ErrnoException).code === "ENOENT") throw cause;
    throw new AppError(
      "INTEGRITY_HASH",
      `The backup cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}. Is it whole, and is the identity one of its recipients'?`,
      { op: "backup.restore", cause },
    );
  }
  if (manifest === null) throw damaged("it is empty");
  return manifest;
}

async function compare({ files }: BackupManifest, directory: string): Promise<void> {
  for (const { name, sha256 } of files) {
    const hash = createHash("sha256");
    try {
      for await (const chunk of createReadStream(join(directory, name))) hash.update(chunk as Buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw damaged(`${name} is missing`);
      throw error;
    }
    if (hash.digest("hex") !== sha256) throw damaged(`${name} is not what its manifest says`);
  }
}

/** The configuration of before, for its new place: comments and everything else stay. @returns where its master key lies. */
async function settle(manifest: BackupManifest, directory: string): Promise<string | null> {
  await chmod(directory, 0o700);
  const path = join(directory, configName);
  const text = await readFile(path, "utf8").catch(() => "");
  const document = parseDocument(text === "" ? "{}" : text);
  if (document.contents === null) document.contents = document.createNode({}) as never;
  document.setIn(["recorder", "id"], manifest.recorder);
  document.setIn(["recorder", "dataDirectory"], ".");
  for (const key of ["keyDirectory", "database", "adminSocket"]) document.deleteIn(["recorder", key]);
  document.delete("inventory");
  const isNamed = document.hasIn(["masterKey", "file"]);
  const kept = isNamed ? `keys/${basename(String(document.getIn(["masterKey", "file"])))}` : "keys/master.key";
  const isIn = manifest.files.some(({ name }) => name === kept) && !document.hasIn(["masterKey", "command"]);
  if (isNamed && isIn) document.setIn(["masterKey", "file"], kept);
  if (manifest.storeDirectory !== null) document.setIn(["store"], storeNode(document.getIn(["store"]), manifest));
  await writeFile(path, document.toString(), { mode: 0o600 });
  return isIn ? join(directory, kept) : null;
}

function storeNode(before: unknown, { storeDirectory }: BackupManifest): unknown {
  const plain = (before as { toJSON?(): Record<string, unknown> } | undefined)?.toJSON?.() ?? { kind: "fs" };
  return { ...plain, directory: storeDirectory };
}

/** The database is sound, and its secrets open. */
async function tryOut(directory: string, masterKey: string | null): Promise<number | null> {
  const file = join(directory, databaseName);
  const database = await openDatabase(file);
  try {
    const found = await database.check();
    if (found !== "ok") throw damaged(`its database is not sound (${found})`);
    if (masterKey === null) return null;
    const secrets = new SecretStore(
      database.access,
      await MasterKey.open(database.access, masterKeyFromFile(masterKey)),
    );
    const known = await secrets.list();
    for (const { name } of known) await secrets.get(name);
    return known.length;
  } finally {
    await database.close();
  }
}
