// The words of a text as the indexes see them. Fed with any text. Invariant: it splits and folds as the tokenizer unicode61
// of SQLite's FTS5 does with remove_diacritics 2, so that a word means the same in every database.

export interface Word {
  /** Folded: without case, Latin letters without accents. */
  text: string;
  /** Where it stands: from, and up to. */
  from: number;
  to: number;
}

/** The combining marks that unicode61 takes for a part of the word they stand in; it leaves them out of the word itself. */
const marks = "\\u0300-\\u0304\\u0306-\\u030c\\u030f\\u0311\\u031b\\u0323-\\u0328\\u032d\\u032e\\u0330\\u0331";
const letters = "\\p{L}\\p{N}\\p{Co}";
const wordPattern = new RegExp(`[${letters}][${letters}${marks}]*`, "gu");
const marksPattern = new RegExp(`[${marks}]`, "gu");
const plain = /^[\u0020-\u007e]*$/;
/** Small letters that have another small letter beside their capital, such as the sigma at the end of a word. */
const variants = /[µſςϐϑϕϖϰϱϵẛι]/u;

export function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(wordPattern), ({ 0: word, index }) => ({
    text: folded(word),
    from: index,
    to: index + word.length,
  }));
}

function folded(word: string): string {
  if (plain.test(word)) return word.toLowerCase();
  return Array.from(word.replaceAll(marksPattern, ""), foldedLetter).join("");
}

function foldedLetter(letter: string): string {
  const lower = (variants.test(letter) ? letter.toUpperCase() : letter).toLowerCase();
  const [base = lower, ...accents] = lower.normalize("NFD");
  return accents.length > 0 && /^[a-z]$/.test(base) ? base : lower;
}
