// The extended clipboard (pseudo-encoding 0xC0A1E5CE): read from cut-text messages of negative length. Its text is
// compressed; inflating is apart from reading, bounded, and done only by those who want the text.
import { constants, inflateSync } from "node:zlib";
import type { ClipboardAction, ExtendedClipboard } from "./client-messages.ts";
import { malformed, overLimit } from "./rfb-error.ts";

const textFormat = 1;
const actions: readonly (readonly [number, ClipboardAction])[] = [
  [1 << 24, "caps"],
  [1 << 25, "request"],
  [1 << 26, "peek"],
  [1 << 27, "notify"],
  [1 << 28, "provide"],
];
const defaultMaxTextBytes = 1024 * 1024;

/** 0 for `none`. */
export function clipboardActionBit(action: ClipboardAction): number {
  return actions.find(([, name]) => name === action)?.[0] ?? 0;
}

/** Reads what follows the length of the message: flags, then what belongs to the action. */
export function readExtendedClipboard(body: Buffer): ExtendedClipboard {
  const flags = body.readUInt32BE(0);
  return {
    action: actions.find(([bit]) => (flags & bit) !== 0)?.[1] ?? "none",
    flags,
    formats: flags & 0xffff,
    payload: body.subarray(4),
  };
}

/** The text of a `provide` message with `\n` as line end, or undefined when it brings no text. */
export function extendedClipboardText(
  clipboard: ExtendedClipboard,
  maxBytes: number = defaultMaxTextBytes,
): string | undefined {
  if (clipboard.action !== "provide" || (clipboard.formats & textFormat) === 0) return undefined;
  const inflated = inflateBounded(clipboard.payload, maxBytes + 4);
  if (inflated.length < 4) throw malformed("Extended clipboard", "the compressed text has no length");
  const length = inflated.readUInt32BE(0);
  if (length > maxBytes)
    throw overLimit("Extended clipboard", `a text of ${length} bytes; at most ${maxBytes} are kept`);
  if (length > inflated.length - 4) {
    throw malformed("Extended clipboard", `a text of ${length} bytes of which ${inflated.length - 4} were sent`);
  }
  const text = inflated.toString("utf8", 4, 4 + length).replace(/\0+$/, "");
  return text.replaceAll("\r\n", "\n");
}

function inflateBounded(payload: Buffer, maxOutputLength: number): Buffer {
  try {
    return inflateSync(payload, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw overLimit("Extended clipboard", `inflates to more than ${maxOutputLength} bytes`);
    }
    throw malformed("Extended clipboard", `its compressed part cannot be inflated: ${String(cause)}`);
  }
}
