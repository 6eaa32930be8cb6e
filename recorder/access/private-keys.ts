// Checks a target's private key before it is stored: a damaged key or a wrong passphrase is refused when it is given, not
// when a session is opened. The formats are OpenSSH's own (PROTOCOL.key) and PEM (PKCS#1, PKCS#8, SEC 1).
import { createPrivateKey } from "node:crypto";
import { AppError } from "../../shared/errors.ts";

/** Throws when the key cannot be read with this passphrase. The SSH library's parser decides what sessions can use. */
export type PrivateKeyReader = (privateKey: string, passphrase: string | undefined) => void;

const openSshBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
const magic = "openssh-key-v1\0";

function refused(why: string): AppError {
  return new AppError(
    "REQUEST_INVALID",
    `this is not a usable private key: ${why}; give the file that ssh-keygen wrote, such as id_ed25519`,
    { op: "access.privateKey" },
  );
}

export function checkPrivateKey(privateKey: string, passphrase: string | undefined, reader?: PrivateKeyReader): void {
  if (privateKey.length > 32_768) throw refused("it is longer than any key");
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)) throw refused("it has no BEGIN … PRIVATE KEY line");
  const encrypted = privateKey.includes(openSshBegin) ? openSshIsEncrypted(privateKey) : pemIsEncrypted(privateKey);
  if (encrypted && passphrase === undefined) throw refused("it is encrypted and no passphrase was given");
  if (!encrypted && passphrase !== undefined) throw refused("a passphrase was given, but the key is not encrypted");
  if (!privateKey.includes(openSshBegin)) readPem(privateKey, passphrase);
  if (reader === undefined) return;
  try {
    reader(privateKey, passphrase);
  } catch {
    // The library's own message could quote the key: not passed on.
    throw refused(
      encrypted
        ? "the passphrase is wrong, or the file is damaged"
        : "it is damaged, or of a kind that is not supported",
    );
  }
}

function pemIsEncrypted(pem: string): boolean {
  return /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(pem);
}

function readPem(pem: string, passphrase: string | undefined): void {
  try {
    createPrivateKey({ key: pem, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    throw refused(passphrase === undefined ? "it is damaged" : "the passphrase is wrong, or the file is damaged");
  }
}

/** Also checks the container; what is inside an unencrypted one must repeat its check number. */
function openSshIsEncrypted(text: string): boolean {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END OPENSSH PRIVATE KEY-----/.exec(
    text,
  )?.[1];
  if (body === undefined) throw refused("its END line is missing");
  const bytes = Buffer.from(body.replace(/\s/g, ""), "base64");
  if (bytes.subarray(0, magic.length).toString("latin1") !== magic) throw refused("it is damaged");
  let at = magic.length;
  const next = (): Buffer => {
    if (at + 4 > bytes.length) throw refused("it is cut short");
    const length = bytes.readUInt32BE(at);
    const start = at + 4;
    at = start + length;
    if (at > bytes.length) throw refused("it is cut short");
    return bytes.subarray(start, at);
  };
  const cipher = next().toString("latin1");
  next(); // kdf
  next(); // its options
  if (at + 4 > bytes.length || bytes.readUInt32BE(at) !== 1) throw refused("it holds not exactly one key");
  at += 4;
  next(); // public key
  const secret = next();
  if (cipher !== "none") return true;
  if (secret.length < 8 || secret.readUInt32BE(0) !== secret.readUInt32BE(4)) throw refused("it is damaged");
  return false;
}
