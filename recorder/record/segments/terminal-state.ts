// Follows a pty's output in a headless terminal, and writes its whole state as text that redraws it: the keyframe of a
// segment. The only file that knows @xterm/headless; it reads internals that the package does not publish, so the
// version is pinned and a test compares snapshot + tail with the whole. Invariant: synchronous, no scrollback.
import headless from "@xterm/headless";
import { type BoundedParser, TerminalBounds } from "./terminal-bounds.ts";

const { Terminal } = headless;

/** A size that a peer asks for beyond this is followed at this size: memory must stay bounded. */
export const maxCols = 1000;
export const maxRows = 500;

interface Attributes {
  fg: number;
  bg: number;
  extended: { ext: number; urlId: number };
  isBold(): number;
  isDim(): number;
  isItalic(): number;
  isUnderline(): number;
  isBlink(): number;
  isInverse(): number;
  isInvisible(): number;
  isStrikethrough(): number;
  isOverline(): number;
  isFgRGB(): boolean;
  isFgPalette(): boolean;
  isBgRGB(): boolean;
  isBgPalette(): boolean;
  getFgColor(): number;
  getBgColor(): number;
  getUnderlineStyle(): number;
  isUnderlineColorDefault(): boolean;
  isUnderlineColorRGB(): boolean;
  getUnderlineColor(): number;
}

interface Cell extends Attributes {
  getChars(): string;
  getWidth(): number;
}

interface Line {
  isWrapped: boolean;
  loadCell(x: number, cell: Cell): Cell;
}

type Charset = Record<string, string> | undefined;

interface Screen {
  x: number;
  y: number;
  ybase: number;
  savedX: number;
  savedY: number;
  savedCurAttrData: Attributes;
  savedCharset: Charset;
  tabs: Record<string, boolean | undefined>;
  scrollTop: number;
  scrollBottom: number;
  lines: { get(y: number): Line | undefined };
}

interface Core {
  writeSync(data: string): void;
  _bufferService: { buffers: { normal: Screen; alt: Screen; active: Screen } };
  _inputHandler: {
    _parser: BoundedParser & { currentState: number; precedingJoinState: number };
    _curAttrData: Attributes;
    _windowTitle: string;
    _activeBuffer: unknown;
  };
  /** `charset` is the set in force, which a restored cursor may set apart from what is designated. */
  _charsetService: { glevel: number; charset: Charset; _charsets: Charset[] };
  _oscLinkService: { getLinkData(id: number): { uri: string; id?: string } | undefined };
  coreService: {
    modes: { insertMode: boolean };
    isCursorHidden: boolean;
    decPrivateModes: {
      applicationCursorKeys: boolean;
      applicationKeypad: boolean;
      bracketedPasteMode: boolean;
      cursorBlink: boolean | undefined;
      cursorStyle: "block" | "underline" | "bar" | undefined;
      origin: boolean;
      reverseWraparound: boolean;
      sendFocus: boolean;
      synchronizedOutput: boolean;
      wraparound: boolean;
    };
  };
  coreMouseService: { activeProtocol: string; activeEncoding: string };
  optionsService: { rawOptions: { convertEol: boolean } };
}

const groundState = 0;
/** A keyframe repeats the screen in every segment: what one cell, a title or links may add to it is bounded. */
const maxCellChars = 64;
const maxTitleChars = 1024;
const maxLinkChars = 2048;
const maxSnapshotLinkChars = 64 * 1024;
const mouseModes: Record<string, number> = { X10: 9, VT200: 1000, DRAG: 1002, ANY: 1003 };
const mouseEncodings: Record<string, number> = { SGR: 1006, SGR_PIXELS: 1016 };
const cursorStyles = { block: 1, underline: 3, bar: 5 };

function cup(row: number, col: number): string {
  return `\x1b[${row + 1};${col + 1}H`;
}

function rgb(color: number): string {
  return `${(color >>> 16) & 255};${(color >>> 8) & 255};${color & 255}`;
}

function colorCodes(base: 30 | 40, isRgb: boolean, isPalette: boolean, color: number): string[] {
  if (isRgb) return [`${base + 8};2;${rgb(color)}`];
  if (!isPalette) return [];
  if (color < 8) return [String(base + color)];
  if (color < 16) return [String(base + 60 + color - 8)];
  return [`${base + 8};5;${color}`];
}

function underlineCodes(cell: Attributes): string[] {
  if (!cell.isUnderline()) return [];
  const style = cell.getUnderlineStyle();
  const codes = [style > 1 ? `4:${style}` : "4"];
  if (!cell.isUnderlineColorDefault()) {
    const color = cell.getUnderlineColor();
    codes.push(cell.isUnderlineColorRGB() ? `58:2::${rgb(color).replaceAll(";", ":")}` : `58:5:${color & 255}`);
  }
  return codes;
}

