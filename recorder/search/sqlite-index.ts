// The search index in SQLite's FTS5, in a file of its own. Fed by the indexer and by notes; two connections, each in a
// thread, so that whoever searches never waits for a recording that is being written in.
// Invariant: the number of a document is its session's place in time and its own place in the session. The newest is
// therefore the highest, and a page of the newest needs no sorting, however much matches.
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { SearchHit, SearchKind } from "../../shared/api/search.ts";
import { AppError } from "../../shared/errors.ts";
import { DatabaseThread, type Executor, inThisThread } from "../database/executor.ts";
import { explainingFaults } from "../database/faults.ts";
import { matchExpression, parseQuery } from "./query.ts";
import {
  type FoundPage,
  type IndexedSession,
  maxDocumentCharacters,
  type SearchDocument,
  type SearchedSession,
  type SearchIndex,
  type SearchQuery,
} from "./search-index.ts";
import { momentMs, momentText, queryMs } from "./time.ts";

/** Raised when the tables change: a file of another version is made anew. */
const schemaVersion = 1;

/** Documents of a session. The last of them are for its notes. */
const slotSize = 2 ** 17;
const maxNotes = 4_096;
export const maxDocuments = slotSize - maxNotes;
/** Sessions that begin within the same sixteenth of a second take the places after it. */
const slotsPerSecond = 16;
const epochMs = Date.UTC(2020, 0, 1);

const rowsAtOnce = 250;
/** Hits that are counted for a list by session. */
const maxCounted = 20_000;
const hitsOfGroup = 3;
const maxNames = 500;
const markStart = "\u0002";
const markEnd = "\u0003";

const schema = [
  `create table sessions (
    slot integer primary key, session text not null unique, person text not null, person_key text not null,
    target text not null, target_key text not null, conduit text not null, protocol text not null,
    started_at text not null, last_ms integer not null, version integer not null, key_month text,
    contents text not null, damage text not null, left_out text not null, facets text not null)`,
  "create index sessions_last on sessions (last_ms, slot)",
  "create index sessions_month on sessions (key_month)",
  `create table documents (
    id integer primary key, kind text not null, at_us integer not null, end_us integer, at_ms integer not null,
    track text, exit_status integer, digest text, bytes integer, text text not null)`,
  "create table notes (session text primary key, documents text not null) without rowid",
  `create view searched as select d.id as id, d.text as text,
    'k' || replace(d.kind, '-', '') || ' ' || s.facets || coalesce(' ' || d.digest, '') as facets
    from documents d join sessions s on s.slot = d.id >> 17`,
  `create virtual table words using fts5(text, facets, content = 'searched', content_rowid = 'id', columnsize = 0,
    tokenize = "unicode61 remove_diacritics 2", prefix = '2 3')`,
  // What leaves the index leaves the file, too.
  "insert into words (words, rank) values ('secure-delete', 1)",
  `pragma user_version = ${schemaVersion}`,
];

interface Row {
  [column: string]: unknown;
}

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

interface Connections {
  writer: Executor;
  reader: Executor;
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

function removeFile(file: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
}

async function connected(file: string, thread: boolean | undefined, checks: boolean): Promise<Connections> {
  const connect = () => explainingFaults(thread === true ? new DatabaseThread(file) : inThisThread(file), file);
  const writer = connect();
  try {
    const [row] = (await writer.execute({ sql: "pragma user_version", parameters: [] })).rows;
    const version = Number(row?.["user_version"] ?? 0);
    if (version === 0)
      await inTransaction(writer, async (run) => void (await Promise.all(schema.map((sql) => run(sql)))));
    else if (version !== schemaVersion) throw spoiled(file, `it has version ${version}`);
    await writer.execute({ sql: "select count(*) from sessions", parameters: [] });
    if (checks) {
      const [checked] = (await writer.execute({ sql: "pragma quick_check(1)", parameters: [] })).rows;
      const said = String(checked?.["quick_check"]);
      if (said !== "ok") throw spoiled(file, said);
    }
  } catch (error) {
    await writer.close();
    throw error;
  }
  return { writer, reader: connect() };
}

const spoiledOp = "search.open";

function spoiled(file: string, why: string): AppError {
  return new AppError("DATABASE_FAILED", `the search index ${file} cannot be used: ${why}`, { op: spoiledOp });
}

function isSpoiled(error: unknown): boolean {
  if (error instanceof AppError) return error.op === spoiledOp;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^SQLITE_(?:CORRUPT|NOTADB|ERROR)/.test(code);
}

/** While it is in use. */
function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^SQLITE_(?:CORRUPT|NOTADB)/.test(code);
}

