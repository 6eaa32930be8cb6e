// Patterns of a policy over what is typed and shown, in linear time whatever they and the text are. The one place of shared
// that knows re2js: it reads a pattern, stream-automaton.ts runs it. A match is complete after the first character with
// which some text that matches ends; then the search goes on behind it. So each is told once, at once, and however the
// text was cut.
import { RE2JS } from "re2js";
import type { CompiledPolicy, PersonFacts, TargetFacts } from "./compile.ts";
import { matchesTarget } from "./compile.ts";
import type { Pattern } from "./policy.ts";
import { type AutomatonState, endOfText, type Program, StreamAutomaton } from "./stream-automaton.ts";

export interface PatternMatch {
  id: string;
  action: Pattern["action"];
  message: string;
  /** UTF-16 units since the scanner's beginning, up to and with the last of the match. */
  end: number;
}

/** Does the whole text match? False where the pattern is none. */
export function matchesWhole(pattern: string, text: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(text).matches();
  } catch {
    return false;
  }
}

/** What is wrong with a pattern; null: it can be used. */
export function patternFault(match: string): string | null {
  try {
    if (RE2JS.compile(match, RE2JS.MULTILINE).matcher("").matches()) return "matches where there is nothing";
    return null;
  } catch (error) {
    // As it was written: the flag was put before it here.
    return error instanceof Error ? error.message.replace("(?m)", "") : "cannot be read";
  }
}

interface Compiled {
  pattern: Pattern;
  automaton: StreamAutomaton;
}

export interface SessionScanners {
  input: (() => PatternScanner) | null;
  output: (() => PatternScanner) | null;
}

export class CompiledPatterns {
  readonly #policy: CompiledPolicy;
  readonly #patterns: readonly Compiled[];

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
    this.#patterns = policy.policy.patterns.flatMap((pattern) => {
      const program = programOf(pattern.match);
      return program === null ? [] : [{ pattern, automaton: new StreamAutomaton(program) }];
    });
  }

  /** What to look for in a session of this person's with this target; null where there is nothing. */
  for(person: PersonFacts, target: TargetFacts): SessionScanners {
    const here = this.#patterns.filter(
      ({ pattern: { people, targets } }) =>
        (people === undefined || this.#policy.isAmong(people, person)) &&
        (targets === undefined || matchesTarget(targets, target)),
    );
    const of = (where: Pattern["in"]) => {
      const chosen = here.filter(({ pattern }) => pattern.in === where);
      return chosen.length === 0 ? null : () => new PatternScanner(chosen);
    };
    return { input: of("input"), output: of("output") };
  }
}

/** A scanner of its own for each text. Those that cannot be read are left out. */
export function scannerFor(patterns: readonly Pick<Pattern, "id" | "match">[]): () => PatternScanner {
  const compiled = patterns.flatMap(({ id, match }) => {
    const program = programOf(match);
    const pattern: Pattern = { id, match, in: "input", action: "alert", message: "" };
    return program === null ? [] : [{ pattern, automaton: new StreamAutomaton(program) }];
  });
  return () => new PatternScanner(compiled);
}

/** Patterns that cannot be read are left out: the inventory refuses a policy that has one. */
export function compilePatterns(policy: CompiledPolicy): CompiledPatterns {
  return new CompiledPatterns(policy);
}

function programOf(match: string): Program | null {
  try {
    return RE2JS.compile(match, RE2JS.MULTILINE).re2Input.prog as Program;
  } catch {
    return null;
  }
}

const carriageReturn = 13;
const newline = 10;

/** One stream of text. Line ends of any kind count as `\n`. */
export class PatternScanner {
  readonly #running: { pattern: Pattern; automaton: StreamAutomaton; state: AutomatonState }[];
  /** The first half of a character that was cut. */
  #high = 0;
  #units = 0;

  constructor(patterns: readonly Compiled[]) {
    this.#running = patterns.map(({ pattern, automaton }) => ({ pattern, automaton, state: automaton.start() }));
  }

  /** The matches that this text completes, in the order of their ends. */
  feed(text: string): PatternMatch[] {
    const found: PatternMatch[] = [];
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (this.#high !== 0) {
        const high = this.#high;
        this.#high = 0;
        if (unit >= 0xdc00 && unit <= 0xdfff) {
          this.#units++;
          this.#take(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00), 2, found);
          continue;
        }
        this.#take(0xfffd, 1, found);
      }
      this.#units++;
      if (unit >= 0xd800 && unit <= 0xdbff) this.#high = unit;
      else if (unit >= 0xdc00 && unit <= 0xdfff) this.#take(0xfffd, 1, found);
      else this.#take(unit === carriageReturn ? newline : unit, 1, found);
    }
    return found;
  }

  /** The text is over: what ends with it. */
  end(): PatternMatch[] {
    const found: PatternMatch[] = [];
    if (this.#high !== 0) this.#take(0xfffd, 1, found);
    this.#high = 0;
    this.#take(endOfText, 0, found);
    return found;
  }

  #take(rune: number, units: number, found: PatternMatch[]): void {
    for (const running of this.#running) {
      const { next, endedBefore, completed } = running.automaton.step(running.state, rune);
      running.state = next;
      if (endedBefore) found.push(matchOf(running.pattern, this.#units - units));
      if (completed) found.push(matchOf(running.pattern, this.#units));
    }
  }
}

function matchOf({ id, action, message }: Pattern, end: number): PatternMatch {
  return { id, action, message, end };
}
