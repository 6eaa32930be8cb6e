// Follows only where a terminal's parser stands (ECMA-48, the VT500 parser) and whether the alternate screen is shown.
// Cheap enough for every byte of a flood, where the emulator itself is not.

const inGround = 0;
const inEscape = 1;
const inIntermediate = 2;
const inCsi = 3;
const inOsc = 4;
/** DCS, SOS, PM, APC. */
const inString = 5;

const maxParameters = 64;
const plainParameters = /^[<=>?]?[\d;]{0,60}$/;
const introducers = /[\x1b\x80-\x9f]/g;
const alternateModes = new Set(["47", "1047", "1049"]);

export class VtScanner {
  #state = inGround;
  /** What the control sequence that is being read holds so far. */
  #body = "";
  alternate = false;

  get ground(): boolean {
    return this.#state === inGround;
  }

  scan(text: string): void {
    let at = 0;
    while (at < text.length) {
      if (this.#state === inGround) {
        introducers.lastIndex = at;
        const next = introducers.exec(text);
        if (!next) return;
        at = next.index;
      }
      this.#step(text.charCodeAt(at));
      at++;
    }
  }

  #step(code: number): void {
    if (code === 0x18 || code === 0x1a) this.#state = inGround;
    else if (code === 0x1b) this.#state = inEscape;
    else if (code >= 0x80 && code <= 0x9f) this.#c1(code);
    else if (this.#state === inEscape) this.#escape(code);
    else if (this.#state === inIntermediate) this.#escapeIntermediate(code);
    else if (this.#state === inCsi) this.#csi(code);
    else if (this.#state === inOsc && code === 0x07) this.#state = inGround;
  }

  #c1(code: number): void {
    if (code === 0x9b) this.#begin(inCsi);
    else if (code === 0x9d) this.#begin(inOsc);
    else if (code === 0x90 || code === 0x98 || code === 0x9e || code === 0x9f) this.#begin(inString);
    else this.#state = inGround;
  }

  #begin(state: number): void {
    this.#state = state;
    this.#body = "";
  }

  #escape(code: number): void {
    if (code < 0x20 || code === 0x7f) return;
    if (code === 0x5b) this.#begin(inCsi);
    else if (code === 0x5d) this.#begin(inOsc);
    else if (code === 0x50 || code === 0x58 || code === 0x5e || code === 0x5f) this.#begin(inString);
    else if (code <= 0x2f) this.#state = inIntermediate;
    else {
      if (code === 0x63) this.alternate = false;
      this.#state = inGround;
    }
  }

  #escapeIntermediate(code: number): void {
    if (code >= 0x30 && code !== 0x7f) this.#state = inGround;
  }

  #csi(code: number): void {
    if (code < 0x20 || code === 0x7f) return;
    if (code >= 0x40 && code <= 0x7e) {
      this.#state = inGround;
      if (code === 0x68 || code === 0x6c) this.#mode(code === 0x68);
    } else if (code > 0x7e) {
      // Within a sequence it breaks off; behind intermediates, or where the rest is ignored, it is read over.
      if (plainParameters.test(this.#body)) this.#state = inGround;
    } else if (this.#body.length < maxParameters) {
      this.#body += String.fromCharCode(code);
    }
  }

  #mode(on: boolean): void {
    if (!this.#body.startsWith("?")) return;
    for (const mode of this.#body.slice(1).split(";")) if (alternateModes.has(mode)) this.alternate = on;
  }
}
