// A watcher's line: a WebSocket on which a live session's tail goes out, and on which the page says what it has shown. Fed
// by the bus; tells the observer of presence. Invariants: nothing that a watcher does or leaves undone reaches the session;
// whatever ends a watch, its end is told once, to the record and to the observer.
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { AppError } from "../../shared/errors.ts";
import type { NoticeType } from "../../shared/events/session-event.ts";
import { type WatchEnded, WatcherMessage, watcherLimits } from "../../shared/live/messages.ts";
import type { WatchFacts, WatchObserver } from "../../shared/live/watch-observer.ts";
import type { LiveBatch, LiveBus, LiveEnd, Watch, Watcher } from "./live-bus.ts";
import { wireOf } from "./wire.ts";

export interface WatchSocketParts {
  bus: LiveBus;
  observer: WatchObserver | null;
  /** Into the session's record. */
  notice(session: string, notice: NoticeType, facts: Record<string, unknown>): void;
  logger: { error(facts: object, message: string): void };
}

export interface WatchWish {
  session: string;
  person: WatchFacts["person"];
  escorts: boolean;
  /** Asked now and then. `isUsed`: the page is in front. Null: it may go on. */
  whyNot(isUsed: boolean): Promise<"signed-out" | "not-allowed" | null>;
}

/** `begun`: by one person within `begunMs`. Each stands in the record and in the audit. */
export const watchLimits = { ofPerson: 8, ofSession: 200, begun: 60, begunMs: 60_000 } as const;

/** What a line may have before it that takes nothing: an open segment for who joins, and the log. */
const mostWaitingBytes = 32 * 1024 * 1024;

/** Its sign-in is asked about as often. */
const pingMs = 2000;
/** Two pings without a pong: what the page says that it shows, its line has not taken. */
const unreadMs = 5000;
const keptPings = 4;
const silentMs = 30_000;
const farewellMs = 2000;
/** RFC 6455 §7.4.2: 4000 and up are an application's own. */
const closeCode = 4000;

type EndReason = LiveEnd | "signed-out" | "not-allowed" | "silent" | "protocol" | "left";

const sentences: Record<EndReason, string> = {
  "session-ended": "The session has ended. What was recorded is in its recording.",
  "recording-failed": "The session can no longer be followed: its recording had a fault.",
  "service-stopped": "The recorder is being stopped.",
  "too-many-tracks": "The session has more channels than a watch can name; its recording has all of them.",
  "signed-out": "Your sign-in has ended.",
  "not-allowed": "Your roles do not let you watch this session any more.",
  silent: "Nothing was heard from your page for half a minute.",
  protocol: "The page sent what the service does not understand.",
  left: "",
};

