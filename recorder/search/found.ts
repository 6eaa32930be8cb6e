// What a query finds: its plan, its hits, and its hits by session. Fed with a query and with a database that runs SQL. The
// databases differ in how words are matched, which is theirs to say; all else is the same SQL.
import { SearchHit, SearchKind } from "../../shared/api/search.ts";
import { AppError } from "../../shared/errors.ts";
import type { Row } from "./entries.ts";
import { kindFacet, nameFacet } from "./facets.ts";
import { cursorOf, parseCursor, slotBits, slotOf, slotSize, slotsPerMinute } from "./places.ts";
import { parseQuery, type SearchTerm } from "./query.ts";
import type { FoundPage, SearchQuery } from "./search-index.ts";
import { snippetOf } from "./snippet.ts";
import { momentText, queryMs } from "./time.ts";

export interface Matching {
  /** A condition with one parameter; null where neither words nor facets are asked for. */
  match(terms: readonly SearchTerm[], facets: readonly (readonly string[])[]): MatchCondition | null;
  /** The column with a document's number. */
  number(isMatched: boolean): string;
  /** Documents d and their sessions s. */
  tables(isMatched: boolean): string;
  /** For numbers alone: null where one of the conditions needs another table. */
  numbers(isMatched: boolean, conditions: readonly string[]): string | null;
}

interface MatchCondition {
  condition: string;
  parameter: string;
}

