// The SSH listener: takes connections in, bounded before they have signed in, and hands each signed-in person to a
// PersonConnection. Invariant: a stranger costs one socket for at most the log-in grace time.
import { createServer, type Server as NetServer, type Socket } from "node:net";
import ssh2, { type Connection } from "ssh2";
import { AppError } from "../../../shared/errors.ts";
import { sameSource } from "../balancers.ts";
import { listenAt } from "../listen.ts";
import { Strangers } from "../strangers.ts";
import type { AuthenticatedPerson, ClientAddress, ListenAddress, Tap } from "../tap.ts";
import type { Login } from "../user-name.ts";
import { gatewayAlgorithms, nativeCryptoAvailable } from "./algorithms.ts";
import { Authenticator } from "./authenticate.ts";
import { defaultLimits, type SshTapLimits, type SshTapOptions } from "./options.ts";
import { PersonConnection } from "./person-connection.ts";
import { extInfoBody } from "./public-key.ts";
import { type ReadMemory, readAgain } from "./read-memory.ts";
import { announceSignatureAlgorithms, protocolOf } from "./ssh2-internals.ts";
import type { Negotiated } from "./target-connection.ts";
import { Transport } from "./transport.ts";
import { message } from "./wire.ts";

export type { SshTapOptions } from "./options.ts";

const ident = "ConduitRecorder";
/** For the last words of sessions that are over, when the service stops. */
const farewellMs = 3000;

export function createSshTap(options: SshTapOptions): Tap {
  return new SshTap(options);
}

/** Ed25519 alone: ssh2 would offer an RSA key with SHA-1 too, whatever it is told. */
function checkedHostKey(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  const type = key instanceof Error ? undefined : key.type;
  if (type === "ssh-ed25519") return privateKey;
  throw new AppError(
    "CONFIG_INVALID",
    `The gateway's SSH host key is ${type === undefined ? "not a readable private key" : `of type ${type}`}; make an Ed25519 one: ssh-keygen -t ed25519 -N "" -f FILE.`,
    { op: "ssh.host-key" },
  );
}

class SshTap implements Tap {
  readonly protocol = "ssh";
  readonly #options: SshTapOptions;
  readonly #limits: SshTapLimits;
  readonly #ssh: ssh2.Server;
  readonly #listener: NetServer;
  readonly #sockets = new Set<Socket>();
  readonly #strangers: Strangers;
  readonly #memories = new WeakMap<Socket, ReadMemory>();

  constructor(options: SshTapOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#strangers = new Strangers(this.#limits.maxUnauthenticated, this.#limits.loginGraceMs);
    if (!nativeCryptoAvailable()) {
      options.logger.warn(
        {},
        "ssh2's native ciphers were not built: bulk transfer is slower; install a compiler and run npm rebuild ssh2",
      );
    }
    this.#ssh = new ssh2.Server({
      hostKeys: options.hostKeys.map(checkedHostKey),
      algorithms: gatewayAlgorithms,
      ident,
      keepaliveInterval: 30_000,
      keepaliveCountMax: 4,
      ...(options.banner === undefined ? {} : { banner: options.banner }),
    });
    this.#ssh.on("connection", (connection, info) => {
      const socket = (connection as unknown as { _sock: Socket })._sock;
      try {
        this.#welcome(connection, socket, info.header.identRaw);
      } catch (error) {
        options.logger.error({ err: error }, "a connection could not be served");
        socket.destroy();
      }
    });
    this.#listener = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#listener.on("error", (error) => options.logger.error({ err: error }, "the SSH listener failed"));
  }

  listen(address: ListenAddress): Promise<{ host: string; port: number }> {
    return listenAt(this.#listener, address);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      // The others end through their session's signal. Who takes nothing more is not waited for.
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, farewellMs);
      this.#listener.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#strangers.destroyAll();
    });
  }

  #accept(accepted: Socket): void {
    const { socket, memory } = readAgain(accepted);
    sameSource(accepted, socket);
    if (memory !== undefined) this.#memories.set(socket, memory);
    const address = socket.remoteAddress ?? "";
    if (this.#sockets.size >= this.#limits.maxConnections || !this.#strangers.admit(socket, address)) {
      this.#options.logger.warn({ address }, "connection refused: too many that have not signed in");
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("signed-in", () => this.#strangers.leave(socket));
    socket.once("close", () => {
      this.#strangers.leave(socket);
      this.#sockets.delete(socket);
    });
    // Before ssh2 listens: a reset in that moment must not end the process.
    socket.on("error", () => undefined);
    // What came in one packet with a balancer's header was read by the socket that gave its handle away. ssh2 listens for
    // data only a moment after it was given the socket.
    const early = socket === accepted ? null : (accepted.read() as Buffer | null);
    if (early !== null) {
      const listens = (event: string | symbol): void => {
        if (event !== "data") return;
        socket.removeListener("newListener", listens);
        process.nextTick(() => socket.emit("data", early));
      };
      socket.on("newListener", listens);
    }
    this.#ssh.injectSocket(socket);
  }

  #welcome(connection: Connection, socket: Socket, identRaw: string): void {
    const { host, logger } = this.#options;
    this.#strangers.progressed(socket, "identified");
    connection.on("authentication", () => this.#strangers.progressed(socket, "signing-in"));
    const software = identRaw.replace(/^SSH-[^-]*-/, "").slice(0, 200);
    const client: ClientAddress = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0, software };
    const protocol = protocolOf(connection);
    announceSignatureAlgorithms(protocol, Buffer.concat([Buffer.from([message.extInfo]), extInfoBody()]));
    const transport = new Transport(connection, socket, this.#memories.get(socket));
    const negotiated: Negotiated = { software, kex: "", cipher: "", mac: "", hostKeyType: "" };
    connection.once("handshake", (agreed) => {
      const { kex, serverHostKey, cs } = agreed as unknown as {
        kex: string;
        serverHostKey: string;
        cs: { cipher: string; mac: string };
      };
      Object.assign(negotiated, { kex, cipher: cs.cipher, mac: cs.mac, hostKeyType: serverHostKey });
    });
    connection.on("error", (error) => logger.debug({ address: client.address, err: error }, "SSH connection error"));
    let signedIn: { person: AuthenticatedPerson; login: Login; key: string | undefined } | undefined;
    new Authenticator(connection, {
      host,
      client,
      maxFailures: this.#limits.maxLoginFailures,
      logger,
      end: (sentence, reason) => transport.disconnect(sentence, reason),
      done: (person, login, key) => {
        signedIn = { person, login, key };
      },
    });
    connection.once("ready", () => {
      socket.emit("signed-in");
      if (signedIn === undefined) return;
      const { person, login, key } = signedIn;
      new PersonConnection(transport, client, {
        host,
        logger,
        maxChannels: this.#limits.maxChannels,
        dialTimeoutMs: this.#limits.dialTimeoutMs,
        legacyTargets: this.#options.legacyTargets ?? false,
        fileHold: this.#options.fileHold,
      })
        .run(person, login.target, { ...negotiated, ...(key === undefined ? {} : { key }) })
        .catch((error: unknown) => {
          logger.error({ err: error }, "a session failed");
          socket.destroy();
        });
    });
  }
}
