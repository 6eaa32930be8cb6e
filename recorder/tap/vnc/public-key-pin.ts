// How viewers on GnuTLS, TigerVNC for one, show a certificate that they do not know.
import { createHash, X509Certificate } from "node:crypto";

/** SHA-256 of the SubjectPublicKeyInfo in Base64 (RFC 7469), of a certificate in PEM. */
export function publicKeyPin(certificate: string): string {
  const { publicKey } = new X509Certificate(certificate);
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}
