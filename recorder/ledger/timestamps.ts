// Time stamps of checkpoints as they came: `<size, 12 digits>.tsr`, on this machine and beside the checkpoint in the store.
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, writeDurable } from "../record/durable-file.ts";
import { ledgerCheckpointKey } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { sha256Hex } from "./node-crypto.ts";

const stampName = /^\d{12}\.tsr$/;

export class Timestamps {
  readonly #directory: string;
  /** Not yet in the store. */
  readonly #waiting: string;

  constructor(ledgerDirectory: string) {
    this.#directory = join(ledgerDirectory, "timestamps");
    this.#waiting = join(this.#directory, "waiting");
  }

  async keep(size: number, answer: Uint8Array): Promise<void> {
    await mkdir(this.#waiting, { recursive: true, mode: 0o700 });
    await writeDurable(join(this.#waiting, nameOf(size)), answer);
  }

  /** Null: that checkpoint has none. */
  async of(size: number): Promise<Uint8Array | null> {
    for (const directory of [this.#directory, this.#waiting]) {
      const answer = await readFile(join(directory, nameOf(size))).catch(nullIfMissing);
      if (answer !== null) return answer;
    }
    return null;
  }

  /** Ascending. */
  async sizes(): Promise<number[]> {
    const sizes = new Set<number>();
    for (const directory of [this.#directory, this.#waiting])
      for (const name of (await readdir(directory).catch(nullIfMissing)) ?? [])
        if (stampName.test(name)) sizes.add(Number(name.slice(0, 12)));
    return [...sizes].sort((a, b) => a - b);
  }

  /** Of checkpoints that the store has. */
  async upload(store: ObjectStore, recorderId: string, uploadedSize: number, signal: AbortSignal): Promise<void> {
    const names = (await readdir(this.#waiting).catch(nullIfMissing)) ?? [];
    for (const name of names.filter((one) => stampName.test(one)).sort()) {
      const size = Number(name.slice(0, 12));
      if (size > uploadedSize) continue;
      const body = await readFile(join(this.#waiting, name));
      const key = `${ledgerCheckpointKey(recorderId, size)}.tsr`;
      await store.put(key, body, { sha256: sha256Hex(body), contentType: "application/timestamp-reply", signal });
      await rename(join(this.#waiting, name), join(this.#directory, name));
      await syncDirectory(this.#directory);
    }
  }
}

function nameOf(size: number): string {
  return `${String(size).padStart(12, "0")}.tsr`;
}

function nullIfMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  throw error;
}
