// Listeners behind a TCP balancer: connections from its addresses begin with a PROXY header, and count as the client's that
// it names. Invariant: from anywhere else no header is believed; from a balancer none gets in without one.
import { BlockList, isIP, type Server, type Socket } from "node:net";
import { maxHeaderBytes, type ProxyHeader, parseProxyHeader } from "./proxy-header.ts";

export interface Balancers {
  /** Addresses and networks (CIDR) that PROXY headers are taken from. */
  trusted: readonly string[];
  /** A connection was turned away: `address` is the balancer's. */
  refused(address: string, why: string): void;
}

/** A balancer sends it with the first packet. */
const headerMs = 5000;
/** Of balancers, without a header yet. */
const maxWaiting = 256;

/** Call before the server listens. */
export function acceptThroughBalancers(server: Server, balancers: Balancers): void {
  const isTrusted = membership(balancers.trusted);
  const accept = server.listeners("connection") as Array<(socket: Socket) => void>;
  server.removeAllListeners("connection");
  const waiting = new Set<Socket>();
  const go = (socket: Socket) => {
    for (const listener of accept) listener.call(server, socket);
  };
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    if (!isTrusted(address)) return go(socket);
    if (waiting.size >= maxWaiting) {
      balancers.refused(address, "too many connections wait for their header");
      socket.destroy();
      return;
    }
    waiting.add(socket);
    readHeader(socket)
      .then(
        ({ source }) => {
          if (source !== null) speaksFor(socket, source);
          go(socket);
        },
        (error: unknown) => {
          balancers.refused(address, error instanceof Error ? error.message : "no header");
          socket.destroy();
        },
      )
      .finally(() => waiting.delete(socket));
  });
  // Over TLS people's connection is another socket, which asks the kernel by itself who is there.
  server.prependListener("secureConnection", (secured: Socket & { _parent?: Socket }) => {
    const source = secured._parent === undefined ? undefined : sources.get(secured._parent);
    if (source !== undefined) speaksFor(secured, source);
  });
  // Who waits keeps no server from closing.
  const close = server.close.bind(server);
  server.close = (callback) => {
    for (const socket of waiting) socket.destroy();
    return close(callback);
  };
}

const sources = new WeakMap<Socket, { address: string; port: number }>();

/** The socket's own address and port from now on. */
function speaksFor(socket: Socket, source: { address: string; port: number }): void {
  sources.set(socket, source);
  const fixed = (value: unknown) => ({ value, configurable: true, enumerable: true });
  Object.defineProperties(socket, {
    remoteAddress: fixed(source.address),
    remotePort: fixed(source.port),
    remoteFamily: fixed(isIP(source.address) === 6 ? "IPv6" : "IPv4"),
  });
}

/** For a socket that was made of another's handle. */
export function sameSource(from: Socket, to: Socket): void {
  const source = sources.get(from);
  if (source !== undefined) speaksFor(to, source);
}

function membership(trusted: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of trusted) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").split("%")[0] ?? "";
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
  };
}

/** Takes the header from the socket and leaves what follows to whoever reads next. */
function readHeader(socket: Socket): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(timer);
      socket.removeListener("readable", look);
      socket.removeListener("error", failed);
      socket.removeListener("end", ended);
      socket.removeListener("close", ended);
    };
    const failed = (cause?: unknown): void => {
      settle();
      socket.on("error", () => undefined);
      reject(cause instanceof Error ? cause : new Error("the connection ended before its header"));
    };
    const ended = (): void => failed();
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      read = Buffer.concat([read, chunk]);
      try {
        const header = parseProxyHeader(read.subarray(0, maxHeaderBytes));
        if (header === null) {
          if (read.length >= maxHeaderBytes) failed(new Error("the header is too long"));
          return;
        }
        settle();
        // Nothing is read any more until somebody listens: the handle may go to another socket, or to TLS.
        pauseReading(socket);
        if (read.length > header.bytes) socket.unshift(read.subarray(header.bytes));
        // The stream settles first: then whoever listens for data gets it at once.
        setImmediate(() => {
          // It may have begun to read ahead meanwhile.
          pauseReading(socket);
          resolve(header);
        });
      } catch (error) {
        failed(error);
      }
    };
    const timer = setTimeout(() => failed(new Error("no header came in time")), headerMs);
    socket.on("readable", look);
    socket.on("error", failed);
    socket.on("end", ended);
    socket.on("close", ended);
    // Where the listener pauses its connections, nothing reads by itself.
    socket.read(0);
  });
}

function pauseReading(socket: Socket): void {
  const { _handle: handle } = socket as unknown as { _handle?: { reading?: boolean; readStop?(): number } | null };
  if (handle === null || handle === undefined) return;
  handle.reading = false;
  handle.readStop?.();
}
