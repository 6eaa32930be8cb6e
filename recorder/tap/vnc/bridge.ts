// Viewer and target joined, both directions parsed at message boundaries. The target's bytes are recorded as they came and
// passed on untouched, but for what policy keeps back; the viewer's messages are read and written anew one by one. Invariant:
// what the operator does is durable before the target has it, no byte reaches the target that is not a field of a message
// that was understood, and what is not understood ends the session rather than passing unseen.
import type { Duplex } from "node:stream";
import { AppError } from "../../../shared/errors.ts";
import type { PixelFormat, ScreenInit } from "../../../shared/events/session-event.ts";
import type { VncSettings } from "../../../shared/policy/policy.ts";
import type { ClientMessage } from "../../rfb/client-messages.ts";
import { ClientParser } from "../../rfb/client-parser.ts";
import type { WritableMessage } from "../../rfb/client-writer.ts";
import { encoding, encodingName, isPixelEncoding } from "../../rfb/encodings.ts";
import { defaultScreenLimits } from "../../rfb/framebuffer.ts";
import { ServerFramer, type ServerMessage, type ServerPiece } from "../../rfb/server-framer.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { ControlInput, SessionControl, SessionHold, SessionWarning, TapSession } from "../tap.ts";
import { ClipboardFilter } from "./clipboard-filter.ts";
import { ConfirmedKeys } from "./confirmed-keys.ts";
import { narrowEncodings } from "./encodings-filter.ts";
import { FormatPin, fenceAnswer } from "./format-pin.ts";
import { InputLane } from "./input-lane.ts";
import { ReadGate } from "./read-gate.ts";
import { SignOfLife } from "./sign-of-life.ts";
import { TypedText } from "./typed-text.ts";
import { ViewerNotices } from "./viewer-notices.ts";

export const screenChannel = 0;

/** A target that asks for answers and does not read them. */
const maxUnreadByTarget = 4 * 1024 * 1024;
const fenceRequest = 0x8000_0000;
/** What does something at the target; the rest asks for pictures, or is never passed on. */
const acting: ReadonlySet<ClientMessage["type"]> = new Set([
  "key",
  "qemu-key",
  "pointer",
  "cut-text",
  "cut-text-extended",
  "cut-text-oversize",
  "set-desktop-size",
  "xvp",
]);
/** Of a pointer's buttons: the eighth, or the mark of ExtendedMouseButtons. */
const eighthButton = 0x80;

export interface BridgeOptions {
  session: TapSession;
  gate: RecordingGate;
  viewer: Duplex;
  target: Duplex;
  init: ScreenInit;
  settings: VncSettings;
  targetQuietMs: number;
  viewerGone(): void;
  targetGone(): void;
  /** A broken peer or a failed recording: nothing passes any more. */
  failed(error: unknown): void;
}

export class Bridge {
  readonly #options: BridgeOptions;
  readonly #parser: ClientParser;
  readonly #framer: ServerFramer;
  readonly #pin: FormatPin;
  readonly #lane: InputLane;
  /** Of whoever has control: while they have it, or until what they held down is let go of. */
  #controlled: { lane: InputLane; by: string } | null = null;
  readonly #keysWait: ConfirmedKeys;
  readonly #clipboard: ClipboardFilter;
  readonly #viewerReads: ReadGate;
  readonly #targetReads: ReadGate;
  readonly #notices: ViewerNotices;
  readonly #told = new Set<string>();
  readonly #life = new SignOfLife();
  readonly #typed = new TypedText();
  /** Asked for pictures before the escort let anything be seen; the last of each kind. */
  #heldRequest = false;
  #heldContinuous: Extract<ClientMessage, { type: "continuous-updates" }> | undefined;
  #viewerAsked = false;
  #viewerTakesNames = false;
  #viewerHasFences = false;
  #viewerExtendsMouse = false;
  #updateHasPixels = false;
  #stopped = false;

