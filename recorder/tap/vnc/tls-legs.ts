// TLS of both legs under VeNCrypt: with the gateway's certificate or anonymous towards viewers; pinned, signed by a CA or
// anonymous towards targets. Invariant: an X.509 leg to a target carries nothing before its certificate was accepted.
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { AppError } from "../../../shared/errors.ts";
import type { VncTargetAccess } from "../tap.ts";

// Anonymous key exchange exists up to TLS 1.2 only, and OpenSSL's security levels above 0 exclude it.
const anonymous = {
  ciphers: "aNULL:@SECLEVEL=0",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
} as const;

export interface ViewerTls {
  x509: SecureContext;
  anonymous: SecureContext;
}

export function viewerTls(certificate: { cert: string; key: string }): ViewerTls {
  return {
    x509: createSecureContext({ ...certificate, minVersion: "TLSv1.2" }),
    anonymous: createSecureContext({ ...anonymous, ecdhCurve: "auto", dhparam: "auto" }),
  };
}

/** How long it may take is bounded by the log-in's grace time, which destroys the socket. */
export function secureViewer(socket: Socket, secureContext: SecureContext): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    whenSecure(secured, "secure", resolve, (cause) =>
      reject(
        new AppError("PROTOCOL_MALFORMED", "The viewer did not complete the TLS handshake.", {
          op: "vnc.viewer",
          cause,
        }),
      ),
    );
  });
}

export interface SecuredTarget {
  socket: TLSSocket;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
  tls: string;
  /** `SHA256:…` of the certificate; empty when the leg is anonymous. */
  fingerprint: string;
}

/** Rejects with PROTOCOL_TARGET_HOST_KEY when the certificate is not the one that is known. */
export async function secureTarget(
  socket: Socket,
  kind: "x509" | "anonymous",
  target: Pick<VncTargetAccess, "name" | "host" | "settings">,
): Promise<SecuredTarget> {
  const { ca, serverName } = target.settings.tls;
  const name = serverName ?? target.host;
  const secured = await new Promise<TLSSocket>((resolve, reject) => {
    const options = kind === "anonymous" ? anonymous : { minVersion: "TLSv1.2" as const, ...(ca && { ca }) };
    const connection = connect({
      socket,
      // What was seen is judged below; the name decides which certificate a CA's signature is good for.
      rejectUnauthorized: false,
      host: name,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      ...options,
    });
    whenSecure(connection, "secureConnect", resolve, (cause) =>
      reject(
        new AppError(
          "PROTOCOL_TARGET_UNREACHABLE",
          `The TLS handshake with target ${target.name} failed: ${cause instanceof Error ? cause.message : "it hung up"}.`,
          { op: "vnc.target", cause },
        ),
      ),
    );
  });
  const tls = `${secured.getProtocol() ?? ""} ${secured.getCipher().standardName}`;
  if (kind === "anonymous") return { socket: secured, tls, fingerprint: "" };
  try {
    const fingerprint = acceptCertificate(secured, target);
    return { socket: secured, tls, fingerprint };
  } catch (error) {
    secured.destroy();
    throw error;
  }
}

function whenSecure(
  socket: TLSSocket,
  event: "secure" | "secureConnect",
  resolve: (socket: TLSSocket) => void,
  reject: (cause?: unknown) => void,
): void {
  const secured = (): void => {
    settle();
    resolve(socket);
  };
  const failed = (cause?: unknown): void => {
    settle();
    socket.destroy();
    reject(cause);
  };
  const closed = (): void => failed();
  const settle = (): void => {
    socket.removeListener(event, secured);
    socket.removeListener("error", failed);
    socket.removeListener("close", closed);
    socket.on("error", () => undefined);
  };
  socket.on(event, secured);
  socket.on("error", failed);
  socket.on("close", closed);
}

export function fingerprintOf(certificate: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(certificate).digest("base64").replace(/=+$/, "")}`;
}

function acceptCertificate(socket: TLSSocket, target: Pick<VncTargetAccess, "name" | "settings">): string {
  const { fingerprints, ca } = target.settings.tls;
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  const shown = fingerprintOf(raw ?? Buffer.alloc(0));
  if (raw !== undefined && fingerprints.some((pin) => samePin(pin, shown))) return shown;
  if (ca !== undefined && socket.authorized) return shown;
  throw hostKeyError(target.name, shown, fingerprints, ca === undefined ? "" : String(socket.authorizationError));
}

function samePin(pin: string, shown: string): boolean {
  const base64 = pin.startsWith("SHA256:")
    ? pin.slice(7).replace(/=$/, "")
    : Buffer.from(pin.replaceAll(":", ""), "hex").toString("base64").replace(/=+$/, "");
  const [pinned, offered] = [Buffer.from(`SHA256:${base64}`), Buffer.from(shown)];
  return pinned.length === offered.length && timingSafeEqual(pinned, offered);
}

function hostKeyError(target: string, shown: string, pinned: readonly string[], caSays: string): AppError {
  const known =
    pinned.length > 0 ? `pinned is ${pinned.join(", ")}` : caSays === "" ? "none is pinned" : `its CA says ${caSays}`;
  return new AppError(
    "PROTOCOL_TARGET_HOST_KEY",
    `The certificate of target ${target} is not known: it shows ${shown}, ${known}. Compare it with the machine's own, then run \`conduit target scan ${target} --pin\` or correct the target's vnc.tls.`,
    { op: "vnc.target", details: { target, shown, pinned, caSays } },
  );
}
