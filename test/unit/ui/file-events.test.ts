import { expect, it } from "vitest";
import { eventRows } from "../../../replay-ui/lists/event-rows.ts";
import type { EventsLine } from "../../../shared/events/stored.ts";

const say = (type: EventsLine["type"], facts: EventsLine["facts"]) => {
  const [row] = eventRows({ kind: "events", lines: [{ t: 1, s: 0, type, facts }] });
  return [row?.title, row?.detail, row?.tone];
};

it("says what became of a file that had to be scanned", () => {
  const up = { path: "/plc/recipe", direction: "inbound" };
  expect(say("file-held", up)).toEqual(["File held until scanned", "/plc/recipe · to the target", "plain"]);
  expect(say("file-released", { path: "/log", direction: "outbound", bytes: 3, sha256: "ab" })).toEqual([
    "File scanned and handed on",
    "/log · from the target",
    "plain",
  ]);
  expect(say("file-refused", { ...up, reason: "infected", signature: "Win.Test", sentence: "found" })).toEqual([
    "File refused",
    "/plc/recipe · to the target · Win.Test",
    "bad",
  ]);
  expect(say("file-refused", { ...up, reason: "timed-out", sentence: "the virus scanner did not finish" })).toEqual([
    "File refused",
    "/plc/recipe · to the target · the virus scanner did not finish",
    "bad",
  ]);
  expect(say("file-refused", { ...up, reason: "cut-off" })[1]).toContain("cut");
});