type Run = (sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

async function inTransaction(executor: Executor, work: (run: Run) => Promise<void>): Promise<void> {
  const run: Run = async (sql, parameters = []) => (await executor.execute({ sql, parameters })).rows;
  await run("begin immediate");
  try {
    await work(run);
    await run("commit");
  } catch (error) {
    // SQLite has rolled back by itself on a full or failing disk; that fault is the one to tell.
    await run("rollback").catch(() => {});
    throw error;
  }
}

export class SqliteSearchIndex implements SearchIndex {
  #connections: Connections;
  /** Null: it is somebody else's, and stays as it is. */
  readonly #anew: (() => Promise<Connections>) | null;
  readonly #whenRemade: (() => void)[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isDamaged = false;
  #isClosed = false;
  /** Words of what left the tables may stand in the write-ahead log. */
  #hasRests = false;
  #restsTimer: NodeJS.Timeout | undefined;

  constructor(connections: Connections, anew: (() => Promise<Connections>) | null) {
    this.#connections = connections;
    this.#anew = anew;
  }

  whenRemade(then: () => void): void {
    this.#whenRemade.push(then);
  }

  async put(session: string, documents: AsyncIterable<SearchDocument>, about: () => SearchedSession): Promise<void> {
    // Gathered first: they come track by track, and stand in the order of time. Whoever makes them bounds them.
    const all: SearchDocument[] = [];
    for await (const one of documents) if (all.length < maxDocuments) all.push(one);
    all.sort((a, b) => a.atUs - b.atUs);
    const facts = about();
    await this.#write(async (run) => {
      if (await this.#clear(run, session)) this.#hasRests = true;
      const slot = await freeSlot(run, facts.startedAt);
      const lastUs = all.reduce((last, { atUs, endUs }) => Math.max(last, atUs, endUs ?? 0), 0);
      await run(
        `insert into sessions (slot, session, person, person_key, target, target_key, conduit, protocol, started_at,
          last_ms, version, key_month, contents, damage, left_out, facets) values (${Array(16).fill("?").join(", ")})`,
        [
          slot,
          session,
          facts.person,
          facts.person.toLowerCase(),
          facts.target,
          facts.target.toLowerCase(),
          facts.conduit,
          facts.protocol,
          facts.startedAt,
          momentMs(facts.startedAt, lastUs),
          facts.version,
          facts.keyMonth ?? null,
          facts.contents,
          JSON.stringify(facts.damage.slice(0, 20).map((text) => text.slice(0, 500))),
          JSON.stringify(facts.leftOut),
          [facet("p", facts.person), facet("t", facts.target), facet("c", facts.conduit)].join(" "),
        ],
      );
      await insert(run, slot * slotSize, facts.startedAt, all);
      const [kept] = await run("select documents from notes where session = ?", [session]);
      if (kept !== undefined) await insertNotes(run, slot, facts.startedAt, JSON.parse(String(kept["documents"])));
    });
  }

  async putNotes(session: string, notes: readonly SearchDocument[]): Promise<void> {
    const kept = notes.slice(0, maxNotes);
    await this.#write(async (run) => {
      this.#hasRests = true;
      await run("delete from notes where session = ?", [session]);
      if (kept.length > 0) await run("insert into notes values (?, ?)", [session, JSON.stringify(kept)]);
      const [row] = await run("select slot, started_at from sessions where session = ?", [session]);
      if (row === undefined) return;
      const slot = Number(row["slot"]);
      await erase(run, slot * slotSize + maxDocuments, (slot + 1) * slotSize - 1);
      await insertNotes(run, slot, String(row["started_at"]), kept);
    });
  }

  async remove(session: string): Promise<boolean> {
    let was = false;
    await this.#write(async (run) => {
      this.#hasRests = true;
      was = await this.#clear(run, session);
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
        await this.#clear(run, String(session));
        await run("delete from notes where session = ?", [session]);
        removed++;
      }
    });
    return removed;
  }

  async state(session: string): Promise<IndexedSession | null> {
    const [row] = await this.#ask(
      "select session, version, key_month, contents, damage, left_out from sessions where session = ?",
      [session],
    );
    if (row === undefined) return null;
    return {
      session,
      version: Number(row["version"]),
      ...(typeof row["key_month"] === "string" ? { keyMonth: row["key_month"] } : {}),
      contents: row["contents"] === "all" ? "all" : "session",
      damage: JSON.parse(String(row["damage"])) as string[],
      leftOut: JSON.parse(String(row["left_out"])) as IndexedSession["leftOut"],
    };
  }

  async sessions(): Promise<Map<string, number>> {
    const rows = await this.#ask("select session, version from sessions");
    return new Map(rows.map(({ session, version }) => [String(session), Number(version)]));
  }

  async coverage() {
    const [row] = await this.#ask(`select count(*) as sessions, sum(damage <> '[]') as damaged,
      sum(left_out <> '{}') as shortened, sum(contents = 'session') as without from sessions`);
    const count = (name: string) => Number(row?.[name] ?? 0);
    return {
      sessions: count("sessions"),
      damaged: count("damaged"),
      shortened: count("shortened"),
      withoutContents: count("without"),
    };
  }

  /** The whole index is to be made again: every session counts as read by an older version. */
  async forget(): Promise<void> {
    await this.#write(async (run) => void (await run("update sessions set version = 0")));
  }

  async search(query: SearchQuery): Promise<FoundPage> {
    const plan = await this.#plan(query);
    if (plan === null) return { items: [], next: null, ...(query.group === undefined ? {} : { groups: [] }) };
    return query.group === undefined ? this.#hits(plan, query) : this.#groups(plan, query);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restsTimer);
    await this.#writing;
    const { writer, reader } = this.#connections;
    await Promise.all([writer.close(), reader.close()]);
  }

  async #hits(plan: Plan, { limit, cursor }: SearchQuery): Promise<FoundPage> {
    const before = cursor === undefined ? null : parseCursor(cursor);
    const rows = await this.#rows(plan, limit + 1, before === null ? {} : { before });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last !== undefined ? Number(last["id"]).toString(36) : null;
    return { items: page.map(toHit), next };
  }

  async #groups(plan: Plan, { limit, cursor }: SearchQuery): Promise<FoundPage> {
    const before = cursor === undefined ? null : parseCursor(cursor) * slotSize;
    const { bare, conditions, parameters } = sourceOf(plan, before === null ? {} : { before });
    const counted = await this.#ask(
      `select id >> 17 as slot, count(*) as n from (
        select ${plan.id} as id ${bare} where ${conditions} order by ${plan.id} desc limit ${maxCounted})
        group by slot order by slot desc limit ?`,
      [...parameters, limit + 1],
    );
    // Asked for all at once: the thread has the next when it is through with one.
    const groups = await Promise.all(
      counted.slice(0, limit).map(async ({ slot, n }) => {
        const first = Number(slot) * slotSize;
        const hits = (await this.#rows(plan, hitsOfGroup, { from: first, before: first + slotSize })).map(toHit);
        const [hit] = hits;
        if (hit === undefined) return [];
        const { session, person, target, conduit, protocol, startedAt } = hit;
        return [{ session, person, target, conduit, protocol, startedAt, count: Number(n), hits }];
      }),
    );
    const last = counted[limit - 1];
    const next = counted.length > limit && last !== undefined ? Number(last["slot"]).toString(36) : null;
    return { items: [], groups: groups.flat(), next };
  }

  #rows(plan: Plan, limit: number, within: Within): Promise<Row[]> {
    const { from, conditions, parameters } = sourceOf(plan, within);
    const snippet =
      plan.match === null
        ? "substr(d.text, 1, 240)"
        : `snippet(words, 0, '${markStart}', '${markEnd}', '…', ${snippetWords})`;
    return this.#ask(
      `select ${plan.id} as id, ${snippet} as snippet, d.kind, d.at_us, d.end_us, d.track, d.exit_status, d.digest,
        d.bytes, s.session, s.person, s.target, s.conduit, s.protocol, s.started_at
        ${from} where ${conditions} order by ${plan.id} desc limit ?`,
      [...parameters, limit],
    );
  }

  /** Null: nothing can match. */
  async #plan(query: SearchQuery): Promise<Plan | null> {
    const facets: string[][] = [];
    const terms = parseQuery(query.q);
    if (query.kinds !== undefined && query.kinds.length > 0 && query.kinds.length < SearchKind.options.length) {
      facets.push(query.kinds.map((kind) => `k${kind.replaceAll("-", "")}`));
    }
    for (const name of ["person", "target"] as const) {
      const wanted = query[name];
      if (wanted === undefined || wanted === "") continue;
      const names = await this.#names(name, wanted);
      if (names.length === 0) return null;
      facets.push(names.map((one) => facet(name === "person" ? "p" : "t", one)));
    }
    if (query.conduit !== undefined && query.conduit !== "") facets.push([facet("c", query.conduit)]);
    const conditions: string[] = [];
    const parameters: unknown[] = [];
    const and = (condition: string, ...values: unknown[]) => {
      conditions.push(condition);
      parameters.push(...values);
    };
    const match = matchExpression(terms, facets);
    const id = match === null ? "d.id" : "words.rowid";
    if (match !== null) and("words match ?", match);
    if (query.session !== undefined) {
      const [row] = await this.#ask("select slot from sessions where session = ?", [query.session]);
      if (row === undefined) return null;
      const first = Number(row["slot"]) * slotSize;
      and(`${id} >= ? and ${id} < ?`, first, first + slotSize);
    }
    if (query.protocol !== undefined) and("s.protocol = ?", query.protocol);
    if (query.from !== undefined) {
      const fromMs = queryMs("from", query.from);
      const [row] = await this.#ask("select min(slot) as slot from sessions where last_ms >= ?", [fromMs]);
      if (row?.["slot"] == null) return null;
      and(`${id} >= ? and d.at_ms >= ?`, Number(row["slot"]) * slotSize, fromMs);
    }
    if (query.to !== undefined) {
      const toMs = queryMs("to", query.to);
      // One that began within the same second may have a later place.
      and(`${id} < ? and d.at_ms < ?`, (slotOf(Math.max(toMs, epochMs)) + 60 * slotsPerSecond) * slotSize, toMs);
    }
    return { match, id, conditions, parameters };
  }

  async #names(column: "person" | "target", wanted: string): Promise<string[]> {
    const rows = await this.#ask(
      `select distinct ${column} as name from sessions where ${column}_key like ? escape '\\' limit ?`,
      [likePattern(wanted), maxNames + 1],
    );
    if (rows.length > maxNames) {
      const message = `the search cannot be done: more than ${maxNames} names match \`${column}\`; write more of it`;
      throw new AppError("REQUEST_INVALID", message, { op: "search.query" });
    }
    return rows.map(({ name }) => String(name));
  }

  async #clear(run: Run, session: string): Promise<boolean> {
    const [row] = await run("select slot from sessions where session = ?", [session]);
    if (row === undefined) return false;
    const slot = Number(row["slot"]);
    await erase(run, slot * slotSize, (slot + 1) * slotSize - 1);
    await run("delete from sessions where slot = ?", [slot]);
    return true;
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

