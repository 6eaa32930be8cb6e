// What was typed at a screen, put together from key presses: until Enter, a click, a pause or a key that leads elsewhere.
// Fed with a VNC channel's input lines. Invariant: bounded; a key that is masked says nothing.
import type { InputLine } from "../../shared/events/stored.ts";
import type { Found } from "./channel-lines.ts";

const maxText = 500;
const pauseUs = 5_000_000;
const modifiers = /^(?:Control|Alt|Meta|Super|Hyper)_/;
const neutral = /^(?:Shift|Caps_Lock|ISO_Level)/;

export class ScreenWords {
  readonly #track: string;
  readonly #give: (found: Found) => void;
  readonly #held = new Set<string>();
  #text: string[] = [];
  #fromUs = 0;
  #lastUs = 0;

  constructor(track: string, give: (found: Found) => void) {
    this.#track = track;
    this.#give = give;
  }

  input({ k, d, name = "", down, what, t }: InputLine): void {
    if (k === "pointer") {
      if (what === "press") this.end();
      return;
    }
    if (k !== "vkey") return;
    if (modifiers.test(name)) {
      if (down === true) this.#held.add(name);
      else this.#held.delete(name);
      return;
    }
    if (down !== true || neutral.test(name)) return;
    if (t - this.#lastUs > pauseUs) this.end();
    this.#lastUs = t;
    if (name === "BackSpace") this.#text.pop();
    else if (this.#held.size > 0) return;
    else if (d !== undefined && d >= " " && name !== "•") this.#key(d, t);
    else this.end();
  }

  end(): void {
    const text = this.#text.join("").trim();
    this.#text = [];
    if (text === "") return;
    this.#give({ kind: "screen-keys", atUs: this.#fromUs, endUs: this.#lastUs, text, track: this.#track });
  }

  #key(character: string, t: number): void {
    if (this.#text.length === 0) this.#fromUs = t;
    this.#text.push(character);
    if (this.#text.length >= maxText) this.end();
  }
}
