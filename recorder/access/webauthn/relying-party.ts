// Whom passkeys are made for: the portal's name and origin, out of the address by which people reach it. Browsers take
// neither bare addresses nor plain HTTP, except of the machine itself (WebAuthn level 3, §5.1.2, §13.4.9).
import { isIP } from "node:net";

export interface RelyingParty {
  /** The host's name: passkeys are bound to it, and to no other. */
  id: string;
  origin: string;
}

/** `whyNot` in a sentence that says what mends it. */
export function relyingPartyOf(portalUrl: string): RelyingParty | { whyNot: string } {
  const url = new URL(portalUrl);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) {
    return {
      whyNot: `This portal is reached by a bare IP address (${host}): browsers keep passkeys for names only. Give it a name in http.publicUrl.`,
    };
  }
  const local = host === "localhost" || host.endsWith(".localhost");
  if (url.protocol !== "https:" && !local) {
    return {
      whyNot:
        "This portal is reached without TLS: browsers keep passkeys for https only. Set http.tls and http.publicUrl.",
    };
  }
  return { id: host, origin: url.origin };
}