/** Parameters are `?`. */
export type Ask = (sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** Hits that are counted for a list by session. */
const maxCounted = 20_000;
const hitsOfGroup = 3;
const maxNames = 500;

interface Plan {
  terms: readonly SearchTerm[];
  isMatched: boolean;
  number: string;
  conditions: readonly string[];
  parameters: readonly unknown[];
}

interface Within {
  from?: number;
  before?: number;
}

export class Finder {
  readonly #ask: Ask;
  readonly #matching: Matching;

  constructor(ask: Ask, matching: Matching) {
    this.#ask = ask;
    this.#matching = matching;
  }

  async find(query: SearchQuery): Promise<FoundPage> {
    const plan = await this.#plan(query);
    if (plan === null) return { items: [], next: null, ...(query.group === undefined ? {} : { groups: [] }) };
    return query.group === undefined ? this.#hits(plan, query) : this.#groups(plan, query);
  }

  async #hits(plan: Plan, { limit, cursor }: SearchQuery): Promise<FoundPage> {
    const rows = await this.#rows(plan, limit + 1, cursor === undefined ? {} : { before: parseCursor(cursor) });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last !== undefined ? cursorOf(Number(last["id"])) : null;
    return { items: page.map((row) => toHit(row, plan.terms)), next };
  }

  async #groups(plan: Plan, { limit, cursor }: SearchQuery): Promise<FoundPage> {
    const before = cursor === undefined ? {} : { before: Math.min(parseCursor(cursor), 2 ** 35) * slotSize };
    const { tables, where, parameters } = this.#source(plan, before, true);
    const counted = await this.#ask(
      `select id >> ${slotBits} as slot, count(*) as n from (
        select ${plan.number} as id from ${tables} where ${where} order by ${plan.number} desc limit ${maxCounted}
        ) as matched group by slot order by slot desc limit ?`,
      [...parameters, limit + 1],
    );
    // Asked for all at once: a thread has the next when it is through with one.
    const groups = await Promise.all(
      counted.slice(0, limit).map(async ({ slot, n }) => {
        const first = Number(slot) * slotSize;
        const rows = await this.#rows(plan, hitsOfGroup, { from: first, before: first + slotSize });
        const hits = rows.map((row) => toHit(row, plan.terms));
        const [hit] = hits;
        if (hit === undefined) return [];
        const { session, person, target, conduit, protocol, startedAt } = hit;
        return [{ session, person, target, conduit, protocol, startedAt, count: Number(n), hits }];
      }),
    );
    const last = counted[limit - 1];
    const next = counted.length > limit && last !== undefined ? cursorOf(Number(last["slot"])) : null;
    return { items: [], groups: groups.flat(), next };
  }

  #rows(plan: Plan, limit: number, within: Within): Promise<Row[]> {
    const { tables, where, parameters } = this.#source(plan, within, false);
    return this.#ask(
      `select ${plan.number} as id, d.text, d.kind, d.at_us, d.end_us, d.track, d.exit_status, d.digest, d.bytes,
        s.session, s.person, s.target, s.conduit, s.protocol, s.started_at
        from ${tables} where ${where} order by ${plan.number} desc limit ?`,
      [...parameters, limit],
    );
  }

  #source(plan: Plan, { from, before }: Within, isForNumbers: boolean) {
    const conditions = [...plan.conditions];
    const parameters = [...plan.parameters];
    if (from !== undefined) {
      conditions.push(`${plan.number} >= ?`);
      parameters.push(from);
    }
    if (before !== undefined) {
      conditions.push(`${plan.number} < ?`);
      parameters.push(before);
    }
    const { isMatched } = plan;
    const numbers = isForNumbers ? this.#matching.numbers(isMatched, conditions) : null;
    const tables = numbers ?? this.#matching.tables(isMatched);
    return { tables, where: conditions.length === 0 ? "true" : conditions.join(" and "), parameters };
  }

  /** Null: nothing can match. */
  async #plan(query: SearchQuery): Promise<Plan | null> {
    const facets: string[][] = [];
    const terms = parseQuery(query.q);
    if (query.kinds !== undefined && query.kinds.length > 0 && query.kinds.length < SearchKind.options.length) {
      facets.push(query.kinds.map(kindFacet));
    }
    for (const name of ["person", "target"] as const) {
      const wanted = query[name];
      if (wanted === undefined || wanted === "") continue;
      const names = await this.#names(name, wanted);
      if (names.length === 0) return null;
      facets.push(names.map((one) => nameFacet(name, one)));
    }
    if (query.conduit !== undefined && query.conduit !== "") facets.push([nameFacet("conduit", query.conduit)]);
    const conditions: string[] = [];
    const parameters: unknown[] = [];
    const and = (condition: string, ...values: unknown[]) => {
      conditions.push(condition);
      parameters.push(...values);
    };
    const match = this.#matching.match(terms, facets);
    const isMatched = match !== null;
    const number = this.#matching.number(isMatched);
    if (isMatched) and(match.condition, match.parameter);
    if (query.session !== undefined) {
      const [row] = await this.#ask("select slot from sessions where session = ?", [query.session]);
      if (row === undefined) return null;
      const first = Number(row["slot"]) * slotSize;
      and(`${number} >= ? and ${number} < ?`, first, first + slotSize);
    }
    if (query.protocol !== undefined) and("s.protocol = ?", query.protocol);
    if (query.from !== undefined) {
      const fromMs = queryMs("from", query.from);
      const [row] = await this.#ask("select min(slot) as slot from sessions where last_ms >= ?", [fromMs]);
      if (row?.["slot"] == null) return null;
      and(`${number} >= ? and d.at_ms >= ?`, Number(row["slot"]) * slotSize, fromMs);
    }
    if (query.to !== undefined) {
      const toMs = queryMs("to", query.to);
      // One that began within the same second may have a later place.
      and(`${number} < ? and d.at_ms < ?`, (slotOf(toMs) + slotsPerMinute) * slotSize, toMs);
    }
    return { terms, isMatched, number, conditions, parameters };
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
}

/** With `*` or `?` a glob over the whole name, otherwise a part of it. */
function likePattern(text: string): string {
  const escaped = text.toLowerCase().replace(/[\\%_]/g, (special) => `\\${special}`);
  return /[*?]/.test(escaped) ? escaped.replaceAll("*", "%").replaceAll("?", "_") : `%${escaped}%`;
}

function toHit(row: Row, terms: readonly SearchTerm[]): SearchHit {
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
    snippet: snippetOf(String(row["text"]), terms),
    ...(typeof row["track"] === "string" ? { track: row["track"] } : {}),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(typeof row["digest"] === "string" ? { digest: row["digest"] } : {}),
    ...(bytes === undefined ? {} : { bytes }),
  };
}
