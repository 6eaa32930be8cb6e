// The target's leg up to SecurityResult, as its client: version, security type, credential. Fed by `dialTarget`.
import type { Socket } from "node:net";
import { AppError } from "../../../shared/errors.ts";
import type { VncTargetAccess } from "../tap.ts";
import { HandshakeStream, printable, uint32 } from "./handshake-stream.ts";
import { securityName, securityType, veNCryptTypes } from "./security-types.ts";
import { chooseSubtype, chooseType } from "./target-security.ts";
import { secureTarget } from "./tls-legs.ts";
import { type RfbVersion, readVersion, versionMessage } from "./versions.ts";
import { challengeLength, vncAuthResponse } from "./vnc-auth.ts";

const maxReasonBytes = 16 * 1024;
const maxCapabilities = 512;

export interface LoggedInTarget {
  stream: HandshakeStream;
  /** As the target said it, e.g. `003.008`. */
  version: string;
  security: string;
  tls: string;
  /** Of its certificate, `SHA256:…`; empty without one. */
  fingerprint: string;
  /** ServerInit is followed by TightVNC's lists. */
  tight: boolean;
}

interface Leg {
  stream: HandshakeStream;
  version: RfbVersion;
  security: string;
  tls: string;
  fingerprint: string;
}

/** The target's VeNCrypt has no subtype that can be used, but it offers something beside VeNCrypt that can. */
export class VeNCryptUseless extends Error {}

/**
 * Rejects with PROTOCOL_TARGET_AUTH, PROTOCOL_TARGET_HOST_KEY, PROTOCOL_MALFORMED or PROTOCOL_LIMIT; with VeNCryptUseless,
 * call again on a new connection without VeNCrypt.
 */
export async function loginTarget(
  socket: Socket,
  target: VncTargetAccess,
  options: { veNCrypt: boolean } = { veNCrypt: true },
): Promise<LoggedInTarget> {
  const stream = new HandshakeStream(socket, "target");
  const { version, said } = await readVersion(stream, "target");
  stream.write(versionMessage(version));
  const leg: Leg = { stream, version, security: "", tls: "", fingerprint: "" };
  const offered = await offeredTypes(stream, version, target);
  const others = offered.filter((number) => number !== securityType.veNCrypt);
  const type = chooseType(options.veNCrypt ? offered : others, target);
  if (version !== "3.3") stream.write(Buffer.from([type]));
  await authenticate(type, socket, leg, { target, others });
  const { stream: secured, security, tls, fingerprint } = leg;
  return { stream: secured, version: said, security, tls, fingerprint, tight: type === securityType.tight };
}

async function offeredTypes(stream: HandshakeStream, version: RfbVersion, target: VncTargetAccess): Promise<number[]> {
  if (version === "3.3") {
    const dictated = await stream.uint32();
    if (dictated === securityType.invalid) throw await turnedAway(stream, target);
    return [dictated];
  }
  const count = await stream.uint8();
  if (count === 0) throw await turnedAway(stream, target);
  return [...(await stream.read(count))];
}

async function authenticate(
  type: number,
  socket: Socket,
  leg: Leg,
  { target, others }: { target: VncTargetAccess; others: readonly number[] },
): Promise<void> {
  switch (type) {
    case securityType.none:
      leg.security = "none";
      if (leg.version === "3.8") await securityResult(leg, target);
      return;
    case securityType.vncAuth:
      leg.security = "vnc-auth";
      return answerChallenge(leg, target);
    case securityType.veNCrypt:
      return loginByVeNCrypt(socket, leg, target, others);
    case securityType.tight:
      return loginByTight(leg, target);
    default:
      throw new AppError("INTERNAL", `security type ${securityName(type)} was chosen and cannot be spoken`, {
        op: "vnc.target",
      });
  }
}

async function answerChallenge(leg: Leg, target: VncTargetAccess): Promise<void> {
  const challenge = await leg.stream.read(challengeLength);
  leg.stream.write(vncAuthResponse(passwordOf(target), challenge));
  await securityResult(leg, target);
}