function sgr(cell: Attributes): string {
  const codes = ["0"];
  if (cell.isBold()) codes.push("1");
  if (cell.isDim()) codes.push("2");
  if (cell.isItalic()) codes.push("3");
  codes.push(...underlineCodes(cell));
  if (cell.isBlink()) codes.push("5");
  if (cell.isInverse()) codes.push("7");
  if (cell.isInvisible()) codes.push("8");
  if (cell.isStrikethrough()) codes.push("9");
  if (cell.isOverline()) codes.push("53");
  codes.push(...colorCodes(30, cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor()));
  codes.push(...colorCodes(40, cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor()));
  return `\x1b[${codes.join(";")}m`;
}

function sameAttributes(a: Attributes | null, b: Attributes): boolean {
  return a !== null && styleKey(a) === styleKey(b);
}

function styleKey(a: Attributes): string {
  return `${a.fg & ~0}:${a.bg & ~0}:${a.extended.ext}:${a.extended.urlId}`;
}

/** ISO 2022 designators of the sets that terminals still use; national ones fall back to ASCII. */
function designator(set: Charset): string {
  if (!set) return "B";
  if (set["q"] === "─") return "0";
  return set["#"] === "£" && Object.keys(set).length === 1 ? "A" : "B";
}

/** The characters of a cell, with as many combining marks as anybody can see. */
function charsOf(cell: Cell): string {
  const chars = cell.getChars();
  return chars.length > maxCellChars ? chars.slice(0, maxCellChars).replace(/[\ud800-\udbff]$/, "") : chars;
}

export class TerminalState {
  readonly #terminal: InstanceType<typeof Terminal>;
  readonly #core: Core;
  readonly #bounds: TerminalBounds;
  #linkChars = 0;
  cols: number;
  rows: number;

