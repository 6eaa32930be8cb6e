// Turns one VNC channel's recorded client messages into lines of the input track: keys, pointer, clipboard, beside them
// what passed of the target's clipboard. Fed in record order. Invariant: where printable keys are masked nothing of them
// but that one went down or up leaves this file; every click and every move of a drag is stored, and of other moves the
// place where the pointer came to rest.
import type { InputLine } from "../../../shared/events/stored.ts";
import type { ClientMessage } from "../../rfb/client-messages.ts";
import { ClientParser } from "../../rfb/client-parser.ts";
import { extendedClipboardText } from "../../rfb/extended-clipboard.ts";
import { keysymName, keysymText } from "../../rfb/keysyms.ts";
import type { LineTrack } from "../segments/line-track.ts";
import type { EventPlace } from "../segments/track.ts";
import type { Counts } from "../spool-layout.ts";
import { isControlCode, isControlKey, isModifierKey } from "./vnc-keys.ts";

export interface VncInputHooks {
  /** A button went down: the picture that it was pressed on is worth a frame. */
  pressed(place: EventPlace): void;
}

type Line = Omit<InputLine, "t" | "s" | "ch">;

/** Of moves with no button held, at most so many a second are stored. */
const movesPerSecond = 20;
const moveIntervalUs = 1e6 / movesPerSecond;
/** Buttons 4 to 7 are turns of the wheel. */
const wheelButtons = 0b111_1000;
export const maskedKeyName = "•";

export class VncInput {
  readonly #track: LineTrack;
  readonly #channel: number;
  readonly #maskKeys: boolean;
  readonly #hooks: VncInputHooks;
  readonly #parser = new ClientParser();
  /** Of a message that lies in several records: the first of them. */
  #begun: EventPlace | null = null;
  #buttons = 0;
  #at = { x: -1, y: -1 };
  #movedUs = Number.NEGATIVE_INFINITY;
  /** The newest move that was not stored, in case the pointer rests there. */
  #resting: { place: EventPlace; x: number; y: number } | null = null;

  constructor(track: LineTrack, channel: number, maskKeys: boolean, hooks: VncInputHooks) {
    this.#track = track;
    this.#channel = channel;
    this.#maskKeys = maskKeys;
    this.#hooks = hooks;
  }

  /** Records from this one on are stored nowhere yet. */
  get firstWaitingRecordNo(): number | null {
    return (this.#begun ?? this.#resting?.place)?.recordNo ?? null;
  }

  get waiting(): boolean {
    return this.#resting !== null || this.#begun !== null;
  }

  /** Throws AppError PROTOCOL_* on what is no message of a viewer. */
  input(place: EventPlace, data: Uint8Array): void {
    const begun = this.#begun;
    const whole: EventPlace = begun ? { ...place, from: { recordNo: begun.recordNo, seq: begun.seq } } : place;
    for (const message of this.#parser.push(data)) this.#take(whole, message);
    this.#begun = this.#parser.atBoundary ? null : (begun ?? place);
  }

  /** The operator has this text from the target's clipboard. */
  taken(place: EventPlace, text: string): void {
    this.#line(place, { k: "clipboard", direction: "outbound", d: text }, 0, {});
  }

  /** The session's time goes on: a pointer that rests is stored where it rests. */
  tick(nowUs: number): void {
    if (this.#resting && nowUs - this.#resting.place.us >= moveIntervalUs) this.settle();
  }

  /** Stores what waits. */
  settle(): void {
    const resting = this.#resting;
    this.#resting = null;
    if (resting) this.#move(resting.place, resting.x, resting.y);
  }

  /** The session has ended: half a message is none. */
  end(): void {
    this.settle();
    this.#begun = null;
  }

  #take(place: EventPlace, message: ClientMessage): void {
    switch (message.type) {
      case "key":
      case "qemu-key":
        this.#key(place, message);
        return;
      case "pointer":
        this.#pointer(place, message);
        return;
      case "cut-text":
        this.#line(place, { k: "clipboard", d: message.text }, message.raw.length);
        return;
      case "cut-text-extended": {
        const text = extendedClipboardText(message.clipboard);
        if (text !== undefined) this.#line(place, { k: "clipboard", d: text }, message.raw.length);
        return;
      }
      default:
        return;
    }
  }

  #key(place: EventPlace, message: Extract<ClientMessage, { type: "key" | "qemu-key" }>): void {
    const { sym, down } = message;
    const bytes = message.raw.length;
    const code = message.type === "qemu-key" ? message.keycode : undefined;
    const counts = { inputBytes: bytes, keystrokes: down && !isModifierKey(sym) ? 1 : 0 };
    if (this.#maskKeys && !(isControlKey(sym) && (code === undefined || isControlCode(code)))) {
      this.#line(place, { k: "vkey", name: maskedKeyName, down }, bytes, counts);
      return;
    }
    const text = down ? keysymText(sym) : undefined;
    const line: Line = {
      k: "vkey",
      name: keysymName(sym),
      sym,
      down,
      ...(text === undefined ? {} : { d: text }),
      // What the target acts on may be this, and the keysym only what the viewer says of it.
      ...(code === undefined ? {} : { code }),
    };
    this.#line(place, line, bytes, counts);
  }

  #pointer(place: EventPlace, { x, y, buttons, raw }: Extract<ClientMessage, { type: "pointer" }>): void {
    const before = this.#buttons;
    this.#buttons = buttons;
    const down = buttons & ~before;
    const up = before & ~buttons & ~wheelButtons;
    const held = buttons & ~wheelButtons;
    if ((down & ~wheelButtons) !== 0) {
      this.#click(place, "press", x, y, buttons, raw.length);
      this.#hooks.pressed(place);
    } else if (up !== 0) {
      this.#click(place, "release", x, y, buttons, raw.length);
    } else if ((down & wheelButtons) !== 0) {
      this.#click(place, "wheel", x, y, buttons, raw.length);
    } else if (held !== 0) {
      if (x !== this.#at.x || y !== this.#at.y) this.#click(place, "move", x, y, buttons, raw.length);
    } else if (place.us - this.#movedUs >= moveIntervalUs) {
      this.#resting = null;
      this.#move(place, x, y);
    } else {
      this.#resting = { place, x, y };
    }
  }

  /** What is stored of the pointer in any case: the move before it says nothing more. */
  #click(
    place: EventPlace,
    what: "press" | "release" | "wheel" | "move",
    x: number,
    y: number,
    buttons: number,
    bytes: number,
  ) {
    this.#resting = null;
    this.#at = { x, y };
    this.#movedUs = place.us;
    this.#line(place, { k: "pointer", what, x, y, buttons }, bytes);
  }

  #move(place: EventPlace, x: number, y: number): void {
    this.#movedUs = place.us;
    if (x === this.#at.x && y === this.#at.y) return;
    this.#at = { x, y };
    this.#add(place, { k: "pointer", what: "move", x, y, buttons: 0 }, { inputBytes: 6 });
  }

  #line(place: EventPlace, line: Line, bytes: number, counts: Partial<Counts> = { inputBytes: bytes }): void {
    this.settle();
    this.#add(place, line, counts);
  }

  #add(place: EventPlace, line: Line, counts: Partial<Counts>): void {
    this.#track.add(place, { s: place.seq, ch: this.#channel, ...line }, counts);
  }
}
