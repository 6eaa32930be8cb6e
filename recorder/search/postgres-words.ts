// Words and queries as PostgreSQL has them: tsvector and tsquery, written out here. Its own parser, which takes paths, host
// names and numbers apart in ways of its own, never sees a text. Invariant: what comes out is valid and bounded, and finds
// what FTS5 finds.
import { digestPattern, type SearchTerm } from "./query.ts";
import { wordsOf } from "./words.ts";

/** PostgreSQL refuses a longer one. In UTF-8 a letter has up to four bytes. */
const maxWordLetters = 500;
/** Apart from words, which have letters and digits only. */
const facetSign = "=";
/** Of one word; PostgreSQL keeps no more. */
const maxPlaces = 255;
/** Of a text; PostgreSQL counts no further. */
const maxPlace = 16_383;

/** What stands in the index for a document. */
export function vectorOf(text: string, facets: readonly string[]): string {
  const places = new Map<string, number[]>();
  for (const [i, word] of wordsOf(text).entries()) {
    if (i >= maxPlace) break;
    const key = shortened(word.text);
    const known = places.get(key);
    if (known === undefined) places.set(key, [i + 1]);
    else if (known.length < maxPlaces) known.push(i + 1);
  }
  const words = Array.from(places, ([word, at]) => `${quoted(word)}:${at.join(",")}`);
  return [...words, ...facets.map((facet) => quoted(facetSign + facet))].join(" ");
}

/** Null where neither words nor facets are asked for. */
export function vectorQuery(terms: readonly SearchTerm[], facets: readonly (readonly string[])[]): string | null {
  const wanted = [
    ...facets.map((anyOf) => `(${anyOf.map((facet) => quoted(facetSign + facet)).join(" | ")})`),
    ...terms.filter(({ isExcluded }) => !isExcluded).map(expression),
  ];
  if (wanted.length === 0) return null;
  const excluded = terms.filter(({ isExcluded }) => isExcluded).map((term) => `!${expression(term)}`);
  return [...wanted, ...excluded].join(" & ");
}

function expression({ text, isPrefix }: SearchTerm): string {
  const words = wordsOf(text).map((word) => quoted(shortened(word.text)));
  const phrase = `(${words.join(" <-> ")}${isPrefix ? ":*" : ""})`;
  if (!digestPattern.test(text)) return phrase;
  return `(${phrase} | ${quoted(facetSign + text.toLowerCase())}${text.length < 64 ? ":*" : ""})`;
}

function shortened(word: string): string {
  return word.length <= maxWordLetters ? word : Array.from(word).slice(0, maxWordLetters).join("");
}

function quoted(word: string): string {
  return `'${word.replaceAll(/['\\]/g, "$&$&")}'`;
}
