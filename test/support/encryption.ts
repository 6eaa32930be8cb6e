// Encryption at rest for tests: identities of a made-up investigator and of the service's month, and a reader of what was
// stored under them that knows the recording format alone.
import { createDecipheriv, hkdfSync } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { RecordingEncryption } from "../../recorder/encryption/recording-encryption.ts";
import type { EncryptionStream } from "../../shared/encryption/scheme.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";

export interface Identity {
  identity: string;
  recipient: string;
}

export async function newIdentity(): Promise<Identity> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

export interface TestEncryption {
  investigator: Identity;
  keystrokes: Identity;
  month: Identity;
  encryption: RecordingEncryption;
  alarms: string[];
}

export async function testEncryption(
  options: { serviceReadsInput?: boolean; recipientOf?: (month: string) => Promise<string> } = {},
): Promise<TestEncryption> {
  const [investigator, keystrokes, month] = [await newIdentity(), await newIdentity(), await newIdentity()];
  const alarms: string[] = [];
  const encryption = new RecordingEncryption({
    recipients: [investigator.recipient],
    inputRecipients: [keystrokes.recipient],
    serviceReadsInput: options.serviceReadsInput ?? true,
    recipientOf: options.recipientOf ?? (async () => month.recipient),
    noServiceKey: (name) => void alarms.push(name),
    serviceKeyAgain: () => {},
  });
  return { investigator, keystrokes, month, encryption, alarms };
}

const identityFile = "identity.key";

/** From now on recorders made in this directory encrypt, to an identity that lies there. */
export async function encryptIn(directory: string): Promise<Identity> {
  const made = await newIdentity();
  writeFileSync(join(directory, identityFile), `${made.identity}\n${made.recipient}\n`);
  return made;
}

export function encryptionIn(directory: string): RecordingEncryption | null {
  if (!existsSync(join(directory, identityFile))) return null;
  const [, recipient = ""] = readFileSync(join(directory, identityFile), "utf8").split("\n");
  return new RecordingEncryption({
    recipients: [recipient],
    inputRecipients: [recipient],
    serviceReadsInput: true,
    recipientOf: async () => recipient,
    noServiceKey: () => {},
    serviceKeyAgain: () => {},
  });
}

/** As docs/recording-format.md says it. */
export async function dataKeyOf(open: OpenRecord, stream: EncryptionStream, identity: string): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const wrapped = open.encryption?.streams[stream].wrapped ?? "";
  return decrypter.decrypt(new Uint8Array(Buffer.from(wrapped, "base64")));
}

/** The compressed bytes of a segment, by the documented steps. */
export function opened(session: string, meta: SegmentMeta, stored: Uint8Array, dataKey: Uint8Array): Buffer {
  const info = `conduit-segment/1 ${meta.track} ${meta.index}`;
  const key = Buffer.from(hkdfSync("sha256", dataKey, session, info, 32));
  const decipher = createDecipheriv("aes-256-gcm", key, stored.subarray(0, 12));
  decipher.setAAD(Buffer.from(`conduit-segment/1 ${session} ${meta.track} ${meta.index}`));
  decipher.setAuthTag(stored.subarray(stored.length - 16));
  return Buffer.concat([decipher.update(stored.subarray(12, stored.length - 16)), decipher.final()]);
}
