// What somebody writes into the search box, as an expression of FTS5. Fed with any text. Invariant: what comes out is a
// valid expression of bounded size, and what cannot be one is refused with a sentence that says how to mend it.
import { AppError } from "../../shared/errors.ts";

export interface SearchTerm {
  /** A word, or the words of a phrase. */
  text: string;
  isPrefix: boolean;
  isExcluded: boolean;
}

const maxTerms = 20;
const minPrefix = 2;
/** What the index splits text into: anything else stands between words. */
const wordCharacter = /[\p{L}\p{N}]/u;
/** A digest, or the beginning of one. */
export const digestPattern = /^[0-9a-f]{16,64}$/i;

export function parseQuery(q: string): SearchTerm[] {
  const text = q.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ").normalize("NFC");
  const terms: SearchTerm[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) {
      at++;
      continue;
    }
    const isExcluded = text[at] === "-";
    if (isExcluded) at++;
    if (text[at] === '"') {
      const end = text.indexOf('"', at + 1);
      if (end < 0) throw wrong('a quotation mark is open: close the phrase with another "');
      const isPrefix = text[end + 1] === "*";
      terms.push(term(text.slice(at + 1, end), isPrefix, isExcluded));
      at = end + (isPrefix ? 2 : 1);
    } else {
      const [word = ""] = /^[^\s"]*/.exec(text.slice(at)) ?? [];
      at += word.length;
      terms.push(term(word.replace(/\*$/, ""), word.endsWith("*"), isExcluded));
    }
    if (terms.length > maxTerms) throw wrong(`there are more than ${maxTerms} words: leave some out`);
  }
  if (terms.length > 0 && terms.every((one) => one.isExcluded)) {
    throw wrong("every word is excluded with -: name at least one that must be there");
  }
  return terms;
}

function term(text: string, isPrefix: boolean, isExcluded: boolean): SearchTerm {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  if (text.includes("*")) throw wrong(`in ${shown} there is a * before the end: it stands for what follows a word`);
  if (!wordCharacter.test(text)) {
    const what = text.trim() === "" ? (isExcluded ? "- stands alone" : "there is nothing to look for") : shown;
    throw wrong(`${what}: a word needs a letter or a digit, signs alone are not in the index`);
  }
  if (isPrefix) {
    const last = text.split(/[^\p{L}\p{N}]+/u).findLast((word) => word !== "") ?? "";
    if ([...last].length < minPrefix) throw wrong(`${shown}*: write at least ${minPrefix} characters before the *`);
  }
  return { text, isPrefix, isExcluded };
}

/** Of the terms, over the columns `text` and `facets`; null when there is none. */
export function matchExpression(terms: readonly SearchTerm[], facets: readonly (readonly string[])[]): string | null {
  const wanted = [
    ...facets.map((anyOf) => `({facets} : (${anyOf.map(quoted).join(" OR ")}))`),
    ...terms.filter(({ isExcluded }) => !isExcluded).map(expression),
  ];
  const excluded = terms.filter(({ isExcluded }) => isExcluded).map(expression);
  if (wanted.length === 0) return null;
  const all = wanted.join(" AND ");
  return excluded.length === 0 ? all : `(${all}) NOT (${excluded.join(" OR ")})`;
}

function expression({ text, isPrefix }: SearchTerm): string {
  const inText = `({text} : ${quoted(text)}${isPrefix ? " *" : ""})`;
  if (!digestPattern.test(text)) return inText;
  return `(${inText} OR ({facets} : ${quoted(text.toLowerCase())}${text.length < 64 ? " *" : ""}))`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function wrong(what: string): AppError {
  return new AppError("REQUEST_INVALID", `the search cannot be done: ${what}`, { op: "search.query" });
}
