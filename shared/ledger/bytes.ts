// Text, hex and base64 of small values, in the service and in the browser alike: of what both have, this code takes no more.
import { base64Of } from "../segment/bytes.ts";

interface Both {
  TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
  atob(base64: string): string;
}
const { TextEncoder, atob } = globalThis as unknown as Both;

const encoder = new TextEncoder();

/** SHA-256, which the caller brings: the same code runs in the service and in the browser. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

/** RangeError on anything but hex digits in pairs. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) throw new RangeError("not lowercase hex");
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  return base64Of(bytes);
}

/** Null where it is not base64 with its padding, or not in the one form that these bytes have. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return base64Of(bytes) === text ? bytes : null;
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
