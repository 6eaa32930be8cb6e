// A recording's files in the spool: OPEN record written and read back, its segments' list read back.
import { createHash, webcrypto } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { sessionIdPattern } from "../../shared/ids.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { openName, openSignatureName } from "../store/keys.ts";
import { syncDirectory, writeSynced } from "./durable-file.ts";
import type { Signer } from "./signing.ts";
import { dataKeysName, SpoolLine, segmentsListName, sessionDirectory } from "./spool-layout.ts";

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const smallBytes = 64 * 1024;

/** The same off the main thread: hashing megabytes there would hold up every session's keystrokes. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  if (bytes.length <= smallBytes) return sha256Hex(bytes);
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes)).toString("hex");
}

function stored(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** Durable and signed when it resolves; the folder appears whole or not at all. Answers the record's hash. */
export async function writeOpen(
  spool: string,
  open: OpenRecord,
  signer: Signer,
  sealedKeys: Uint8Array | null,
): Promise<string> {
  const bytes = stored(open);
  const directory = sessionDirectory(spool, open.session);
  const temporary = `${directory}.tmp`;
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  try {
    await Promise.all([
      writeSynced(join(temporary, openName), bytes),
      writeSynced(join(temporary, openSignatureName), signer.sign(bytes)),
      ...(sealedKeys === null ? [] : [writeSynced(join(temporary, dataKeysName), sealedKeys)]),
    ]);
    await syncDirectory(temporary);
    await rename(temporary, directory);
    await syncDirectory(spool);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return sha256Hex(bytes);
}

/** Of a session that did not begin. Renamed first: half a folder must never look like a recording that a crash left. */
export async function removeOpen(spool: string, session: string): Promise<void> {
  const directory = sessionDirectory(spool, session);
  await rename(directory, `${directory}.gone`);
  await syncDirectory(spool);
  await rm(`${directory}.gone`, { recursive: true, force: true });
}

export async function listSpooledSessions(spool: string): Promise<string[]> {
  const names = await readdir(spool);
  // An OPEN record that was not finished, or a folder that was being removed.
  for (const name of names) {
    const left = /^(.*)\.(?:tmp|gone)$/.exec(name)?.[1];
    if (left !== undefined && sessionIdPattern.test(left))
      await rm(join(spool, name), { recursive: true, force: true });
  }
  return names.filter((name) => sessionIdPattern.test(name)).sort();
}

export interface SpooledOpen {
  open: OpenRecord;
  sha256: string;
}

export async function readOpen(spool: string, session: string): Promise<SpooledOpen> {
  const bytes = await readFile(join(sessionDirectory(spool, session), openName));
  return { open: OpenRecord.parse(JSON.parse(bytes.toString("utf8"))), sha256: sha256Hex(bytes) };
}

/** The closed segments of an unsealed recording. A torn last line is no line; its segment is written again. */
export async function readSegmentList(
  spool: string,
  session: string,
): Promise<{ lines: SpoolLine[]; wholeBytes: number }> {
  let text: string;
  try {
    text = await readFile(join(sessionDirectory(spool, session), segmentsListName), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { lines: [], wholeBytes: 0 };
    throw error;
  }
  const end = text.lastIndexOf("\n") + 1;
  const lines: SpoolLine[] = [];
  for (const line of text.slice(0, end).split("\n")) {
    if (line !== "") lines.push(SpoolLine.parse(JSON.parse(line)));
  }
  return { lines, wholeBytes: Buffer.byteLength(text.slice(0, end)) };
}
