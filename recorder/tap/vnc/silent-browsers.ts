// The browsers that a ticket let in and that have not begun to speak yet, by person. Fed by the tap. Invariant: of one person
// there are never more than `mostOfPerson`; the oldest makes room, so that nobody takes the connections of the others.
import type { Duplex } from "node:stream";

export class SilentBrowsers {
  readonly #mostOfPerson: number;
  /** Oldest first. */
  readonly #ofPerson = new Map<string, Set<Duplex>>();

  constructor(mostOfPerson: number) {
    this.#mostOfPerson = mostOfPerson;
  }

  /** The function that was returned is for when it has begun to speak. */
  admit(socket: Duplex, person: string): () => void {
    const name = person.toLowerCase();
    const own = this.#ofPerson.get(name) ?? new Set();
    this.#ofPerson.set(name, own.add(socket));
    const leave = (): void => {
      own.delete(socket);
      if (own.size === 0 && this.#ofPerson.get(name) === own) this.#ofPerson.delete(name);
    };
    socket.once("close", leave);
    const [oldest] = own;
    if (own.size > this.#mostOfPerson && oldest !== undefined) {
      own.delete(oldest);
      oldest.destroy();
    }
    return leave;
  }
}
