// Which of the security types that a target offers is used. Pure. Invariant: a password goes only where it is asked for by
// challenge, or into TLS; what cannot be used is named with its reason, so that people know what to change.
import { AppError } from "../../../shared/errors.ts";
import type { VncSecurity } from "../../../shared/policy/policy.ts";
import type { VncTargetAccess } from "../tap.ts";
import { securityName, securityType, veNCryptName, veNCryptTypes } from "./security-types.ts";

const x509: readonly VncSecurity[] = ["x509-plain", "x509-vnc", "x509-none"];
const unproven: readonly VncSecurity[] = ["tls-vnc", "tls-none", "vnc-auth", "tight", "none"];

type Access = Pick<VncTargetAccess, "name" | "account" | "credential" | "settings">;

export function allowedSecurity({ settings: { security, tls } }: Access): readonly VncSecurity[] {
  if (security !== undefined) return security;
  // Whoever knows the target's certificate must not be talked into doing without it.
  return tls.fingerprints.length > 0 || tls.ca !== undefined ? x509 : unproven;
}

/** Why an allowed type cannot be used with what is known of the target; null when it can. */
function unusable(type: VncSecurity, { account, credential, settings }: Access): string | null {
  if (type.startsWith("x509-") && settings.tls.fingerprints.length === 0 && settings.tls.ca === undefined) {
    return "no certificate is pinned";
  }
  const needsPassword = type.endsWith("-plain") || type.endsWith("vnc") || type === "vnc-auth";
  if (needsPassword && credential.kind === "none") return "the target has no secret";
  return type.endsWith("-plain") && account === "" ? "the target has no account" : null;
}

const ofType: ReadonlyMap<number, VncSecurity> = new Map([
  [securityType.none, "none"],
  [securityType.vncAuth, "vnc-auth"],
  [securityType.tight, "tight"],
]);

/**
 * The number of the type to choose among RFB's own; VeNCrypt where one of its subtypes might do. Which subtypes there are
 * comes to light only afterwards, when there is no way back but another connection.
 */
export function chooseType(offered: readonly number[], access: Access): number {
  const allowed = allowedSecurity(access);
  const usable = (type: VncSecurity): boolean => allowed.includes(type) && unusable(type, access) === null;
  const rank = (number: number): number => {
    const name = ofType.get(number);
    if (name !== undefined) return usable(name) ? allowed.indexOf(name) : -1;
    if (number !== securityType.veNCrypt) return -1;
    return allowed.findIndex((type) => subtypeNames.has(type) && usable(type));
  };
  const best = offered.filter((number) => rank(number) >= 0).sort((a, b) => rank(a) - rank(b))[0];
  if (best !== undefined) return best;
  throw cannot(
    access,
    offered.map((number) => because(securityName(number), ofType.get(number), access)),
  );
}

const subtypeNames: ReadonlySet<VncSecurity> = new Set([...veNCryptTypes.values()].map(({ name }) => name));

export function chooseSubtype(offered: readonly number[], access: Access): number {
  const allowed = allowedSecurity(access);
  const rank = (number: number): number => {
    const name = veNCryptTypes.get(number)?.name;
    return name === undefined || unusable(name, access) !== null ? -1 : allowed.indexOf(name);
  };
  const best = offered.filter((number) => rank(number) >= 0).sort((a, b) => rank(a) - rank(b))[0];
  if (best !== undefined) return best;
  throw cannot(
    access,
    offered.map((number) => because(veNCryptName(number), veNCryptTypes.get(number)?.name, access)),
  );
}

function because(name: string, type: VncSecurity | undefined, access: Access): string {
  if (type === undefined) return `${name} (not supported)`;
  if (!allowedSecurity(access).includes(type)) return `${name} (not allowed for this target: ${type})`;
  return `${name} (${unusable(type, access) ?? "not offered by itself"})`;
}

function cannot({ name }: Access, offered: readonly string[]): AppError {
  const list = offered.length === 0 ? "no security type" : offered.slice(0, 20).join(", ");
  return new AppError(
    "PROTOCOL_TARGET_AUTH",
    `Target ${name} offers ${list}, none of which the gateway can use. Change the target's VNC server, or the target's vnc.security, vnc.tls, account or secret.`,
    { op: "vnc.target", details: { target: name } },
  );
}
