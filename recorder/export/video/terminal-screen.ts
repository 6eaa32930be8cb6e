// The cells of a terminal as its output left them, by @xterm/headless. What one sequence may cost is bounded as in the
// recorder, so that recorded output cannot hold up an export either.
import headless from "@xterm/headless";
import { type BoundedParser, TerminalBounds } from "../../record/segments/terminal-bounds.ts";

const maxCols = 1000;
const maxRows = 500;

/** A cell's look. Colours are 0xRRGGBB, or −1 for the terminal's own. */
export interface Cell {
  text: string;
  /** 0 for the second half of a wide character. */
  width: number;
  fg: number;
  bg: number;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  overline: boolean;
  inverse: boolean;
  invisible: boolean;
}

interface Core {
  _inputHandler: { _parser: BoundedParser };
  coreService: { isCursorHidden: boolean };
}

export class TerminalScreen {
  readonly #terminal: InstanceType<typeof headless.Terminal>;
  readonly #core: Core;
  readonly #bounds: TerminalBounds;
  readonly #palette: readonly number[];

  /** @param palette 256 colours. */
  constructor(cols: number, rows: number, palette: readonly number[]) {
    this.#palette = palette;
    this.#terminal = new headless.Terminal({
      cols: Math.min(cols, maxCols),
      rows: Math.min(rows, maxRows),
      // As the recorder: what scrolled off does not come back when the terminal grows.
      scrollback: 0,
      allowProposedApi: true,
      logLevel: "off",
    });
    this.#core = (this.#terminal as unknown as { _core: Core })._core;
    this.#bounds = new TerminalBounds(this.#core._inputHandler._parser, this.#terminal);
  }

  get cols(): number {
    return this.#terminal.cols;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  /** A segment begins: what sequences may cost is given anew. */
  renew(): void {
    this.#bounds.renew();
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  resize(cols: number, rows: number): void {
    const [width, height] = [Math.min(Math.max(1, cols), maxCols), Math.min(Math.max(1, rows), maxRows)];
    if ((width !== this.cols || height !== this.rows) && this.#bounds.spend(width * height + this.cols * this.rows))
      this.#terminal.resize(width, height);
  }

  /** Column and row, or null while it is hidden. */
  get cursor(): { x: number; y: number } | null {
    if (this.#core.coreService.isCursorHidden) return null;
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    return { x: Math.min(cursorX, this.cols - 1), y: cursorY };
  }

  /** Visits each cell of the screen; the object is used again. */
  visit(see: (x: number, y: number, cell: Cell) => void): void {
    const buffer = this.#terminal.buffer.active;
    const from = buffer.getNullCell();
    const cell: Cell = { ...blank };
    for (let y = 0; y < this.rows; y++) {
      const line = buffer.getLine(buffer.baseY + y);
      for (let x = 0; x < this.cols; x++) {
        const found = line?.getCell(x, from);
        if (found === undefined) Object.assign(cell, blank);
        else {
          cell.text = found.getChars();
          cell.width = found.getWidth();
          cell.fg = found.isFgRGB()
            ? found.getFgColor()
            : found.isFgPalette()
              ? this.#colour(found.getFgColor(), found.isBold() !== 0)
              : -1;
          cell.bg = found.isBgRGB()
            ? found.getBgColor()
            : found.isBgPalette()
              ? this.#colour(found.getBgColor(), false)
              : -1;
          cell.bold = found.isBold() !== 0;
          cell.dim = found.isDim() !== 0;
          cell.italic = found.isItalic() !== 0;
          cell.underline = found.isUnderline() !== 0;
          cell.strike = found.isStrikethrough() !== 0;
          cell.overline = found.isOverline() !== 0;
          cell.inverse = found.isInverse() !== 0;
          cell.invisible = found.isInvisible() !== 0;
        }
        see(x, y, cell);
      }
    }
  }

  /** The player shows bold text of the first eight colours in their bright form. */
  #colour(index: number, bold: boolean): number {
    return this.#palette[bold && index < 8 ? index + 8 : index] ?? -1;
  }

  dispose(): void {
    this.#terminal.dispose();
  }
}

const blank: Cell = {
  text: "",
  width: 1,
  fg: -1,
  bg: -1,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  overline: false,
  inverse: false,
  invisible: false,
};
