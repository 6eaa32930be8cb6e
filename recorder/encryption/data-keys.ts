// A session's data keys on their way into the OPEN record and out again: each is an age file to the recipients of its
// stream, so that stock `age -d` opens it offline.
import { randomBytes } from "node:crypto";
import {
  dataKeyBytes,
  ENCRYPTION_SCHEME,
  type EncryptionStream,
  type OpenEncryption,
  type WrappedKey,
} from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import { type DataKeys, keyCheck } from "./segment-cipher.ts";

export interface Recipients {
  content: readonly string[];
  input: readonly string[];
  /** The service's own; null: it can read nothing of the recording later. */
  service: { month: string; recipient: string; readsInput: boolean } | null;
}

/** Longer than any that a recorder writes. */
const maxWrappedBytes = 256 * 1024;

export function makeDataKeys(): DataKeys {
  return { content: randomBytes(dataKeyBytes), input: randomBytes(dataKeyBytes) };
}

export function eraseDataKeys(keys: Partial<DataKeys>): void {
  keys.content?.fill(0);
  keys.input?.fill(0);
}

/** Wrapped keys before it is known of which session they are. */
export interface Wrapped {
  streams: Record<EncryptionStream, Omit<WrappedKey, "check">>;
  serviceKey: string | null;
}

export function checkedFor(session: string, keys: DataKeys, { streams, serviceKey }: Wrapped): OpenEncryption {
  const checked = (stream: EncryptionStream) => ({
    ...streams[stream],
    check: keyCheck(keys[stream], session, stream),
  });
  return {
    scheme: ENCRYPTION_SCHEME,
    streams: { content: checked("content"), input: checked("input") },
    serviceKey,
  };
}

export async function wrapDataKeys(keys: DataKeys, to: Recipients): Promise<Wrapped> {
  const wrapped = (stream: EncryptionStream, reads: boolean) => {
    const own = to.service !== null && reads ? [to.service.recipient] : [];
    return wrap(keys[stream], [...new Set([...to[stream], ...own])]);
  };
  const content = await wrapped("content", true);
  const input = await wrapped("input", to.service?.readsInput === true);
  return { streams: { content, input }, serviceKey: to.service?.month ?? null };
}

async function wrap(key: Uint8Array, recipients: string[]): Promise<Omit<WrappedKey, "check">> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const wrapped = Buffer.from(await encrypter.encrypt(key)).toString("base64");
  return { recipients, wrapped };
}

export async function isAgeIdentity(text: string): Promise<boolean> {
  const { Decrypter } = await import("age-encryption");
  try {
    new Decrypter().addIdentity(text);
    return true;
  } catch {
    return false;
  }
}

/** Null: none of the identities is a recipient. INTEGRITY_FORMAT: it opens, and what is in it is no key of the session. */
export async function unwrapDataKey(
  session: string,
  stream: EncryptionStream,
  { wrapped, check }: WrappedKey,
  identities: readonly string[],
): Promise<Uint8Array | null> {
  const file = Buffer.from(wrapped, "base64");
  if (identities.length === 0 || file.length > maxWrappedBytes) return null;
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  let key: Uint8Array;
  try {
    key = await decrypter.decrypt(new Uint8Array(file));
  } catch (error) {
    if (/no identity matched/i.test((error as Error).message)) return null;
    throw damaged(session, stream, "is no whole age file", error);
  }
  if (key.length === dataKeyBytes && keyCheck(key, session, stream) === check) return key;
  key.fill(0);
  throw damaged(session, stream, "opens, and holds another key than the one its recording was made with");
}

function damaged(session: string, stream: EncryptionStream, what: string, cause?: unknown): AppError {
  return new AppError(
    "INTEGRITY_FORMAT",
    `the wrapped key of the stream ${stream} in open.json of the recording ${session} ${what}`,
    { op: "encryption.unwrap", cause },
  );
}
