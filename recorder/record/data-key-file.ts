// A recording's data keys in the spool, so that recovery can go on with it when neither database nor key service answers:
// sealed with a key of journal.key, which lies beside them, durable with the OPEN record, gone when the recording is sealed.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { dataKeyBytes, nonceBytes, tagBytes } from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { eraseDataKeys } from "../encryption/data-keys.ts";
import { type DataKeys, keyCheck } from "../encryption/segment-cipher.ts";
import { dataKeysName, sessionDirectory } from "./spool-layout.ts";

function sealingKey(journalKey: Uint8Array, session: string): Buffer {
  return Buffer.from(hkdfSync("sha256", journalKey, session, "conduit recording keys", 32));
}

export function sealDataKeys(journalKey: Uint8Array, session: string, { content, input }: DataKeys): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", sealingKey(journalKey, session), nonce, { authTagLength: tagBytes });
  const sealed = [nonce, cipher.update(content), cipher.update(input), cipher.final()];
  return Buffer.concat([...sealed, cipher.getAuthTag()]);
}

/** Null: the recording is not encrypted. RECORD_DAMAGED: it is, and cannot be gone on with. */
export async function readDataKeys(spool: string, open: OpenRecord, journalKey: Uint8Array): Promise<DataKeys | null> {
  const { session, encryption } = open;
  if (encryption === undefined) return null;
  const path = join(sessionDirectory(spool, session), dataKeysName);
  try {
    const keys = unseal(await readFile(path), sealingKey(journalKey, session));
    const { streams } = encryption;
    const isIts = (stream: keyof DataKeys) => keyCheck(keys[stream], session, stream) === streams[stream].check;
    if (isIts("content") && isIts("input")) return keys;
    eraseDataKeys(keys);
    throw new Error("they are not the keys that its OPEN record names");
  } catch (cause) {
    throw new AppError(
      "RECORD_DAMAGED",
      `the recording's keys in ${path} cannot be read: ${(cause as Error).message}`,
      {
        op: "record.dataKeys",
        cause,
      },
    );
  }
}

function unseal(sealed: Buffer, key: Uint8Array): DataKeys {
  if (sealed.length !== nonceBytes + 2 * dataKeyBytes + tagBytes) throw new Error(`it has ${sealed.length} bytes`);
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(end));
  const both = Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()]);
  const keys = {
    content: Uint8Array.from(both.subarray(0, dataKeyBytes)),
    input: Uint8Array.from(both.subarray(dataKeyBytes)),
  };
  both.fill(0);
  return keys;
}

/** The recording is sealed: nothing of it is written any more. */
export async function removeDataKeys(spool: string, session: string): Promise<void> {
  await rm(join(sessionDirectory(spool, session), dataKeysName), { force: true });
}
