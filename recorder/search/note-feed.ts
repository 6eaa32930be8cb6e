// Notes on recordings on their way into the index. Fed by whoever changes one, and by a look at all of them at the start and
// now and then, since commands write them beside the service. Invariant: nobody who writes a note waits for the index, and
// what is struck out, or on a recording that is no longer kept, is not found.
import type { NoteKind } from "../../shared/api/cases.ts";
import { maxDocumentCharacters, type SearchDocument, type SearchIndex } from "./search-index.ts";

export interface StandingNote {
  kind: NoteKind;
  atUs: number;
  endUs: number | null;
  text: string;
  tags: readonly string[];
  author: string;
}

interface NoteFeedOptions {
  index: Pick<SearchIndex, "putNotes" | "whenRemade">;
  /** Every recording with notes, and what changes with each step of one of them. */
  noted(): Promise<ReadonlyMap<string, string>>;
  /** Those that stand; null where the recording is no longer kept. */
  standing(session: string): Promise<StandingNote[] | null>;
  logger: { error(facts: object, message: string): void };
  /** How often all are looked at. */
  lookMs?: number;
}

export class NoteFeed {
  readonly #options: NoteFeedOptions;
  readonly #seen = new Map<string, string>();
  readonly #queue = new Set<string>();
  #running: Promise<void> | null = null;
  #look: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: NoteFeedOptions) {
    this.#options = options;
    options.index.whenRemade?.(() => {
      this.#seen.clear();
      if (!this.#isClosed) void this.#lookAtAll();
    });
  }

  async start(): Promise<void> {
    const { lookMs = 60_000 } = this.#options;
    await this.#lookAtAll();
    if (!this.#isClosed) this.#look ??= setInterval(() => void this.#lookAtAll(), lookMs).unref();
  }

  changed(session: string): void {
    if (this.#isClosed) return;
    this.#queue.add(session);
    this.#run();
  }

  /** Nothing of it is on its way into the index any more when this resolves. */
  async expired(session: string): Promise<void> {
    this.#queue.delete(session);
    await this.#running;
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#look);
    this.#queue.clear();
    await this.#running;
  }

  async #lookAtAll(): Promise<void> {
    const { noted, logger } = this.#options;
    try {
      for (const [session, stamp] of await noted()) {
        if (this.#seen.get(session) === stamp) continue;
        this.#seen.set(session, stamp);
        this.changed(session);
      }
    } catch (error) {
      logger.error({ err: error }, "the notes for the search cannot be read; it is tried again");
    }
  }

  #run(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
      if (this.#queue.size > 0) this.#run();
    });
  }

  async #work(): Promise<void> {
    for (const session of this.#queue) {
      this.#queue.delete(session);
      await this.#put(session);
    }
  }

  async #put(session: string): Promise<void> {
    const { index, standing, logger } = this.#options;
    try {
      const notes = await standing(session);
      if (notes === null) return;
      await index.putNotes(
        session,
        notes.flatMap((note) => documentsOf(session, note)),
      );
    } catch (error) {
      // The next look takes it up again.
      this.#seen.delete(session);
      logger.error({ session, err: error }, "notes could not be put into the search index; it is tried again");
    }
  }
}

/** A long note is several, each at the same moment. */
function documentsOf(session: string, { kind, atUs, endUs, text, tags, author }: StandingNote): SearchDocument[] {
  const said = [text === "" ? kind : text, ...tags.map((tag) => `#${tag}`)].join(" ");
  const documents: SearchDocument[] = [];
  for (const part of partsOf(`${author}: ${said}`))
    documents.push({ session, kind: "note", atUs, ...(endUs === null ? {} : { endUs }), text: part });
  return documents;
}

/** Between words, where there is a place between words. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > maxDocumentCharacters) {
    const space = rest.lastIndexOf(" ", maxDocumentCharacters);
    const end = space > 0 ? space : maxDocumentCharacters;
    parts.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...parts, rest];
}