const snippetWords = 24;
const restsRetryMs = 1_000;

function damaged(cause?: unknown): AppError {
  const why = "the search index is damaged; it is being made again from the store: try again in a while";
  return new AppError("DATABASE_FAILED", why, { op: "search.find", retryable: true, cause });
}

interface Plan {
  match: string | null;
  /** The column with the document's number. */
  id: string;
  conditions: readonly string[];
  parameters: readonly unknown[];
}

interface Within {
  from?: number;
  before?: number;
}

function sourceOf(plan: Plan, { from, before }: Within) {
  const conditions = [...plan.conditions];
  const parameters = [...plan.parameters];
  if (from !== undefined) {
    conditions.push(`${plan.id} >= ?`);
    parameters.push(from);
  }
  if (before !== undefined) {
    conditions.push(`${plan.id} < ?`);
    parameters.push(before);
  }
  const where = conditions.length === 0 ? "true" : conditions.join(" and ");
  const source = plan.match === null ? "documents d" : "words cross join documents d on d.id = words.rowid";
  const joined = `from ${source} cross join sessions s on s.slot = d.id >> 17`;
  const areOfWords = plan.match !== null && conditions.every((condition) => !/\b[ds]\./.test(condition));
  // For numbers alone the other tables are looked up only where a condition is on them.
  return { from: joined, bare: areOfWords ? "from words" : joined, conditions: where, parameters };
}

