// What the gateway itself tells a viewer while the session goes on: a bell, the window's title where the viewer takes one
// (browsers show it beside the screen), and a band over the picture. Invariant: it goes into the stream between two of the
// target's messages only, in the format that the viewer expects then, and what the band hid is asked for again.
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import { holdCodes, type SessionWarning } from "../tap.ts";
import { desktopNameUpdate, drawBand } from "./banner.ts";

/** So long a band stands, drawn anew in between: the target paints over it. */
const shownMs = 8000;
const redrawMs = 1000;
const bell = Buffer.from([2]);
/** Between the target's name and what is to be told; the portal looks for it. */
const nameMark = " \u2014 ";

export interface ViewerNoticesHandlers {
  /** The target's last message is whole, and no change of the pixel format is on its way. */
  mayWrite(): boolean;
  write(bytes: Buffer): void;
  screen(): { width: number; height: number };
  format(): PixelFormat;
  /** The viewer changes its window's title. */
  takesNames(): boolean;
  /** The viewer has asked for pictures. */
  hasAsked(): boolean;
  /** The area at the top left is shown as the target has it. */
  refresh(width: number, height: number): void;
}

export class ViewerNotices {
  readonly #handlers: ViewerNoticesHandlers;
  readonly #name: string;
  #told: SessionWarning | undefined;
  /** Until when the band stands; infinite for a hold. */
  #untilMs = 0;
  #bellDue = false;
  #titleDue = false;
  #bandDue = false;
  #covered: { width: number; height: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, handlers: ViewerNoticesHandlers) {
    this.#name = name;
    this.#handlers = handlers;
  }

  tell(warning: SessionWarning): void {
    const isHold = (holdCodes as readonly string[]).includes(warning.code);
    // What the one before it hid must not stand out from under a smaller band.
    if (this.#covered !== undefined) this.#handlers.refresh(this.#covered.width, this.#covered.height);
    this.#told = warning;
    this.#untilMs = isHold ? Number.POSITIVE_INFINITY : performance.now() + shownMs;
    this.#bellDue = true;
    this.#titleDue = true;
    this.#bandDue = true;
    this.#timer ??= setInterval(() => this.#tick(), redrawMs);
    this.#timer.unref();
    this.flush();
  }

  /** After each of the target's messages, and when the viewer asked for its first picture. */
  flush(): void {
    if (this.#told === undefined && !this.#titleDue) return;
    const handlers = this.#handlers;
    if (!handlers.mayWrite()) return;
    if (this.#bellDue) {
      this.#bellDue = false;
      handlers.write(bell);
    }
    if (!handlers.hasAsked()) return;
    if (this.#titleDue) {
      this.#titleDue = false;
      const said = this.#told === undefined ? "" : `${nameMark}${this.#told.sentence}`;
      if (handlers.takesNames()) handlers.write(desktopNameUpdate(`${this.#name}${said}`));
    }
    if (this.#bandDue && this.#told !== undefined) {
      this.#bandDue = false;
      this.#draw(this.#told.sentence);
    }
  }

  /** The last word, before `stop`. False: it cannot be drawn, or nobody has asked for a picture yet. */
  farewell(sentence: string): boolean {
    const handlers = this.#handlers;
    if (!handlers.mayWrite() || !handlers.hasAsked()) return false;
    handlers.write(bell);
    if (handlers.takesNames()) handlers.write(desktopNameUpdate(`${this.#name}${nameMark}${sentence}`));
    return this.#draw(sentence) || handlers.takesNames();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#told = undefined;
    this.#titleDue = false;
  }

  #draw(sentence: string): boolean {
    const band = drawBand(sentence, this.#handlers.screen(), this.#handlers.format());
    if (band === undefined) return false;
    const before = this.#covered ?? { width: 0, height: 0 };
    this.#covered = { width: Math.max(before.width, band.width), height: Math.max(before.height, band.height) };
    this.#handlers.write(band.update);
    return true;
  }

  #tick(): void {
    if (this.#told !== undefined && performance.now() < this.#untilMs) {
      this.#bandDue = true;
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#told = undefined;
      this.#titleDue = true;
      const covered = this.#covered;
      this.#covered = undefined;
      if (covered !== undefined) this.#handlers.refresh(covered.width, covered.height);
    }
    this.flush();
  }
}
