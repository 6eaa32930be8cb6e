// Turns a terminal's bytes into keys: one printable character, or the whole of a control or escape sequence.
import { StringDecoder } from "node:string_decoder";

// CSI, SS3, or a plain escape: what terminals send for keys (ECMA-48, xterm's ctlseqs).
const escapeSequence = /^\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^[O])/;
const maxPending = 64;

export class KeyDecoder {
  readonly #utf8 = new StringDecoder("utf8");
  #pending = "";

  feed(data: Uint8Array): string[] {
    let text = this.#pending + this.#utf8.write(Buffer.from(data));
    this.#pending = "";
    const keys: string[] = [];
    while (text !== "") {
      if (text.startsWith("\x1b")) {
        const match = escapeSequence.exec(text);
        if (match === null) {
          if (text.length < maxPending) this.#pending = text;
          return keys;
        }
        keys.push(match[0]);
        text = text.slice(match[0].length);
      } else {
        const key = String.fromCodePoint(text.codePointAt(0) ?? 0);
        keys.push(key);
        text = text.slice(key.length);
      }
    }
    return keys;
  }
}
