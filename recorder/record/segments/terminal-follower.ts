// A pty's terminal between two keyframes, without an emulator of its own: the last keyframe and what came since. The
// emulator is one for all channels, lent when the next keyframe is due, so that an open session costs kilobytes.
import { maxCols, maxRows, TerminalState } from "./terminal-state.ts";
import { VtScanner } from "./vt-scanner.ts";

type Step = string | { cols: number; rows: number };

const freshTerminal = "\x1bc";
/** More text than this is brought into the keyframe at once. */
const maxStepChars = 512 * 1024;

/** Links that a terminal has shown stay in the emulator's memory: now and then it is made anew. */
const usesPerEmulator = 1000;
const charsPerUse = 64 * 1024;

let emulator: TerminalState | null = null;
let uses = 0;

function lend(cols: number, rows: number): TerminalState {
  if (!emulator || uses >= usesPerEmulator) {
    emulator?.dispose();
    emulator = new TerminalState(cols, rows);
    uses = 0;
  }
  uses++;
  emulator.reset(cols, rows);
  return emulator;
}

export class TerminalFollower {
  #keyframe = freshTerminal;
  /** The size at the keyframe, and now. */
  #base: { cols: number; rows: number };
  #size: { cols: number; rows: number };
  #steps: Step[] = [];
  #chars = 0;
  #cursorLine = "";
  readonly #scanner = new VtScanner();

  constructor(cols: number, rows: number) {
    this.#size = { cols: Math.min(cols, maxCols), rows: Math.min(rows, maxRows) };
    this.#base = this.#size;
  }

  /** True between escape sequences: only then does a keyframe say everything. */
  get ground(): boolean {
    return this.#scanner.ground;
  }

  get alternate(): boolean {
    return this.#scanner.alternate;
  }

  write(text: string): void {
    this.#scanner.scan(text);
    this.#steps.push(text);
    this.#chars += text.length;
    if (this.#chars > maxStepChars && this.ground) this.#catchUp();
  }

  resize(cols: number, rows: number): void {
    this.#size = { cols: Math.min(cols, maxCols), rows: Math.min(rows, maxRows) };
    this.#steps.push(this.#size);
  }

  /** Text that redraws the terminal as it is. */
  keyframe(): string {
    this.#catchUp();
    return this.#keyframe;
  }

  /** What stands before the cursor. */
  cursorLine(): string {
    if (this.ground) this.#catchUp();
    return this.#cursorLine;
  }

  /** Takes over the state of a terminal that an earlier process followed. */
  restart(keyframe: string, cols: number, rows: number): void {
    this.#keyframe = keyframe;
    this.#size = { cols, rows };
    this.#base = this.#size;
    this.#steps = [];
    this.#chars = 0;
    this.#scanner.scan(keyframe);
  }

  #catchUp(): void {
    if (this.#steps.length === 0) return;
    const state = lend(this.#base.cols, this.#base.rows);
    uses += Math.floor(this.#chars / charsPerUse);
    state.write(this.#keyframe);
    for (const step of this.#steps) {
      if (typeof step === "string") state.write(step);
      else state.resize(step.cols, step.rows);
    }
    this.#keyframe = state.snapshot();
    this.#cursorLine = state.cursorLine();
    this.#base = this.#size;
    this.#steps = [];
    this.#chars = 0;
  }
}
