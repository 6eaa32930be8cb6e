// A target's host keys: fingerprints, the comparison with what is pinned, and the scan that `conduit target scan` prints.
// Invariant: a target without a pin, or with another key than the pinned one, is never given a credential.
import { createHash, timingSafeEqual } from "node:crypto";
import { AppError } from "../../../shared/errors.ts";
import { hostKeyTypes } from "./algorithms.ts";
import { connectTarget } from "./target-connection.ts";
import { WireReader } from "./wire.ts";

export interface HostKey {
  /** As in the key itself: `ssh-ed25519`, `ssh-rsa`. */
  type: string;
  /** `SHA256:…`, as OpenSSH prints it. */
  fingerprint: string;
  /** `type base64`: what a target's `hostKeys` takes. */
  line: string;
}

/** @param blob the public key in RFC 4253 §6.6 form. */
export function describeHostKey(blob: Buffer): HostKey {
  const type = new WireReader(blob).text();
  return { type, fingerprint: fingerprintOf(blob), line: `${type} ${blob.toString("base64")}` };
}

export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** What an entry of `hostKeys` pins. Undefined: it is neither a key line nor a fingerprint. */
export function parsePin(entry: string): { type?: string; fingerprint: string } | undefined {
  const words = entry.trim().split(/\s+/);
  const [first = "", second = ""] = words;
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(first)) return { fingerprint: first.replace(/=$/, "") };
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(second)) return { type: first, fingerprint: second.replace(/=$/, "") };
  const blob = Buffer.from(second, "base64");
  if (blob.length < 8 || blob.toString("base64").replace(/=+$/, "") !== second.replace(/=+$/, "")) return undefined;
  try {
    const key = describeHostKey(blob);
    return key.type === first ? { type: key.type, fingerprint: key.fingerprint } : undefined;
  } catch {
    return undefined;
  }
}

export function isPinned(blob: Buffer, pins: readonly { fingerprint: string }[]): boolean {
  const offered = Buffer.from(fingerprintOf(blob));
  return pins.some(({ fingerprint }) => {
    const pinned = Buffer.from(fingerprint);
    return pinned.length === offered.length && timingSafeEqual(pinned, offered);
  });
}

/** The pins of a target; PROTOCOL_TARGET_HOST_KEY when there is none or one cannot be read. */
export function readPins(target: string, entries: readonly string[]): { type?: string; fingerprint: string }[] {
  if (entries.length === 0) {
    throw hostKeyError(
      `No host key is pinned for target ${target}, so nothing proves that it is the right machine. ` +
        `Run \`conduit target scan ${target}\`, compare the fingerprint with the machine's own, and pin it: \`conduit target scan ${target} --pin\`.`,
      { target },
    );
  }
  return entries.map((entry) => {
    const pin = parsePin(entry);
    if (pin === undefined) {
      throw hostKeyError(
        `Target ${target} pins ${JSON.stringify(entry.slice(0, 80))}, which is neither a key line (\`ssh-ed25519 AAAA…\`) nor a fingerprint (\`SHA256:…\`). Mend the target's hostKeys.`,
        { target },
      );
    }
    return pin;
  });
}

export function hostKeyChanged(target: string, pins: readonly { fingerprint: string }[], offered: HostKey[]): AppError {
  const pinned = pins.map((pin) => pin.fingerprint);
  const seen = offered.map((key) => `${key.fingerprint} (${key.type})`);
  return hostKeyError(
    `The host key of target ${target} is not the pinned one: it shows ${seen.join(", ") || "no key of a pinned type"}, pinned is ${pinned.join(", ")}. ` +
      `Either the machine's key was changed or another machine answers in its place. If the change is known, run ` +
      `\`conduit target scan ${target}\`, compare the fingerprint with the machine's own, and replace the line in the target's hostKeys.`,
    { target, pinned, offered: offered.map((key) => key.fingerprint) },
  );
}

function hostKeyError(sentence: string, details: Record<string, unknown>): AppError {
  return new AppError("PROTOCOL_TARGET_HOST_KEY", sentence, { op: "ssh.host-key", details });
}

/** Every host key that a server shows, one connection a key type. PROTOCOL_TARGET_UNREACHABLE when it does not answer. */
export async function scanHostKeys(host: string, port: number, timeoutMs = 10_000): Promise<HostKey[]> {
  const found = new Map<string, HostKey>();
  for (const algorithm of [...hostKeyTypes.filter((type) => type !== "rsa-sha2-256")]) {
    const key = await connectTarget({
      host,
      port,
      timeoutMs,
      legacy: false,
      serverHostKey: algorithm === "rsa-sha2-512" ? ["rsa-sha2-512", "rsa-sha2-256"] : [algorithm],
    }).hostKeyOnly();
    if (key !== undefined) found.set(key.toString("base64"), describeHostKey(key));
  }
  return [...found.values()];
}
