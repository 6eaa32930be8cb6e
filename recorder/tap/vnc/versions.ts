// The version exchange of both legs (RFC 6143 §7.1.1). 3.3, 3.7 and 3.8 are spoken; others are taken for the nearest below.
import { AppError } from "../../../shared/errors.ts";
import type { HandshakeStream } from "./handshake-stream.ts";

export type RfbVersion = "3.3" | "3.7" | "3.8";

const messages: Record<RfbVersion, string> = {
  "3.3": "RFB 003.003\n",
  "3.7": "RFB 003.007\n",
  "3.8": "RFB 003.008\n",
};

export function versionMessage(version: RfbVersion): Buffer {
  return Buffer.from(messages[version], "latin1");
}

/** `said` is the peer's own version, for the record: Apple and RealVNC have numbers of their own. */
export async function readVersion(
  stream: HandshakeStream,
  who: "viewer" | "target",
): Promise<{ version: RfbVersion; said: string }> {
  const message = (await stream.read(12)).toString("latin1");
  const match = /^RFB (\d{3})\.(\d{3})\n$/.exec(message);
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (major < 3 || (major === 3 && minor < 3)) {
    throw new AppError("PROTOCOL_MALFORMED", `The ${who} does not speak RFB 3.3 or later.`, { op: `vnc.${who}` });
  }
  const version = major > 3 || minor >= 8 ? "3.8" : minor === 7 ? "3.7" : "3.3";
  return { version, said: message.slice(4, 11) };
}
