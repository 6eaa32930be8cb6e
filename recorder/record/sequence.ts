// The recorder's gapless session number. The number of an OPEN record is taken once that record is durable; this file
// keeps the highest number whose recording may have left the spool, so both together never give one number twice.
import { readFile } from "node:fs/promises";
import { AppError } from "../../shared/errors.ts";
import { writeDurable } from "./durable-file.ts";

export class Sequence {
  readonly #path: string;
  #last: number;
  #kept: number;
  #queue: Promise<unknown> = Promise.resolve();
  #keeping: Promise<void> = Promise.resolve();

  private constructor(path: string, last: number) {
    this.#path = path;
    this.#last = last;
    this.#kept = last;
  }

  static async load(path: string): Promise<Sequence> {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return new Sequence(path, 0);
    }
    const last = Number(text.trim());
    if (!Number.isSafeInteger(last) || last < 0) {
      throw new AppError(
        "RECORD_DAMAGED",
        `${path} does not hold a number: write the highest recorder sequence number of any recording into it`,
        {
          op: "sequence.load",
        },
      );
    }
    return new Sequence(path, last);
  }

  /** A recording of that number was found in the spool. */
  saw(sequence: number): void {
    this.#last = Math.max(this.#last, sequence);
  }

  /** Gives the next number to `use`; when that fails the number is free again. One at a time. */
  take<T>(use: (sequence: number) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      const result = await use(this.#last + 1);
      this.#last++;
      return result;
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /** Makes the count durable: before a recording's folder is removed from the spool. One writes at a time. */
  keep(): Promise<void> {
    const turn = this.#keeping.then(() => this.#write());
    this.#keeping = turn.catch(() => {});
    return turn;
  }

  async #write(): Promise<void> {
    const last = this.#last;
    if (last <= this.#kept) return;
    await writeDurable(this.#path, Buffer.from(`${last}\n`));
    this.#kept = Math.max(this.#kept, last);
  }
}
