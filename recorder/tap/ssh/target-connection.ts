// One outgoing SSH connection up to authentication: socket, key exchange, and what went wrong as an AppError that says
// how to mend it. Invariant: nothing secret is sent before `acceptHostKey` answered true.
import { connect as connectSocket, type Socket } from "node:net";
import { type AuthHandlerMiddleware, Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import { AppError } from "../../../shared/errors.ts";
import type { TargetAccess } from "../tap.ts";
import { algorithmsForTarget } from "./algorithms.ts";
import { ReadMemory } from "./read-memory.ts";
import { Transport } from "./transport.ts";

export interface TargetAddress {
  host: string;
  port: number;
  timeoutMs: number;
  legacy: boolean;
  serverHostKey: ServerHostKeyAlgorithm[];
}

export interface TargetLogin {
  account: string;
  credential: TargetAccess["credential"];
  acceptHostKey(blob: Buffer): boolean;
}

/** What the two sides agreed on; for the events track. */
export interface Negotiated {
  software: string;
  kex: string;
  cipher: string;
  mac: string;
  hostKeyType: string;
}

export interface TargetConnection {
  transport: Transport;
  negotiated: Negotiated;
  end(): void;
}

interface Handshake {
  kex: string;
  serverHostKey: string;
  cs: { cipher: string; mac: string };
}

/** The server showed no key of the types that were asked for. */
const noCommonHostKey = /no matching host key format/i;

export function connectTarget(address: TargetAddress): {
  /** Undefined when the server has no key of the wanted types. Never authenticates. */
  hostKeyOnly(): Promise<Buffer | undefined>;
  login(login: TargetLogin): Promise<TargetConnection>;
} {
  return {
    hostKeyOnly: async () => {
      let seen: Buffer | undefined;
      try {
        await dial(address, {
          account: "none",
          credential: { kind: "password", password: "" },
          acceptHostKey: (blob) => {
            seen = Buffer.from(blob);
            return false;
          },
        });
      } catch (error) {
        if (seen === undefined && !noCommonHostKey.test(String((error as { cause?: unknown }).cause))) throw error;
      }
      return seen;
    },
    login: (login) => dial(address, login),
  };
}

async function dial(address: TargetAddress, login: TargetLogin): Promise<TargetConnection> {
  const { socket, memory } = await openSocket(address);
  const client = new Client();
  return new Promise((resolve, reject) => {
    let transport: Transport | undefined;
    let handshake: Handshake | undefined;
    let software = "";
    let phase: "handshake" | "authentication" | "done" = "handshake";
    const fail = (error: AppError): void => {
      if (phase === "done") return;
      phase = "done";
      socket.destroy();
      reject(error);
    };
    client.on("handshake", (negotiated) => {
      handshake ??= negotiated as unknown as Handshake;
      if (phase === "handshake") phase = "authentication";
    });
    client.on("error", (error) => fail(explain(error, phase, address, login)));
    client.on("close", () => {
      fail(explain(new Error("the connection was closed"), phase, address, login));
    });
    // Servers that ask for the password this way only, e.g. those that sit behind PAM.
    client.on("keyboard-interactive", (_name, _instructions, _lang, prompts, finish) => {
      const { credential } = login;
      finish(credential.kind === "password" && prompts.length === 1 ? [credential.password] : []);
    });
    client.on("ready", () => {
      if (phase === "done" || transport === undefined) return;
      phase = "done";
      software = (client as unknown as { _remoteVer?: string })._remoteVer ?? "";
      resolve({
        transport,
        negotiated: {
          software,
          kex: handshake?.kex ?? "",
          cipher: handshake?.cs.cipher ?? "",
          mac: handshake?.cs.mac ?? "",
          hostKeyType: handshake?.serverHostKey ?? "",
        },
        end: () => client.end(),
      });
    });
    try {
      client.connect(connectConfig(address, login, socket));
      transport = new Transport(client, socket, memory);
    } catch (error) {
      fail(explain(error as Error, phase, address, login));
    }
  });
}

function connectConfig(address: TargetAddress, login: TargetLogin, socket: Socket): ConnectConfig {
  const { credential } = login;
  return {
    sock: socket,
    username: login.account,
    ...(credential.kind === "password"
      ? { password: credential.password, tryKeyboard: true }
      : {
          privateKey: credential.privateKey,
          ...(credential.passphrase === undefined ? {} : { passphrase: credential.passphrase }),
        }),
    authHandler: nextMethod(credential.kind) as unknown as AuthHandlerMiddleware,
    hostVerifier: (blob: Buffer) => login.acceptHostKey(blob),
    algorithms: algorithmsForTarget(address.legacy, address.serverHostKey),
    readyTimeout: address.timeoutMs,
    keepaliveInterval: 15_000,
    keepaliveCountMax: 4,
    ident: "ConduitRecorder",
  };
}

/**
 * One try only: a second with the same password would bring the account nearer to its lock-out. Keyboard-interactive is
 * for servers that do not know the method `password`. `none` is not asked first: it would cost a round trip.
 */
function nextMethod(kind: "password" | "private-key"): (methodsLeft: string[] | null) => string | false {
  let tries = 0;
  return (methodsLeft) => {
    if (tries++ === 0) return kind === "password" ? "password" : "publickey";
    const passwordUnknown = kind === "password" && tries === 2 && methodsLeft?.includes("password") === false;
    return passwordUnknown && methodsLeft?.includes("keyboard-interactive") === true ? "keyboard-interactive" : false;
  };
}

function openSocket(address: TargetAddress): Promise<{ socket: Socket; memory: ReadMemory }> {
  return new Promise((resolve, reject) => {
    const memory = new ReadMemory((bytes) => socket.emit("data", bytes));
    const { host, port } = address;
    const socket: Socket = connectSocket({ host, port, noDelay: true, onread: memory });
    const giveUp = setTimeout(
      () => socket.destroy(new Error(`no answer within ${address.timeoutMs / 1000} s`)),
      address.timeoutMs,
    );
    const onError = (error: Error): void => {
      clearTimeout(giveUp);
      reject(unreachable(address, error));
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(giveUp);
      socket.removeListener("error", onError);
      resolve({ socket, memory });
    });
  });
}