  constructor(cols: number, rows: number) {
    this.cols = Math.min(cols, maxCols);
    this.rows = Math.min(rows, maxRows);
    this.#terminal = new Terminal({
      cols: this.cols,
      rows: this.rows,
      scrollback: 0,
      allowProposedApi: true,
      logLevel: "off",
    });
    this.#core = (this.#terminal as unknown as { _core: Core })._core;
    this.#bounds = new TerminalBounds(this.#core._inputHandler._parser, this.#terminal);
  }

  write(text: string): void {
    this.#core.writeSync(text);
  }

  resize(cols: number, rows: number): void {
    this.cols = Math.min(cols, maxCols);
    this.rows = Math.min(rows, maxRows);
    const { cols: colsNow, rows: rowsNow } = this.#terminal;
    if (this.#bounds.spend(Math.max(this.cols * this.rows, colsNow * rowsNow))) this.#fit();
  }

  /** A resize that the allowance did not reach for is made up for before anything is read. */
  #fit(): void {
    const { cols, rows } = this.#terminal;
    if (cols !== this.cols || rows !== this.rows) this.#terminal.resize(this.cols, this.rows);
  }

  /** True between escape sequences: only then does a snapshot say everything. */
  get ground(): boolean {
    return this.#core._inputHandler._parser.currentState === groundState;
  }

  get alternate(): boolean {
    const { active, alt } = this.#core._bufferService.buffers;
    return active === alt;
  }

  /** The row of the cursor up to the cursor, with the rows that it is wrapped from. */
  cursorLine(): string {
    this.#fit();
    const screen = this.#core._bufferService.buffers.active;
    let text = this.#rowText(screen, screen.y, screen.x);
    for (let y = screen.y; y > 0 && screen.lines.get(screen.ybase + y)?.isWrapped; y--) {
      text = this.#rowText(screen, y - 1, this.cols) + text;
    }
    return text;
  }

  /** Text that makes any terminal of this size look and behave like this one, starting with a full reset (RIS). */
  snapshot(): string {
    this.#fit();
    this.#linkChars = 0;
    const { normal, alt, active } = this.#core._bufferService.buffers;
    let out = "\x1bc";
    if (active === alt) {
      out += this.#draw(normal) + this.#region(normal);
      // 1049 saves the cursor on the way in: what it saves is set up first.
      out += `${this.#saved(normal)}\x1b[?1049h\x1b[0m\x1b[H`;
    }
    out += this.#draw(active);
    out += this.#tabStops(active);
    if (active === normal || active.savedX !== 0 || active.savedY !== 0) out += `${this.#saved(active)}\x1b7`;
    out += this.#modes();
    out += this.#region(active);
    // Insert mode last: with it on, drawing would move what is drawn.
    return `${out}${this.#cursor(active)}${this.#core.coreService.modes.insertMode ? "\x1b[4h" : ""}`;
  }

  #rowText(screen: Screen, y: number, until: number): string {
    const line = screen.lines.get(screen.ybase + y);
    if (!line) return "";
    const cell = this.#cell();
    let text = "";
    for (let x = 0; x < Math.min(until, this.cols); x++) {
      line.loadCell(x, cell);
      if (cell.getWidth() > 0) text += charsOf(cell) || " ";
    }
    return text;
  }

  #cell(): Cell {
    return this.#terminal.buffer.active.getNullCell() as unknown as Cell;
  }

  #style(cell: Attributes): string {
    const link =
      cell.isUnderline() && cell.extended.urlId
        ? this.#core._oscLinkService.getLinkData(cell.extended.urlId)
        : undefined;
    if (!link) return sgr(cell);
    const text = `\x1b]8;${link.id ? `id=${link.id}` : ""};${link.uri}\x07`;
    if (text.length > maxLinkChars || this.#linkChars + text.length > maxSnapshotLinkChars) return sgr(cell);
    this.#linkChars += text.length;
    return sgr(cell) + text;
  }

  #draw(screen: Screen): string {
    let out = "";
    let style: Attributes | null = null;
    let styledLink = false;
    const cell = this.#cell();
    // Cells that had to be printed as a space only to carry a line over into the next row.
    const erase: Array<{ x: number; y: number; text: string }> = [];
    const put = (next: Cell, text: string): void => {
      if (!sameAttributes(style, next)) {
        if (styledLink) out += "\x1b]8;;\x07";
        out += this.#style(next);
        styledLink = next.extended.urlId !== 0;
        style = { ...next, extended: { ext: next.extended.ext, urlId: next.extended.urlId } } as Attributes;
      }
      out += text;
    };
    // Erased cells with a colour of their own, gathered into one sequence.
    let run: { x: number; cells: number } | null = null;
    const endRun = (): void => {
      if (run) out += `\x1b[${run.cells === 1 ? "" : run.cells}X`;
      run = null;
    };
    for (let y = 0; y < this.rows; y++) {
      endRun();
      const line = screen.lines.get(screen.ybase + y);
      if (!line) continue;
      const carriesOn = screen.lines.get(screen.ybase + y + 1)?.isWrapped === true && y + 1 < this.rows;
      const carried = line.isWrapped && y > 0;
      // Where the next printed character would land; -1: the cursor has to be placed.
      let at = carried ? 0 : -1;
      for (let x = 0; x < this.cols; x++) {
        line.loadCell(x, cell);
        const width = cell.getWidth();
        if (width === 0) continue;
        // Half of an overwritten wide character is an empty cell that may still show a line or its inverse.
        const lined = cell.isInverse() || cell.isUnderline() || cell.isStrikethrough() || cell.isOverline();
        const chars = charsOf(cell) || (lined ? " " : "");
        const bridge = (carried && x === 0) || (carriesOn && x === this.cols - 1 && !this.#wideNext(screen, y));
        if (chars === "" && !bridge) {
          at = -1;
          if (!cell.isBgPalette() && !cell.isBgRGB()) {
            endRun();
            continue;
          }
          const open = run as { x: number; cells: number } | null;
          if (open && open.x + open.cells === x && sameAttributes(style, cell)) {
            open.cells++;
            continue;
          }
          endRun();
          out += cup(y, x);
          put(cell, "");
          run = { x, cells: 1 };
          continue;
        }
        endRun();
        if (at !== x) {
          out += cup(y, x);
          at = x;
        }
        if (chars === "") erase.push({ x, y, text: `${this.#style(cell)}\x1b[X` });
        put(cell, chars === "" ? " " : chars);
        at += width;
      }
      if (!carriesOn || !this.#wideNext(screen, y)) continue;
      // A wide character that did not fit into the last column wraps from there, and blanks that cell on its way.
      endRun();
      out += cup(y, this.cols - 1);
      const wide = screen.lines.get(screen.ybase + y + 1)?.loadCell(0, this.#cell());
      line.loadCell(this.cols - 1, cell);
      if (wide && sameAttributes(wide, cell)) continue;
      const lined = cell.isInverse() || cell.isUnderline() || cell.isStrikethrough() || cell.isOverline();
      erase.push({ x: this.cols - 1, y, text: `${this.#style(cell)}${lined ? " " : "\x1b[X"}` });
    }
    endRun();
    if (styledLink) out += "\x1b]8;;\x07";
    for (const hole of erase) out += cup(hole.y, hole.x) + hole.text;
    return `${out}\x1b[0m`;
  }

  #wideNext(screen: Screen, y: number): boolean {
    const next = screen.lines.get(screen.ybase + y + 1);
    const last = screen.lines.get(screen.ybase + y)?.loadCell(this.cols - 1, this.#cell());
    return next?.loadCell(0, this.#cell()).getWidth() === 2 && last?.getChars() === "" && last.getWidth() === 1;
  }

  #region(screen: Screen): string {
    if (screen.scrollTop === 0 && screen.scrollBottom === this.rows - 1) return "";
    return `\x1b[${screen.scrollTop + 1};${screen.scrollBottom + 1}r`;
  }

  #saved(screen: Screen): string {
    const y = Math.max(0, Math.min(screen.savedY - screen.ybase, this.rows - 1));
    const x = Math.min(screen.savedX, this.cols - 1);
    return `\x1b(${designator(screen.savedCharset)}${cup(y, x)}${this.#style(screen.savedCurAttrData)}`;
  }

  #tabStops(screen: Screen): string {
    const stops: number[] = [];
    for (let x = 0; x < this.cols; x++) if (screen.tabs[x]) stops.push(x);
    const usual = stops.every((x, i) => x === i * 8) && stops.length === Math.ceil(this.cols / 8);
    return usual ? "" : `\x1b[3g${stops.map((x) => `${cup(0, x)}\x1bH`).join("")}`;
  }

  #modes(): string {
    const { decPrivateModes: dec, isCursorHidden } = this.#core.coreService;
    const mouse = this.#core.coreMouseService;
    const on: number[] = [];
    if (dec.applicationCursorKeys) on.push(1);
    if (dec.reverseWraparound) on.push(45);
    if (dec.sendFocus) on.push(1004);
    if (dec.bracketedPasteMode) on.push(2004);
    const protocol = mouseModes[mouse.activeProtocol];
    if (protocol !== undefined) on.push(protocol);
    const encoding = mouseEncodings[mouse.activeEncoding];
    if (encoding !== undefined) on.push(encoding);
    let out = on.map((mode) => `\x1b[?${mode}h`).join("");
    if (!dec.wraparound) out += "\x1b[?7l";
    if (isCursorHidden) out += "\x1b[?25l";
    if (dec.applicationKeypad) out += "\x1b=";
    if (this.#core.optionsService.rawOptions.convertEol) out += "\x1b[20h";
    if (dec.cursorStyle !== undefined) {
      out += `\x1b[${cursorStyles[dec.cursorStyle] + (dec.cursorBlink === false ? 1 : 0)} q`;
    }
    const title = this.#core._inputHandler._windowTitle.slice(0, maxTitleChars);
    // A title may not end the sequence that sets it.
    if (title) out += `\x1b]2;${title.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "")}\x07`;
    return out;
  }

  #charsets(): string {
    const { glevel, charset, _charsets } = this.#core._charsetService;
    const sets = [..._charsets];
    sets[glevel] = charset;
    let out = `\x1b(${designator(sets[0])}`;
    for (const [i, intro] of [")", "*", "+"].entries()) {
      if (designator(sets[i + 1]) !== "B") out += `\x1b${intro}${designator(sets[i + 1])}`;
    }
    return out + (["\x0f", "\x0e", "\x1bn", "\x1bo"][glevel] ?? "\x0f");
  }

  #cursor(screen: Screen): string {
    const { _curAttrData: current, _parser: parser } = this.#core._inputHandler;
    const { decPrivateModes: dec } = this.#core.coreService;
    const style = this.#style(current);
    const top = dec.origin ? screen.scrollTop : 0;
    const place = (y: number, x: number): string => cup(y - top, x);
    const origin = dec.origin ? "\x1b[?6h" : "";
    const wrapPending = screen.x >= this.cols;
    if ((wrapPending || parser.precedingJoinState !== 0) && screen.x > 0) {
      // The last character is printed once more: nothing else brings back a pending wrap, or lets a combining mark
      // that follows join it.
      const cell = this.#cell();
      const line = screen.lines.get(screen.ybase + screen.y);
      let x = Math.min(screen.x, this.cols) - 1;
      line?.loadCell(x, cell);
      if (cell.getWidth() === 0 && x > 0) line?.loadCell(--x, cell);
      const again = charsOf(cell);
      if (again !== "" || wrapPending) {
        const own = this.#style(cell) === style ? "" : this.#style(cell);
        const after = own === "" ? "" : style;
        return `\x1b(B\x0f${origin}${place(screen.y, x)}${style}${own}${again || " "}${after}${this.#charsetsUnlessAscii()}`;
      }
    }
    return `${origin}${place(screen.y, Math.min(screen.x, this.cols - 1))}${style}${this.#charsets()}`;
  }

  #charsetsUnlessAscii(): string {
    const { glevel, charset, _charsets: sets } = this.#core._charsetService;
    const ascii = glevel === 0 && [charset, ...sets].every((set) => designator(set) === "B");
    return ascii ? "" : this.#charsets();
  }

  /** As new, for another channel. */
  reset(cols: number, rows: number): void {
    this.#bounds.renew();
    this.#terminal.reset();
    this.#core._inputHandler._windowTitle = "";
    this.resize(cols, rows);
  }

  dispose(): void {
    this.#terminal.dispose();
  }
}
