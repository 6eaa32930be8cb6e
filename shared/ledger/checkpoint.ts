// A checkpoint says how long the ledger is and what its Merkle root is, signed: C2SP tlog-checkpoint within a C2SP
// signed-note (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note). Environment-free: the caller brings
// SHA-256 and Ed25519.
import { bytesEqual, fromBase64, type Sha256, toBase64, utf8 } from "./bytes.ts";

/** Longer is none. */
export const maxCheckpointChars = 16 * 1024;
/** signed-note: the byte that says Ed25519. */
const ed25519Algorithm = 1;
const keyHashBytes = 4;
const signatureBytes = 64;

export interface Checkpoint {
  origin: string;
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
  /** RFC 3339; null in notes that do not say it. */
  at: string | null;
}

export interface NoteSignature {
  name: string;
  keyHash: Uint8Array;
  signature: Uint8Array;
}

/** A signed note of any text. */
export interface SignedNote {
  /** What is signed: the text up to and with the last line feed before the empty line. */
  body: string;
  signatures: NoteSignature[];
}

export interface SignedCheckpoint extends Checkpoint, SignedNote {}

/** Signs or verifies under a name. `publicKey`: the 32 bytes of Ed25519. */
export interface NoteKey {
  name: string;
  publicKey: Uint8Array;
}

/** Origin of the ledger's checkpoints and name of the keys that sign them. */
export function ledgerOrigin(recorderId: string): string {
  return `conduit-recorder/${recorderId}`;
}

/** signed-note: the first four bytes of `SHA-256(name ‖ LF ‖ 0x01 ‖ public key)`. */
export function noteKeyHash({ name, publicKey }: NoteKey, sha256: Sha256): Uint8Array {
  const label = utf8(`${name}\n`);
  const bytes = new Uint8Array(label.length + 1 + publicKey.length);
  bytes.set(label);
  bytes[label.length] = ed25519Algorithm;
  bytes.set(publicKey, label.length + 1);
  return sha256(bytes).slice(0, keyHashBytes);
}

/** The text to be signed. */
export function checkpointBody({ origin, size, root, at }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n${at === null ? "" : `at ${at}\n`}`;
}

/** The note, of a body and its Ed25519 signature. */
export function signedNote(body: string, key: NoteKey, signature: Uint8Array, sha256: Sha256): string {
  const bytes = new Uint8Array(keyHashBytes + signature.length);
  bytes.set(noteKeyHash(key, sha256));
  bytes.set(signature, keyHashBytes);
  return `${body}\n— ${key.name} ${toBase64(bytes)}\n`;
}

/** Null where it is none. Signatures of other kinds than Ed25519 are left out. */
export function parseNote(note: string): SignedNote | null {
  if (note.length > maxCheckpointChars) return null;
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) return null;
  const signatures = signaturesIn(note.slice(end + 2));
  return signatures === null ? null : { body: note.slice(0, end + 1), signatures };
}

/** Null where it is no checkpoint. */
export function parseCheckpoint(note: string): SignedCheckpoint | null {
  const { body, signatures } = parseNote(note) ?? { body: "", signatures: null };
  const [origin = "", sizeText = "", rootText = "", ...rest] = body.split("\n").slice(0, -1);
  const root = fromBase64(rootText);
  if (signatures === null || origin === "" || root?.length !== 32 || rest.includes("")) return null;
  if (!/^(?:0|[1-9]\d{0,15})$/.test(sizeText) || !Number.isSafeInteger(Number(sizeText))) return null;
  const at = rest.find((line) => line.startsWith("at "))?.slice(3) ?? null;
  return { origin, size: Number(sizeText), root, at, body, signatures };
}

function signaturesIn(text: string): NoteSignature[] | null {
  const signatures: NoteSignature[] = [];
  const lines = text.split("\n").slice(0, -1);
  if (lines.length === 0) return null;
  for (const line of lines) {
    const [, name, base64 = ""] = /^— ([^\s+]+) (\S+)$/u.exec(line) ?? [];
    const bytes = fromBase64(base64);
    if (name === undefined || bytes === null || bytes.length <= keyHashBytes) return null;
    if (bytes.length !== keyHashBytes + signatureBytes) continue;
    signatures.push({ name, keyHash: bytes.slice(0, keyHashBytes), signature: bytes.slice(keyHashBytes) });
  }
  return signatures;
}

export interface NoteCrypto {
  sha256: Sha256;
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

/**
 * The key of these that signed the note; null where none did. A signature that names one of the keys and does not
 * hold spoils the note, whatever others there are.
 */
export async function verifyNote<K extends NoteKey>(
  note: SignedNote,
  keys: readonly K[],
  crypto: NoteCrypto,
): Promise<K | null> {
  let signer: K | null = null;
  const message = utf8(note.body);
  for (const { name, keyHash, signature } of note.signatures) {
    const key = keys.find((one) => one.name === name && bytesEqual(noteKeyHash(one, crypto.sha256), keyHash));
    if (key === undefined) continue;
    if (!(await crypto.verifyEd25519(key.publicKey, message, signature))) return null;
    signer ??= key;
  }
  return signer;
}
