// What others than the table say of a recording before any of it is deleted: its own signed manifest, and the ledger. The
// table is a cache that can be edited or restored from an old copy; where these say longer, they count.
import { AppError } from "../../shared/errors.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { manifestName, openName } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { retainUntilOfOpen } from "./terms.ts";

/** What this recorder's own ledger says. */
export interface WitnessedRecording {
  /** It has the recording's beginning: it is this recorder's. */
  recorded: boolean;
  /** Null: it was not closed. */
  retainUntil: string | null;
  /** Cases that hold it. */
  cases: readonly string[];
}

export type WitnessOf = (session: string) => Promise<WitnessedRecording>;

/** What the recording's own records say; null where neither can be read. */
export interface OwnWord {
  recorder: string;
  retainUntil: string;
}

export async function ownWord(store: Pick<ObjectStore, "get">, prefix: string): Promise<OwnWord | null> {
  const manifest = parsed(Manifest, await bytesOf(store, prefix + manifestName));
  if (manifest !== null) return { recorder: manifest.recorder.id, retainUntil: manifest.retainUntil };
  const open = parsed(OpenRecord, await bytesOf(store, prefix + openName));
  return open === null ? null : { recorder: open.recorder.id, retainUntil: retainUntilOfOpen(open) };
}

export function latest(times: ReadonlyArray<string | null | undefined>): string | null {
  let last: string | null = null;
  for (const time of times) {
    if (time == null || Number.isNaN(Date.parse(time))) continue;
    if (last === null || Date.parse(time) > Date.parse(last)) last = time;
  }
  return last;
}

export async function bytesOf(store: Pick<ObjectStore, "get">, key: string): Promise<Uint8Array | null> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof AppError && error.code === "STORE_NOT_FOUND") return null;
    throw error;
  }
}

export function parsed<T>(
  schema: { safeParse(value: unknown): { success: boolean; data?: T } },
  bytes: Uint8Array | null,
): T | null {
  if (bytes === null) return null;
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data ?? null;
  } catch {
    return null;
  }
}
