// Ten kinds of question to the index, each in many forms, and the same as plain SQL over the table of documents.
import type { SearchQuery } from "../../../recorder/search/search-index.ts";
import { firstDayMs, type MadeSession, personOf, targetOf } from "./sessions.ts";

export interface Asked {
  query: SearchQuery;
  /** Conditions with LIKE, on documents d and sessions s. */
  like: { where: string; parameters: unknown[] };
}

export interface Kind {
  name: string;
  asked: readonly Asked[];
  /** Whether there is always something to be found. */
  finds: boolean;
}

const limit = 50;
const dayMs = 86_400_000;
const common = ["good", "info", "temperature", "pressure", "valve", "limit", "recipes", "historian", "log", "service"];

const word = (text: string): Asked => ({ query: { q: text, limit }, like: has(text) });
const has = (...texts: string[]): Asked["like"] => ({
  where: texts.map(() => "d.text like ?").join(" and "),
  parameters: texts.map((text) => `%${text}%`),
});

/** @param cursors pages of the first common word, far down. */
export function tenKinds(some: readonly MadeSession[], cursors: readonly string[], sessions: number): Kind[] {
  const many = some.map((_, i) => i);
  const pick = <T>(all: readonly T[], i: number): T => all[i % all.length]!;
  const digests = some.flatMap(({ digest }) => (digest === null ? [] : [digest]));
  const phrases = ["signal noise above limit", "valve opened", "calibration due", "recipe loaded", "scan cycle took"];
  const prefixes = ["calib", "temp", "inter", "commun", "reci", "hist", "check", "ack"];
  const excluded = [
    ["valve", "closed"],
    ["recipe", "loaded"],
    ["warn", "noise"],
    ["service", "started"],
    ["temperature", "good"],
  ] as const;
  return [
    { name: "rare word", finds: true, asked: some.map(({ batch }) => word(batch)) },
    { name: "common word", finds: true, asked: many.map((i) => word(pick(common, i))) },
    {
      name: "phrase",
      finds: true,
      asked: many.map((i) => ({ query: { q: `"${pick(phrases, i)}"`, limit }, like: has(pick(phrases, i)) })),
    },
    {
      name: "prefix",
      finds: true,
      asked: many.map((i) => ({ query: { q: `${pick(prefixes, i)}*`, limit }, like: has(pick(prefixes, i)) })),
    },
    {
      name: "exclusion",
      finds: true,
      asked: many.map((i) => {
        const [wanted, not] = pick(excluded, i);
        const like = { where: "d.text like ? and d.text not like ?", parameters: [`%${wanted}%`, `%${not}%`] };
        return { query: { q: `${wanted} -${not}`, limit }, like };
      }),
    },
    {
      name: "word, by person",
      finds: false,
      asked: many.map((i) => {
        const [q, person] = [pick(["restart", "noise", "written", "warn"], i), personOf(i)];
        const like = { where: "d.text like ? and s.person_key like ?", parameters: [`%${q}%`, `%${person}%`] };
        return { query: { q, person, limit }, like };
      }),
    },
    {
      name: "word, target and week",
      finds: false,
      asked: many.map((i) => {
        const [q, target] = [pick(["warn", "alarm", "restart"], i), targetOf(i).slice(0, 9)];
        const fromMs = firstDayMs + Math.floor((i / some.length) * sessions * 6_300_000);
        const [from, to] = [fromMs, fromMs + 7 * dayMs].map((ms) => new Date(ms).toISOString());
        return {
          query: { q, target, from: from!, to: to!, limit },
          like: {
            where: "d.text like ? and s.target_key like ? and d.at_ms >= ? and d.at_ms < ?",
            parameters: [`%${q}%`, `%${target}%`, fromMs, fromMs + 7 * dayMs],
          },
        };
      }),
    },
    {
      name: "file by digest",
      finds: true,
      asked: many.map((i) => {
        const digest = pick(digests, i).slice(0, i % 2 === 0 ? 64 : 20);
        const like = { where: "d.kind = 'file' and d.digest like ?", parameters: [`${digest}%`] };
        return { query: { q: digest, kinds: ["file"] as const, limit }, like };
      }),
    },
    {
      name: "grouped by session",
      finds: true,
      asked: many.map((i) => {
        const { query, like } = word(pick(common, i));
        return { query: { ...query, group: "session" as const }, like };
      }),
    },
    {
      name: "page far down",
      finds: true,
      asked: many.map((i) => {
        const [q, cursor] = [common[0]!, pick(cursors, i)];
        const like = { where: "d.text like ? and d.id < ?", parameters: [`%${q}%`, Number.parseInt(cursor, 36)] };
        return { query: { q, cursor, limit }, like };
      }),
    },
  ];
}

export const deepWord = common[0]!;

export function likeSql({ query, like }: Asked): { sql: string; parameters: unknown[] } {
  const from = "from documents d cross join sessions s on s.slot = d.id >> 17";
  const parameters = [...like.parameters, limit + 1];
  if (query.group === undefined) {
    const columns = "d.id, substr(d.text, 1, 240), d.kind, d.at_us, s.session, s.person, s.target, s.started_at";
    return { sql: `select ${columns} ${from} where ${like.where} order by d.id desc limit ?`, parameters };
  }
  const counted = `select d.id as id ${from} where ${like.where} order by d.id desc limit 20000`;
  const sql = `select id >> 17 as slot, count(*) as n from (${counted}) group by slot order by slot desc limit ?`;
  return { sql, parameters };
}
