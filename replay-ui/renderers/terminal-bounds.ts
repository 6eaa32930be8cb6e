// Bounds what recorded output may cost the browser's terminal, which repeats and rewrites as often as a sequence's number
// says: a segment of nothing but such sequences would stop the page for minutes. Fed with a terminal's output in pieces of
// any size. Invariant: what passes is what came, but that a number is cut where a larger one would change nothing that is
// seen, and that sequences are left out while the allowance is spent. A keyframe renews it, and time fills it up.

/** In cells that may be rewritten at once; the terminal takes about 80 ns for each. */
export const allowanceCells = 20_000_000;
/** What comes back: ten times what a program needs that redraws all of 200×60 at 60 Hz. */
const cellsPerMs = 10_000;
/** No sequence that draws is longer; what is, is left out. */
const longestSequence = 4096;

const escapeCode = 0x1b;
const controlCode = 0x9b;

/** With the count that stands first cut to what can be seen; null where that is not what the number means. */
type Cost = (count: number, cols: number, rows: number) => { count: number | null; cells: number };

const lines: Cost = (count, cols, rows) => ({ count: Math.min(count, rows), cells: Math.min(count, rows) * cols });
const stops: Cost = (count, cols) => ({ count: Math.min(count, cols), cells: Math.min(count, cols) * 8 });
const oneLine: Cost = (_count, cols) => ({ count: null, cells: cols });
const screen: Cost = (_count, cols, rows) => ({ count: null, cells: cols * rows });
/** What fills the screen more than once leaves the cursor where the rest of the last row does. */
const repeat: Cost = (count, cols, rows) => {
  const area = cols * rows;
  const shown = count > area ? area + ((count - area) % cols) : count;
  return { count: shown, cells: shown };
};

const controlCosts: Record<string, Cost> = {
  S: lines,
  T: lines,
  L: lines,
  M: lines,
  b: repeat,
  I: stops,
  Z: stops,
  J: screen,
  K: oneLine,
  "@": oneLine,
  P: oneLine,
  X: oneLine,
};

/** ESC finals that rewrite: reset and alignment pattern a screen, index and reverse index a line. */
const escapeCosts: Record<string, Cost> = { c: screen, "#8": screen, D: oneLine, E: oneLine, M: oneLine };
const screenModes = /(?:^|;)0*(?:47|1047|1049)(?:;|$)/;

export class TerminalBounds {
  #cols: number;
  #rows: number;
  #left = allowanceCells;
  #filledMs: number | null = null;
  #state: "ground" | "escape" | "control" = "ground";
  /** Of the sequence that is not yet whole: what stands after its introducer. */
  #held = "";

  constructor(cols: number, rows: number) {
    this.#cols = cols;
    this.#rows = rows;
  }

  resize(cols: number, rows: number): void {
    this.#cols = cols;
    this.#rows = rows;
  }

  /** A keyframe: nothing is left of what was before. */
  renew(): void {
    this.#left = allowanceCells;
    this.#state = "ground";
    this.#held = "";
  }

  /** By the clock of whoever looks. */
  fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - (this.#filledMs ?? nowMs));
    this.#filledMs = nowMs;
    this.#left = Math.min(allowanceCells, this.#left + elapsedMs * cellsPerMs);
  }

  pass(data: string): string {
    let out = "";
    for (let at = 0; at < data.length; ) {
      if (this.#state === "ground") {
        const next = nextIntroducer(data, at);
        out += data.slice(at, next);
        at = next;
        if (at >= data.length) break;
      }
      out += this.#take(data.charCodeAt(at));
      at++;
    }
    return out;
  }

  #take(code: number): string {
    if (code === escapeCode || code === controlCode) {
      // What was open is broken off by it, here as there.
      const broken = this.#end("");
      this.#state = code === escapeCode ? "escape" : "control";
      return broken;
    }
    const character = String.fromCharCode(code);
    if (this.#state === "ground") return character;
    // A control character inside a sequence acts at once, and the sequence goes on; CAN and SUB end it.
    if (code < 0x20 && code !== 0x18 && code !== 0x1a) return character;
    if (code < 0x20 || code >= 0x7f) return this.#end(character);
    if (this.#state === "escape" && this.#held === "" && character === "[") {
      this.#state = "control";
      return "";
    }
    const whole = this.#state === "control" ? character >= "@" : character >= "0";
    if (!whole) {
      if (this.#held.length < longestSequence) this.#held += character;
      return "";
    }
    return this.#whole(character);
  }

  /** A sequence that does not come to its end, as it was: it draws nothing. */
  #end(character: string): string {
    const open = this.#state === "ground" ? "" : `\x1b${this.#state === "control" ? "[" : ""}${this.#held}`;
    this.#state = "ground";
    this.#held = "";
    return open + character;
  }

  #whole(final: string): string {
    const held = this.#held;
    const isControl = this.#state === "control";
    this.#held = "";
    this.#state = "ground";
    if (held.length >= longestSequence) return "";
    if (!isControl) return this.#spend(escapeCosts[held + final], 1) === undefined ? "" : `\x1b${held}${final}`;
    const [, prefix = "", first = "", rest = ""] = /^([<=>?]*)(\d*)(.*)$/.exec(held) ?? [];
    if (prefix === "?" && (final === "h" || final === "l"))
      return screenModes.test(held.slice(1)) && this.#spend(screen, 1) === undefined ? "" : `\x1b[${held}${final}`;
    const selective = prefix === "?" && (final === "J" || final === "K");
    // With intermediates it is another sequence; those cost little.
    const cost = (prefix === "" || selective) && !/[ -/]/.test(rest) ? controlCosts[final] : undefined;
    const count = this.#spend(cost, Math.max(1, Number(first)));
    if (count === undefined) return "";
    return `\x1b[${prefix}${count === null ? first : count}${rest}${final}`;
  }

  /** The count to write, null to leave it as it is; undefined when the allowance does not reach. */
  #spend(cost: Cost | undefined, asked: number): number | null | undefined {
    if (cost === undefined) return null;
    const { count, cells } = cost(asked, this.#cols, this.#rows);
    if (cells > this.#left) return undefined;
    this.#left -= cells;
    return count === asked ? null : count;
  }
}

function nextIntroducer(data: string, from: number): number {
  for (let at = from; at < data.length; at++) {
    const code = data.charCodeAt(at);
    if (code === escapeCode || code === controlCode) return at;
  }
  return data.length;
}
