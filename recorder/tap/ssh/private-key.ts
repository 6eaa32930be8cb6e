// Can the SSH library use this private key? Asked when a secret is stored, so that a session does not find out.
import ssh2 from "ssh2";

/** Throws an Error that quotes nothing of the key. */
export function readPrivateKey(privateKey: string, passphrase: string | undefined): void {
  const parsed = ssh2.utils.parseKey(privateKey, passphrase);
  if (parsed instanceof Error || !parsed.isPrivateKey()) throw new Error("the key cannot be read");
}
