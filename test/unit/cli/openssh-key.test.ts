import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generateEd25519 } from "../../../recorder/cli/openssh-key.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let folder: TempDir;
beforeEach(async () => {
  folder = await createTempDir("key");
});
afterEach(() => folder.remove());

test("OpenSSH and ssh2 both read the key, and agree on its public half", () => {
  // Comments of every length modulo the padding's block.
  for (const comment of ["", "a", "ab", "abc", "conduit@vm", "eight-ch", "a comment with spaces"]) {
    const key = generateEd25519(comment);
    const path = join(folder.path, "key");
    writeFileSync(path, key.privateKey);
    chmodSync(path, 0o600);
    const shown = execFileSync("ssh-keygen", ["-y", "-f", path], { encoding: "utf8" }).trim();
    expect(shown).toBe(key.publicKey.trim());
    expect(execFileSync("ssh-keygen", ["-l", "-f", path], { encoding: "utf8" })).toContain(key.fingerprint);
    const parsed = ssh2.utils.parseKey(key.privateKey);
    if (parsed instanceof Error) throw parsed;
    expect(`ssh-ed25519 ${parsed.getPublicSSH().toString("base64")}`).toBe(
      key.publicKey.split(" ").slice(0, 2).join(" "),
    );
    const signature = parsed.sign(Buffer.from("message"));
    expect(parsed.verify(Buffer.from("message"), signature)).toBe(true);
  }
});
