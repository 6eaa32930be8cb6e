// One viewer that has said who it is: opens the session, dials the target, bridges the two, and brings all of it to an end.
// Invariant: no byte goes to a target before `openVncSession` resolved, and `session.ended` is called exactly once, after
// the last event.
import type { Duplex } from "node:stream";
import { AppError } from "../../../shared/errors.ts";
import type { ScreenInit } from "../../../shared/events/session-event.ts";
import { writePixelFormat } from "../../rfb/pixel-format.ts";
import { RecordingGate } from "../recording-gate.ts";
import type {
  AuthenticatedPerson,
  ClientAddress,
  TapLogger,
  TapSession,
  TerminateReason,
  VncGatewayHost,
  VncTargetAccess,
} from "../tap.ts";
import { Bridge, recordedName, screenChannel } from "./bridge.ts";
import { type DialedTarget, dialTarget } from "./dial-target.ts";
import { uint32 } from "./handshake-stream.ts";
import type { ViewerAnswer, ViewerFacts } from "./viewer-login.ts";

/** So long may a viewer take to say ClientInit, and so long may the target take to read what it did before it left. */
const clientInitMs = 10_000;
const settleMs = 2000;
const bell = Buffer.from([2]);

export interface ViewerSessionOptions {
  host: VncGatewayHost;
  logger: TapLogger;
  dialTimeoutMs: number;
  targetQuietMs: number;
}

export interface Viewer {
  person: AuthenticatedPerson;
  target: string;
  client: ClientAddress;
  facts: ViewerFacts;
  answer: ViewerAnswer;
  /** Ends the viewer's connection; a browser is told the sentence. */
  close(sentence: string): void;
  /** The same once its person has had time to read the sentence in the window; left out where the end itself says it. */
  closeWhenRead?(): void;
}

export class ViewerSession {
  readonly #options: ViewerSessionOptions;
  readonly #viewer: Viewer;
  readonly #stream: Duplex;
  #session: TapSession | undefined;
  #gate: RecordingGate | undefined;
  #bridge: Bridge | undefined;
  #target: DialedTarget | undefined;
  readonly #dialing = new AbortController();
  #admitted = false;
  #opened = false;
  #failing = false;
  #over = false;

  constructor(viewer: Viewer, options: ViewerSessionOptions) {
    this.#viewer = viewer;
    this.#options = options;
    this.#stream = viewer.answer.stream.stream;
  }

  /** Resolves when the two sides are joined, or will never be. */
  async run(): Promise<void> {
    const access = await this.#open();
    if (access === undefined) return;
    const gone = (): void => this.#end("client-closed");
    this.#stream.once("close", gone);
    try {
      const dialed = await dialTarget(access, {
        timeoutMs: this.#options.dialTimeoutMs,
        signal: this.#dialing.signal,
      });
      this.#target = dialed;
      if (this.#over) dialed.stream.destroy();
      else await this.#join(access, dialed);
    } catch (error) {
      this.#failed(error, "target");
    } finally {
      this.#stream.removeListener("close", gone);
    }
  }

  async #open(): Promise<VncTargetAccess | undefined> {
    const { person, target, client, answer, facts } = this.#viewer;
    try {
      if (target === "") {
        throw new AppError(
          "POLICY_REFUSED",
          `Say which target you want: sign in as ${person.name}+TARGET, for example ${person.name}+hmi-reactor-01.`,
          { op: "vnc.open" },
        );
      }
      const opened = await this.#options.host.openVncSession(person, target, client);
      this.#begin(opened.session, { method: person.authMethod, ...facts });
      return this.#over ? undefined : opened.target;
    } catch (error) {
      const sentence = this.#sentenceOf(error, "the session could not be opened");
      answer.refuse(sentence);
      this.#viewer.close(sentence);
      return undefined;
    }
  }

