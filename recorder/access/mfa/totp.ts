// Time-based one-time codes (RFC 6238): SHA-1, six digits, 30 seconds, as every authenticator app has them. Pure: the time
// is passed in, and which steps were used before is the caller's to know.
import { timingSafeEqual } from "node:crypto";
import { Secret, TOTP } from "otpauth";

const digits = 6;
const periodSeconds = 30;
/** One step either way: a clock that is wrong by half a minute, and a code that took a while to type. */
const tolerance = 1;
const secretBytes = 20;

/** As a person types it: apps show it in groups. Null for anything that is no code. */
export function parseTotpCode(text: string): string | null {
  const compact = text.replaceAll(/[ \u00a0-]/g, "");
  return /^[0-9]{6}$/.test(compact) ? compact : null;
}

/** In Base32, 160 bits (RFC 4226 §4). */
export function makeTotpSecret(): string {
  return new Secret({ size: secretBytes }).base32;
}

export function totpStepAt(nowMs: number): number {
  return Math.floor(nowMs / 1000 / periodSeconds);
}

/** What an app scans. The label is what the app lists. */
export function totpUri(secret: string, { issuer, person }: { issuer: string; person: string }): string {
  return new TOTP({
    issuer,
    label: person,
    secret: Secret.fromBase32(secret),
    digits,
    period: periodSeconds,
  }).toString();
}

export function totpCode(secret: string, step: number): string {
  return TOTP.generate({
    secret: Secret.fromBase32(secret),
    algorithm: "SHA1",
    digits,
    period: periodSeconds,
    timestamp: step * periodSeconds * 1000,
  });
}

/** The step that the code belongs to, one after `afterStep` alone; null when there is none. Always the same work. */
export function matchTotp(secret: string, code: string, nowMs: number, afterStep: number): number | null {
  const now = totpStepAt(nowMs);
  const given = Buffer.from(code.padEnd(digits).slice(0, digits), "latin1");
  let found: number | null = null;
  for (let step = now - tolerance; step <= now + tolerance; step++) {
    const matches = timingSafeEqual(Buffer.from(totpCode(secret, step), "latin1"), given);
    if (matches && step > afterStep) found = step;
  }
  return found;
}
