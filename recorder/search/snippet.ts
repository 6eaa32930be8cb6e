// What is shown of a document that was found, and where in it the words stand. Fed with stored text and the terms of a query
// that it matched. Invariant: the same whichever database found it.
import type { SearchHit } from "../../shared/api/search.ts";
import type { SearchTerm } from "./query.ts";
import { type Word, wordsOf } from "./words.ts";

const snippetWords = 24;
/** Of a document in which nothing is to be marked. */
const plainCharacters = 240;

interface Match {
  term: number;
  first: number;
  last: number;
}

export function snippetOf(text: string, terms: readonly SearchTerm[]): SearchHit["snippet"] {
  const words = wordsOf(text);
  const matches = matchesIn(words, terms);
  const [first] = matches;
  if (first === undefined) return { text: cut(text, plainCharacters), marks: [] };
  const start = startOf(words.length, matches);
  const end = Math.min(words.length, start + snippetWords);
  const isWhole = end - start === words.length;
  const from = start === 0 ? 0 : (words[start]?.from ?? 0);
  const to = end === words.length ? text.length : (words[end - 1]?.to ?? text.length);
  const before = from > 0 ? "…" : "";
  const marks: [number, number][] = [];
  for (const match of matches) {
    if (match.last < start || match.first >= end) continue;
    const markFrom = (words[Math.max(start, match.first)]?.from ?? from) - from + before.length;
    const markTo = (words[Math.min(end - 1, match.last)]?.to ?? to) - from + before.length;
    const previous = marks.at(-1);
    if (previous !== undefined && markFrom < previous[1]) previous[1] = Math.max(previous[1], markTo);
    else marks.push([markFrom, markTo]);
  }
  return { text: before + text.slice(from, to) + (isWhole || to === text.length ? "" : "…"), marks };
}

/** In the order in which they begin. */
function matchesIn(words: readonly Word[], terms: readonly SearchTerm[]): Match[] {
  const matches: Match[] = [];
  const wanted = terms
    .filter(({ isExcluded }) => !isExcluded)
    .map(({ text, isPrefix }) => ({ parts: wordsOf(text).map((word) => word.text), isPrefix }));
  for (let first = 0; first < words.length; first++) {
    for (const [term, { parts, isPrefix }] of wanted.entries()) {
      const last = first + parts.length - 1;
      const isThere = parts.every((part, i) => {
        const word = words[first + i]?.text;
        return i === parts.length - 1 && isPrefix ? word?.startsWith(part) === true : word === part;
      });
      if (parts.length > 0 && isThere) matches.push({ term, first, last });
    }
  }
  return matches;
}

/** Where most of the terms are near one another, with as much before as after them. */
function startOf(words: number, matches: readonly Match[]): number {
  if (words <= snippetWords) return 0;
  let best = { terms: 0, first: 0, last: 0 };
  for (const [i, { first }] of matches.entries()) {
    const terms = new Set<number>();
    let last = first;
    for (let j = i; j < matches.length; j++) {
      const match = matches[j];
      if (match === undefined || match.last >= first + snippetWords) break;
      terms.add(match.term);
      last = Math.max(last, match.last);
    }
    if (terms.size > best.terms) best = { terms: terms.size, first, last };
  }
  if (best.terms === 0) best = { terms: 1, first: matches[0]?.first ?? 0, last: matches[0]?.first ?? 0 };
  const spare = snippetWords - (best.last - best.first + 1);
  return Math.max(0, Math.min(words - snippetWords, best.first - Math.floor(spare / 2)));
}

/** Not within a character of two units. */
function cut(text: string, characters: number): string {
  const end = /[\ud800-\udbff]/.test(text[characters - 1] ?? "") ? characters - 1 : characters;
  return text.slice(0, end);
}
