// The connections that have not signed in yet. Fed by the listener. Invariant: there are never more than `max`, nor more
// than a quarter of them from one address (IPv6: one /64); whoever sits there without signing in, or stalls in it, makes
// room for the next from the same address, so that one machine behind an address does not lock out the others.
import type { Socket } from "node:net";
import { networkOf } from "../../shared/network.ts";

export type Progress = "silent" | "identified" | "signing-in";

const stallsInGrace = 4;

interface Stranger {
  address: string;
  progress: Progress;
  /** Of the last progress (performance.now). */
  sinceMs: number;
  grace: NodeJS.Timeout;
}

export class Strangers {
  readonly #max: number;
  readonly #graceMs: number;
  /** Oldest first. */
  readonly #strangers = new Map<Socket, Stranger>();
  readonly #ofAddress = new Map<string, Set<Socket>>();

  constructor(max: number, graceMs: number) {
    this.#max = max;
    this.#graceMs = graceMs;
  }

  /** False: there is no room for it. */
  admit(socket: Socket, from: string): boolean {
    const address = networkOf(from);
    const share = Math.ceil(this.#max / 4);
    if ((this.#ofAddress.get(address)?.size ?? 0) >= share && !this.#dropOne(address)) return false;
    if (this.#strangers.size >= this.#max) return false;
    const grace = setTimeout(() => socket.destroy(), this.#graceMs);
    this.#strangers.set(socket, { address, progress: "silent", sinceMs: performance.now(), grace });
    const neighbours = this.#ofAddress.get(address) ?? new Set();
    this.#ofAddress.set(address, neighbours.add(socket));
    return true;
  }

  progressed(socket: Socket, progress: Progress): void {
    const stranger = this.#strangers.get(socket);
    if (stranger === undefined) return;
    stranger.progress = progress;
    stranger.sinceMs = performance.now();
  }

  /** It has signed in, or is gone. Idempotent. */
  leave(socket: Socket): void {
    const stranger = this.#strangers.get(socket);
    if (stranger === undefined) return;
    clearTimeout(stranger.grace);
    this.#strangers.delete(socket);
    const neighbours = this.#ofAddress.get(stranger.address);
    neighbours?.delete(socket);
    if (neighbours?.size === 0) this.#ofAddress.delete(stranger.address);
  }

  /** They have nothing to finish. */
  destroyAll(): void {
    for (const socket of [...this.#strangers.keys()]) socket.destroy();
  }

  /** The oldest that has said nothing, else the oldest that has not begun to sign in, else who has stalled in it. */
  #dropOne(address: string): boolean {
    const sockets = [...(this.#ofAddress.get(address) ?? [])];
    const at = (progress: Progress): Socket | undefined =>
      sockets.find((socket) => this.#strangers.get(socket)?.progress === progress);
    const dropped = at("silent") ?? at("identified") ?? this.#stalled(sockets);
    if (dropped === undefined) return false;
    this.leave(dropped);
    dropped.destroy();
    return true;
  }

  /** Who is typing a password is given a while for it, but not the whole of the grace when others wait. */
  #stalled(sockets: Socket[]): Socket | undefined {
    const beforeMs = performance.now() - this.#graceMs / stallsInGrace;
    let longest: { socket: Socket; sinceMs: number } | undefined;
    for (const socket of sockets) {
      const sinceMs = this.#strangers.get(socket)?.sinceMs ?? Infinity;
      if (sinceMs <= beforeMs && sinceMs < (longest?.sinceMs ?? Infinity)) longest = { socket, sinceMs };
    }
    return longest?.socket;
  }
}
