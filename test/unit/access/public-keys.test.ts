import { describe, expect, it } from "vitest";
import { parsePublicKeyLine } from "../../../recorder/access/public-keys.ts";

const field = (bytes: Buffer | string): Buffer => {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
};
const line = (algorithm: string, ...fields: (Buffer | string)[]): string =>
  `${algorithm} ${Buffer.concat([field(algorithm), ...fields.map(field)]).toString("base64")}`;

const ed25519 = line("ssh-ed25519", Buffer.alloc(32, 7));
const rsa = (bits: number) =>
  line("ssh-rsa", Buffer.from([1, 0, 1]), Buffer.concat([Buffer.from([0]), Buffer.alloc(bits / 8, 0xff)]));

describe("a public key line", () => {
  it("is read with its comment and gets ssh-keygen's fingerprint", () => {
    // From `ssh-keygen -lf` of this very line.
    const key = parsePublicKeyLine(
      " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqImgHSNVWoDOxA4eA7rkdmZxwGT8dmYMWx3abt+lRR jane at work\n",
    );
    expect(key).toMatchObject({
      algorithm: "ssh-ed25519",
      comment: "jane at work",
      fingerprint: "SHA256:/+EaFyUO5Tugd3tDEA0MGlomRJPl2JLwKSdhLiWFPwE",
    });
  });

  it("may be Ed25519, ECDSA or RSA of at least 2048 bits", () => {
    expect(parsePublicKeyLine(ed25519).algorithm).toBe("ssh-ed25519");
    expect(parsePublicKeyLine(rsa(2048)).algorithm).toBe("ssh-rsa");
    expect(parsePublicKeyLine(line("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(65, 4))).algorithm).toBe(
      "ecdsa-sha2-nistp256",
    );
  });

  it.each([
    ["nothing", "", /base64/],
    ["one word", "ssh-ed25519", /base64/],
    ["options in front", `no-pty ${ed25519}`, /options/],
    ["another algorithm than it says", ed25519.replace("ssh-ed25519", "ssh-rsa"), /another kind/],
    ["an algorithm that is out of use", line("ssh-dss", "a", "b", "c", "d"), /not supported/],
    ["the name of an object's property", line("constructor", "a"), /not supported/],
    ["too few bits", rsa(1024), /1024 bits/],
    ["a short Ed25519 key", line("ssh-ed25519", Buffer.alloc(31)), /32 bytes/],
    ["a curve that is not its own", line("ecdsa-sha2-nistp256", "nistp384", Buffer.alloc(65)), /damaged/],
    ["bytes behind the key", line("ssh-ed25519", Buffer.alloc(32), "more"), /32 bytes/],
    ["a field that runs over the end", `ssh-ed25519 ${Buffer.from([0, 0, 1, 0, 1]).toString("base64")}`, /cut short/],
    ["several lines", `${ed25519}\n${ed25519}`, /one line/],
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----", /never leave/],
  ])("is refused when it has %s", (_what, text, why) => {
    expect(() => parsePublicKeyLine(text)).toThrow(why);
  });

  it("keeps no control characters in its comment", () => {
    expect(parsePublicKeyLine(`${ed25519} a\u001b[31mb`).comment).toBe("a[31mb");
  });
});