  #begin(session: TapSession, facts: Record<string, unknown>): void {
    this.#session = session;
    const gate = new RecordingGate(session.sink, (error) => this.#failed(error, "recording"));
    this.#gate = gate;
    const terminate = (): void => {
      const reason = session.signal.reason as Partial<TerminateReason> | undefined;
      this.#end(reason?.code ?? "terminated", reason?.sentence ?? "The session was ended.");
    };
    if (session.signal.aborted) terminate();
    else session.signal.addEventListener("abort", terminate, { once: true });
    session.onHold((hold) => this.#bridge?.hold(hold));
    session.onControl({
      controlChanged: (control) => this.#bridge?.controlChanged(control),
      controlInput: (input) => this.#bridge?.controlInput(input) ?? false,
    });
    session.onWarning((warning) => this.#bridge?.warn(warning));
    this.#attempt(() => gate.notice("auth", { side: "operator", ...facts }));
  }

  async #join(access: VncTargetAccess, dialed: DialedTarget): Promise<void> {
    const { gate } = this;
    const { init, facts } = dialed;
    gate.notice("auth", { side: "target", account: access.account, method: access.credential.kind, ...facts });
    const { width, height, name } = init;
    gate.notice("vnc-init", { viewer: this.#viewer.facts, target: facts, width, height, name });
    this.#viewer.answer.admit();
    this.#admitted = true;
    if (!(await this.#clientInit())) return;
    this.#stream.write(serverInit(init));
    const bridge = new Bridge({
      session: this.session,
      gate,
      viewer: this.#stream,
      target: dialed.stream,
      init,
      settings: access.settings,
      targetQuietMs: this.#options.targetQuietMs,
      viewerGone: () => this.#viewerGone(),
      targetGone: () => this.#targetGone(),
      failed: (error) => this.#failed(error, "protocol"),
    });
    this.#bridge = bridge;
    this.#opened = true;
    bridge.start();
  }

  /** Whether it wants to be alone at the screen does not matter: the gateway asks for a shared one. */
  async #clientInit(): Promise<boolean> {
    const timer = setTimeout(() => this.#end("client-silent"), clientInitMs);
    try {
      await this.#viewer.answer.stream.uint8();
    } catch {
      this.#end("client-closed");
    } finally {
      clearTimeout(timer);
    }
    return !this.#over;
  }

  private get gate(): RecordingGate {
    if (this.#gate === undefined) throw new AppError("INTERNAL", "no session is open", { op: "vnc.session" });
    return this.#gate;
  }

  private get session(): TapSession {
    if (this.#session === undefined) throw new AppError("INTERNAL", "no session is open", { op: "vnc.session" });
    return this.#session;
  }

  #viewerGone(): void {
    if (this.#over) return;
    // What it did last is recorded, and the target is to have it: the release of a key, for one.
    const timer = setTimeout(() => this.#end("client-closed"), settleMs);
    void this.#bridge?.inputSettled().then(() => {
      clearTimeout(timer);
      this.#end("client-closed");
    });
  }

  #targetGone(): void {
    if (this.#over) return;
    this.#attempt(() => this.#gate?.notice("health", { what: "target", code: "connection-lost" }));
    this.#end("target-closed", "The target ended the connection.");
  }

  #failed(error: unknown, what: "target" | "protocol" | "recording"): void {
    // What is noted of a failure may fail in its turn: once is enough.
    if (this.#over || this.#failing) return;
    this.#failing = true;
    const sentence = this.#sentenceOf(error, "a VNC session failed");
    const code = error instanceof AppError ? error.code : "INTERNAL";
    if (!code.startsWith("RECORD_")) {
      const notice = what === "protocol" ? "decode-error" : "health";
      this.#attempt(() => this.#gate?.notice(notice, { what, code, sentence }));
    }
    this.#end(code === "INTERNAL" ? "failed" : code.toLowerCase().replaceAll("_", "-"), sentence);
  }

  #end(reason: string, sentence = "The session has ended."): void {
    if (this.#over) return;
    this.#over = true;
    const isHere = reason !== "client-closed";
    const isTold = isHere && this.#bridge?.farewell(sentence) === true;
    const mayRing = isHere && !isTold && this.#bridge?.viewerAtBoundary === true;
    this.#bridge?.stop();
    this.#dialing.abort();
    this.#target?.stream.destroy();
    if (!this.#admitted) {
      this.#viewer.answer.refuse(sentence);
    } else if (mayRing && this.#stream.writable) {
      // All that RFB lets a server say without drawing.
      this.#stream.write(bell);
    }
    if (isTold && this.#viewer.closeWhenRead !== undefined) this.#viewer.closeWhenRead();
    else this.#viewer.close(sentence);
    const session = this.#session;
    if (session === undefined) return;
    if (this.#opened) this.#attempt(() => this.#gate?.append({ type: "channel-close", channel: screenChannel }));
    this.#options.logger.debug({ session: session.id, reason }, "VNC connection ended");
    session.ended(reason);
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error, "recording");
    }
  }

  #sentenceOf(error: unknown, what: string): string {
    if (error instanceof AppError) return error.message;
    this.#options.logger.error({ session: this.#session?.id, err: error }, what);
    return "The gateway had a fault of its own; its log has the details.";
  }
}

function serverInit({ width, height, format, name }: ScreenInit): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(width, 0);
  size.writeUInt16BE(height, 2);
  const text = Buffer.from(recordedName(name), "utf8");
  return Buffer.concat([size, writePixelFormat(format), uint32(text.length), text]);
}
