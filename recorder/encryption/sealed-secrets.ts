// Opens what the recorder sealed of suspected passwords (record/segments/secret-seal.ts), with an identity that no recorder
// has.
import { AppError } from "../../shared/errors.ts";

/** More is no sealed span of keystrokes. */
const maxSealedChars = 1024 * 1024;

/** Null: none of the identities is a recipient. INTEGRITY_FORMAT: it is no age file. */
export async function unsealSecret(sealed: string, identities: readonly string[]): Promise<string | null> {
  if (sealed.length > maxSealedChars) throw damaged("is larger than a sealed span can be");
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return Buffer.from(await decrypter.decrypt(new Uint8Array(Buffer.from(sealed, "base64")))).toString("utf8");
  } catch (error) {
    if (/no identity matched/i.test((error as Error).message)) return null;
    throw damaged("is no whole age file", error);
  }
}

function damaged(what: string, cause?: unknown): AppError {
  return new AppError("INTEGRITY_FORMAT", `a sealed span of keystrokes ${what}`, { op: "encryption.unseal", cause });
}
