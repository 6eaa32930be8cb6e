// The search index in SQLite's FTS5, in a file of its own. Fed by the indexer and by notes; two connections, each in a
// thread, so that whoever searches never waits for a recording that is being written in. Invariant: what left the index has
// left its file.
import { existsSync } from "node:fs";
import { AppError } from "../../shared/errors.ts";
import {
  clearSession,
  coverageOf,
  gathered,
  PutGate,
  putNotes,
  putSession,
  type Row,
  type Run,
  stateOf,
  versionsOf,
  type WordTables,
} from "./entries.ts";
import { Finder, type Matching } from "./found.ts";
import { matchExpression } from "./query.ts";
import type {
  FoundPage,
  IndexedSession,
  SearchDocument,
  SearchedSession,
  SearchIndex,
  SearchQuery,
} from "./search-index.ts";
import { type Connections, connected, inTransaction, isDamage, isSpoiled, removeFile } from "./sqlite-file.ts";

export interface SqliteIndexOptions {
  /** Left out: queries run in this thread. */
  thread?: boolean;
}

export async function openSqliteIndex(file: string, options: SqliteIndexOptions = {}): Promise<SqliteSearchIndex> {
  try {
    return await open(file, { ...options, mends: true });
  } catch (error) {
    if (!isSpoiled(error)) throw error;
    // It holds nothing that the store does not have.
    removeFile(file);
    return open(file, { ...options, mends: true });
  }
}

/** As it is, beside a service that may be working on it: null where there is none, and one that is spoiled is left. */
export async function openFoundIndex(file: string): Promise<SqliteSearchIndex | null> {
  if (!existsSync(file)) return null;
  try {
    return await open(file, {});
  } catch (error) {
    if (!isSpoiled(error)) throw error;
    const why = `the search index ${file} cannot be used: start the service, which makes a new one (${(error as Error).message})`;
    throw new AppError("DATABASE_FAILED", why, { op: "search.find", cause: error });
  }
}

async function open(
  file: string,
  { thread, mends = false }: SqliteIndexOptions & { mends?: boolean },
): Promise<SqliteSearchIndex> {
  const connections = await connected(file, thread, mends);
  const anew = async () => {
    removeFile(file);
    return connected(file, thread, true);
  };
  return new SqliteSearchIndex(connections, mends ? anew : null);
}

const matching: Matching = {
  match(terms, facets) {
    const parameter = matchExpression(terms, facets);
    return parameter === null ? null : { condition: "words match ?", parameter };
  },
  number: (isMatched) => (isMatched ? "words.rowid" : "d.id"),
  tables: (isMatched) =>
    `${isMatched ? "words cross join documents d on d.id = words.rowid" : "documents d"}
      cross join sessions s on s.slot = d.id >> 17`,
  numbers: (isMatched, conditions) =>
    isMatched && conditions.every((condition) => !/\b[ds]\./.test(condition)) ? "words" : null,
};

/** The table of words has no text of its own, and is told what goes before it goes. */
const wordTables: WordTables = {
  enter: async (run, from, to) =>
    void (await run(
      "insert into words (rowid, text, facets) select id, text, facets from searched where id between ? and ?",
      [from, to],
    )),
  leave: async (run, from, to) =>
    void (await run(
      `insert into words (words, rowid, text, facets)
        select 'delete', id, text, facets from searched where id between ? and ?`,
      [from, to],
    )),
};

export class SqliteSearchIndex implements SearchIndex {
  #connections: Connections;
  /** Null: it is somebody else's, and stays as it is. */
  readonly #anew: (() => Promise<Connections>) | null;
  readonly #finder: Finder;
  readonly #whenRemade: (() => void)[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isDamaged = false;
  #isClosed = false;
  readonly #puts = new PutGate();
  /** Words of what left the tables may stand in the write-ahead log. */
  #hasRests = false;
  #restsTimer: NodeJS.Timeout | undefined;

  constructor(connections: Connections, anew: (() => Promise<Connections>) | null) {
    this.#connections = connections;
    this.#anew = anew;
    this.#finder = new Finder((sql, parameters) => this.#ask(sql, parameters), matching);
  }

  whenRemade(then: () => void): void {
    this.#whenRemade.push(then);
  }

