// What a viewer's keys and clipboard type, as text, for the policy's patterns: characters, a line feed for Return, a
// backspace for BackSpace, and Ctrl+U, Ctrl+C as the control characters that end or empty a line.
import type { WritableMessage } from "../../rfb/client-writer.ts";
import { extendedClipboardText } from "../../rfb/extended-clipboard.ts";
import { keysymText } from "../../rfb/keysyms.ts";

const keysym = { backSpace: 0xff08, tab: 0xff09, enter: 0xff0d, keypadEnter: 0xff8d } as const;
const controls: ReadonlySet<number> = new Set([0xffe3, 0xffe4]);
const maxClipboardText = 1024 * 1024;

export class TypedText {
  readonly #controlsDown = new Set<number>();

  /** What was pressed is let go of: a hold begins. */
  letGo(): void {
    this.#controlsDown.clear();
  }

  of(message: WritableMessage): string {
    switch (message.type) {
      case "key":
      case "qemu-key":
        return this.#key(message.sym, message.down);
      case "cut-text":
        return message.text;
      case "cut-text-extended":
        return message.clipboard.action === "provide"
          ? (extendedClipboardText(message.clipboard, maxClipboardText) ?? "")
          : "";
      default:
        return "";
    }
  }

  #key(sym: number, down: boolean): string {
    if (controls.has(sym)) {
      if (down) this.#controlsDown.add(sym);
      else this.#controlsDown.delete(sym);
      return "";
    }
    if (!down) return "";
    if (sym === keysym.enter || sym === keysym.keypadEnter) return "\n";
    if (sym === keysym.backSpace) return "\b";
    if (sym === keysym.tab) return "\t";
    const text = keysymText(sym) ?? "";
    if (this.#controlsDown.size === 0) return text;
    const letter = /^[a-z]$/i.test(text) ? text.toUpperCase().charCodeAt(0) - 0x40 : undefined;
    return letter === undefined ? "" : String.fromCharCode(letter);
  }
}
