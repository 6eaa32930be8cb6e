// The FileHold of the taps: bounded files in quarantine, a scanner, and the evidence of what it found. Invariant: what is
// not clean never leaves; what fails on the way counts as not clean.
import { type FileHold, type HeldFile, type HoldFacts, HoldRefusal, type Verdict } from "../tap/file-hold.ts";
import type { Evidence } from "./evidence.ts";
import { QuarantineFiles, type QuarantineLimits, type StoredFile } from "./quarantine-files.ts";
import type { Scanner } from "./scanner.ts";

export interface QuarantineOptions {
  directory: string;
  limits: QuarantineLimits;
  scanner: Scanner;
  evidence: Pick<Evidence, "add" | "notKept">;
  logger: { warn(facts: object, sentence: string): void; error(facts: object, sentence: string): void };
  /** A file was put into evidence, for the audit and the feed. */
  onKept(facts: HoldFacts & { id: string; outcome: string; finding: string; sha256: string; bytes: number }): void;
}

/** One process at a time: what lies in `held` is swept. */
export async function openQuarantine(options: QuarantineOptions): Promise<FileHold> {
  const { files, swept } = await QuarantineFiles.open(options.directory, options.limits);
  if (swept > 0) {
    options.logger.warn(
      { swept },
      "file transfers that a crash cut off were removed from the quarantine; none was handed on",
    );
  }
  return {
    maxFileBytes: options.limits.maxFileBytes,
    open: async (facts) => {
      const stored = await files.create(facts.session).catch((error: unknown) => refused(options, error));
      return new QuarantinedHold(options, files, facts, stored);
    },
  };
}

class QuarantinedHold implements HeldFile {
  readonly #options: QuarantineOptions;
  readonly #files: QuarantineFiles;
  readonly #facts: HoldFacts;
  readonly #stored: StoredFile;

  constructor(options: QuarantineOptions, files: QuarantineFiles, facts: HoldFacts, stored: StoredFile) {
    this.#options = options;
    this.#files = files;
    this.#facts = facts;
    this.#stored = stored;
  }

  get size(): number {
    return this.#stored.size;
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#orRefusal(() => this.#stored.write(offset, data));
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#orRefusal(() => this.#stored.read(offset, length));
  }

  truncate(size: number): Promise<void> {
    return this.#orRefusal(() => this.#stored.truncate(size));
  }

  async scan(progress: (part: number) => void, signal: AbortSignal): Promise<Verdict> {
    const bytes = this.#stored.size;
    const reading = this.#stored.contents((at) => progress(at / bytes));
    let sha256 = "";
    const contents = async function* (): AsyncGenerator<Uint8Array> {
      sha256 = yield* reading;
    };
    const answer = await this.#orRefusal(() => this.#options.scanner.scan(contents(), signal));
    // A scanner that gave up in the middle has not seen the whole: the digest is of the whole all the same.
    if (sha256 === "") {
      if (answer.outcome === "clean")
        throw new HoldRefusal("quarantine-failed", "the virus scanner did not read it whole");
      sha256 = await this.#orRefusal(() => this.#stored.digest(signal));
    }
    return { ...answer, sha256, bytes };
  }

  async keep(verdict: Verdict): Promise<string | null> {
    if (verdict.outcome === "clean") return null;
    const { evidence, onKept } = this.#options;
    const { sha256, bytes, outcome } = verdict;
    const finding = verdict.outcome === "infected" ? verdict.signature : verdict.reason;
    try {
      // The row first: bytes without a row would never be found again.
      const id = await evidence.add({ ...this.#facts, bytes, sha256, outcome, finding, kept: true });
      if (!(await this.#files.keep(this.#stored, sha256))) await evidence.notKept(id);
      onKept({ ...this.#facts, id, outcome, finding, sha256, bytes });
      return id;
    } catch (error) {
      // It is refused in any case; that its bytes are lost as evidence is an operator's trouble, not the person's.
      this.#options.logger.error(
        { ...this.#facts, sha256, err: error },
        "a refused file could not be kept as evidence",
      );
      return null;
    } finally {
      await this.#stored.discard();
    }
  }

  discard(): Promise<void> {
    return this.#stored.discard();
  }

  async #orRefusal<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (this.#stored.discarded) throw new Error("the file was given up", { cause: error });
      return refused(this.#options, error);
    }
  }
}

/** The disk's own faults refuse the file; the log says which. */
function refused(options: QuarantineOptions, error: unknown): never {
  const { code, errno } = error as NodeJS.ErrnoException;
  if (errno === undefined) throw error;
  options.logger.error({ err: error }, "the quarantine's disk failed");
  if (code === "ENOSPC") throw new HoldRefusal("disk-low", "the gateway's disk is full; try again later");
  throw new HoldRefusal("quarantine-failed", "the gateway's quarantine failed; its operators see why in the log");
}
