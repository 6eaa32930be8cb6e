// Memory that a socket reads into, used again once nobody holds its bytes (packet-memory.ts says why). While bytes are
// being delivered, whoever keeps a view beyond the call must `retainDelivered()` or copy. Invariant: a chunk is read into
// again only when the delivery is over, every holder has released it, and the caller says that ssh2 holds no view of it.
import { Socket } from "node:net";

const bigBytes = 128 * 1024;
/** Of a connection that carries keystrokes. */
const smallBytes = 8 * 1024;
const maxFreeChunks = 32;
const freeChunks: Chunk[] = [];

interface Chunk {
  memory: Buffer;
  holders: number;
  /** Read into, or being delivered. */
  inUse: boolean;
}

let delivered: Chunk | undefined;

const nothing = (): void => undefined;

/** Keeps the bytes that are being delivered until the answer is called. Bytes of other memory need no keeping. */
export function retainDelivered(): () => void {
  const chunk = delivered;
  if (chunk === undefined) return nothing;
  chunk.holders++;
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    chunk.holders--;
    recycle(chunk);
  };
}

/** One a socket: give `buffer` and `callback` to `net.connect` as `onread`. */
export class ReadMemory {
  readonly #deliver: (bytes: Buffer) => void;
  #chunk: Chunk;
  /** After each delivery: whether ssh2 may still look at these bytes. Until it is set, all memory is used once. */
  heldBySsh2: ((memory: Buffer) => boolean) | undefined;

  constructor(deliver: (bytes: Buffer) => void) {
    this.#deliver = deliver;
    this.#chunk = newChunk(smallBytes);
  }

  readonly buffer = (): Buffer => this.#chunk.memory;

  readonly callback = (bytes: number): boolean => {
    const chunk = this.#chunk;
    const outer = delivered;
    delivered = chunk;
    const heldBefore = this.heldBySsh2?.(chunk.memory) ?? true;
    try {
      this.#deliver(chunk.memory.subarray(0, bytes));
    } finally {
      delivered = outer;
      this.#nextChunk(bytes, heldBefore);
    }
    return true;
  };

  #nextChunk(bytes: number, heldBefore: boolean): void {
    const chunk = this.#chunk;
    const full = bytes === chunk.memory.length;
    const wanted = full ? bigBytes : bytes <= smallBytes ? smallBytes : chunk.memory.length;
    const free = !heldBefore && this.heldBySsh2?.(chunk.memory) === false;
    if (free && chunk.holders === 0 && wanted === chunk.memory.length) return;
    this.#chunk = (wanted === bigBytes ? freeChunks.pop() : undefined) ?? newChunk(wanted);
    this.#chunk.inUse = true;
    if (!free) return;
    chunk.inUse = false;
    recycle(chunk);
  }
}

/**
 * The same connection, read into memory that is used again. For clients' connections Node has no option for that, so the
 * accepted socket gives its handle to another; where Node is not as expected it is answered unchanged.
 */
export function readAgain(accepted: Socket): { socket: Socket; memory: ReadMemory | undefined } {
  const holder = accepted as unknown as { _handle?: { readStart?: unknown; onread?: unknown } | null };
  const handle = holder._handle;
  if (typeof handle?.readStart !== "function") return { socket: accepted, memory: undefined };
  const memory = new ReadMemory((bytes) => socket.emit("data", bytes));
  holder._handle = null;
  const options: object = { handle, onread: memory };
  const socket: Socket = new Socket(options);
  // The listener counts its own.
  socket.once("close", () => accepted.destroy());
  return { socket, memory };
}

function newChunk(bytes: number): Chunk {
  return { memory: Buffer.allocUnsafeSlow(bytes), holders: 0, inUse: true };
}

function recycle(chunk: Chunk): void {
  if (chunk.inUse || chunk.holders > 0 || chunk.memory.length !== bigBytes) return;
  if (freeChunks.length < maxFreeChunks) {
    chunk.inUse = true;
    freeChunks.push(chunk);
  }
}