  constructor(options: BridgeOptions) {
    const { session, gate, viewer, target, init, settings } = options;
    this.#options = options;
    const limits = { maxCutTextBytes: settings.clipboardBytes };
    this.#parser = new ClientParser(limits);
    this.#framer = new ServerFramer(
      init.format,
      init,
      {
        rect: (rect) => {
          if (rect.encoding === encoding.extendedMouse) refuseExtendedMouse("target");
          this.#updateHasPixels ||= isPixelEncoding(rect.encoding);
        },
        updated: () => {
          if (this.#updateHasPixels) this.#pin.updated();
          this.#updateHasPixels = false;
        },
      },
      limits,
    );
    this.#pin = new FormatPin({
      quietMs: options.targetQuietMs,
      send: (bytes) => this.#toTarget(bytes),
      atBoundary: () => this.#framer.atBoundary,
      switched: (format) => this.#switchFormat(format),
      failed: (error) => this.#fail(error),
    });
    this.#lane = new InputLane(session, gate, screenChannel, {
      pass: (bytes) => this.#toTarget(bytes),
      congested: (is) => (is ? this.#viewerReads.hold("input") : this.#viewerReads.release("input")),
      failed: (error) => this.#fail(error),
    });
    this.#keysWait = new ConfirmedKeys({
      session,
      channel: screenChannel,
      letGo: () => this.#lane.letGo(),
      play: (messages) => this.#lane.play(messages),
      tell: (sentence) => this.warn({ code: "confirmation", sentence, secondsLeft: null }),
      failed: (error) => this.#fail(error),
    });
    this.#clipboard = new ClipboardFilter(session, gate, screenChannel, settings.clipboardBytes);
    this.#viewerReads = new ReadGate(viewer);
    this.#targetReads = new ReadGate(target);
    this.#notices = new ViewerNotices(recordedName(init.name), {
      mayWrite: () => !this.#stopped && this.#framer.atBoundary && !this.#pin.changing,
      write: (bytes) => this.#toViewer(bytes),
      screen: () => this.#framer,
      format: () => this.#framer.format,
      takesNames: () => this.#viewerTakesNames,
      hasAsked: () => this.#viewerAsked,
      refresh: (width, height) => this.#refresh(width, height),
    });
  }

  /** The viewer has its ServerInit; from here on both sides talk. */
  start(): void {
    const { viewer, target, gate, init } = this.#options;
    gate.append({ type: "channel-open", channel: screenChannel, request: "vnc", screen: init });
    const { hold } = this.#options.session;
    if (hold !== null) this.warn({ ...hold, secondsLeft: null });
    if (hold?.code === "escort-awaited") void this.#options.session.whenUnfrozen().then(() => this.#showTarget());
    this.#listen(viewer, (bytes) => this.#fromViewer(bytes), this.#options.viewerGone);
    this.#listen(target, (bytes) => this.#fromTarget(bytes), this.#options.targetGone);
  }

  /** Nothing passes any more, in either direction. */
  stop(): void {
    this.#stopped = true;
    this.#lane.stop();
    this.#controlled?.lane.stop();
    this.#keysWait.stop();
    this.#pin.stop();
    this.#notices.stop();
  }

  /** The session is held, or (null) no more. When it returns, nothing of the operator's passes that may not. */
  hold(hold: SessionHold | null): void {
    if (this.#stopped) return;
    if (hold !== null) this.#typed.letGo();
    this.#lane.hold(hold !== null);
  }

  /** When it returns, nothing more passes of whoever had control, but what lets go of what they held down. */
  controlChanged(control: SessionControl | null): void {
    if (this.#stopped) return;
    this.#controlled?.lane.hold(true);
    // What was dropped is said while it is theirs.
    this.#controlled?.lane.hold(false);
    this.#controlled = null;
    if (control === null) return;
    const { session, gate } = this.#options;
    const { by } = control;
    const lane: InputLane = new InputLane(
      session,
      gate,
      screenChannel,
      {
        pass: (bytes) => this.#toTarget(bytes),
        // What waits is bounded by what a watcher may send.
        congested: () => undefined,
        failed: (error) => this.#fail(error),
      },
      { by: () => by, mayPass: () => session.control !== null && this.#controlled?.lane === lane },
    );
    this.#controlled = { lane, by };
  }

  /** False: this screen takes it not. */
  controlInput(input: ControlInput): boolean {
    const { session } = this.#options;
    if (this.#stopped || this.#controlled === null || session.control === null) return false;
    if (input.channel !== screenChannel || input.type === "text") return false;
    const { lane, by } = this.#controlled;
    if (input.type === "pointer") {
      const [x, y] = [Math.min(input.x, this.#framer.width - 1), Math.min(input.y, this.#framer.height - 1)];
      lane.push({ message: { type: "pointer", x, y, buttons: input.buttons } });
      return true;
    }
    const { sym, down } = input;
    const message = { type: "key", sym, down } as const;
    const text = this.#typed.of(message);
    if (text !== "") session.typed(screenChannel, text, by);
    if (session.control !== null) lane.push({ message });
    return true;
  }

  /** Told in the viewer's window. */
  warn(warning: SessionWarning): void {
    if (!this.#stopped) this.#notices.tell(warning);
  }

  /** Why it ends, in the viewer's window. False: it cannot be said there now. Nothing is passed on after it. */
  farewell(sentence: string): boolean {
    return !this.#stopped && this.#notices.farewell(sentence);
  }

  /** What the viewer sent before it left has reached the target. */
  inputSettled(): Promise<void> {
    return this.#lane.settled();
  }

  /** A bell can be put into the viewer's stream: the target's last message is whole. */
  get viewerAtBoundary(): boolean {
    return this.#framer.atBoundary;
  }

  #listen(stream: Duplex, take: (bytes: Buffer) => void, gone: () => void): void {
    let over = false;
    const once = (): void => {
      if (over) return;
      over = true;
      gone();
    };
    stream.on("data", (bytes: Buffer) => {
      if (this.#stopped) return;
      try {
        take(bytes);
      } catch (error) {
        this.#fail(error);
      }
    });
    stream.on("end", once);
    stream.on("close", once);
    stream.resume();
    if (stream.readableEnded || stream.destroyed) once();
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.failed(error);
  }

  // --- outbound ---

  #fromTarget(bytes: Buffer): void {
    this.#targetReads.count(bytes.length);
    for (let rest = bytes; rest.length > 0 && !this.#stopped; ) {
      const end = this.#pin.endOfMark(rest);
      const part = end === undefined ? rest : rest.subarray(0, end);
      rest = rest.subarray(part.length);
      this.#options.gate.append({ type: "output", channel: screenChannel, stream: "stdout", data: part });
      for (const piece of this.#framer.push(part)) this.#forward(piece);
      this.#pin.outputSeen();
    }
    this.#notices.flush();
    this.#waitForRecorder();
  }

  #forward(piece: ServerPiece): void {
    if (piece.kind === "pass" || this.#isForViewer(piece.message)) {
      this.#toViewer(piece.kind === "pass" ? piece.bytes : piece.raw);
    }
  }

  #isForViewer(message: ServerMessage): boolean {
    switch (message.type) {
      case "cut-text":
      case "cut-text-extended":
      case "cut-text-oversize":
        return this.#clipboard.passes("outbound", message);
      case "fence":
        this.#pin.targetHasFences = true;
        if (this.#pin.fence(message.payload)) return false;
        if (this.#viewerHasFences) return true;
        if (message.flags >= fenceRequest) this.#toTarget(fenceAnswer(message.flags, message.payload));
        return false;
      case "bell":
      case "end-of-continuous-updates":
      case "xvp":
        return true;
    }
  }

  #toViewer(bytes: Buffer): void {
    const { viewer } = this.#options;
    if (viewer.destroyed || !viewer.writable || viewer.write(bytes)) return;
    this.#targetReads.holdUntilDrained("viewer", viewer);
  }

  #waitForRecorder(): void {
    const { gate } = this.#options;
    if (!gate.closed) return;
    this.#targetReads.hold("recorder");
    gate.whenOpen(() => this.#targetReads.release("recorder"));
  }

  #switchFormat(format: PixelFormat): void {
    this.#options.gate.append({ type: "screen-format", channel: screenChannel, format });
    this.#framer.format = format;
  }

  // --- inbound ---

  #fromViewer(bytes: Buffer): void {
    this.#viewerReads.count(bytes.length);
    for (const message of this.#parser.push(bytes)) this.#take(message);
  }

  #take(message: ClientMessage): void {
    if ((this.#options.session.frozen || this.#keysWait.waits) && acting.has(message.type)) {
      this.#drop(message);
      return;
    }
    switch (message.type) {
      case "key":
      case "qemu-key":
        this.#operate(this.#asAskedAbout(message));
        return;
      case "pointer":
        if (this.#viewerExtendsMouse && message.buttons >= eighthButton) refuseExtendedMouse("viewer");
        this.#point(message);
        return;
      case "cut-text":
      case "cut-text-extended":
      case "cut-text-oversize":
        if (this.#clipboard.passes("inbound", message) && message.type !== "cut-text-oversize") this.#operate(message);
        return;
      case "set-desktop-size": {
        const { width, height, screens } = message;
        if (width * height > defaultScreenLimits.maxPixels) {
          this.#refuse("request-refused", { request: "set-desktop-size", width, height, reason: "too-large" });
          return;
        }
        const notice = { type: "vnc-desktop-size", facts: { width, height, screens } } as const;
        this.#lane.push({ message, notice });
        return;
      }
      case "xvp":
        this.#power(message);
        return;
      case "set-encodings":
        this.#narrow(message);
        return;
      case "set-pixel-format":
        this.#pin.take(message);
        return;
      case "update-request":
      case "continuous-updates":
        this.#askForPictures(message);
        return;
      case "fence":
        // A target that has sent none may not know where one ends.
        if (this.#pin.targetHasFences) this.#pin.take(message);
        return;
      case "file-transfer":
        this.#refuse("file-transfer-refused", { family: message.family, message: message.number });
        return;
      case "qemu-audio":
        this.#refuse("request-refused", { request: "qemu-audio", reason: "unrecordable" });
        return;
    }
  }

  /** The session is held: what would act at the target does not reach it. */
  #drop(message: ClientMessage): void {
    const why = this.#keysWait.waits ? "confirmation" : undefined;
    if (message.type === "key" || message.type === "qemu-key") {
      this.#keysWait.released(message);
      this.#lane.drop(message, undefined, why);
    } else if (message.type === "pointer") {
      this.#lane.drop(message, undefined, why);
    } else {
      const oversize = message.type === "cut-text-oversize" ? message.bytes : 0;
      this.#lane.drop(undefined, message.raw.length + oversize, why);
    }
  }

  #askForPictures(message: Extract<ClientMessage, { type: "update-request" | "continuous-updates" }>): void {
    if (this.#options.session.hold?.code !== "escort-awaited") this.#pin.take(message);
    else if (message.type === "update-request") this.#heldRequest = true;
    else this.#heldContinuous = message;
    if (this.#viewerAsked || message.type !== "update-request") return;
    this.#viewerAsked = true;
    this.#notices.flush();
  }

  #showTarget(): void {
    if (this.#stopped) return;
    try {
      if (this.#heldContinuous !== undefined) this.#pin.take(this.#heldContinuous);
      if (this.#heldRequest) this.#refresh(this.#framer.width, this.#framer.height);
    } catch (error) {
      this.#fail(error);
    }
  }

  #refresh(width: number, height: number): void {
    if (this.#options.session.hold?.code === "escort-awaited") return;
    const area = { width: Math.min(width, this.#framer.width), height: Math.min(height, this.#framer.height) };
    this.#pin.take({ type: "update-request", incremental: false, x: 0, y: 0, ...area });
  }

  #point(message: Extract<ClientMessage, { type: "pointer" }>): void {
    const { x, y, buttons } = message;
    if (this.#life.pointer(x, y, buttons)) this.#options.session.touch();
    this.#lane.push({ message });
  }

  #operate(message: WritableMessage): void {
    this.#life.acted();
    const { session } = this.#options;
    session.touch();
    if ((message.type === "key" || message.type === "qemu-key") && this.#keysWait.take(message)) {
      this.#lane.drop(message, undefined, "confirmation");
      return;
    }
    const text = this.#typed.of(message);
    if (text !== "") session.typed(screenChannel, text);
    // A pattern may have stopped the session at this very key.
    if (session.frozen) this.#lane.drop(message);
    else this.#lane.push({ message });
  }

  /** Where combinations are looked for, the target gets what was looked at: no scan code beside it that says something else. */
  #asAskedAbout(message: Extract<ClientMessage, { type: "key" | "qemu-key" }>): WritableMessage {
    const isAsked = (this.#options.session.confirm?.keys.length ?? 0) > 0;
    if (!isAsked || message.type === "key") return message;
    return { type: "key", sym: message.sym, down: message.down };
  }

  #power(message: Extract<ClientMessage, { type: "xvp" }>): void {
    const { version, code } = message;
    const action = powerActions.get(code);
    const decision = this.#options.session.decide("screen-power");
    if (decision.effect === "deny") {
      const { reason, rule } = decision;
      this.#refuse("request-refused", { request: "xvp", code, action: action ?? "unknown", reason, rule });
    } else if (version !== xvpVersion || action === undefined) {
      this.#refuse("request-refused", { request: "xvp", version, code, reason: "unknown-request" });
    } else {
      this.#life.acted();
      this.#options.session.touch();
      const notice = { type: "vnc-xvp", facts: { code, action, rule: decision.rule } } as const;
      this.#lane.push({ message, notice });
    }
  }

  #narrow(message: Extract<ClientMessage, { type: "set-encodings" }>): void {
    const { encodings } = message;
    this.#viewerHasFences = encodings.includes(encoding.fence);
    if (encodings.includes(encoding.extendedMouse)) this.#viewerExtendsMouse = true;
    this.#viewerTakesNames = encodings.includes(encoding.desktopName);
    const { quality } = this.#options.settings;
    const power = this.#options.session.decide("screen-power").effect === "allow";
    const passed = narrowEncodings(encodings, { quality, extendedClipboard: this.#clipboard.extended, power });
    this.#tell("vnc-encodings", { asked: encodings.map(encodingName), passed: passed.map(encodingName) });
    this.#pin.take({ type: "set-encodings", encodings: passed });
  }

  #refuse(notice: "file-transfer-refused" | "request-refused", facts: Record<string, unknown>): void {
    this.#tell(notice, facts);
  }

  /** The same facts once: a viewer that repeats itself fills no record. */
  #tell(notice: "file-transfer-refused" | "request-refused" | "vnc-encodings", facts: Record<string, unknown>): void {
    const key = JSON.stringify([notice, facts]);
    if (this.#told.has(key)) return;
    if (this.#told.size < maxTold) this.#told.add(key);
    this.#options.gate.notice(notice, facts, screenChannel);
  }

  #toTarget(bytes: Buffer): void {
    const { target } = this.#options;
    if (this.#stopped || target.destroyed || !target.writable || target.write(bytes)) return;
    if (target.writableLength > maxUnreadByTarget) {
      throw new AppError("PROTOCOL_LIMIT", "The target asks for answers and does not read them.", { op: "vnc.bridge" });
    }
    this.#viewerReads.holdUntilDrained("target", target);
  }
}

const maxTold = 256;

/** The name tells who looks at it that the session is kept. */
export function recordedName(name: string): string {
  return `${name} [recorded]`;
}

const xvpVersion = 1;
const powerActions = new Map([
  [2, "shutdown"],
  [3, "reboot"],
  [4, "reset"],
]);

/** Neither side was told that the other knows it: pointers have six bytes, and who thinks otherwise reads another message. */
function refuseExtendedMouse(side: "viewer" | "target"): never {
  throw new AppError(
    "PROTOCOL_MALFORMED",
    side === "viewer"
      ? "The viewer sent a pointer with ExtendedMouseButtons, which was not agreed on."
      : "The target announced ExtendedMouseButtons, which it was not asked for.",
    { op: "vnc.bridge" },
  );
}