function unreachable(address: TargetAddress, cause: Error): AppError {
  return new AppError(
    "PROTOCOL_TARGET_UNREACHABLE",
    `The target does not answer at ${address.host}:${address.port} (${cause.message}). Check that it is on, that the address in its target file is right, and that the network lets the gateway reach it.`,
    { op: "ssh.dial", retryable: true, cause },
  );
}

function explain(
  error: Error & { level?: string },
  phase: string,
  address: TargetAddress,
  login: TargetLogin,
): AppError {
  if (error.level === "client-authentication") {
    return new AppError(
      "PROTOCOL_TARGET_AUTH",
      `The target at ${address.host}:${address.port} refused the stored credential of account ${login.account}. Set the right one with \`conduit secret set\`.`,
      { op: "ssh.authenticate", cause: error },
    );
  }
  if (/privateKey|passphrase|Encrypted/i.test(error.message)) {
    return new AppError(
      "PROTOCOL_TARGET_AUTH",
      `The stored private key for account ${login.account} at ${address.host}:${address.port} cannot be read. Store it again with \`conduit secret set\`.`,
      { op: "ssh.authenticate", cause: error },
    );
  }
  if (phase === "authentication") {
    return new AppError(
      "PROTOCOL_TARGET_AUTH",
      `The target at ${address.host}:${address.port} ended the connection while account ${login.account} was signing in (${error.message}).`,
      { op: "ssh.authenticate", retryable: true, cause: error },
    );
  }
  if (/no matching/i.test(error.message)) {
    return new AppError(
      "PROTOCOL_TARGET_UNREACHABLE",
      `The target at ${address.host}:${address.port} and the gateway have no algorithm in common (${error.message}). If the target knows only old ones, allow them with \`legacyTargets\`.`,
      { op: "ssh.handshake", cause: error },
    );
  }
  return unreachable(address, error);
}
