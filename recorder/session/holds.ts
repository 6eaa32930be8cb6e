// Why a session takes no input: several reasons may hold at once, and each is lifted by itself. Pure.
import type { HoldCode, SessionHold } from "../tap/tap.ts";

/** The first that holds is what the person and the lists are told: what has not begun shows nothing, whatever else holds. */
const order: readonly HoldCode[] = ["escort-awaited", "stopped", "escort-lost", "ending", "frozen", "controlled"];

export class SessionHolds {
  readonly #holds = new Map<HoldCode, SessionHold>();

  get top(): SessionHold | null {
    for (const code of order) {
      const hold = this.#holds.get(code);
      if (hold !== undefined) return hold;
    }
    return null;
  }

  has(code: HoldCode): boolean {
    return this.#holds.has(code);
  }

  set(hold: SessionHold): void {
    this.#holds.set(hold.code, hold);
  }

  delete(code: HoldCode): boolean {
    return this.#holds.delete(code);
  }

  clear(): void {
    this.#holds.clear();
  }
}
