// A recording in a folder, as it came from the store or from a zip file, decrypted into another one: for whoever holds a
// recipient's identity and has neither service nor database. Trusts nothing in it: names lead nowhere else, every segment
// is hashed before it is decrypted, and every fault is told with its place.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { z } from "zod";
import type { EncryptionStream } from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import { Manifest, type SegmentMeta } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { eraseDataKeys } from "./data-keys.ts";
import { RecordingKeys } from "./recording-keys.ts";
import { decryptSegment } from "./segment-cipher.ts";

export interface DecryptedFolder {
  session: string;
  /** Names of what was written. */
  written: string[];
  /** Streams that none of the identities opens. */
  locked: EncryptionStream[];
  faults: { place: string; message: string }[];
}

const safeName = /^[a-z]+(?:-\d+)?\/\d{6}\.(?:cast|scr|frm|jsonl)\.(?:zst|gz)(?:\.enc)?$/;

/** @param identities as age has them (`AGE-SECRET-KEY-1…`). Files are made, never replaced. */
export async function decryptFolder(from: string, to: string, identities: readonly string[]): Promise<DecryptedFolder> {
  const open = await parsed(OpenRecord, join(from, "open.json"));
  const manifest = await parsed(Manifest, join(from, "manifest.json"));
  if (open.encryption === undefined) {
    throw new AppError("REQUEST_CONFLICT", `the recording in ${from} is not encrypted: zstdcat reads it as it is`, {
      op: "encryption.folder",
    });
  }
  const keys = await RecordingKeys.of(identities).keysOf(open, ["content", "input"]);
  const locked = (["content", "input"] as const).filter((stream) => keys[stream] === undefined);
  const result: DecryptedFolder = { session: open.session, written: [], locked, faults: [] };
  const fault = (place: string, message: string) => void result.faults.push({ place, message });
  if (manifest.session !== open.session) fault("manifest.json", "is of another session than open.json");
  for (const meta of manifest.segments) {
    const key = meta.encryption && keys[meta.encryption];
    if (meta.encryption !== undefined && key === undefined) continue;
    try {
      const name = meta.name.replace(/\.enc$/, "");
      await write(
        join(to, name),
        key ? decryptSegment(key, open.session, meta, await stored(from, meta)) : await stored(from, meta),
      );
      result.written.push(name);
    } catch (error) {
      fault(meta.name, (error as Error).message);
    }
  }
  eraseDataKeys(keys);
  return result;
}

async function stored(from: string, meta: SegmentMeta): Promise<Uint8Array> {
  if (!safeName.test(meta.name)) throw new Error("is no name of a segment");
  const bytes = await readFile(join(from, meta.name));
  if (createHash("sha256").update(bytes).digest("hex") === meta.sha256) return bytes;
  throw new Error("its bytes do not have the hash that manifest.json names");
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, bytes, { flag: "wx", mode: 0o600 }).catch(async (error: NodeJS.ErrnoException) => {
    // What a full disk took half of is no segment.
    if (error.code !== "EEXIST") await rm(path, { force: true });
    throw error;
  });
}

async function parsed<T>(schema: z.ZodType<T>, path: string): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = missing
      ? `there is no ${path}: name the folder of one recording, as it lies in the store or in a zip file`
      : `${path} is not in a format that this version reads`;
    throw new AppError(missing ? "REQUEST_NOT_FOUND" : "INTEGRITY_FORMAT", message, { op: "encryption.folder", cause });
  }
}
