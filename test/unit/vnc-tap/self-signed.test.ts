import { X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { generateSelfSigned } from "../../../recorder/cli/self-signed.ts";
import { runProcess } from "../../support/process.ts";
import { createTempDir } from "../../support/temp-dir.ts";

it("makes a certificate that OpenSSL accepts in its strict mode, for the names given", async () => {
  const dir = await createTempDir("self-signed");
  try {
    const made = generateSelfSigned("Conduit Recorder rec-1", ["rec.example", "192.0.2.7", "2001:db8::7"]);
    const path = `${dir.path}/made.crt`;
    await writeFile(path, made.certificate);
    const strict = ["verify", "-x509_strict", "-CAfile", path, "-purpose", "sslserver"];
    expect((await runProcess("openssl", [...strict, path])).stdout).toBe(`${path}: OK\n`);
    const read = new X509Certificate(made.certificate);
    expect(read.fingerprint256).toBe(made.fingerprint);
    expect(read.checkHost("rec.example")).toBe("rec.example");
    expect(read.checkIP("192.0.2.7")).toBe("192.0.2.7");
    expect(read.checkIP("2001:db8::7")).toBe("2001:db8::7");
    expect(read.checkHost("other.example")).toBeUndefined();
  } finally {
    await dir.remove();
  }
});

it("is valid from a day ago for ten years, also beyond 2049", () => {
  const read = new X509Certificate(generateSelfSigned("x", [], new Date("2045-01-02T03:04:05Z")).certificate);
  expect(new Date(read.validFrom).toISOString()).toBe("2045-01-01T03:04:05.000Z");
  expect(new Date(read.validTo).toISOString()).toBe("2054-12-31T03:04:05.000Z");
});
