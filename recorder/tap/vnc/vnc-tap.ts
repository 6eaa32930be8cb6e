// The VNC listener: takes connections in, bounded before they have logged in, and hands each viewer that has said who it is
// to a ViewerSession. Browsers come in by WebSocket, let in by a token. Invariant: a stranger costs one socket for at most
// the log-in grace time, and a person's browsers that say nothing are few.
import type { IncomingMessage } from "node:http";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../../shared/errors.ts";
import { listenAt } from "../listen.ts";
import { Strangers } from "../strangers.ts";
import type { AuthenticatedPerson, ClientAddress, ListenAddress, Tap } from "../tap.ts";
import { loginBrowser } from "./browser-login.ts";
import { defaultLimits, type VncTapLimits, type VncTapOptions } from "./options.ts";
import { SilentBrowsers } from "./silent-browsers.ts";
import { type ViewerTls, viewerTls } from "./tls-legs.ts";
import { loginViewer, ticketFactors } from "./viewer-login.ts";
import { type Viewer, ViewerSession } from "./viewer-session.ts";
import { BrowserDoor } from "./websocket.ts";

export type { VncTapOptions } from "./options.ts";

/** What is left unread by a viewer that was told good-bye does not keep its socket. */
const farewellMs = 2000;
/** For the last sentence in a viewer's window. The session is over by then. */
const readMs = 5000;

export interface VncTap extends Tap {
  /** For handshakes from now on. CONFIG_INVALID: it cannot be used, and the old one stays. */
  setCertificate(pair: { cert: string; key: string }): void;
  /**
   * A browser's WebSocket, from the HTTP service, which has checked origin and sign-in. Takes the socket over, whatever
   * comes of it.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, from: BrowserOrigin): void;
}

export interface BrowserOrigin {
  /** Who is signed in; the ticket must be this person's. */
  person: Omit<AuthenticatedPerson, "authMethod" | "grant">;
  address: string;
  /** The target in the address that was asked for. */
  target: string;
  encrypted: boolean;
}

export function createVncTap(options: VncTapOptions): VncTap {
  return new VncGateway(options);
}

class VncGateway implements VncTap {
  readonly protocol = "vnc";
  readonly #options: VncTapOptions;
  readonly #limits: VncTapLimits;
  #tls: ViewerTls;
  readonly #listener: NetServer;
  readonly #sockets = new Set<Duplex>();
  /** Each closes a viewer whose session is over and whose person still reads why. */
  readonly #read = new Set<() => void>();
  readonly #strangers: Strangers;
  readonly #silent: SilentBrowsers;
  readonly #door: BrowserDoor;

  constructor(options: VncTapOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#tls = readTls(options.certificate);
    this.#strangers = new Strangers(this.#limits.maxUnauthenticated, this.#limits.loginGraceMs);
    this.#silent = new SilentBrowsers(this.#limits.maxSilentBrowsers);
    this.#door = new BrowserDoor();
    this.#listener = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
    this.#listener.on("error", (error) => options.logger.error({ err: error }, "the VNC listener failed"));
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
      for (const close of this.#read) close();
    });
    this.#door.close();
  }

  setCertificate(pair: { cert: string; key: string }): void {
    this.#tls = readTls(pair);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, from: BrowserOrigin): void {
    const token = this.#door.tokenOf(request);
    const isFull = this.#sockets.size >= this.#limits.maxConnections;
    const holder = { person: from.person.name, target: from.target };
    if (isFull || token === undefined || !this.#options.tickets.redeemToken(token, holder)) {
      const why = isFull ? "a browser was refused: too many connections" : "a browser's ticket was refused";
      this.#options.logger.warn({ address: from.address, person: from.person.name }, why);
      this.#door.refuse(socket, isFull ? 503 : 403);
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const spoke = this.#silent.admit(socket, from.person.name);
    this.#door.open(request, socket, head, (link) => {
      const client: ClientAddress = { address: from.address, port: 0, software: userAgent(request) };
      const person: AuthenticatedPerson = {
        ...from.person,
        ...ticketFactors("portal+ticket", from.person.factors),
      };
      loginBrowser(link, { graceMs: this.#limits.loginGraceMs, secure: from.encrypted }).then(
        ({ answer, facts }) => {
          spoke();
          this.#run({
            person,
            target: from.target,
            client,
            facts,
            answer,
            close: (sentence) => link.close(sentence),
          });
        },
        (error: unknown) => {
          this.#options.logger.debug({ address: from.address, err: error }, "a browser did not begin to speak VNC");
          link.close("The viewer did not begin to speak VNC.");
        },
      );
    });
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const { logger } = this.#options;
    if (this.#sockets.size >= this.#limits.maxConnections || !this.#strangers.admit(socket, address)) {
      logger.warn({ address }, "connection refused: too many that have not signed in");
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#strangers.leave(socket);
      this.#sockets.delete(socket);
    });
    // Before anybody listens: a reset in that moment must not end the process.
    socket.on("error", () => undefined);
    this.#welcome(socket).catch((error: unknown) => {
      if (error instanceof AppError) logger.debug({ address, err: error }, "a viewer did not log in");
      else logger.error({ address, err: error }, "a connection could not be served");
      this.#hangUp(socket);
    });
  }

  async #welcome(socket: Socket): Promise<void> {
    const client: ClientAddress = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0, software: "" };
    const login = await loginViewer(socket, client, {
      ...this.#options,
      tls: this.#tls,
      progressed: (progress) => this.#strangers.progressed(socket, progress),
    });
    client.software = `RFB ${login.facts.version}`;
    this.#strangers.leave(socket);
    const secured = login.answer.stream.stream;
    const close = (): void => {
      secured.end();
      this.#hangUp(socket, secured === socket);
    };
    this.#run({ ...login, client, close, closeWhenRead: () => this.#closeWhenRead(socket, close) });
  }

  /** A viewer's window is gone with its connection: what it shows last stays for a moment. */
  #closeWhenRead(socket: Socket, close: () => void): void {
    if (!this.#listener.listening) {
      close();
      return;
    }
    const last = (): void => {
      clearTimeout(timer);
      this.#read.delete(last);
      close();
    };
    const timer = setTimeout(last, readMs);
    timer.unref();
    this.#read.add(last);
    socket.once("close", last);
  }

  #run(viewer: Viewer): void {
    const { host, logger } = this.#options;
    const { dialTimeoutMs, targetQuietMs } = this.#limits;
    new ViewerSession(viewer, { host, logger, dialTimeoutMs, targetQuietMs }).run().catch((error: unknown) => {
      logger.error({ err: error }, "a session failed");
      viewer.close("The gateway had a fault of its own.");
    });
  }

  /** @param itself false: TLS over it ends it, with a word of its own that must not be cut off. */
  #hangUp(socket: Socket, itself = true): void {
    const timer = setTimeout(() => socket.destroy(), farewellMs);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
    if (itself) socket.end();
  }
}

function readTls(certificate: { cert: string; key: string }): ViewerTls {
  try {
    return viewerTls(certificate);
  } catch (cause) {
    throw new AppError(
      "CONFIG_INVALID",
      `The VNC listener's certificate and key (vnc.tls) cannot be used: ${cause instanceof Error ? cause.message : "unknown fault"}.`,
      { op: "vnc.tls", cause },
    );
  }
}

function userAgent(request: IncomingMessage): string {
  return (request.headers["user-agent"] ?? "").slice(0, 200);
}
