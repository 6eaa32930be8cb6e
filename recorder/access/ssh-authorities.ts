// Whose user certificates open an account over SSH. Invariants: a certificate opens the accounts that it names and no other,
// for as long as it says and no longer than the configuration lets any; what it demands and is not understood here refuses it.
import { BlockList, isIP } from "node:net";
import { fingerprintOf, parsePublicKeyLine } from "./public-keys.ts";

/** As it was read, and its authority's signature verified. Times in seconds since 1970. */
export interface PresentedCertificate {
  authority: Uint8Array;
  keyId: string;
  serial: string;
  principals: readonly string[];
  validAfter: bigint;
  validBefore: bigint;
  /** Critical options by name. */
  critical: ReadonlyMap<string, string>;
}

export interface AuthorityOptions {
  /** Of one certificate, from its beginning to its end. */
  maxHours: number;
  now?: () => number;
}

export class SshAuthorities {
  readonly #fingerprints: ReadonlySet<string>;
  readonly #options: AuthorityOptions;

  /** @param lines public keys in OpenSSH's form, one a line; empty lines and `#` are left out. REQUEST_INVALID. */
  constructor(lines: string, options: AuthorityOptions) {
    const keys = lines.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
    this.#fingerprints = new Set(keys.map((line) => parsePublicKeyLine(line).fingerprint));
    this.#options = options;
  }

  /** Null: it opens this account from this address now. Otherwise why not, for the log. */
  whyNot(certificate: PresentedCertificate, person: string, address: string): string | null {
    const { authority, principals, validAfter, validBefore, critical } = certificate;
    if (!this.#fingerprints.has(fingerprintOf(authority))) return "its authority is not trusted";
    // A certificate without principals would open every account.
    if (!principals.some((name) => name.toLowerCase() === person.toLowerCase())) return "it does not name the account";
    const now = BigInt(Math.floor((this.#options.now ?? Date.now)() / 1000));
    if (now < validAfter) return "it is not valid yet";
    if (now >= validBefore) return "it is over";
    if (validBefore - validAfter > BigInt(this.#options.maxHours) * 3600n) {
      return `it is valid for longer than ${this.#options.maxHours} hours`;
    }
    for (const [name, value] of critical) {
      if (name !== "source-address") return `it demands ${name}, which is not kept here`;
      if (!isWithin(address, value)) return "it is for other addresses";
    }
    return null;
  }
}

/** @param networks `192.0.2.0/24,2001:db8::1`; what is no network is none. */
function isWithin(address: string, networks: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  if (family === 0) return false;
  const list = new BlockList();
  for (const one of networks.split(",")) {
    const [network = "", bits] = one.trim().split("/");
    const kind = isIP(network);
    if (kind === 0) return false;
    const prefix = bits === undefined ? (kind === 4 ? 32 : 128) : Number(bits);
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > (kind === 4 ? 32 : 128)) return false;
    list.addSubnet(network, prefix, kind === 4 ? "ipv4" : "ipv6");
  }
  return list.check(plain, family === 4 ? "ipv4" : "ipv6");
}
