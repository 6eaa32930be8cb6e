// Passes a recorded terminal's output to a person's own terminal: what draws, and nothing else. Fed by `play` with a
// recording's keyframe and output, in pieces of any size.
// Invariant: what comes out is printable text, C0 that move the cursor, and whole sequences written anew from the lists
// below, so that no terminal can read it otherwise than this parser does.
type State = "ground" | "escape" | "control" | "ignored" | "string" | "command";

/** BEL, BS, HT, LF, VT, FF, CR, SO, SI. Not ENQ, which terminals answer. */
const drawingC0 = new Set([0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f]);
const text = /[\x20-\x7e\u00a0-\uffff]+/y;

/** ESC finals without intermediates: cursor, index, tab stop, full reset, shifts between character sets. */
const drawingEscapes = new Set("6789DEHMNOcno|}~");
/** Character sets, and line sizes with the alignment pattern. Not `%`: out of UTF-8, text would hold C1 controls. */
const drawingIntermediate = /^(?:[()*+\-./][0-~]|#[34568])$/;

/** CSI, OSC, and DCS, SOS, PM, APC. */
const introduced: Record<string, State> = {
  "[": "control",
  "]": "command",
  P: "string",
  X: "string",
  "^": "string",
  _: "string",
};

/** CSI, as prefix, intermediates and final; those that take modes or few parameters are in `#control`. */
const drawingControls = new Set([
  ..."@ABCDEFGHIJKLMPSTXZ`abdefghlmrsu",
  ...["?J", "?K", "?h", "?l", " @", " A", " q", "!p", '"q', "'}", "'~", "$v", "$x", "$z", "${"],
]);
const drawingModes: Record<string, ReadonlySet<number>> = {
  // Insert, and line feed as new line. Not 2, which locks the keyboard.
  "": new Set([4, 20]),
  // Reverse video, origin, wrap, cursor, alternate screens, synchronised output. Not what changes what keys or the mouse
  // send, nor what is reported (mouse, focus, paste, colour scheme).
  "?": new Set([5, 6, 7, 12, 25, 45, 47, 1047, 1048, 1049, 2026]),
};
/** With more parameters these are something else: mouse tracking, margins, keyboard protocol. */
const mostParameters: Record<string, number> = { T: 1, s: 0, u: 0 };

const longestSequence = 256;
/** Beyond any screen; some terminals loop as often as they are told. */
const largestParameter = 9999;

export class ReplayFilter {
  #state: State = "ground";
  /** Of an escape its intermediates, of a control its prefix, parameters and intermediates. */
  #collected = "";
  #out = "";

  pass(data: string): string {
    this.#out = "";
    let at = 0;
    while (at < data.length) {
      if (this.#state === "ground") {
        text.lastIndex = at;
        const run = text.exec(data)?.[0] ?? "";
        this.#out += run;
        at += run.length;
        if (at >= data.length) break;
      }
      this.#take(data.charCodeAt(at));
      at++;
    }
    return this.#out;
  }

  #take(code: number): void {
    if (code === 0x1b) this.#enter("escape");
    else if (code === 0x18 || code === 0x1a) this.#enter("ground");
    else if (code >= 0x80 && code < 0xa0) this.#c1(code);
    else if (this.#state === "command" || this.#state === "string") {
      // As terminals take it, BEL ends an operating system command, and no other string.
      if (code === 0x07 && this.#state === "command") this.#enter("ground");
    } else if (code < 0x20) {
      // ECMA-48 leaves it open, terminals agree: inside a sequence it acts at once, and the sequence goes on.
      if (drawingC0.has(code)) this.#out += String.fromCharCode(code);
    } else if (code >= 0xa0) {
      this.#enter("ground");
      this.#out += String.fromCharCode(code);
    } else if (code !== 0x7f) this.#sequence(String.fromCharCode(code));
  }

  #enter(state: State): void {
    this.#state = state;
    this.#collected = "";
  }

  /** The 8-bit forms stand for ESC and the character 0x40 below; UTF-8 text carries them as U+0080 to U+009F. */
  #c1(code: number): void {
    this.#enter("escape");
    this.#sequence(String.fromCharCode(code - 0x40));
  }

  #sequence(character: string): void {
    if (this.#state === "escape") this.#escape(character);
    else if (this.#state === "ground") this.#out += character;
    else if (character >= "@") {
      if (this.#state === "control") this.#control(character);
      else this.#enter("ground");
    } else if (this.#state === "control") {
      this.#collected += character;
      if (this.#collected.length > longestSequence) this.#enter("ignored");
    }
  }

  #escape(character: string): void {
    const sequence = this.#collected + character;
    if (character < "0") {
      // Two are the most that any sequence has; more only need to stay "too many".
      this.#collected = sequence.slice(0, 3);
      return;
    }
    this.#enter(introduced[sequence] ?? "ground");
    if (drawingEscapes.has(sequence) || drawingIntermediate.test(sequence)) this.#out += `\x1b${sequence}`;
  }

  #control(final: string): void {
    const parts = /^([<=>?]?)([0-9:;]*)([ -/]*)$/.exec(this.#collected);
    this.#enter("ground");
    if (parts === null) return;
    const [, prefix = "", written = "", intermediates = ""] = parts;
    if (!drawingControls.has(prefix + intermediates + final)) return;
    let parameters = written.replaceAll(/\d+/g, (digits) => String(Math.min(Number(digits), largestParameter)));
    if (parameters !== "" && parameters.split(/[;:]/).length > (mostParameters[final] ?? Infinity)) return;
    if (final === "h" || final === "l") {
      const modes = parameters.split(";").filter((mode) => drawingModes[prefix]?.has(Number(mode)) === true);
      if (modes.length === 0) return;
      parameters = modes.join(";");
    }
    this.#out += `\x1b[${prefix}${parameters}${intermediates}${final}`;
  }
}

/** Each screen has its own keyboard protocol; modifyOtherKeys is one for both. */
const keyboardReset = "\x1b[=0u\x1b[>4;0m";
const offModes = [1, 5, 9, 45, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 2004, 2026, 2031, 1049];

/** Leaves a terminal as a shell expects it, whatever the recording switched on. */
export const terminalReset = [
  // Ends a string that `--raw` left open.
  "\x1b\\",
  keyboardReset,
  ...offModes.map((mode) => `\x1b[?${mode}l`),
  keyboardReset,
  "\x1b[!p\x1b[4l\x1b[20l\x1b[?7h\x1b[?25h\x1b[?5W\x1b[0 q\x1b>",
  // Where origin mode and margins end, the cursor goes to the first line: what follows belongs where it was.
  "\x1b7\x1b[?6l\x1b[r\x1b8",
  "\x1b(B\x1b)B\x0f\x1b[0m",
].join("");