export class WatchDoor {
  readonly #parts: WatchSocketParts;
  readonly #lines = new Map<string, Set<WatchLine>>();
  /** By session and person: when they began to watch, lately. */
  readonly #begun = new Map<string, number[]>();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: watcherLimits.messageBytes,
  });
  #closed = false;

  constructor(parts: WatchSocketParts) {
    this.#parts = parts;
  }

  /** REQUEST_CONFLICT where there are too many already. */
  checkRoom(session: string, person: string): void {
    const lines = [...(this.#lines.get(session) ?? [])];
    const own = lines.filter(({ facts }) => facts.person.name.toLowerCase() === person.toLowerCase()).length;
    const often = this.#begunLately(beginnerOf(session, person)).length >= watchLimits.begun;
    if (!this.#closed && own < watchLimits.ofPerson && lines.length < watchLimits.ofSession && !often) return;
    const why = this.#closed
      ? "the service is being stopped"
      : own >= watchLimits.ofPerson
        ? `you watch this session ${own} times already; close one of those pages`
        : often
          ? `you began to watch this session ${watchLimits.begun} times within a minute; wait`
          : `${lines.length} watch this session already`;
    throw new AppError("REQUEST_CONFLICT", why, { op: "live.watch" });
  }

  #begunLately(key: string): number[] {
    const sinceMs = performance.now() - watchLimits.begunMs;
    return (this.#begun.get(key) ?? []).filter((atMs) => atMs > sinceMs);
  }

  /** Who watches the session, each once. */
  watchers(session: string): string[] {
    return [...new Set([...(this.#lines.get(session) ?? [])].map(({ facts }) => facts.person.name))];
  }

  /** Takes the socket over; who asks was found to be allowed. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, wish: WatchWish): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const lines = this.#lines.get(wish.session) ?? new Set();
      this.#lines.set(wish.session, lines);
      const line = new WatchLine(webSocket, socket, wish, this.#parts, () => {
        lines.delete(line);
        if (lines.size === 0) this.#lines.delete(wish.session);
      });
      lines.add(line);
      const beginner = beginnerOf(wish.session, wish.person.name);
      for (const key of this.#begun.keys()) if (this.#begunLately(key).length === 0) this.#begun.delete(key);
      this.#begun.set(beginner, [...this.#begunLately(beginner), performance.now()]);
      void line.begin();
    });
  }

  close(): void {
    this.#closed = true;
    for (const lines of [...this.#lines.values()]) for (const line of [...lines]) line.ended("service-stopped");
    this.#server.close();
  }
}

function beginnerOf(session: string, person: string): string {
  return `${session} ${person.toLowerCase()}`;
}

class WatchLine implements Watcher {
  readonly watch = randomBytes(9).toString("base64url");
  readonly facts: WatchFacts;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #wish: WatchWish;
  readonly #parts: WatchSocketParts;
  readonly #over: () => void;
  readonly #sinceMs = performance.now();
  #watch: Watch | null = null;
  #ended = false;
  #visible = false;
  #heardMs = performance.now();
  /** A pong comes behind all that was sent before its ping: who answers one has read so far. */
  #readMs = performance.now();
  #pings: string[] = [];
  #window = { second: 0, messages: 0, inputs: 0 };
  #ticker: NodeJS.Timeout;

  constructor(webSocket: WebSocket, socket: Duplex, wish: WatchWish, parts: WatchSocketParts, over: () => void) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#wish = wish;
    this.#parts = parts;
    this.#over = over;
    const { session, person, escorts } = wish;
    this.facts = { watch: this.watch, session, person, since: new Date().toISOString(), escorts };
    webSocket.on("message", (data: Buffer, isBinary) => this.#heard(data, isBinary));
    webSocket.on("pong", (said) => {
      this.#heardMs = performance.now();
      // Not of its own making: it has what the ping held.
      if (this.#pings.includes(said.toString("latin1"))) this.#readMs = this.#heardMs;
    });
    webSocket.on("error", () => this.#end("protocol"));
    webSocket.on("close", () => this.#end("left"));
    // Of many who come at once not all are looked at in the same moment: the session would feel it.
    this.#ticker = setTimeout(() => {
      this.#ticker = setInterval(() => this.#look(), pingMs).unref();
      this.#look();
    }, Math.random() * pingMs).unref();
  }

  async begin(): Promise<void> {
    const { session, person } = this.facts;
    // Before the first byte, and before the feed: a screen is drawn more often from this event on.
    this.#parts.notice(session, "watch-begin", { by: person.name, watch: this.watch });
    this.#parts.observer?.joined(this.facts, { send: (message) => this.#say(message) }, this.#sinceMs);
    try {
      const watch = await this.#parts.bus.watch(session, this);
      if (this.#ended) watch.close();
      else this.#watch = watch;
    } catch (error) {
      if (!(error instanceof AppError)) this.#parts.logger.error({ session, err: error }, "a watch could not begin");
      this.#end("session-ended");
    }
  }

  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  send(batch: LiveBatch): void {
    if (!this.#ended) this.#socket.write(wireOf(batch));
  }

  ended(why: LiveEnd): void {
    this.#end(why);
  }

  #say(message: object): void {
    this.send({ messages: [JSON.stringify(message)] });
  }

  #heard(data: Buffer, isBinary: boolean): void {
    if (this.#ended) return;
    const nowMs = performance.now();
    this.#heardMs = nowMs;
    const second = Math.floor(nowMs / 1000);
    if (this.#window.second !== second) this.#window = { second, messages: 0, inputs: 0 };
    const message = isBinary ? null : parsed(data);
    const isInput = message !== null && inputTypes.has(message.type);
    const { messagesPerSecond, inputsPerSecond } = watcherLimits;
    const isTooMuch = isInput ? ++this.#window.inputs > inputsPerSecond : ++this.#window.messages > messagesPerSecond;
    if (message === null || isTooMuch) {
      this.#end("protocol");
      return;
    }
    const { observer } = this.#parts;
    switch (message.type) {
      case "present":
        observer?.answered(this.facts, message.id, nowMs);
        return;
      case "control":
        observer?.control(this.facts, message.want);
        return;
      case "text":
      case "key":
      case "pointer":
        observer?.input(this.facts, message);
        return;
      case "confirm": {
        const { n, given, reason } = message;
        observer?.confirm(this.facts, n, { given, reason });
        return;
      }
      case "seen":
        this.#seen(message, nowMs);
    }
  }

  #seen(message: Extract<WatcherMessage, { type: "seen" }>, nowMs: number): void {
    const { observer } = this.#parts;
    this.#visible = message.visible;
    // It shows nothing who reads nothing, whatever it says.
    if (nowMs - this.#readMs > unreadMs) return;
    const edgeUs = this.#watch?.edgeUs ?? 0;
    observer?.beat(this.facts, { visible: message.visible, seenUs: message.us, edgeUs, atMs: nowMs });
  }

  #look(): void {
    const nowMs = performance.now();
    // What a line is told of escorts comes whether it reads or not.
    if (nowMs - this.#heardMs > silentMs || this.waitingBytes > mostWaitingBytes) {
      this.#end("silent");
      return;
    }
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#ping();
    this.#wish.whyNot(this.#visible).then(
      (why) => {
        if (why !== null) this.#end(why);
      },
      (error: unknown) => {
        this.#parts.logger.error(
          { session: this.facts.session, err: error },
          "a watcher's sign-in could not be checked",
        );
        this.#end("signed-out");
      },
    );
  }

  #ping(): void {
    const ping = randomBytes(8).toString("latin1");
    this.#pings = [...this.#pings, ping].slice(-keptPings);
    this.#webSocket.ping(Buffer.from(ping, "latin1"));
  }

  #end(reason: EndReason): void {
    if (this.#ended) return;
    if (reason !== "left") this.#say({ type: "ended", reason, sentence: sentences[reason] } satisfies WatchEnded);
    this.#ended = true;
    clearInterval(this.#ticker);
    this.#watch?.close();
    this.#over();
    this.#parts.observer?.left(this.facts, reason, performance.now());
    const { session, person } = this.facts;
    // Of a session that is over the record is closed: who watched to its end has no end of their own in it.
    if (reason !== "session-ended" && reason !== "recording-failed") {
      const seconds = Math.round((performance.now() - this.#sinceMs) / 1000);
      this.#parts.notice(session, "watch-end", { by: person.name, watch: this.watch, seconds, reason });
    }
    if (reason === "left") return;
    this.#webSocket.close(closeCode, reason);
    const timer = setTimeout(() => this.#webSocket.terminate(), farewellMs);
    timer.unref();
    this.#webSocket.once("close", () => clearTimeout(timer));
  }
}

const inputTypes: ReadonlySet<WatcherMessage["type"]> = new Set(["text", "key", "pointer"]);

function parsed(data: Buffer): WatcherMessage | null {
  try {
    return WatcherMessage.safeParse(JSON.parse(data.toString("utf8"))).data ?? null;
  } catch {
    return null;
  }
}
