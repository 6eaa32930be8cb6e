// Who has not signed in yet holds no more than a share of the places, and not for as long as it likes.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Strangers } from "../../../recorder/tap/strangers.ts";

const graceMs = 60_000;
let strangers: Strangers;

beforeEach(() => {
  vi.useFakeTimers();
  strangers = new Strangers(16, graceMs);
});
afterEach(() => vi.useRealTimers());

class FakeSocket extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    strangers.leave(this as unknown as Socket);
  }
}

function come(address: string): FakeSocket | null {
  const socket = new FakeSocket();
  return strangers.admit(socket as unknown as Socket, address) ? socket : null;
}

function beginToSignIn(socket: FakeSocket | null): void {
  for (const progress of ["identified", "signing-in"] as const)
    strangers.progressed(socket as unknown as Socket, progress);
}

describe("an address that begins to sign in and stalls", () => {
  it("holds a quarter of the places at the most", () => {
    const held = Array.from({ length: 40 }, () => {
      const socket = come("192.0.2.1");
      beginToSignIn(socket);
      return socket;
    });
    expect(held.filter((socket) => socket !== null && !socket.destroyed)).toHaveLength(4);
    for (let i = 0; i < 12; i++) expect(come(`198.51.100.${i}`), `address ${i}`).not.toBeNull();
  });

  it("is one address with all of its IPv6 /64", () => {
    const held = Array.from({ length: 40 }, (_, i) => {
      const socket = come(`2001:db8:1:2::${i.toString(16)}`);
      beginToSignIn(socket);
      return socket;
    });
    expect(held.filter((socket) => socket !== null)).toHaveLength(4);
    expect(come("2001:db8:1:3::1")).not.toBeNull();
  });

  it("makes room for the next from the same address after a while, the one that stalled longest first", () => {
    const held = Array.from({ length: 4 }, () => {
      const socket = come("192.0.2.1");
      beginToSignIn(socket);
      vi.advanceTimersByTime(1000);
      return socket;
    });
    expect(come("192.0.2.1")).toBeNull();
    vi.advanceTimersByTime(graceMs / 4 - 4000);
    // The first has been at it for a quarter of the grace, and goes on now: the second has stalled longest.
    beginToSignIn(held[0] ?? null);
    vi.advanceTimersByTime(1000);
    const next = come("192.0.2.1");
    expect(next).not.toBeNull();
    expect(held.map((socket) => socket?.destroyed)).toEqual([false, true, false, false]);
  });
});

it("who says nothing goes before who signs in", () => {
  const signing = Array.from({ length: 3 }, () => come("192.0.2.1"));
  for (const socket of signing) beginToSignIn(socket);
  const silent = come("192.0.2.1");
  vi.advanceTimersByTime(graceMs / 2);
  expect(come("192.0.2.1")).not.toBeNull();
  expect([...signing, silent].map((socket) => socket?.destroyed)).toEqual([false, false, false, true]);
});
