// Names and numbers of the encodings, from the IANA registry and the community's rfbproto document.

export const encoding = {
  raw: 0,
  copyRect: 1,
  rre: 2,
  coRre: 4,
  hextile: 5,
  zlib: 6,
  tight: 7,
  trle: 15,
  zrle: 16,
  zywrle: 17,
  jpeg: 21,
  h264: 50,
  tightPng: -260,
  desktopSize: -223,
  lastRect: -224,
  pointerPos: -232,
  cursor: -239,
  xCursor: -240,
  qemuPointerMotion: -257,
  qemuKey: -258,
  qemuAudio: -259,
  qemuLed: -261,
  gii: -305,
  desktopName: -307,
  extendedDesktopSize: -308,
  xvp: -309,
  fence: -312,
  continuousUpdates: -313,
  cursorWithAlpha: -314,
  extendedMouse: -316,
  vmwareCursor: 0x574d5664,
  vmwareCursorState: 0x574d5665,
  vmwareCursorPosition: 0x574d5666,
  vmwareKeyRepeat: 0x574d5667,
  vmwareLed: 0x574d5668,
  vmwareDisplayMode: 0x574d5669,
  extendedClipboard: 0xc0a1e5ce | 0,
  libvncKeyboardLed: -131072,
  libvncSupportedMessages: -131071,
  libvncSupportedEncodings: -131070,
  libvncServerIdentity: -131069,
} as const;

const names = new Map<number, string>([
  [encoding.raw, "Raw"],
  [encoding.copyRect, "CopyRect"],
  [encoding.rre, "RRE"],
  [encoding.coRre, "CoRRE"],
  [encoding.hextile, "Hextile"],
  [encoding.zlib, "Zlib"],
  [encoding.tight, "Tight"],
  [encoding.trle, "TRLE"],
  [encoding.zrle, "ZRLE"],
  [encoding.zywrle, "ZYWRLE"],
  [encoding.jpeg, "JPEG"],
  [encoding.h264, "H264"],
  [encoding.tightPng, "TightPNG"],
  [encoding.desktopSize, "DesktopSize"],
  [encoding.lastRect, "LastRect"],
  [encoding.pointerPos, "PointerPos"],
  [encoding.cursor, "Cursor"],
  [encoding.xCursor, "XCursor"],
  [encoding.qemuPointerMotion, "QEMU pointer motion"],
  [encoding.qemuKey, "QEMU extended key"],
  [encoding.qemuAudio, "QEMU audio"],
  [encoding.qemuLed, "QEMU LED"],
  [encoding.gii, "GII"],
  [encoding.desktopName, "DesktopName"],
  [encoding.extendedDesktopSize, "ExtendedDesktopSize"],
  [encoding.xvp, "xvp"],
  [encoding.fence, "Fence"],
  [encoding.continuousUpdates, "ContinuousUpdates"],
  [encoding.cursorWithAlpha, "CursorWithAlpha"],
  [encoding.extendedMouse, "ExtendedMouseButtons"],
  [encoding.vmwareCursor, "VMware cursor"],
  [encoding.vmwareCursorState, "VMware cursor state"],
  [encoding.vmwareCursorPosition, "VMware cursor position"],
  [encoding.vmwareKeyRepeat, "VMware key repeat"],
  [encoding.vmwareLed, "VMware LED"],
  [encoding.vmwareDisplayMode, "VMware display mode"],
  [encoding.extendedClipboard, "ExtendedClipboard"],
  [encoding.libvncKeyboardLed, "libvncserver keyboard LED"],
  [encoding.libvncSupportedMessages, "libvncserver supported messages"],
  [encoding.libvncSupportedEncodings, "libvncserver supported encodings"],
  [encoding.libvncServerIdentity, "libvncserver identity"],
]);

/** Encodings that ScreenDecoder draws and ServerFramer frames; all of SetEncodings that may go to a target. */
const decoded = new Set<number>([
  encoding.raw,
  encoding.copyRect,
  encoding.rre,
  encoding.coRre,
  encoding.hextile,
  encoding.zlib,
  encoding.tight,
  encoding.tightPng,
  encoding.trle,
  encoding.zrle,
]);

/** Pseudo-encodings whose rectangles and messages are understood. GII, audio, and VMware's display mode, which would
 *  change the pixel format behind the viewer's back, are left out on purpose; so is ExtendedMouseButtons: from which moment
 *  on a target reads seven bytes of a pointer, some take from the list and some from their own announcement. */
const understood = new Set<number>([
  encoding.desktopSize,
  encoding.lastRect,
  encoding.pointerPos,
  encoding.cursor,
  encoding.xCursor,
  encoding.qemuPointerMotion,
  encoding.qemuKey,
  encoding.qemuLed,
  encoding.desktopName,
  encoding.extendedDesktopSize,
  encoding.xvp,
  encoding.fence,
  encoding.continuousUpdates,
  encoding.cursorWithAlpha,
  encoding.vmwareCursor,
  encoding.vmwareLed,
  encoding.extendedClipboard,
  encoding.libvncKeyboardLed,
  encoding.libvncSupportedMessages,
  encoding.libvncSupportedEncodings,
  encoding.libvncServerIdentity,
]);

/** Hints without rectangles of their own: JPEG quality 0–9, its fine scale and subsampling. They ask for loss. */
export function isQualityLevel(number: number): boolean {
  return (number >= -32 && number <= -23) || (number >= -512 && number <= -412) || (number >= -768 && number <= -763);
}

export function isCompressLevel(number: number): boolean {
  return number >= -256 && number <= -247;
}

/** Whether a target may be asked for this: whatever it then sends is understood by framer and decoder. */
export function isPassableEncoding(number: number): boolean {
  return decoded.has(number) || understood.has(number) || isQualityLevel(number) || isCompressLevel(number);
}

/** Its rectangles bring pixels: an update with one of them answers a request, other updates may come beside the answer. */
export function isPixelEncoding(number: number): boolean {
  return decoded.has(number);
}

/** A name for people, e.g. "Tight", "quality 6", "encoding -4711". */
export function encodingName(number: number): string {
  const name = names.get(number);
  if (name !== undefined) return name;
  if (number >= -32 && number <= -23) return `quality ${number + 32}`;
  if (isCompressLevel(number)) return `compression ${number + 256}`;
  if (isQualityLevel(number)) return `fine quality ${number}`;
  return `encoding ${number}`;
}
