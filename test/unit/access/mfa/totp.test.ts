import { describe, expect, it } from "vitest";
import { qrPath, qrText } from "../../../../recorder/access/mfa/qr.ts";
import {
  hashRecoveryCode,
  makeRecoveryCodes,
  parseRecoveryCode,
} from "../../../../recorder/access/mfa/recovery-codes.ts";
import {
  makeTotpSecret,
  matchTotp,
  parseTotpCode,
  totpCode,
  totpStepAt,
  totpUri,
} from "../../../../recorder/access/mfa/totp.ts";

/** RFC 6238 appendix B, SHA-1: the secret is the ASCII text 12345678901234567890. */
const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const vectors: [seconds: number, code: string][] = [
  [59, "94287082"],
  [1111111109, "07081804"],
  [1111111111, "14050471"],
  [1234567890, "89005924"],
  [2000000000, "69279037"],
  [20000000000, "65353130"],
];

describe("codes", () => {
  it.each(vectors)("at %i s are those of RFC 6238 in their last six digits", (seconds, eight) => {
    expect(totpCode(secret, totpStepAt(seconds * 1000))).toBe(eight.slice(2));
    expect(matchTotp(secret, eight.slice(2), seconds * 1000, -1)).toBe(totpStepAt(seconds * 1000));
  });

  it("are taken one step early and one step late, to the millisecond, and no further", () => {
    const step = totpStepAt(1_234_567_890_000);
    const code = totpCode(secret, step);
    const [from, to] = [(step - 1) * 30_000, (step + 2) * 30_000];
    expect(matchTotp(secret, code, from - 1, -1)).toBeNull();
    expect(matchTotp(secret, code, from, -1)).toBe(step);
    expect(matchTotp(secret, code, to - 1, -1)).toBe(step);
    expect(matchTotp(secret, code, to, -1)).toBeNull();
  });

  it("are not taken again, nor those before", () => {
    const nowMs = 1_234_567_890_000;
    const step = totpStepAt(nowMs);
    for (const used of [step, step + 1]) expect(matchTotp(secret, totpCode(secret, step), nowMs, used)).toBeNull();
    expect(matchTotp(secret, totpCode(secret, step + 1), nowMs, step)).toBe(step + 1);
  });

  it("are read in groups, as apps show them, and nothing else is", () => {
    for (const text of ["123456", "123 456", " 123-456 "]) expect(parseTotpCode(text)).toBe("123456");
    for (const text of ["", "12345", "1234567", "12345a", "१२३४५६", "123456\n7", "1e5000"]) {
      expect(parseTotpCode(text)).toBeNull();
    }
  });

  it("have a secret of 160 bits, another each time", () => {
    const secrets = Array.from({ length: 50 }, makeTotpSecret);
    expect(new Set(secrets).size).toBe(50);
    for (const one of secrets) expect(one).toMatch(/^[A-Z2-7]{32}$/);
  });

  it("have an address that says whose and where, with every character of a name escaped", () => {
    const uri = new URL(totpUri(secret, { issuer: "Conduit plant-a", person: "erika@plant&x=1" }));
    expect([uri.protocol, uri.host, decodeURIComponent(uri.pathname)]).toEqual([
      "otpauth:",
      "totp",
      "/Conduit plant-a:erika@plant&x=1",
    ]);
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: "Conduit plant-a",
      secret,
      algorithm: "SHA1",
      digits: "6",
      period: "30",
    });
  });
});

describe("QR codes", () => {
  it("are a path of dark runs inside a quiet zone of four", () => {
    const { size, path } = qrPath("otpauth://totp/x?secret=y");
    const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g)];
    expect(runs.map((run) => run[0]).join("")).toBe(path);
    for (const [, x, y, width, back] of runs) {
      expect(width).toBe(back);
      expect(Number(x)).toBeGreaterThanOrEqual(4);
      expect(Number(y)).toBeGreaterThanOrEqual(4);
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(size - 4);
      expect(Number(y)).toBeLessThan(size - 4);
    }
    // The finder pattern in the corner.
    expect(path.startsWith("M4 4h7v1h-7z")).toBe(true);
  });

  it("are lines of equal width in a terminal", () => {
    const lines = qrText("otpauth://totp/x?secret=y").split("\n");
    expect(new Set(lines.map((line) => [...line].length)).size).toBe(1);
    expect(lines.length).toBeLessThan(30);
  });
});

describe("recovery codes", () => {
  it("are ten, all different, and read whatever way they were copied", () => {
    const codes = makeRecoveryCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) {
      expect(code).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/);
      expect(parseRecoveryCode(` ${code.toUpperCase().replaceAll("-", " ")} `)).toBe(code.replaceAll("-", ""));
    }
    for (const text of ["", "123456", "aaaa-bbbb-cccc", "aaaa-bbbb-cccc-dddl", "aaaa-bbbb-cccc-dddd-e"]) {
      expect(parseRecoveryCode(text)).toBeNull();
    }
  });

  it("fit one person alone", () => {
    expect(hashRecoveryCode("erika", "aaaabbbbccccdddd")).not.toBe(hashRecoveryCode("omar", "aaaabbbbccccdddd"));
  });
});
