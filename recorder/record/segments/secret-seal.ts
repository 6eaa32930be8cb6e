// Seals a suspected password to the session's recipients in the age format, so that stock `age -d` opens it offline.
// The recorder holds no key that could.

/** The age file in base64. Rejects when a recipient is not an age public key. */
export async function sealSecret(text: Uint8Array, recipients: readonly string[]): Promise<string> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(text)).toString("base64");
}
