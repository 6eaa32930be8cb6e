// Keeps a session's picture to as many lines as its terminal has, in a watcher's that has more: it scrolls where the person's
// does, and the lines below are free. Fed with what ReplayFilter passed: whole sequences, each in one form.
const sequence = /\x1bc|\x1b\[!p|\x1b\[(\d*)(?:;(\d*))?([rHfd])/g;

export class OwnLines {
  /** Null: all of the watcher's. */
  #rows: number | null = null;

  /** What makes it so, with the cursor where it was. */
  change(rows: number | null): string {
    const before = this.#rows;
    this.#rows = rows;
    return before === rows ? "" : kept(rows === null ? "\x1b[r" : margins(rows));
  }

  pass(text: string): string {
    const rows = this.#rows;
    if (rows === null) return text;
    return text.replaceAll(sequence, (whole, first = "", second = "", final?: string) => {
      if (final === undefined) return whole + kept(margins(rows));
      const [row, other] = [Math.max(1, Number(first)), Number(second)];
      if (final === "d") return `\x1b[${Math.min(row, rows)}d`;
      if (final !== "r") return `\x1b[${Math.min(row, rows)};${Math.max(1, other)}${final}`;
      return `\x1b[${Math.min(row, rows)};${Math.min(other === 0 ? rows : other, rows)}r`;
    });
  }
}

const margins = (rows: number) => `\x1b[1;${rows}r`;
const kept = (acting: string) => `\x1b7${acting}\x1b8`;
