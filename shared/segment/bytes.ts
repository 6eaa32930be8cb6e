// Bytes of a segment as text or base64, in the service and in the browser alike: of what both have, this code takes no more.
interface Both {
  TextDecoder: new (
    label: string,
    options: { fatal: boolean; ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
  btoa(binary: string): string;
}
const { TextDecoder, btoa } = globalThis as unknown as Both;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Null where they are not UTF-8. */
export function textIn(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** So many are spread into one call. */
const charsAtOnce = 8192;

export function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += charsAtOnce) {
    binary += String.fromCharCode(...bytes.subarray(at, at + charsAtOnce));
  }
  return btoa(binary);
}
