// Keys for typed input in the journal: whether it was a password is known only after it was forwarded, so until then it
// lies there encrypted. One key file a spool, one derived key a session.
import { createCipheriv, hkdfSync, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../../../shared/errors.ts";
import { writeDurable } from "../durable-file.ts";

export const inputOverheadBytes = 22;

/** Reads the spool's key, or makes it, durable before it is used. */
export async function loadJournalKey(path: string): Promise<Uint8Array> {
  try {
    const key = await readFile(path);
    if (key.length === 32) return key;
    // The first start ended before the key was on the disk: nothing was encrypted with it.
    const unused = key.length === 0 && (await readdir(join(dirname(path), "journal")).catch(() => [])).length === 0;
    if (!unused)
      throw new AppError(
        "RECORD_DAMAGED",
        `${path} is not a journal key: it must hold 32 bytes; restore it, or move it away to start afresh`,
        {
          op: "journal.key",
        },
      );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const key = randomBytes(32);
  await writeDurable(path, key);
  return key;
}

export function sessionInputKey(journalKey: Uint8Array, session: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", journalKey, session, "conduit journal input", 32));
}

/** One a process and session: a record number written again after a crash never meets the same key stream. */
export function inputSalt(): Buffer {
  return randomBytes(6);
}

/** Salt, ciphertext, tag: `inputOverheadBytes` more than the input. Written into `into` at `at`. */
export function encryptInput(
  key: Uint8Array,
  salt: Buffer,
  recordNo: number,
  aad: Uint8Array,
  data: Uint8Array,
  into: Buffer,
  at: number,
): void {
  const iv = Buffer.allocUnsafe(12);
  salt.copy(iv);
  iv.writeUIntBE(recordNo, 6, 6);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(aad);
  salt.copy(into, at);
  const body = cipher.update(data);
  into.set(body, at + 6);
  into.set(cipher.final(), at + 6 + body.length);
  into.set(cipher.getAuthTag(), at + 6 + data.length);
}
