import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { generateSelfSigned } from "../../../recorder/cli/self-signed.ts";
import { publicKeyPin } from "../../../recorder/tap/vnc/public-key-pin.ts";

const openssl = (args: string[], input: Buffer | string) => execFileSync("openssl", args, { input });

it.each([
  ["of ours", () => generateSelfSigned("pin", ["localhost"]).certificate],
  [
    "with an RSA key",
    () =>
      openssl(
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pin", "-keyout", "/dev/null"],
        "",
      ).toString(),
  ],
])("is that of OpenSSL for a certificate %s", (_name, make) => {
  const certificate = make();
  const key = openssl(["x509", "-noout", "-pubkey"], certificate);
  const spki = openssl(["pkey", "-pubin", "-outform", "DER"], key);
  expect(publicKeyPin(certificate)).toBe(createHash("sha256").update(spki).digest("base64"));
});
