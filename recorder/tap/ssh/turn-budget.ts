// Fairness between connections of one process: a socket may bring in so many bytes a turn of the event loop, then it
// waits for the next turn, so that a flood in one session costs another's keystroke one slice and not the whole flood.
import type { Socket } from "node:net";

const bytesPerTurn = 128 * 1024;

export class TurnBudget {
  readonly #socket: Socket;
  #used = 0;
  #waiting = false;
  #held = false;

  /** The socket must already be read by somebody: a listener added here would start the flow. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const attach = (): void => {
      socket.on("data", (chunk: Buffer) => this.#count(chunk.length));
    };
    if (socket.listenerCount("data") > 0) attach();
    else
      socket.on("newListener", function onFirst(event) {
        if (event !== "data") return;
        socket.removeListener("newListener", onFirst);
        process.nextTick(attach);
      });
  }

  hold(): void {
    this.#held = true;
    this.#socket.pause();
  }

  release(): void {
    this.#held = false;
    if (!this.#waiting) this.#socket.resume();
  }

  #count(bytes: number): void {
    this.#used += bytes;
    if (this.#waiting || this.#used < bytesPerTurn) return;
    this.#waiting = true;
    this.#socket.pause();
    setImmediate(() => {
      this.#waiting = false;
      this.#used = 0;
      if (!this.#held) this.#socket.resume();
    });
  }
}
