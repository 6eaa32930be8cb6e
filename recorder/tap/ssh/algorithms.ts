// Which algorithms the gateway offers to people and to targets. ssh2 has no post-quantum key exchange.
import { createRequire } from "node:module";
import type { Algorithms, ServerHostKeyAlgorithm } from "ssh2";

/** Towards people: nothing that an auditor flags. NIST curves are left out on purpose. */
export const gatewayAlgorithms = {
  // The older name of the same method comes first: ssh2 drops every guessed first packet (RFC 4253 §7), right or wrong, and
  // a client that guesses (dropbear) sends it again only where the two lists begin differently.
  kex: [
    "curve25519-sha256@libssh.org",
    "curve25519-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
  compress: ["none"],
} satisfies Algorithms;

/** Towards targets: also what ten-year-old but sound servers have. */
export const targetAlgorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
  compress: ["none"],
} satisfies Algorithms;

/** Added when `legacyTargets` is on: controllers that know nothing better. */
export const legacyTargetAlgorithms = {
  kex: ["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"],
  cipher: ["aes256-cbc", "aes128-cbc", "3des-cbc"],
  hmac: ["hmac-sha1-etm@openssh.com", "hmac-sha1"],
} satisfies Algorithms;

export const hostKeyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] satisfies ServerHostKeyAlgorithm[];

/** The algorithms that present a key of this type: `ssh-rsa` keys sign with SHA-2 (RFC 8332). */
export function algorithmsOfKeyType(keyType: string, legacy: boolean): ServerHostKeyAlgorithm[] {
  if (keyType === "ssh-rsa")
    return legacy ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : ["rsa-sha2-512", "rsa-sha2-256"];
  if (keyType === "ssh-dss") return legacy ? ["ssh-dss"] : [];
  return hostKeyTypes.filter((type) => type === keyType);
}

export function algorithmsForTarget(legacy: boolean, serverHostKey: ServerHostKeyAlgorithm[]): Algorithms {
  if (!legacy) return { ...targetAlgorithms, serverHostKey };
  return {
    kex: [...targetAlgorithms.kex, ...legacyTargetAlgorithms.kex],
    cipher: [...targetAlgorithms.cipher, ...legacyTargetAlgorithms.cipher],
    hmac: [...targetAlgorithms.hmac, ...legacyTargetAlgorithms.hmac],
    compress: ["none"],
    serverHostKey,
  };
}

/** Whether ssh2's native ciphers were built: without them bulk transfer runs at about 0.7 of the speed. */
export function nativeCryptoAvailable(): boolean {
  const require = createRequire(import.meta.url);
  try {
    return (require("ssh2/lib/protocol/crypto.js") as { bindingAvailable?: unknown }).bindingAvailable === true;
  } catch {
    return false;
  }
}
