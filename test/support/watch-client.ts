// A watcher of a live session: signs in to the portal and follows the WebSocket, as a page does.
import { once } from "node:events";
import { WebSocket } from "ws";
import { decodeFrame } from "../../shared/live/frame.ts";
import { type WatcherMessage, type WatchHello, WatchMessage } from "../../shared/live/messages.ts";
import { FollowedTracks } from "./followed-tracks.ts";

export interface Portal {
  url: string;
  cookie: string;
  csrf: string;
}

export async function signInToPortal(url: string, name: string, password: string): Promise<Portal> {
  const answer = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, password }),
  });
  if (answer.status !== 200) throw new Error(`sign-in of ${name}: ${answer.status} ${await answer.text()}`);
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { csrfToken: csrf } = (await answer.json()) as { csrfToken: string };
  return { url, cookie, csrf };
}

/** Of those there are many, and who measures does not look at them. */
function isState(data: Buffer): boolean {
  return /^\{"type":"(?:state|segments)"/.test(data.toString("latin1", 0, 24));
}

export class WatchClient {
  readonly socket: WebSocket;
  readonly tracks = new FollowedTracks();
  readonly messages: WatchMessage[] = [];
  readonly names = new Map<number, string>();
  /** False: what came is looked at and let go, for who measures. */
  keeps = true;
  onFrame: (track: string, bytes: Uint8Array) => void = () => {};
  onHello: (hello: WatchHello) => void = () => {};
  fault: Error | null = null;

  constructor(portal: Portal, session: string, headers: Record<string, string> = {}) {
    const address = `${portal.url.replace(/^http/, "ws")}/api/v1/sessions/${session}/watch`;
    this.socket = new WebSocket(address, {
      headers: { cookie: portal.cookie, origin: portal.url, ...headers },
      perMessageDeflate: false,
      maxPayload: 256 * 1024 * 1024,
    });
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data: Buffer, isBinary) => {
      try {
        if (isBinary) this.#frame(data);
        else if (this.keeps || !isState(data)) this.#said(WatchMessage.parse(JSON.parse(data.toString("utf8"))));
      } catch (error) {
        this.fault ??= error as Error;
      }
    });
  }

  /** Resolves when it is open, or with the status that it was refused with. */
  async opened(): Promise<number> {
    if (this.socket.readyState === WebSocket.OPEN) return 101;
    return new Promise((resolve) => {
      this.socket.once("open", () => resolve(101));
      this.socket.once("unexpected-response", (request, response) => {
        request.destroy();
        resolve(response.statusCode ?? 0);
      });
    });
  }

  send(message: WatcherMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  of<T extends WatchMessage["type"]>(type: T): Extract<WatchMessage, { type: T }>[] {
    return this.messages.filter((message): message is Extract<WatchMessage, { type: T }> => message.type === type);
  }

  async closed(): Promise<void> {
    if (this.socket.readyState !== WebSocket.CLOSED) await once(this.socket, "close");
  }

  close(): void {
    this.socket.terminate();
  }

  #frame(data: Buffer): void {
    const frame = decodeFrame(data);
    const track = frame === null ? undefined : this.names.get(frame.track);
    if (frame === null || track === undefined) throw new Error("a frame of a track that was not named");
    const { kind: at, index, offset, bytes } = frame;
    if (this.keeps) this.tracks.take({ track, at, index, offset, bytes });
    this.onFrame(track, bytes);
  }

  #said(message: WatchMessage): void {
    if (this.keeps || message.type === "resync") this.messages.push(message);
    if (message.type === "resync") this.tracks.lost();
    if (message.type === "track") this.names.set(message.id, message.meta.name);
    if (message.type !== "hello") return;
    for (const { id, meta } of message.tracks) this.names.set(id, meta.name);
    this.onHello(message);
  }
}
