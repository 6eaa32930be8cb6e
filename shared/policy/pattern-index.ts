// Finds the rules whose patterns match a text without trying every pattern: literals by a map, globs by the run of plain
// characters that they begin or end with. Answers are bits, one a rule, so that several demands are met by `and`.

/** One bit a rule. */
export type RuleBits = Uint32Array;

export function bitsFor(count: number): RuleBits {
  return new Uint32Array(Math.max(1, Math.ceil(count / 32)));
}

export function setBit(bits: RuleBits, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
}

interface Entry {
  pattern: string;
  rules: number[];
  /** Of patterns that stand in many rules: quicker to add as a whole. */
  bits: RuleBits | null;
}

/** Globs by a fixed end of theirs: for each length that occurs, the entries by text. */
class ByEnd {
  readonly #lengths: number[] = [];
  readonly #entries = new Map<string, Entry[]>();

  add(key: string, entry: Entry): void {
    const there = this.#entries.get(key);
    if (there !== undefined) {
      there.push(entry);
      return;
    }
    this.#entries.set(key, [entry]);
    if (!this.#lengths.includes(key.length)) this.#lengths.push(key.length);
  }

  *candidates(text: string, end: "prefix" | "suffix"): Generator<Entry> {
    for (const length of this.#lengths) {
      if (length > text.length) continue;
      const key = end === "prefix" ? text.slice(0, length) : text.slice(text.length - length);
      yield* this.#entries.get(key) ?? [];
    }
  }
}

export class PatternIndex {
  readonly #count: number;
  readonly #matches: (pattern: string, text: string) => boolean;
  readonly #entries = new Map<string, Entry>();
  readonly #literals = new Map<string, Entry>();
  readonly #byPrefix = new ByEnd();
  readonly #bySuffix = new ByEnd();
  readonly #others: Entry[] = [];

  /** `count`: how many rules there are. `matches` compares a glob with a text, both lowercase. */
  constructor(count: number, matches: (pattern: string, text: string) => boolean) {
    this.#count = count;
    this.#matches = matches;
  }

  /** `pattern` matched by `rule`. Rules come in rising order. */
  add(pattern: string, rule: number): void {
    const lower = pattern.toLowerCase();
    let entry = this.#entries.get(lower);
    if (entry === undefined) {
      entry = { pattern: lower, rules: [], bits: null };
      this.#entries.set(lower, entry);
      this.#place(entry);
    }
    if (entry.rules.at(-1) === rule) return;
    entry.rules.push(rule);
    if (entry.bits === null && entry.rules.length > this.#count / 32) {
      entry.bits = bitsFor(this.#count);
      for (const one of entry.rules) setBit(entry.bits, one);
    } else if (entry.bits !== null) setBit(entry.bits, rule);
  }

  #place(entry: Entry): void {
    const { pattern } = entry;
    const first = pattern.search(/[*?]/);
    if (first < 0) {
      this.#literals.set(pattern, entry);
      return;
    }
    const last = Math.max(pattern.lastIndexOf("*"), pattern.lastIndexOf("?"));
    const suffix = pattern.slice(last + 1);
    if (first > 0) this.#byPrefix.add(pattern.slice(0, first), entry);
    else if (suffix !== "") this.#bySuffix.add(suffix, entry);
    else this.#others.push(entry);
  }

  /** Sets the bits of the rules with a pattern that matches; `text` in lowercase. */
  collect(text: string, into: RuleBits): void {
    const literal = this.#literals.get(text);
    // A `*` in the text itself is no glob of the pattern's: the map compares plain text, which is what a literal does.
    if (literal !== undefined) join(literal, into);
    for (const entry of this.#byPrefix.candidates(text, "prefix")) this.#try(entry, text, into);
    for (const entry of this.#bySuffix.candidates(text, "suffix")) this.#try(entry, text, into);
    for (const entry of this.#others) this.#try(entry, text, into);
  }

  #try(entry: Entry, text: string, into: RuleBits): void {
    if (this.#matches(entry.pattern, text)) join(entry, into);
  }
}

function join(entry: Entry, into: RuleBits): void {
  if (entry.bits === null) {
    for (const rule of entry.rules) setBit(into, rule);
    return;
  }
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) | (entry.bits[i] ?? 0);
}
