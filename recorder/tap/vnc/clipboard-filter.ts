// Whether a clipboard message passes, either way. Off unless policy allows it; only text, only so much of it. Invariant:
// what does not pass leaves a notice without its content, the first time for each reason; what passes is in the record.
import { AppError } from "../../../shared/errors.ts";
import type { ExtendedClipboard } from "../../rfb/client-messages.ts";
import { extendedClipboardText } from "../../rfb/extended-clipboard.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";

export type ClipboardMessage =
  | { type: "cut-text"; text: string }
  | { type: "cut-text-extended"; clipboard: ExtendedClipboard }
  | { type: "cut-text-oversize"; bytes: number };

type Direction = "inbound" | "outbound";

const textFormat = 1;

export class ClipboardFilter {
  readonly #session: TapSession;
  readonly #gate: RecordingGate;
  readonly #channel: number;
  readonly #maxBytes: number;
  readonly #told = new Set<string>();

  constructor(session: TapSession, gate: RecordingGate, channel: number, maxBytes: number) {
    this.#session = session;
    this.#gate = gate;
    this.#channel = channel;
    this.#maxBytes = maxBytes;
  }

  /** The extended clipboard is a conversation: it works only where both directions are allowed. */
  get extended(): boolean {
    return this.#allowed("inbound") && this.#allowed("outbound");
  }

  /** Appends the notice in either case. */
  passes(direction: Direction, message: ClipboardMessage): boolean {
    const { hold } = this.#session;
    if (hold?.code === "escort-awaited" || (hold !== null && direction === "inbound"))
      return this.#refuse(direction, hold.code, {});
    const decision = this.#session.decideClipboard(direction, 0);
    if (decision.effect === "deny") return this.#refuse(direction, decision.reason, { rule: decision.rule });
    switch (message.type) {
      case "cut-text-oversize":
        return this.#refuse(direction, "too-long", { bytes: message.bytes, most: this.#maxBytes });
      case "cut-text":
        return this.#text(direction, message.text, Buffer.byteLength(message.text, "latin1"));
      case "cut-text-extended":
        return this.#extended(direction, message.clipboard);
    }
  }

  #allowed(direction: Direction): boolean {
    return this.#session.decideClipboard(direction, 0).effect === "allow";
  }

  #extended(direction: Direction, clipboard: ExtendedClipboard): boolean {
    if (!this.extended) return this.#refuse(direction, "extended-not-offered", {});
    if (clipboard.action !== "provide") return true;
    if ((clipboard.formats & ~textFormat) !== 0) return this.#refuse(direction, "not-text", {});
    try {
      const text = extendedClipboardText(clipboard, this.#maxBytes) ?? "";
      // As it is written anew: lines end in CR LF, and the text in NUL.
      const written = Buffer.byteLength(text.replaceAll("\n", "\r\n"), "utf8") + 1;
      if (written > this.#maxBytes + 1)
        return this.#refuse(direction, "too-long", { bytes: written, most: this.#maxBytes });
      return this.#text(direction, text, Buffer.byteLength(text, "utf8"));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return this.#refuse(direction, error.code === "PROTOCOL_LIMIT" ? "too-long" : "malformed", {});
    }
  }

  #text(direction: Direction, text: string, bytes: number): boolean {
    if (bytes > this.#maxBytes) return this.#refuse(direction, "too-long", { bytes, most: this.#maxBytes });
    const decision = this.#session.decideClipboard(direction, bytes);
    if (decision.effect === "deny") return this.#refuse(direction, decision.reason, { rule: decision.rule, bytes });
    this.#gate.notice("clipboard", { direction, bytes }, this.#channel);
    // Inbound the message itself is recorded as input.
    if (direction === "outbound") this.#gate.append({ type: "clipboard", channel: this.#channel, text });
    return true;
  }

  #refuse(direction: Direction, reason: string, facts: Record<string, unknown>): false {
    const key = `${direction} ${reason}`;
    if (!this.#told.has(key)) {
      this.#told.add(key);
      this.#gate.notice("clipboard-refused", { direction, reason, ...facts }, this.#channel);
    }
    return false;
  }
}
