import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runChecked } from "./process.ts";

export interface SshKey {
  privatePath: string;
  publicPath: string;
  privatePem: string;
  /** One line as in authorized_keys: type, base64, comment. */
  publicLine: string;
  /** `SHA256:…` as OpenSSH shows it. */
  fingerprint: string;
}

export type SshKeyType = "ed25519" | "ecdsa" | "rsa";

/** A new key pair made by OpenSSH's own ssh-keygen. */
export async function generateSshKey(
  dir: string,
  name: string,
  type: SshKeyType = "ed25519",
  passphrase = "",
): Promise<SshKey> {
  const privatePath = join(dir, name);
  const bits = type === "rsa" ? ["-b", "3072"] : [];
  await runChecked("ssh-keygen", ["-q", "-t", type, ...bits, "-N", passphrase, "-C", name, "-f", privatePath]);
  const publicPath = `${privatePath}.pub`;
  const shown = await runChecked("ssh-keygen", ["-l", "-f", publicPath]);
  return {
    privatePath,
    publicPath,
    privatePem: await readFile(privatePath, "utf8"),
    publicLine: (await readFile(publicPath, "utf8")).trim(),
    fingerprint: shown.split(" ")[1] ?? "",
  };
}
