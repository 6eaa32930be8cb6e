// Combinations of a screen's keys that somebody else has to agree to. Fed with the person's keys before they pass. Invariants:
// the key that completes one does not pass before somebody agreed; while it waits nothing is down at the target, and what
// passes then is the whole combination, pressed and let go of.

import { completes } from "../../../shared/policy/key-combination.ts";
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

/** More than any keyboard has. */
const mostHeld = 64;

export class ConfirmedKeys {
  readonly #place: ConfirmedKeysPlace;
  /** Down at the viewer, with how they were pressed. */
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
    const before = [...this.#held.values()];
    if (this.#held.size < mostHeld) this.#held.set(key.sym, key);
    const awaited = keys === undefined ? null : desk.ask({ what: "keys", channel, keys });
    if (keys === undefined || awaited === null) return false;
    const isModifier = (sym: number) => keys.modifiers.some((keysyms) => keysyms.includes(sym));
    const modifiers = before.filter(({ sym }) => isModifier(sym));
    this.#waiting = awaited;
    letGo();
    tell(awaited.sentence);
    awaited.answer
      .then(({ given, sentence }) => {
        if (this.#waiting !== awaited) return;
        this.#waiting = null;
        if (given && !session.frozen) {
          const up = ({ ...pressed }: Key): Key => ({ ...pressed, down: false });
          this.#place.play([...modifiers, key, up(key), ...modifiers.toReversed().map(up)]);
        }
        tell(sentence);
      })
      .catch((error: unknown) => this.#place.failed(error));
    return true;
  }

  /** Came while nothing passes. */
  released(key: Key): void {
    if (key.down) {
      if (this.#held.size < mostHeld) this.#held.set(key.sym, key);
    } else this.#held.delete(key.sym);
  }

  stop(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.cancel("connection-closed");
  }
}
