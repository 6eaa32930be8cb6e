// Writes a viewer's message anew from what was read of it. Pure. Invariant: nothing in the bytes comes from the viewer but
// the fields that were read, so that a target cannot find another message in padding, in flags that nobody knows, or in
// what follows a compressed text.
import { deflateSync } from "node:zlib";
import type { ClientMessageBody, ExtendedClipboard, ScreenLayout } from "./client-messages.ts";
import { clipboardActionBit, extendedClipboardText } from "./extended-clipboard.ts";
import { writePixelFormat } from "./pixel-format.ts";

/** What a target may be sent; the others are refused. */
export type WritableMessage = Exclude<
  ClientMessageBody,
  { type: "cut-text-oversize" | "file-transfer" | "qemu-audio" }
>;

/** Block before, block after, sync next, request. */
const knownFenceFlags = 0x8000_0007;
/** Text, RTF, HTML, DIB, files. */
const knownClipboardFormats = 0x1f;
const knownClipboardActions = 0x1f00_0000;
const textFormat = 1;

export function writeClientMessage(message: WritableMessage): Buffer {
  switch (message.type) {
    case "set-pixel-format":
      return Buffer.concat([Buffer.alloc(4), writePixelFormat(message.format)]);
    case "set-encodings":
      return setEncodings(message.encodings);
    case "update-request":
      return withArea(3, message.incremental, message);
    case "continuous-updates":
      return withArea(150, message.enable, message);
    case "key":
      return key(message.down, message.sym);
    case "qemu-key":
      return qemuKey(message.down, message.sym, message.keycode);
    case "pointer":
      return pointer(message.buttons, message.x, message.y);
    case "cut-text":
      return cutText(message.text);
    case "cut-text-extended":
      return extendedCutText(message.clipboard);
    case "fence":
      return fence(message.flags, message.payload);
    case "set-desktop-size":
      return setDesktopSize(message.width, message.height, message.screens);
    case "xvp":
      return Buffer.from([250, 0, message.version, message.code]);
  }
}

function setEncodings(encodings: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * encodings.length);
  bytes[0] = 2;
  bytes.writeUInt16BE(encodings.length, 2);
  for (const [at, number] of encodings.entries()) bytes.writeInt32BE(number, 4 + 4 * at);
  return bytes;
}

function withArea(type: number, flag: boolean, area: { x: number; y: number; width: number; height: number }): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = type;
  bytes[1] = flag ? 1 : 0;
  bytes.writeUInt16BE(area.x, 2);
  bytes.writeUInt16BE(area.y, 4);
  bytes.writeUInt16BE(area.width, 6);
  bytes.writeUInt16BE(area.height, 8);
  return bytes;
}

function key(down: boolean, sym: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = 4;
  bytes[1] = down ? 1 : 0;
  bytes.writeUInt32BE(sym, 4);
  return bytes;
}

function qemuKey(down: boolean, sym: number, keycode: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[0] = 255;
  bytes[3] = down ? 1 : 0;
  bytes.writeUInt32BE(sym, 4);
  bytes.writeUInt32BE(keycode, 8);
  return bytes;
}

function pointer(buttons: number, x: number, y: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes[0] = 5;
  bytes[1] = buttons;
  bytes.writeUInt16BE(x, 2);
  bytes.writeUInt16BE(y, 4);
  return bytes;
}

function cutText(text: string): Buffer {
  const content = Buffer.from(text, "latin1");
  const head = Buffer.alloc(8);
  head[0] = 6;
  head.writeUInt32BE(content.length, 4);
  return Buffer.concat([head, content]);
}

/** One action with its formats; only `caps` says several, and only `provide` and `caps` bring more than that. */
function extendedCutText(clipboard: ExtendedClipboard): Buffer {
  const { action, flags, payload } = clipboard;
  const formats = action === "peek" ? 0 : clipboard.formats & knownClipboardFormats;
  let said = clipboardActionBit(action) | formats;
  let content: Buffer = Buffer.alloc(0);
  if (action === "caps") {
    said |= flags & knownClipboardActions;
    content = sizes(formats, payload);
  } else if (action === "provide") {
    const text = extendedClipboardText(clipboard);
    said = clipboardActionBit(action) | (text === undefined ? 0 : textFormat);
    content = deflateSync(provided(text));
  }
  const head = Buffer.alloc(12);
  head[0] = 6;
  head.writeInt32BE(-(4 + content.length), 4);
  head.writeUInt32BE(said >>> 0, 8);
  return Buffer.concat([head, content]);
}

/** One for each format; those that are missing are 0. */
function sizes(formats: number, payload: Buffer): Buffer {
  let count = 0;
  for (let rest = formats; rest !== 0; rest &= rest - 1) count++;
  const bytes = Buffer.alloc(4 * count);
  payload.copy(bytes, 0, 0, bytes.length);
  return bytes;
}

function provided(text: string | undefined): Buffer {
  if (text === undefined) return Buffer.alloc(0);
  const content = Buffer.from(`${text.replaceAll("\n", "\r\n")}\0`, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function fence(flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head[0] = 248;
  head.writeUInt32BE((flags & knownFenceFlags) >>> 0, 4);
  head[8] = payload.length;
  return Buffer.concat([head, payload]);
}

function setDesktopSize(width: number, height: number, screens: readonly ScreenLayout[]): Buffer {
  const bytes = Buffer.alloc(8 + 16 * screens.length);
  bytes[0] = 251;
  bytes.writeUInt16BE(width, 2);
  bytes.writeUInt16BE(height, 4);
  bytes[6] = screens.length;
  for (const [index, screen] of screens.entries()) {
    const at = 8 + 16 * index;
    bytes.writeUInt32BE(screen.id, at);
    bytes.writeUInt16BE(screen.x, at + 4);
    bytes.writeUInt16BE(screen.y, at + 6);
    bytes.writeUInt16BE(screen.width, at + 8);
    bytes.writeUInt16BE(screen.height, at + 10);
    bytes.writeUInt32BE(screen.flags, at + 12);
  }
  return bytes;
}