function slotOf(ms: number): number {
  return Math.max(0, Math.floor(((ms - epochMs) * slotsPerSecond) / 1000));
}

async function freeSlot(run: Run, startedAt: string): Promise<number> {
  let slot = slotOf(momentMs(startedAt, 0));
  while ((await run("select 1 from sessions where slot = ?", [slot])).length > 0) slot++;
  return slot;
}

async function insert(
  run: Run,
  firstId: number,
  startedAt: string,
  documents: readonly SearchDocument[],
): Promise<void> {
  for (let at = 0; at < documents.length; at += rowsAtOnce) {
    const rows = documents.slice(at, at + rowsAtOnce);
    await run(
      `insert into documents values ${rows.map(() => "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").join(", ")}`,
      rows.flatMap((one, i) => [
        firstId + at + i,
        one.kind,
        one.atUs,
        one.endUs ?? null,
        momentMs(startedAt, one.atUs),
        one.track ?? null,
        one.exitStatus ?? null,
        one.digest ?? null,
        one.bytes ?? null,
        clean(one.text),
      ]),
    );
  }
  if (documents.length > 0) {
    await run(
      "insert into words (rowid, text, facets) select id, text, facets from searched where id between ? and ?",
      [firstId, firstId + documents.length - 1],
    );
  }
}

