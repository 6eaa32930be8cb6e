// Runs a compiled RE2 program over text that comes in pieces, one character at a time, and says after which character a
// match is complete. Determinised as it goes and remembered, so that a character costs a look-up. Invariants: where the
// text is cut does not matter; memory is bounded; a character costs at most one pass over the program.

/** Of the program, what is run here (RE2's instructions). */
export interface Program {
  readonly inst: readonly Instruction[];
  readonly start: number;
}
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  matchRune(rune: number): boolean;
}

const op = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  emptyWidth: 4,
  match: 6,
  nop: 7,
  rune: 8,
  rune1: 9,
  any: 10,
  anyNotNl: 11,
};
const at = { beginLine: 1, endLine: 2, beginText: 4, endText: 8, word: 16, noWord: 32 };

/** What stood before: all that an assertion can ask of it. */
type Before = "start" | "newline" | "word" | "other";

/** One character's outcome: matches that ended before it (seen by it alone), and matches that it completed. */
interface Step {
  readonly next: State;
  readonly endedBefore: boolean;
  readonly completed: boolean;
}

interface State {
  /** Threads before their empty instructions are followed: those depend on what comes next. */
  readonly threads: readonly number[];
  readonly before: Before;
  readonly ascii: (Step | undefined)[];
  readonly others: Map<number, Step>;
}

const newline = 10;
const endOfText = -1;
/** States beyond which what was remembered is forgotten; patterns of a plant have a few dozen. */
const maxStates = 2000;
const maxOthers = 256;

export class StreamAutomaton {
  readonly #program: Program;
  #states = new Map<string, State>();

  constructor(program: Program) {
    this.#program = program;
  }

  start(): State {
    return this.#state([], "start");
  }

  step(state: State, rune: number): Step {
    const known = rune < 128 && rune >= 0 ? state.ascii[rune] : state.others.get(rune);
    if (known !== undefined) return known;
    const step = this.#reckon(state, rune);
    if (rune < 128 && rune >= 0) state.ascii[rune] = step;
    else if (state.others.size < maxOthers) state.others.set(rune, step);
    return step;
  }

  #reckon({ threads, before }: State, rune: number): Step {
    const here = this.#follow([...threads, this.#program.start], positions(before, rune));
    // What ended is told once: threads that began before it are let go.
    const living = here.matched ? this.#follow([this.#program.start], positions(before, rune)).threads : here.threads;
    if (rune === endOfText) return { next: this.start(), endedBefore: here.matched, completed: false };
    const next: number[] = [];
    for (const pc of living) {
      const instruction = this.#program.inst[pc];
      if (instruction !== undefined && takes(instruction, rune)) next.push(instruction.out);
    }
    const after = beforeOf(rune);
    // Complete as soon as nothing more has to be seen: the very bytes that complete it can be held back.
    const completed = this.#follow(next, positions(after, null)).matched;
    return { next: this.#state(completed ? [] : next, after), endedBefore: here.matched, completed };
  }

  /** The threads that wait for a character, and whether the end of the program was reached on the way. */
  #follow(from: readonly number[], positions: number): { threads: number[]; matched: boolean } {
    const { inst } = this.#program;
    const seen = new Set<number>();
    const threads: number[] = [];
    const pending = [...from];
    let matched = false;
    for (let pc = pending.pop(); pc !== undefined; pc = pending.pop()) {
      if (seen.has(pc)) continue;
      seen.add(pc);
      const instruction = inst[pc];
      if (instruction === undefined) continue;
      switch (instruction.op) {
        case op.alt:
        case op.altMatch:
          pending.push(instruction.out, instruction.arg);
          break;
        case op.capture:
        case op.nop:
          pending.push(instruction.out);
          break;
        case op.emptyWidth:
          if ((instruction.arg & ~positions) === 0) pending.push(instruction.out);
          break;
        case op.match:
          matched = true;
          break;
        case op.rune:
        case op.rune1:
        case op.any:
        case op.anyNotNl:
          threads.push(pc);
          break;
        default:
      }
    }
    return { threads, matched };
  }

  #state(threads: readonly number[], before: Before): State {
    const sorted = [...new Set(threads)].sort((a, b) => a - b);
    const key = `${before} ${sorted.join(" ")}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= maxStates) this.#states = new Map();
    const state: State = {
      threads: sorted,
      before,
      ascii: Array.from<Step | undefined>({ length: 128 }),
      others: new Map(),
    };
    this.#states.set(key, state);
    return state;
  }
}

export type AutomatonState = State;
export { endOfText };

/** The assertions that hold between what stood before and what comes; null: not known yet, so only those about before. */
function positions(before: Before, rune: number | null): number {
  let held = before === "start" ? at.beginText | at.beginLine : before === "newline" ? at.beginLine : 0;
  if (rune === null) return held;
  if (rune === newline) held |= at.endLine;
  if (rune === endOfText) held |= at.endLine | at.endText;
  return held | ((before === "word") === isWord(rune) ? at.noWord : at.word);
}

function beforeOf(rune: number): Before {
  if (rune === newline) return "newline";
  return isWord(rune) ? "word" : "other";
}

function isWord(rune: number): boolean {
  return (rune >= 48 && rune <= 57) || (rune >= 65 && rune <= 90) || rune === 95 || (rune >= 97 && rune <= 122);
}

function takes(instruction: Instruction, rune: number): boolean {
  if (instruction.op === op.any) return true;
  if (instruction.op === op.anyNotNl) return rune !== newline;
  return instruction.matchRune(rune);
}
