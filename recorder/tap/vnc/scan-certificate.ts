// The certificate that a VNC server shows, before anybody logs in to it: what `conduit target scan` prints and pins.
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { AppError } from "../../../shared/errors.ts";
import { HandshakeStream, uint32 } from "./handshake-stream.ts";
import { securityName, securityType, veNCryptName, veNCryptTypes } from "./security-types.ts";
import { fingerprintOf } from "./tls-legs.ts";
import { readVersion, versionMessage } from "./versions.ts";

export interface ScannedVnc {
  /** What it offers, by name. */
  offers: string[];
  /** Null: it offers no X.509 type, so that there is nothing to pin. */
  certificate: { fingerprint: string; subject: string; validTo: string } | null;
}

/** PROTOCOL_TARGET_UNREACHABLE when it does not answer; PROTOCOL_MALFORMED when it is no VNC server. */
export async function scanVncServer(host: string, port: number, timeoutMs = 10_000): Promise<ScannedVnc> {
  const socket = connect({ host, port });
  const timer = setTimeout(() => socket.destroy(new Error("no answer in time")), timeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    }).catch((cause: unknown) => {
      throw new AppError("PROTOCOL_TARGET_UNREACHABLE", `${host}:${port} does not answer (${codeOf(cause)}).`, {
        op: "vnc.scan",
        cause,
      });
    });
    const stream = new HandshakeStream(socket, "target");
    const { version } = await readVersion(stream, "target");
    stream.write(versionMessage(version));
    const types = version === "3.3" ? [await stream.uint32()] : [...(await stream.read(await stream.uint8()))];
    const offers = types.filter((type) => type !== securityType.veNCrypt).map(securityName);
    if (version === "3.3" || !types.includes(securityType.veNCrypt)) return { offers, certificate: null };
    stream.write(Buffer.from([securityType.veNCrypt]));
    await stream.read(2);
    stream.write(Buffer.from([0, 2]));
    await stream.uint8();
    const list = await stream.read(4 * (await stream.uint8()));
    const subtypes = Array.from({ length: list.length / 4 }, (_, at) => list.readUInt32BE(4 * at));
    const all = [...subtypes.map(veNCryptName), ...offers];
    const withCertificate = subtypes.find((type) => veNCryptTypes.get(type)?.tls === "x509");
    if (withCertificate === undefined) return { offers: all, certificate: null };
    stream.write(uint32(withCertificate));
    await stream.uint8();
    return { offers: all, certificate: await certificateOf(stream) };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function certificateOf(stream: HandshakeStream): Promise<ScannedVnc["certificate"]> {
  return new Promise((resolve, reject) => {
    const secured = connectTls({ socket: stream.stream, rejectUnauthorized: false });
    secured.once("error", reject);
    secured.once("close", () =>
      reject(new AppError("PROTOCOL_MALFORMED", "TLS was not completed.", { op: "vnc.scan" })),
    );
    secured.once("secureConnect", () => {
      const shown = secured.getPeerX509Certificate();
      if (shown === undefined) return resolve(null);
      resolve({
        fingerprint: fingerprintOf(shown.raw),
        subject: shown.subject.replaceAll("\n", ", "),
        validTo: shown.validTo,
      });
    });
  });
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? "no answer in time";
}