  async put(session: string, documents: AsyncIterable<SearchDocument>, about: () => SearchedSession): Promise<void> {
    const all = await gathered(documents);
    const facts = about();
    await this.#write(async (ask) => {
      const run = this.#puts.through(ask);
      if (await clearSession(run, wordTables, session)) this.#hasRests = true;
      await putSession(run, wordTables, facts, all);
    });
  }

  async putNotes(session: string, notes: readonly SearchDocument[]): Promise<void> {
    await this.#write(async (ask) => {
      const run = this.#puts.through(ask);
      this.#hasRests = true;
      await putNotes(run, wordTables, session, notes);
    });
  }

  async remove(session: string): Promise<boolean> {
    let was = false;
    await this.#write(async (run) => {
      this.#hasRests = true;
      was = await clearSession(run, wordTables, session);
      await run("delete from notes where session = ?", [session]);
    });
    return was;
  }

  async removeMonth(month: string): Promise<number> {
    let removed = 0;
    await this.#write(async (run) => {
      removed = 0;
      this.#hasRests = true;
      for (const { session } of await run("select session from sessions where key_month = ?", [month])) {
        await clearSession(run, wordTables, String(session));
        await run("delete from notes where session = ?", [session]);
        removed++;
      }
    });
    return removed;
  }

  state(session: string): Promise<IndexedSession | null> {
    return stateOf((sql, parameters) => this.#ask(sql, parameters), session);
  }

  sessions(): Promise<Map<string, number>> {
    return versionsOf((sql, parameters) => this.#ask(sql, parameters));
  }

  coverage() {
    return coverageOf((sql, parameters) => this.#ask(sql, parameters));
  }

  async forget(): Promise<void> {
    await this.#write(async (run) => void (await run("update sessions set version = 0")));
  }

  search(query: SearchQuery): Promise<FoundPage> {
    return this.#finder.find(query);
  }

  stopPutting(): void {
    this.#puts.stop();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restsTimer);
    await this.#writing;
    const { writer, reader } = this.#connections;
    await Promise.all([writer.close(), reader.close()]);
  }

  async #ask(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const asked = this.#connections;
    try {
      if (this.#isDamaged) throw damaged();
      return (await asked.reader.execute({ sql, parameters })).rows;
    } catch (error) {
      if (this.#anew === null || !(isDamage(error) || this.#isDamaged || asked !== this.#connections)) throw error;
      this.#isDamaged ||= asked === this.#connections;
      this.#inTurn(() => this.#remake(asked)).catch(() => {});
      throw damaged(error);
    }
  }

  /** One after another: there is one connection that writes. */
  #write(work: (run: Run) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isDamaged) await this.#remake(this.#connections);
      const used = this.#connections;
      try {
        await inTransaction(used.writer, work);
      } catch (error) {
        if (this.#anew === null || !isDamage(error)) throw error;
        await this.#remake(used);
        await inTransaction(this.#connections.writer, work);
      }
      await this.#clearRests();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  /** It is a cache: what cannot be read goes, and whoever feeds it is told. */
  async #remake(broken: Connections): Promise<void> {
    if (broken !== this.#connections || this.#anew === null || this.#isClosed) return;
    this.#isDamaged = true;
    await Promise.allSettled([broken.writer.close(), broken.reader.close()]);
    this.#connections = await this.#anew();
    this.#isDamaged = false;
    this.#hasRests = false;
    for (const then of this.#whenRemade) then();
  }

  /** Not while somebody reads: it is tried again until nothing is left. */
  async #clearRests(): Promise<void> {
    if (!this.#hasRests) return;
    clearTimeout(this.#restsTimer);
    const sql = "pragma wal_checkpoint(truncate)";
    const answer = await this.#connections.writer.execute({ sql, parameters: [] }).catch(() => null);
    if (answer !== null && Number(answer.rows[0]?.["busy"]) === 0) this.#hasRests = false;
    else if (!this.#isClosed) {
      this.#restsTimer = setTimeout(() => void this.#inTurn(() => this.#clearRests()), restsRetryMs).unref();
    }
  }
}

const restsRetryMs = 1_000;

function damaged(cause?: unknown): AppError {
  const why = "the search index is damaged; it is being made again from the store: try again in a while";
  return new AppError("SEARCH_UNAVAILABLE", why, { op: "search.find", retryable: true, cause });
}
