// Bounds what one escape sequence may cost the emulator, which repeats some of them as often as the peer's number says.
// Set into the parser by TerminalState. Invariant: a number is cut only where a larger one would change nothing that is
// seen; once the allowance is spent, sequences that rewrite whole lines or screens are left out until it is renewed.

interface Parameters {
  params: Int32Array;
  length: number;
}

export interface BoundedParser {
  _csiHandlers: Record<number, Array<(params: Parameters) => boolean> | undefined>;
  _escHandlers: Record<number, Array<() => boolean> | undefined>;
}

interface Size {
  readonly cols: number;
  readonly rows: number;
}

/** In cells that may be rewritten between two keyframes. A program that redraws all of 200×60 at 60 Hz needs 7 million. */
export const allowanceCells = 40_000_000;

/** As the emulator's parser knows its handlers: the final character under what stands before it. */
function identifier(sequence: string): number {
  let id = 0;
  for (const char of sequence) id = (id << 8) | char.charCodeAt(0);
  return id;
}

type Cost = (params: Parameters, size: Size) => number;

function atMost(params: Parameters, most: number): number {
  const asked = Math.max(1, params.params[0] ?? 1);
  const count = Math.min(asked, most);
  if (asked > most) params.params[0] = count;
  return count;
}

const lines: Cost = (params, { cols, rows }) => atMost(params, rows) * (cols + rows);
// A step to a tab stop looks for it cell by cell; a repeated character is printed like any other.
const stops: Cost = (params, { cols }) => atMost(params, cols) * 32;
const oneLine: Cost = (_params, { cols }) => cols;
const screen: Cost = (_params, { cols, rows }) => cols * rows;
const modes: Cost = (params, { cols, rows }) =>
  params.params.subarray(0, params.length).some((mode) => mode === 47 || mode === 1047 || mode === 1049)
    ? params.length * cols * rows
    : params.length;

/** REP: what fills the screen more than once leaves the cursor where the rest of the last row does. */
const repeat: Cost = (params, { cols, rows }) => {
  const asked = Math.max(1, params.params[0] ?? 1);
  const area = cols * rows;
  const count = asked > area ? area + ((asked - area) % cols) : asked;
  params.params[0] = count;
  return count * 8;
};

const csiCosts: Record<string, Cost> = {
  S: lines,
  T: lines,
  L: lines,
  M: lines,
  b: repeat,
  I: stops,
  Z: stops,
  J: screen,
  "?J": screen,
  K: oneLine,
  "?K": oneLine,
  "@": oneLine,
  P: oneLine,
  X: (params, { cols }) => Math.min(Math.max(1, params.params[0] ?? 1), cols),
  " @": screen,
  " A": screen,
  "'}": screen,
  "'~": screen,
  "?h": modes,
  "?l": modes,
};

const escCosts: Record<string, (size: Size) => number> = {
  c: ({ cols, rows }) => cols * rows,
  "#8": ({ cols, rows }) => cols * rows,
  M: ({ cols, rows }) => cols + rows,
  D: ({ cols, rows }) => cols + rows,
  E: ({ cols, rows }) => cols + rows,
};

export class TerminalBounds {
  #left = allowanceCells;

  constructor(parser: BoundedParser, size: Size) {
    // The handler that was added last is asked first; "true" ends the sequence there.
    for (const [sequence, cost] of Object.entries(csiCosts)) {
      parser._csiHandlers[identifier(sequence)]?.push((params) => !this.spend(cost(params, size)));
    }
    for (const [sequence, cost] of Object.entries(escCosts)) {
      parser._escHandlers[identifier(sequence)]?.push(() => !this.spend(cost(size)));
    }
  }

  /** False when the allowance does not reach. */
  spend(cells: number): boolean {
    if (cells > this.#left) return false;
    this.#left -= cells;
    return true;
  }

  renew(): void {
    this.#left = allowanceCells;
  }
}
