// The versions of the signed history of keys: in `<key directory>/history/`, and copied into the store. Invariant: a version
// is written once, with its signature before it, and each names the bytes of the one before.
import { createPublicKey, verify } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { KeyHistory } from "../../shared/ledger/key-history.ts";
import { writeDurable } from "../record/durable-file.ts";
import { keyHistoryKey, keyHistoryPrefix, publicKeyKey } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { PublicKey, RootKey } from "./root-key.ts";
import { sha256Hex } from "./sha256.ts";

export interface HistoryVersion {
  number: number;
  history: KeyHistory;
  bytes: Uint8Array;
  signature: Uint8Array;
  sha256: string;
}

export function historyDirectory(keyDirectory: string): string {
  return join(keyDirectory, "history");
}

/** From the first on, each checked under the root. INTEGRITY_SIGNATURE where one is not what the root signed. */
export async function readHistory(keyDirectory: string, root: PublicKey): Promise<HistoryVersion[]> {
  const directory = historyDirectory(keyDirectory);
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const versions: HistoryVersion[] = [];
  for (const name of names.filter((one) => /^\d{6}\.json$/.test(one)).sort()) {
    const path = join(directory, name);
    const bytes = await readFile(path);
    const signature = await readFile(`${path}.sig`);
    versions.push(checked(path, bytes, signature, root, versions.at(-1)));
  }
  return versions;
}

/** What the store has; empty: none. */
export async function readStoredHistory(
  store: ObjectStore,
  root: PublicKey,
  signal: AbortSignal,
): Promise<HistoryVersion[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(keyHistoryPrefix, { signal })) if (/\/\d{6}\.json$/.test(key)) keys.push(key);
  const versions: HistoryVersion[] = [];
  for (const key of keys.sort()) {
    const [bytes, signature] = await Promise.all([store.get(key, { signal }), store.get(`${key}.sig`, { signal })]);
    versions.push(checked(key, bytes, signature, root, versions.at(-1)));
  }
  return versions;
}

function checked(
  place: string,
  bytes: Uint8Array,
  signature: Uint8Array,
  root: PublicKey,
  before: HistoryVersion | undefined,
): HistoryVersion {
  if (!verify(null, bytes, createPublicKey(root.publicKeyPem), signature)) {
    const text = `${place} is not signed by the root key ${root.keyId} of this installation; put its right root.pub.pem back, or find out who wrote that file`;
    throw new AppError("INTEGRITY_SIGNATURE", text, { op: "keys.history" });
  }
  let history: KeyHistory;
  try {
    history = KeyHistory.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (cause) {
    throw new AppError("INTEGRITY_FORMAT", `${place} is not in a format that this version reads`, {
      op: "keys.history",
      cause,
    });
  }
  if (history.number !== (before?.number ?? 0) + 1 || history.previousSha256 !== (before?.sha256 ?? null)) {
    const text = `${place} does not go on from the version of the key history before it; one is missing or was changed`;
    throw new AppError("INTEGRITY_SIGNATURE", text, { op: "keys.history" });
  }
  return { number: history.number, history, bytes, signature, sha256: sha256Hex(bytes) };
}

export function signVersion(history: KeyHistory, root: RootKey): HistoryVersion {
  const bytes = Buffer.from(`${JSON.stringify(history, null, 2)}\n`);
  return { number: history.number, history, bytes, signature: root.sign(bytes), sha256: sha256Hex(bytes) };
}

export async function writeVersion(keyDirectory: string, version: HistoryVersion): Promise<void> {
  const directory = historyDirectory(keyDirectory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${String(version.number).padStart(6, "0")}.json`);
  await writeDurable(`${path}.sig`, version.signature);
  await writeDurable(path, version.bytes);
}

/**
 * The same bytes under the same name are no new object. STORE_EXISTS where the store has another history. The copies of the
 * public keys come first: whoever finds a version finds a file of each key that it names.
 */
export async function uploadHistory(store: ObjectStore, versions: readonly HistoryVersion[]): Promise<void> {
  // A version names all keys of the one before: the last one has them all.
  for (const { keyId, publicKeyPem } of versions.at(-1)?.history.keys ?? []) {
    const pem = Buffer.from(publicKeyPem);
    await store.put(publicKeyKey(keyId), pem, { sha256: sha256Hex(pem), contentType: "application/x-pem-file" });
  }
  for (const { number, bytes, signature } of versions) {
    const key = keyHistoryKey(number);
    await store.put(`${key}.sig`, signature, {
      sha256: sha256Hex(signature),
      contentType: "application/octet-stream",
    });
    await store.put(key, bytes, { sha256: sha256Hex(bytes), contentType: "application/json" });
  }
}
