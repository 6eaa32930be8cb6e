// The way to a target: connected, logged in, ServerInit read. Used by sessions, `conduit target test` and `doctor`.
// Invariant: it is over, one way or the other, within the time given.
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../../shared/errors.ts";
import type { ScreenInit } from "../../../shared/events/session-event.ts";
import { readPixelFormat } from "../../rfb/pixel-format.ts";
import type { VncTargetAccess } from "../tap.ts";
import { printable } from "./handshake-stream.ts";
import { type LoggedInTarget, loginTarget, readCapabilities, VeNCryptUseless } from "./target-login.ts";

const maxNameBytes = 4096;

export interface TargetFacts {
  version: string;
  security: string;
  tls: string;
  fingerprint: string;
}

export interface DialedTarget {
  stream: Duplex;
  init: ScreenInit;
  facts: TargetFacts;
}

interface DialOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * Rejects with PROTOCOL_TARGET_UNREACHABLE, PROTOCOL_TARGET_AUTH, PROTOCOL_TARGET_HOST_KEY, PROTOCOL_MALFORMED or
 * PROTOCOL_LIMIT. `signal` gives up at once.
 */
export async function dialTarget(target: VncTargetAccess, options: DialOptions): Promise<DialedTarget> {
  try {
    return await dialOnce(target, options, { veNCrypt: true });
  } catch (error) {
    if (!(error instanceof VeNCryptUseless)) throw error;
    return dialOnce(target, options, { veNCrypt: false });
  }
}

async function dialOnce(
  target: VncTargetAccess,
  options: DialOptions,
  how: { veNCrypt: boolean },
): Promise<DialedTarget> {
  const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.destroy();
  }, options.timeoutMs);
  const abort = (): void => void socket.destroy();
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    await connected(socket, target);
    const login = await loginTarget(socket, target, how);
    const init = await readServerInit(login, target);
    const { version, security, tls, fingerprint } = login;
    return { stream: login.stream.stream, init, facts: { version, security, tls, fingerprint } };
  } catch (error) {
    socket.destroy();
    if (!late) throw error;
    throw unreachable(target, `does not answer within ${Math.round(options.timeoutMs / 1000)} s`, error);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
}

/** Logs in and hangs up. */
export async function checkVncTarget(
  target: VncTargetAccess,
  options: { timeoutMs: number },
): Promise<{ facts: TargetFacts; init: ScreenInit }> {
  const { stream, facts, init } = await dialTarget(target, options);
  stream.destroy();
  return { facts, init };
}

function connected(socket: Socket, target: VncTargetAccess): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause?: Error): void => {
      const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? "the connection was closed";
      reject(unreachable(target, `cannot be reached (${why})`, cause));
    };
    const closed = (): void => failed();
    socket.once("error", failed);
    socket.once("close", closed);
    socket.once("connect", () => {
      socket.removeListener("close", closed);
      socket.on("error", () => undefined);
      socket.removeListener("error", failed);
      resolve();
    });
  });
}

/** ClientInit is always `shared`: some servers drop a viewer that asks to be alone, others drop everybody else. */
async function readServerInit({ stream, tight }: LoggedInTarget, target: VncTargetAccess): Promise<ScreenInit> {
  stream.write(Buffer.from([1]));
  const head = await stream.read(20);
  const name = printable(await stream.sized(maxNameBytes, "name"), 256);
  if (tight) {
    const counts = await stream.read(8);
    for (const at of [0, 2, 4]) await readCapabilities(stream, counts.readUInt16BE(at), target);
  }
  return { width: head.readUInt16BE(0), height: head.readUInt16BE(2), format: readPixelFormat(head, 4), name };
}

function unreachable(target: VncTargetAccess, what: string, cause: unknown): AppError {
  return new AppError(
    "PROTOCOL_TARGET_UNREACHABLE",
    `Target ${target.name} at ${target.host}:${target.port} ${what}.`,
    { op: "vnc.target", retryable: true, cause },
  );
}
