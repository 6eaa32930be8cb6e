// Combinations of a screen's keys that somebody else has to agree to. Fed with the person's keys before they pass. Invariants:
// the key that completes one does not pass before somebody agreed; while it waits nothing is down at the target, and what
// passes then is the whole combination, pressed and let go of.

import { completes, isPartOf } from "../../../shared/policy/key-combination.ts";
import type { WritableMessage } from "../../rfb/client-writer.ts";
import type { AwaitedConfirmation, TapSession } from "../tap.ts";

type Key = Extract<WritableMessage, { type: "key" | "qemu-key" }>;

export interface ConfirmedKeysPlace {
  session: TapSession;
  channel: number;
  letGo(): void;
  play(messages: readonly WritableMessage[]): void;
  tell(sentence: string): void;
  failed(error: unknown): void;
}

export class ConfirmedKeys {
  readonly #place: ConfirmedKeysPlace;
  /** Down at the viewer, with how they were pressed; of keys that are part of a combination alone, which bounds it. */
  readonly #held = new Map<number, Key>();
  #waiting: AwaitedConfirmation | null = null;

  constructor(place: ConfirmedKeysPlace) {
    this.#place = place;
  }

  get waits(): boolean {
    return this.#waiting !== null;
  }

  /** True: this key waits, and is not to pass. */
  take(key: Key): boolean {
    const { session, channel, letGo, tell } = this.#place;
    const desk = session.confirm;
    if (desk === null || desk.keys.length === 0) return false;
    if (!key.down) {
      this.#held.delete(key.sym);
      return false;
    }
    const keys = desk.keys.find((one) => completes(one, key.sym, new Set(this.#held.keys())));
    this.#down(key);
    const down = [...this.#held.values()];
    const awaited = keys === undefined ? null : desk.ask({ what: "keys", channel, keys });
    if (keys === undefined || awaited === null) return false;
    const isModifier = (sym: number) => keys.modifiers.some((keysyms) => keysyms.includes(sym));
    const modifiers = down.filter(({ sym }) => isModifier(sym));
    const last = keys.last.includes(key.sym) ? key : (down.find(({ sym }) => keys.last.includes(sym)) ?? key);
    this.#waiting = awaited;
    letGo();
    tell(awaited.sentence);
    awaited.answer
      .then(({ given, sentence }) => {
        if (this.#waiting !== awaited) return;
        this.#waiting = null;
        if (given && !session.frozen) {
          const up = ({ ...pressed }: Key): Key => ({ ...pressed, down: false });
          this.#place.play([...modifiers, last, up(last), ...modifiers.toReversed().map(up)]);
        }
        tell(sentence);
      })
      .catch((error: unknown) => this.#place.failed(error));
    return true;
  }

  /** Came while nothing passes. */
  released(key: Key): void {
    if (key.down) this.#down(key);
    else this.#held.delete(key.sym);
  }

  #down(key: Key): void {
    const desk = this.#place.session.confirm;
    if (desk?.keys.some((one) => isPartOf(one, key.sym)) === true) this.#held.set(key.sym, key);
  }

  stop(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.cancel("connection-closed");
  }
}