async function insertNotes(run: Run, slot: number, startedAt: string, notes: readonly SearchDocument[]): Promise<void> {
  await insert(run, slot * slotSize + maxDocuments, startedAt, notes);
}

async function erase(run: Run, from: number, to: number): Promise<void> {
  await run(
    `insert into words (words, rowid, text, facets)
      select 'delete', id, text, facets from searched where id between ? and ?`,
    [from, to],
  );
  await run("delete from documents where id between ? and ?", [from, to]);
}

/** The marks of a snippet are control characters, so no text has any. */
function clean(text: string): string {
  return text.slice(0, maxDocumentCharacters).replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, " ");
}

/** One word for a name, whatever is in it. */
function facet(kind: "p" | "t" | "c", name: string): string {
  return kind + createHash("sha256").update(name).digest("hex").slice(0, 16);
}

/** With `*` or `?` a glob over the whole name, otherwise a part of it. */
function likePattern(text: string): string {
  const escaped = text.toLowerCase().replace(/[\\%_]/g, (special) => `\\${special}`);
  return /[*?]/.test(escaped) ? escaped.replaceAll("*", "%").replaceAll("?", "_") : `%${escaped}%`;
}

function parseCursor(cursor: string): number {
  const id = /^[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (Number.isSafeInteger(id)) return id;
  throw new AppError("REQUEST_INVALID", "the cursor is not one that this service gave; start from the first page", {
    op: "search.query",
  });
}

function toHit(row: Row): SearchHit {
  const startedAt = String(row["started_at"]);
  const atUs = Number(row["at_us"]);
  const optional = (name: string) => (row[name] === null ? undefined : Number(row[name]));
  const [endUs, exitStatus, bytes] = [optional("end_us"), optional("exit_status"), optional("bytes")];
  return {
    session: String(row["session"]),
    person: String(row["person"]),
    target: String(row["target"]),
    conduit: String(row["conduit"]),
    protocol: SearchHit.shape.protocol.parse(row["protocol"]),
    startedAt,
    kind: SearchKind.parse(row["kind"]),
    atUs,
    ...(endUs === undefined ? {} : { endUs }),
    at: momentText(startedAt, atUs),
    snippet: marked(String(row["snippet"])),
    ...(typeof row["track"] === "string" ? { track: row["track"] } : {}),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(typeof row["digest"] === "string" ? { digest: row["digest"] } : {}),
    ...(bytes === undefined ? {} : { bytes }),
  };
}

function marked(snippet: string): SearchHit["snippet"] {
  let text = "";
  const marks: [number, number][] = [];
  for (const [i, piece] of snippet.split(markStart).entries()) {
    const end = i === 0 ? -1 : piece.indexOf(markEnd);
    if (end >= 0) marks.push([text.length, text.length + end]);
    text += piece.replaceAll(markEnd, "");
  }
  return { text, marks };
}
