// Messages of the viewer after ClientInit (RFC 6143 §7.5 and its extensions), as ClientParser gives them.
import type { PixelFormat } from "./pixel-format.ts";

export interface ScreenLayout {
  id: number;
  x: number;
  y: number;
  width: number;
  height: number;
  flags: number;
}

/** What an extended clipboard message does (its flags' upper byte); one message has one action, `caps` may list many. */
export type ClipboardAction = "caps" | "request" | "peek" | "notify" | "provide" | "none";

export interface ExtendedClipboard {
  action: ClipboardAction;
  /** All 32 bits as sent. */
  flags: number;
  /** Bit 0 text, 1 RTF, 2 HTML, 3 DIB, 4 files. */
  formats: number;
  /** What follows the flags: sizes for `caps`, a zlib stream for `provide` (see `extendedClipboardText`). */
  payload: Buffer;
}

export type ClientMessageBody =
  | { type: "set-pixel-format"; format: PixelFormat }
  | { type: "set-encodings"; encodings: number[] }
  | { type: "update-request"; incremental: boolean; x: number; y: number; width: number; height: number }
  | { type: "key"; down: boolean; sym: number }
  | { type: "qemu-key"; down: boolean; sym: number; keycode: number }
  | { type: "qemu-audio"; operation: number }
  /** ExtendedMouseButtons, with a seventh byte, is never agreed on: `buttons` has the eight of RFC 6143. */
  | { type: "pointer"; x: number; y: number; buttons: number }
  /** Latin-1, as the plain message has it. */
  | { type: "cut-text"; text: string }
  | { type: "cut-text-extended"; clipboard: ExtendedClipboard }
  /** Longer than the limit: skipped, so that `raw` has its header alone. Not to be forwarded. */
  | { type: "cut-text-oversize"; bytes: number }
  | { type: "fence"; flags: number; payload: Buffer }
  | { type: "continuous-updates"; enable: boolean; x: number; y: number; width: number; height: number }
  | { type: "set-desktop-size"; width: number; height: number; screens: ScreenLayout[] }
  | { type: "xvp"; version: number; code: number }
  /** File transfer of UltraVNC (7) or TightVNC (130–136); `raw` has its header alone. Never to be forwarded. */
  | { type: "file-transfer"; family: "ultravnc" | "tightvnc"; number: number; bytes: number };

/** `raw` is the whole message as it arrived (except where said). It is a copy: the parser does not touch it again. */
export type ClientMessage = ClientMessageBody & { raw: Buffer };
