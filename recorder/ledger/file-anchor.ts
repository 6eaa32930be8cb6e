// Anchor to a file on another machine's mount: one line of JSON a checkpoint, appended and synced.
import { open } from "node:fs/promises";
import type { Anchor } from "./anchor.ts";
import type { LedgerCheckpoint } from "./contract.ts";
import { sha256Hex } from "./node-crypto.ts";

const lineFeed = 10;

export class FileAnchor implements Anchor {
  readonly name: string;
  readonly #path: string;

  constructor(path: string) {
    this.name = `file:${path}`;
    this.#path = path;
  }

  async anchor({ size, note }: LedgerCheckpoint): Promise<{ receipt: string; receiptSha256: string }> {
    const line = JSON.stringify({ at: new Date().toISOString(), size, note });
    const handle = await open(this.#path, "a+", 0o640);
    try {
      const { size: bytes } = await handle.stat();
      const last = Buffer.alloc(1);
      if (bytes > 0) await handle.read(last, 0, 1, bytes - 1);
      // After half a line, which a full disk or a crash left, the next one begins on its own.
      const begin = bytes > 0 && last[0] !== lineFeed ? "\n" : "";
      await handle.writeFile(`${begin}${line}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const receipt = sha256Hex(line);
    return { receipt, receiptSha256: receipt };
  }
}
