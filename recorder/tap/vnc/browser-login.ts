// A browser's leg up to SecurityResult: who it is was proven by its ticket before, so that RFB's own security type is None.
import { AppError } from "../../../shared/errors.ts";
import { HandshakeStream, uint32 } from "./handshake-stream.ts";
import { securityType } from "./security-types.ts";
import { readVersion, versionMessage } from "./versions.ts";
import { ViewerAnswer, type ViewerFacts } from "./viewer-login.ts";
import type { BrowserLink } from "./websocket.ts";

export async function loginBrowser(
  link: BrowserLink,
  options: { graceMs: number; secure: boolean },
): Promise<{ answer: ViewerAnswer; facts: ViewerFacts }> {
  const timer = setTimeout(() => link.stream.destroy(), options.graceMs);
  try {
    const stream = new HandshakeStream(link.stream, "viewer");
    stream.write(versionMessage("3.8"));
    const { version, said } = await readVersion(stream, "viewer");
    if (version === "3.3") {
      stream.write(uint32(securityType.none));
    } else {
      stream.write(Buffer.from([1, securityType.none]));
      if ((await stream.uint8()) !== securityType.none) {
        throw new AppError("PROTOCOL_MALFORMED", "The viewer chose a security type that was not offered.", {
          op: "vnc.login",
        });
      }
    }
    const facts = { version: said, security: options.secure ? "wss" : "ws", tls: "" };
    return { answer: new ViewerAnswer(stream, version, version === "3.8"), facts };
  } finally {
    clearTimeout(timer);
  }
}
