// What a program's output reads like: characters without the sequences that colour and place them. Fed in any split.
// Invariant: a sequence that never ends hides no more than `maxSequence` characters.
const maxSequence = 4096;

type State = "text" | "escape" | "csi" | "string" | "string-escape" | "intermediate";

export class ShownText {
  readonly #decoder = new TextDecoder("utf-8");
  #state: State = "text";
  #length = 0;

  push(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (this.#state === "text" && !text.includes("\u001b")) return withoutReturns(text);
    let shown = "";
    for (const character of text) {
      if (this.#state !== "text" && ++this.#length > maxSequence) this.#state = "text";
      if (this.#state !== "text") this.#state = after(this.#state, character);
      else if (character === "\u001b") this.#begin();
      else shown += character;
    }
    return withoutReturns(shown);
  }

  #begin(): void {
    this.#state = "escape";
    this.#length = 1;
  }
}

function withoutReturns(text: string): string {
  return text.includes("\r") ? text.replaceAll("\r", "") : text;
}

/** ECMA-48: control sequences, control strings up to ST (or BEL, as xterm has it), and the short ones. */
function after(state: State, character: string): State {
  switch (state) {
    case "escape":
      if (character === "[") return "csi";
      if ("]PX^_".includes(character)) return "string";
      return character >= " " && character <= "/" ? "intermediate" : "text";
    case "intermediate":
      return character >= " " && character <= "/" ? "intermediate" : "text";
    case "csi":
      return character >= "@" && character <= "~" ? "text" : "csi";
    case "string":
      if (character === "\u0007") return "text";
      return character === "\u001b" ? "string-escape" : "string";
    case "string-escape":
      return character === "\\" ? "text" : "string";
    case "text":
      return "text";
  }
}
