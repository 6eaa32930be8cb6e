import { describe, expect, it } from "vitest";
import { EscortPresence } from "../../../recorder/session/escort-presence.ts";

const rules = { mustWatch: true, graceSeconds: 120, presenceSeconds: 600, answerSeconds: 60 };

describe("a service that stands still", () => {
  it("is forgiven once, and not again and again: a session that nobody watches stops", () => {
    const presence = new EscortPresence(rules);
    presence.joined({ watch: "w", person: "emil", since: "2026-11-23T10:00:00.000Z", refusal: null }, 0);
    presence.beat("w", { visible: true, seenUs: 0, edgeUs: 0, atMs: 0 });
    presence.released();
    presence.tick(250);
    // The page says nothing any more, and no two ticks are less than 1.1 s apart.
    const types = [1500, 2600, 3700, 4800, 5900].map((atMs) => presence.tick(atMs).map(({ type }) => type));
    expect(types.flat()).toEqual(["end", "lost"]);
  });

  it("is forgiven: what pages said meanwhile is still to be read", () => {
    const presence = new EscortPresence(rules);
    presence.joined({ watch: "w", person: "emil", since: "2026-11-23T10:00:00.000Z", refusal: null }, 0);
    presence.beat("w", { visible: true, seenUs: 0, edgeUs: 0, atMs: 0 });
    presence.released();
    presence.tick(250);
    expect(presence.tick(5000)).toEqual([]);
    presence.beat("w", { visible: true, seenUs: 0, edgeUs: 0, atMs: 5010 });
    expect(presence.tick(5250)).toEqual([]);
  });
});
