import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WatcherMessage, WatchMessage } from "../../../shared/live/messages.ts";

describe("messages of a watch", () => {
  it("are taken strictly: nothing beside what their schema says", () => {
    expect(WatcherMessage.safeParse({ type: "seen", us: 5, visible: true }).success).toBe(true);
    expect(WatcherMessage.safeParse({ type: "seen", us: -1, visible: true }).success).toBe(false);
    expect(WatcherMessage.safeParse({ type: "seen", us: 5, visible: true, more: 1 }).success).toBe(false);
    expect(WatcherMessage.safeParse({ type: "present", id: "" }).success).toBe(false);
    expect(WatcherMessage.safeParse({ type: "present", id: "x".repeat(65) }).success).toBe(false);
    expect(WatchMessage.safeParse({ type: "resync" }).success).toBe(true);
    expect(WatchMessage.safeParse({ type: "resync", why: "slow" }).success).toBe(false);
    expect(WatchMessage.safeParse({ type: "prompt", id: "a", leftMs: 60_000 }).success).toBe(true);
  });

  it("of any other shape are refused and never throw", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(typeof WatcherMessage.safeParse(value).success).toBe("boolean");
      }),
    );
  });
});
