import { createHash, generateKeyPairSync, sign } from "node:crypto";
import ssh2 from "ssh2";
import { describe, expect, it } from "vitest";
import { isAcceptableKey, type SignedLogin, signatureIsValid } from "../../../recorder/tap/ssh/public-key.ts";
import { encodePart } from "../../../recorder/tap/ssh/wire.ts";

const signed = Buffer.from("session id and request");
const blobOf = (...parts: (string | Buffer)[]): Buffer => Buffer.concat(parts.map(encodePart));
const sha256 = (data: Buffer): Buffer => createHash("sha256").update(data).digest();

function plain(type: "ed25519" | "ecdsa" | "rsa", bits?: number, hash?: string): SignedLogin {
  const made = () =>
    ssh2.utils.parseKey(
      ssh2.utils.generateKeyPairSync(type as "ed25519", (bits === undefined ? {} : { bits }) as never).private,
    );
  let key = made();
  // Of ssh2's own Ed25519 keys one in some hundred is one that it cannot read.
  for (let attempt = 0; key instanceof Error && attempt < 5; attempt++) key = made();
  if (key instanceof Error) throw key;
  const signature = key.sign(signed, hash);
  if (signature instanceof Error) throw signature;
  return { keyType: key.type, blob: key.getPublicSSH(), hash, signature, signed };
}

/** As OpenSSH's PROTOCOL.u2f has a token sign. */
function securityKeyEd25519(flags: number): SignedLogin {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const point = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const tail = Buffer.from([flags, 0, 0, 0, 9]);
  const signature = sign(null, Buffer.concat([sha256(Buffer.from("ssh:")), tail, sha256(signed)]), privateKey);
  return {
    keyType: "sk-ssh-ed25519@openssh.com",
    blob: blobOf("sk-ssh-ed25519@openssh.com", point, "ssh:"),
    hash: undefined,
    signature: Buffer.concat([signature, tail]),
    signed,
  };
}

function securityKeyEcdsa(): SignedLogin {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const tail = Buffer.from([1, 0, 0, 0, 1]);
  const raw = sign("sha256", Buffer.concat([sha256(Buffer.from("ssh:")), tail, sha256(signed)]), {
    key: privateKey,
    dsaEncoding: "ieee-p1363",
  });
  const mpint = (bytes: Buffer): Buffer =>
    encodePart((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
  return {
    keyType: "sk-ecdsa-sha2-nistp256@openssh.com",
    blob: blobOf("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", point, "ssh:"),
    hash: undefined,
    signature: Buffer.concat([mpint(raw.subarray(0, 32)), mpint(raw.subarray(32)), tail]),
    signed,
  };
}

const good: [string, () => SignedLogin][] = [
  ["Ed25519", () => plain("ed25519")],
  ["RSA with SHA-256", () => plain("rsa", 2048, "sha256")],
  ["RSA with SHA-512", () => plain("rsa", 2048, "sha512")],
  ["ECDSA", () => plain("ecdsa", 256)],
  ["an Ed25519 security key", () => securityKeyEd25519(1)],
  ["an ECDSA security key", () => securityKeyEcdsa()],
];

describe("a signature", () => {
  it.each(good)("of %s is accepted, and refused when a bit is wrong", (_name, make) => {
    const login = make();
    expect(isAcceptableKey(login.keyType, login.blob)).toBe(true);
    expect(signatureIsValid(login)).toBe(true);
    expect(signatureIsValid({ ...login, signed: Buffer.from("another session") })).toBe(false);
    const broken = Buffer.from(login.signature);
    broken[10] = (broken[10] ?? 0) ^ 1;
    expect(signatureIsValid({ ...login, signature: broken })).toBe(false);
    expect(signatureIsValid({ ...login, signature: Buffer.alloc(0) })).toBe(false);
    expect(signatureIsValid({ ...login, blob: make().blob })).toBe(false);
  });

  it("of RSA with SHA-1 is refused", () => {
    expect(signatureIsValid(plain("rsa", 2048, "sha1"))).toBe(false);
    expect(signatureIsValid({ ...plain("rsa", 2048, "sha1"), hash: undefined })).toBe(false);
  });

  it("of a short RSA key is refused", () => {
    const login = plain("rsa", 1024, "sha256");
    expect(isAcceptableKey(login.keyType, login.blob)).toBe(false);
    expect(signatureIsValid(login)).toBe(false);
  });

  it("of a security key that nobody touched is refused", () => {
    expect(signatureIsValid(securityKeyEd25519(0))).toBe(false);
  });

  it("does not count when the key is of another type than it says, or is no key", () => {
    const login = plain("ed25519");
    expect(isAcceptableKey("ssh-rsa", login.blob)).toBe(false);
    expect(isAcceptableKey("ssh-ed25519", Buffer.from("nonsense"))).toBe(false);
    expect(isAcceptableKey("ssh-dss", blobOf("ssh-dss", "p", "q", "g", "y"))).toBe(false);
  });
});
