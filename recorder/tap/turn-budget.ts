// Fairness between connections of one process: a socket may bring in so many bytes a turn of the event loop, then it
// waits for the next turn, so that a flood in one session costs another's keystroke one slice and not the whole flood.
import type { Socket } from "node:net";

const bytesPerTurn = 128 * 1024;

/** Takes effect once somebody reads the socket: a listener added before would start the flow. */
export function limitTurns(socket: Socket): void {
  let used = 0;
  let waiting = false;
  const count = (chunk: Buffer): void => {
    used += chunk.length;
    if (waiting || used < bytesPerTurn) return;
    waiting = true;
    socket.pause();
    setImmediate(() => {
      waiting = false;
      used = 0;
      socket.resume();
    });
  };
  if (socket.listenerCount("data") > 0) {
    socket.on("data", count);
    return;
  }
  const onListener = (event: string | symbol): void => {
    if (event !== "data") return;
    socket.removeListener("newListener", onListener);
    process.nextTick(() => socket.on("data", count));
  };
  socket.on("newListener", onListener);
}
