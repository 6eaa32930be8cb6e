// The way to a target: pins checked, account signed in, connection protocol ready. Used by sessions and by `doctor`.
import type { ServerHostKeyAlgorithm } from "ssh2";
import { AppError } from "../../../shared/errors.ts";
import type { TargetAccess } from "../tap.ts";
import { algorithmsOfKeyType, hostKeyTypes } from "./algorithms.ts";
import { describeHostKey, type HostKey, hostKeyChanged, isPinned, readPins, scanHostKeys } from "./host-keys.ts";
import { connectTarget, type Negotiated, type TargetConnection } from "./target-connection.ts";

export interface DialOptions {
  timeoutMs: number;
  /** Offers SHA-1 key exchanges, CBC ciphers and `ssh-rsa` too. */
  legacy: boolean;
}

export interface DialedTarget extends TargetConnection {
  hostKey: HostKey;
}

/** Rejects with PROTOCOL_TARGET_HOST_KEY, PROTOCOL_TARGET_UNREACHABLE or PROTOCOL_TARGET_AUTH. */
export async function dialTarget(target: TargetAccess, options: DialOptions): Promise<DialedTarget> {
  const pins = readPins(target.name, target.hostKeys);
  try {
    return await dialWith(target, options, pins, wantedAlgorithms(pins, options.legacy));
  } catch (error) {
    if (!(error instanceof AppError) || !isKeyMismatch(error)) throw error;
    return dialByScan(target, options, pins, error);
  }
}

/** For `doctor`: signs in and hangs up. */
export async function checkTarget(
  target: TargetAccess,
  options: DialOptions = { timeoutMs: 10_000, legacy: false },
): Promise<{ hostKey: HostKey; negotiated: Negotiated }> {
  const dialed = await dialTarget(target, options);
  dialed.end();
  return { hostKey: dialed.hostKey, negotiated: dialed.negotiated };
}

/**
 * A server with several keys shows the one of the first common type; a fingerprint does not say its type. So before
 * refusing, look whether another of its keys is the pinned one.
 */
async function dialByScan(
  target: TargetAccess,
  options: DialOptions,
  pins: Pins,
  firstError: AppError,
): Promise<DialedTarget> {
  const offered = await scanHostKeys(target.host, target.port, options.timeoutMs);
  const match = offered.find((key) => isPinned(Buffer.from(key.line.split(" ")[1] ?? "", "base64"), pins));
  if (match === undefined) throw offered.length > 0 ? hostKeyChanged(target.name, pins, offered) : firstError;
  return dialWith(target, options, pins, algorithmsOfKeyType(match.type, options.legacy));
}

type Pins = { type?: string; fingerprint: string }[];

async function dialWith(
  target: TargetAccess,
  options: DialOptions,
  pins: Pins,
  serverHostKey: ServerHostKeyAlgorithm[],
): Promise<DialedTarget> {
  let shown: HostKey | undefined;
  let accepted = false;
  try {
    const connection = await connectTarget({ host: target.host, port: target.port, ...options, serverHostKey }).login({
      account: target.account,
      credential: target.credential,
      acceptHostKey: (blob) => {
        shown = describeHostKey(blob);
        accepted = isPinned(blob, pins);
        return accepted;
      },
    });
    if (shown === undefined || !accepted) throw hostKeyChanged(target.name, pins, []);
    return { ...connection, hostKey: shown };
  } catch (error) {
    if (shown !== undefined && !accepted) throw hostKeyChanged(target.name, pins, [shown]);
    throw error;
  }
}

function wantedAlgorithms(pins: Pins, legacy: boolean): ServerHostKeyAlgorithm[] {
  const types = pins.map((pin) => pin.type);
  if (types.includes(undefined)) return legacy ? [...hostKeyTypes, "ssh-rsa"] : [...hostKeyTypes];
  const algorithms = [...new Set(types)].flatMap((type) => algorithmsOfKeyType(type ?? "", legacy));
  return algorithms.length > 0 ? algorithms : [...hostKeyTypes];
}

function isKeyMismatch(error: AppError): boolean {
  return error.code === "PROTOCOL_TARGET_HOST_KEY" || /no matching host key/i.test(String(error.cause));
}
