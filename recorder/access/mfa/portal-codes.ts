// Codes that the portal shows for a log-in over SSH or VNC, where a passkey cannot be asked for: eight digits, once, within
// five minutes. Who guesses is slowed down as with an authenticator's codes.
import { createHash, randomInt } from "node:crypto";

export const portalCodeMs = 5 * 60_000;

export function makePortalCode(): string {
  const digits = String(randomInt(100_000_000)).padStart(8, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

/** As a person types it. Null for anything that is no code. */
export function parsePortalCode(text: string): string | null {
  const compact = text.replaceAll(/[ \u00a0-]/g, "");
  return /^[0-9]{8}$/.test(compact) ? compact : null;
}

export function hashPortalCode(person: string, code: string): string {
  return createHash("sha256")
    .update(`conduit portal code\n${person}\n${code.replaceAll("-", "")}`)
    .digest("base64url");
}
