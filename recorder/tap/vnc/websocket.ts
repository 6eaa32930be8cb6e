// The browser's way in: RFB in binary WebSocket frames, as noVNC speaks it. The ticket comes as a subprotocol, so that it
// stands in no address, no log and no history. Invariant: only a request that was let in becomes a WebSocket.
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocket, WebSocketServer } from "ws";

const protocolName = "binary";
const ticketPrefix = "conduit.ticket.";
/** A viewer's messages are short; a frame may hold several. */
const maxFrameBytes = 4 * 1024 * 1024;
const pingMs = 30_000;
const farewellMs = 2000;
/** RFC 6455 §7.4.2: 4000 and up are an application's own. */
const closeCode = 4000;
/** A close frame holds 125 bytes: the code, and this much text. */
const maxReasonBytes = 123;

export interface BrowserLink {
  stream: Duplex;
  close(sentence: string): void;
}

export class BrowserDoor {
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    handleProtocols: (offered) => (offered.has(protocolName) ? protocolName : false),
  });

  /** The token in `Sec-WebSocket-Protocol: binary, conduit.ticket.TOKEN`. */
  tokenOf(request: IncomingMessage): string | undefined {
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    const token = offered.find((name) => name.startsWith(ticketPrefix))?.slice(ticketPrefix.length);
    return token !== undefined && /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
  }

  refuse(socket: Duplex, status: 403 | 503): void {
    socket.on("error", () => undefined);
    socket.once("finish", () => socket.destroy());
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  }

  open(request: IncomingMessage, socket: Duplex, head: Buffer, opened: (link: BrowserLink) => void): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket, { allowHalfOpen: false });
      stream.on("error", () => undefined);
      keepAlive(webSocket);
      opened({ stream, close: (sentence) => closeWebSocket(webSocket, stream, sentence) });
    });
  }

  close(): void {
    this.#server.close();
  }
}

/** A browser that is gone without a word is noticed within two pings. */
function keepAlive(webSocket: WebSocket): void {
  let alive = true;
  webSocket.on("pong", () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) webSocket.terminate();
    alive = false;
    if (webSocket.readyState === WebSocket.OPEN) webSocket.ping();
  }, pingMs);
  timer.unref();
  webSocket.on("close", () => clearInterval(timer));
}

function closeWebSocket(webSocket: WebSocket, stream: Duplex, sentence: string): void {
  const reason = Buffer.from(sentence, "utf8")
    .subarray(0, maxReasonBytes)
    .toString("utf8")
    .replace(/\uFFFD+$/, "");
  const close = () => webSocket.close(closeCode, reason);
  // After what still waits in the stream, whose own end would close without a reason.
  if (stream.writableLength > 0) stream.write(Buffer.alloc(0), close);
  else close();
  const timer = setTimeout(() => webSocket.terminate(), farewellMs);
  timer.unref();
  webSocket.on("close", () => clearTimeout(timer));
}
