// A self-signed X.509 certificate for a listener, made once at the first start. Node reads certificates but makes
// none; one fixed shape in DER (RFC 5280 §4.1) is less than the packages that can make every shape.
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";

/** For what people compare by its fingerprint. */
const validDays = 3650;

const oid = {
  commonName: "550403",
  ecdsaWithSha256: "2a8648ce3d040302",
  basicConstraints: "551d13",
  keyUsage: "551d0f",
  extendedKeyUsage: "551d25",
  serverAuth: "2b06010505070301",
  subjectAltName: "551d11",
} as const;

export interface SelfSigned {
  /** PEM. */
  certificate: string;
  /** PKCS #8 in PEM. */
  key: string;
  /** SHA-256 in hex pairs, as viewers and `openssl x509 -fingerprint` show it. */
  fingerprint: string;
}

/** ECDSA on P-256. `names` are the host names and addresses that people reach the gateway by. */
export function generateSelfSigned(
  commonName: string,
  names: readonly string[],
  now = new Date(),
  days = validDays,
): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(objectId(oid.ecdsaWithSha256));
  const name = sequence(set(sequence(objectId(oid.commonName), text(commonName.slice(0, 64)))));
  const from = new Date(now.getTime() - 86_400_000);
  const to = new Date(now.getTime() + days * 86_400_000);
  // Positive, without a leading zero byte.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    tagged(0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    algorithm,
    name,
    sequence(time(from), time(to)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(3, sequence(...extensions(names))),
  );
  const signature = sign("sha256", body, privateKey);
  const der = sequence(body, algorithm, bitString(signature));
  const certificate = pem(der);
  return {
    certificate,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    fingerprint: new X509Certificate(der).fingerprint256,
  };
}

function extensions(names: readonly string[]): Buffer[] {
  const alternatives = names.map((name) =>
    isIP(name) === 0 ? element(0x82, Buffer.from(name, "latin1")) : element(0x87, addressBytes(name)),
  );
  return [
    extension(oid.basicConstraints, true, sequence()),
    // digitalSignature.
    extension(oid.keyUsage, true, element(0x03, Buffer.from([7, 0x80]))),
    extension(oid.extendedKeyUsage, false, sequence(objectId(oid.serverAuth))),
    ...(alternatives.length === 0 ? [] : [extension(oid.subjectAltName, false, sequence(...alternatives))]),
  ];
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [element(0x01, Buffer.from([0xff]))] : []), element(0x04, value));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  const [left, right] = [words(head), words(tail)];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

// --- DER (X.690) ---

function element(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const sequence = (...content: Buffer[]): Buffer => element(0x30, ...content);
const set = (...content: Buffer[]): Buffer => element(0x31, ...content);
const tagged = (number: number, content: Buffer): Buffer => element(0xa0 | number, content);
const objectId = (hex: string): Buffer => element(0x06, Buffer.from(hex, "hex"));
const text = (value: string): Buffer => element(0x0c, Buffer.from(value, "utf8"));
const bitString = (bytes: Buffer): Buffer => element(0x03, Buffer.from([0]), bytes);

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2), "latin1"))
    : element(0x18, Buffer.from(digits, "latin1"));
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").replaceAll(/.{1,64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}