async function loginByVeNCrypt(
  socket: Socket,
  leg: Leg,
  target: VncTargetAccess,
  others: readonly number[],
): Promise<void> {
  const { stream } = leg;
  const version = await stream.read(2);
  if ((version[0] ?? 0) === 0 && (version[1] ?? 0) < 2) {
    throw malformed(target, `speaks VeNCrypt ${version[0]}.${version[1]}; 0.2 is needed`);
  }
  stream.write(Buffer.from([0, 2]));
  if ((await stream.uint8()) !== 0) throw malformed(target, "refused VeNCrypt 0.2");
  const count = await stream.uint8();
  const list = await stream.read(4 * count);
  const offered = Array.from({ length: count }, (_, at) => list.readUInt32BE(4 * at));
  const subtype = subtypeOf(offered, target, others);
  const kind = veNCryptTypes.get(subtype);
  if (kind === undefined) throw malformed(target, `offers VeNCrypt subtype ${subtype}`);
  stream.write(uint32(subtype));
  if ((await stream.uint8()) !== 1) throw malformed(target, `refused the VeNCrypt type ${kind.name} that it offers`);
  const secured = await secureTarget(socket, kind.tls, target);
  leg.stream = new HandshakeStream(secured.socket, "target");
  leg.security = kind.name;
  leg.tls = secured.tls;
  leg.fingerprint = secured.fingerprint;
  if (kind.inside === "vnc-auth") return answerChallenge(leg, target);
  if (kind.inside === "plain") {
    const [account, password] = [Buffer.from(target.account, "utf8"), Buffer.from(passwordOf(target), "utf8")];
    leg.stream.write(Buffer.concat([uint32(account.length, password.length), account, password]));
  }
  return securityResult(leg, target);
}

function subtypeOf(offered: readonly number[], target: VncTargetAccess, others: readonly number[]): number {
  try {
    return chooseSubtype(offered, target);
  } catch (error) {
    if (canDoWith(others, target)) throw new VeNCryptUseless();
    throw error;
  }
}

function canDoWith(offered: readonly number[], target: VncTargetAccess): boolean {
  try {
    chooseType(offered, target);
    return true;
  } catch {
    return false;
  }
}

/** TightVNC's type 16: a list of tunnels, of which none is taken, and a list of ways to log in. */
async function loginByTight(leg: Leg, target: VncTargetAccess): Promise<void> {
  const tunnels = await leg.stream.uint32();
  if (tunnels > 0) {
    await readCapabilities(leg.stream, tunnels, target);
    leg.stream.write(uint32(0));
  }
  const offered = await readCapabilities(leg.stream, await leg.stream.uint32(), target);
  leg.security = "tight";
  if (offered.length === 0) {
    if (leg.version === "3.8") await securityResult(leg, target);
    return;
  }
  const inside = target.credential.kind === "password" ? securityType.vncAuth : securityType.none;
  if (!offered.includes(inside)) {
    const names = offered.slice(0, 20).map(securityName).join(", ");
    throw new AppError(
      "PROTOCOL_TARGET_AUTH",
      `Target ${target.name} offers ${names} within Tight, where the gateway would need ${securityName(inside)}.`,
      { op: "vnc.target" },
    );
  }
  leg.stream.write(uint32(inside));
  if (inside === securityType.vncAuth) return answerChallenge(leg, target);
  if (leg.version === "3.8") await securityResult(leg, target);
}

/** The codes of TightVNC's 16-byte capabilities: code, vendor, signature. */
export async function readCapabilities(
  stream: HandshakeStream,
  count: number,
  target: Pick<VncTargetAccess, "name">,
): Promise<number[]> {
  if (count > maxCapabilities) {
    throw new AppError(
      "PROTOCOL_LIMIT",
      `Target ${target.name} lists ${count} capabilities; ${maxCapabilities} is the most.`,
      { op: "vnc.target" },
    );
  }
  const list = await stream.read(16 * count);
  return Array.from({ length: count }, (_, at) => list.readInt32BE(16 * at));
}

async function securityResult(leg: Leg, target: VncTargetAccess): Promise<void> {
  const result = await leg.stream.uint32();
  if (result === 0) return;
  const said = leg.version === "3.8" ? await reasonOf(leg.stream) : result === 2 ? "too many attempts" : "";
  throw new AppError(
    "PROTOCOL_TARGET_AUTH",
    `Target ${target.name} refused the stored credential${said === "" ? "" : `: ${said}`}.`,
    { op: "vnc.target", details: { target: target.name } },
  );
}

async function turnedAway(stream: HandshakeStream, target: VncTargetAccess): Promise<AppError> {
  return new AppError(
    "PROTOCOL_TARGET_AUTH",
    `Target ${target.name} takes no connection: ${(await reasonOf(stream)) || "it gives no reason"}.`,
    { op: "vnc.target", details: { target: target.name } },
  );
}

async function reasonOf(stream: HandshakeStream): Promise<string> {
  return printable(await stream.sized(maxReasonBytes, "reason")).replace(/[.\s]+$/, "");
}

function passwordOf(target: VncTargetAccess): string {
  return target.credential.kind === "password" ? target.credential.password : "";
}

function malformed(target: VncTargetAccess, what: string): AppError {
  return new AppError("PROTOCOL_MALFORMED", `Target ${target.name} ${what}.`, { op: "vnc.target" });
}
