// The search index in PostgreSQL, for several nodes. Fed by the indexer and by notes of each; one session is written by one
// at a time. Invariant: a database that is away holds up nothing, and what is asked of it meanwhile says so.
import {
  clearSession,
  coverageOf,
  gathered,
  PutGate,
  putNotes,
  putSession,
  type Run,
  stateOf,
  versionsOf,
  type WordTables,
} from "./entries.ts";
import { Finder, type Matching } from "./found.ts";
import { PostgresDatabase, type PostgresOptions } from "./postgres-database.ts";
import { vectorOf, vectorQuery } from "./postgres-words.ts";
import type {
  FoundPage,
  IndexedSession,
  SearchDocument,
  SearchedSession,
  SearchIndex,
  SearchQuery,
} from "./search-index.ts";

const matching: Matching = {
  match(terms, facets) {
    const parameter = vectorQuery(terms, facets);
    return parameter === null ? null : { condition: "d.words @@ ?::tsquery", parameter };
  },
  number: () => "d.id",
  tables: () => "documents d join sessions s on s.slot = d.id >> 17",
  numbers: (_isMatched, conditions) =>
    conditions.every((condition) => !/\bs\./.test(condition)) ? "documents d" : null,
};

const wordTables: WordTables = { words: vectorOf };

export class PostgresSearchIndex implements SearchIndex {
  readonly #database: PostgresDatabase;
  readonly #finder: Finder;
  readonly #whenRemade: (() => void)[] = [];
  readonly #puts = new PutGate();

  constructor(options: PostgresOptions) {
    this.#database = new PostgresDatabase(options, () => {
      for (const then of this.#whenRemade) then();
    });
    this.#finder = new Finder((sql, parameters) => this.#database.ask(sql, parameters), matching);
  }

  /** For people; without its password. */
  get place(): string {
    return this.#database.place;
  }

  whenRemade(then: () => void): void {
    this.#whenRemade.push(then);
  }

  async put(session: string, documents: AsyncIterable<SearchDocument>, about: () => SearchedSession): Promise<void> {
    const all = await gathered(documents);
    const facts = about();
    await this.#write(session, async (ask) => {
      const run = this.#puts.through(ask);
      await clearSession(run, wordTables, session);
      await putSession(run, wordTables, facts, all);
    });
  }

  async putNotes(session: string, notes: readonly SearchDocument[]): Promise<void> {
    await this.#write(session, (run) => putNotes(this.#puts.through(run), wordTables, session, notes));
  }

  remove(session: string): Promise<boolean> {
    return this.#write(session, async (run) => {
      const was = await clearSession(run, wordTables, session);
      await run("delete from notes where session = ?", [session]);
      return was;
    });
  }

  async removeMonth(month: string): Promise<number> {
    const found = await this.#database.ask("select session from sessions where key_month = ?", [month]);
    let removed = 0;
    for (const { session } of found) if (await this.remove(String(session))) removed++;
    return removed;
  }

  state(session: string): Promise<IndexedSession | null> {
    return stateOf((sql, parameters) => this.#database.ask(sql, parameters), session);
  }

  sessions(): Promise<Map<string, number>> {
    return versionsOf((sql, parameters) => this.#database.ask(sql, parameters));
  }

  coverage() {
    return coverageOf((sql, parameters) => this.#database.ask(sql, parameters));
  }

  async forget(): Promise<void> {
    await this.#database.transaction(async (run) => void (await run("update sessions set version = 0")));
  }

  search(query: SearchQuery): Promise<FoundPage> {
    return this.#finder.find(query);
  }

  bytes(): Promise<number> {
    return this.#database.bytes();
  }

  stopPutting(): void {
    this.#puts.stop();
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #write<T>(session: string, work: (run: Run) => Promise<T>): Promise<T> {
    return this.#database.transaction(async (run) => {
      await run("select pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || ?, 0))", [session]);
      return work(run);
    });
  }
}
