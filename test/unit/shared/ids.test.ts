import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formatSessionId, makeSessionId, parseSessionId, sessionIdPattern } from "../../../shared/ids.ts";

describe("session ids", () => {
  it("are UUIDv7 and sort by time", () => {
    const ids = [1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 47].map((ms) => makeSessionId(randomBytes(10), ms));
    for (const id of ids) expect(id).toMatch(sessionIdPattern);
    expect([...ids].sort()).toEqual(ids);
  });

  it("survive the round trip through their bytes", () => {
    const id = makeSessionId(randomBytes(10), Date.now());
    expect(formatSessionId(parseSessionId(id))).toBe(id);
  });

  it.each(["", "../../etc/passwd", "0190b6e0-0000-4000-8000-000000000000", "0190B6E0-0000-7000-8000-000000000000"])(
    "%s is refused",
    (id) => {
      expect(() => parseSessionId(id)).toThrow(RangeError);
    },
  );
});
