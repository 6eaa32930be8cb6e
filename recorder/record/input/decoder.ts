// Keystrokes out of the bytes of one pty's stdin. One packet at a time: what a person types arrives in small packets,
// so packet borders tell a lone Escape from the beginning of a sequence. Only bracketed pastes, cut characters and cut
// control sequences reach over packets. Invariant: the items' bytes, joined, are the channel's bytes exactly.

import { isUtf8 } from "node:buffer";
import { incompleteTail } from "../segments/utf8.ts";
import { nameSequence, sequenceLength } from "./key-names.ts";

export interface InputItem {
  kind: "text" | "key" | "paste";
  bytes: Buffer;
  /** Keys only. */
  name?: string;
}

/** An unmarked packet of at least so many printable bytes was not typed. */
const pasteBytes = 48;
const maxCarry = 64;
const pasteStart = Buffer.from("\x1b[200~");
const pasteEnd = Buffer.from("\x1b[201~");
const none = Buffer.alloc(0);

const controlNames: Record<number, string> = {
  8: "Ctrl+H",
  9: "Tab",
  10: "Ctrl+J",
  13: "Enter",
  27: "Escape",
  127: "Backspace",
};

function controlName(byte: number): string {
  const known = controlNames[byte];
  if (known) return known;
  if (byte === 0) return "Ctrl+Space";
  return byte <= 26 ? `Ctrl+${String.fromCharCode(64 + byte)}` : `Ctrl+${String.fromCharCode(64 + byte)}`;
}

export class InputDecoder {
  #carry: Buffer = none;
  #pasting = false;

  get pending(): boolean {
    return this.#carry.length > 0;
  }

  push(packet: Buffer): InputItem[] {
    let data = this.#carry.length > 0 ? Buffer.concat([this.#carry, packet]) : packet;
    this.#carry = none;
    const items: InputItem[] = [];
    while (data.length > 0) {
      const used = this.#pasting ? this.#paste(data, items) : this.#typed(data, items);
      if (used === 0) {
        this.#carry = Buffer.from(data);
        break;
      }
      data = data.subarray(used);
    }
    return this.#asPaste(items, packet.length);
  }

  /** What waits for its rest, given up on. */
  flush(): InputItem[] {
    const carry = this.#carry;
    this.#carry = none;
    if (carry.length === 0) return [];
    if (this.#pasting) return [{ kind: "paste", bytes: carry }];
    return [carry[0] === 27 ? { kind: "key", name: "Unknown", bytes: carry } : { kind: "text", bytes: carry }];
  }

  #paste(data: Buffer, items: InputItem[]): number {
    const end = data.indexOf(pasteEnd);
    if (end === 0) {
      this.#pasting = false;
      items.push({ kind: "key", name: "PasteEnd", bytes: data.subarray(0, pasteEnd.length) });
      return pasteEnd.length;
    }
    let length = end < 0 ? data.length : end;
    if (end < 0) {
      length -= Math.max(partialMatch(data, pasteEnd), incompleteTail(data));
      if (length === 0) return data.length > maxCarry ? data.length : 0;
    }
    items.push({ kind: "paste", bytes: data.subarray(0, length) });
    return length;
  }

  #typed(data: Buffer, items: InputItem[]): number {
    const first = data[0] as number;
    if (first === 27) return this.#escape(data, items);
    if (first < 32 || first === 127) {
      items.push({ kind: "key", name: controlName(first), bytes: data.subarray(0, 1) });
      return 1;
    }
    let length = 1;
    while (length < data.length) {
      const byte = data[length] as number;
      if (byte < 32 || byte === 127) break;
      length++;
    }
    if (length === data.length) {
      length -= incompleteTail(data);
      if (length === 0) return 0;
    }
    items.push({ kind: "text", bytes: data.subarray(0, length) });
    return length;
  }

  #escape(data: Buffer, items: InputItem[]): number {
    if (data.length === 1) {
      items.push({ kind: "key", name: "Escape", bytes: data });
      return 1;
    }
    const length = sequenceLength(data);
    if (length === 0) {
      if (data.length < maxCarry) return 0;
      items.push({ kind: "key", name: "Unknown", bytes: data });
      return data.length;
    }
    const bytes = data.subarray(0, length);
    const starts = bytes.equals(pasteStart);
    if (starts) this.#pasting = true;
    items.push({ kind: "key", name: starts ? "PasteStart" : nameSequence(bytes), bytes });
    return length;
  }

  /** A packet too large to have been typed is a paste, whatever keys its line ends look like. */
  #asPaste(items: InputItem[], packetBytes: number): InputItem[] {
    if (packetBytes < pasteBytes || items.length === 0) return items;
    const plain = items.every((item) => item.kind === "text" || ["Enter", "Ctrl+J", "Tab"].includes(item.name ?? ""));
    if (!plain) return items;
    return [{ kind: "paste", bytes: Buffer.concat(items.map((item) => item.bytes)) }];
  }
}

/** How many bytes at the end of data may be the beginning of the mark. */
function partialMatch(data: Buffer, mark: Buffer): number {
  for (let n = Math.min(mark.length - 1, data.length); n > 0; n--) {
    if (data.subarray(data.length - n).equals(mark.subarray(0, n))) return n;
  }
  return 0;
}

/** As a stored line carries bytes: text where they are UTF-8, else base64. */
export function asData(bytes: Buffer): { d: string; enc?: "base64" } {
  return isUtf8(bytes) ? { d: bytes.toString("utf8") } : { d: bytes.toString("base64"), enc: "base64" };
}
