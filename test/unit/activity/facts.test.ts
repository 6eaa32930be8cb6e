// What of events and files becomes a fact, and that no text of the session does.
import { expect, it } from "vitest";
import { FactsOfSession } from "../../../recorder/activity/facts.ts";
import type { EventsLine, FilesLine } from "../../../shared/events/stored.ts";

const event = (type: EventsLine["type"], t: number, facts: Record<string, unknown> = {}): EventsLine => ({
  t,
  s: t,
  type,
  facts,
});
const file = (t: number, more: Partial<FilesLine>): FilesLine => ({ t, s: t, ch: 0, id: 0, op: "close", ...more });

it("counts bytes of files by their direction, once", () => {
  const facts = new FactsOfSession();
  facts.file(file(1, { op: "open", path: "/a" }));
  facts.file(file(2, { bytes: 70, direction: "inbound", partial: true }));
  facts.file(file(3, { bytes: 100, direction: "inbound" }));
  facts.file(file(4, { op: "stream", bytes: 300, direction: "outbound" }));
  facts.file(file(5, { bytes: 20, direction: "inbound" }));
  expect(facts.facts).toMatchObject({
    inBytes: 120,
    outBytes: 300,
    largest: { bytes: 300, atUs: 4, direction: "outbound" },
  });
});

it("counts what was refused, by kinds of its own and without what is ordinary", () => {
  const facts = new FactsOfSession();
  facts.event(event("request-refused", 1, { request: "exec", reason: "refused-by-target" }));
  facts.event(event("request-refused", 1, { request: "pty-req", reason: "no-terminal" }));
  facts.event(
    event("channel-refused", 2, { request: "direct-tcpip", host: "10.0.0.5", reason: "forward-not-allowed" }),
  );
  facts.event(event("channel-refused", 3, { request: "constructor", reason: "unrecordable" }));
  facts.event(event("request-refused", 4, { request: "sftp open", path: "/secret/name", reason: "frozen" }));
  facts.event(event("file-refused", 5, { path: "/x", reason: "found" }));
  expect(facts.facts.refused).toEqual({ count: 4, atUs: 2, what: ["file", "forward", "other"] });
  expect(JSON.stringify(facts.facts)).not.toMatch(/10\.0\.0\.5|secret/);
});

it("tells what was hidden outside a prompt from passwords", () => {
  const facts = new FactsOfSession();
  facts.event(event("redacted", 1, { reason: "prompt-not-echoed" }));
  facts.event(event("redacted", 1, { reason: "prompt-masked-seal-failed" }));
  expect(facts.facts.hidden).toBeNull();
  facts.event(event("unechoed", 7, { input: 3 }));
  expect(facts.facts.hidden).toEqual({ count: 1, atUs: 7, evasion: false });
  facts.event(event("unechoed", 9, { input: 4, reason: "evasion-suspected" }));
  facts.event(event("escort-lost", 11, { last: "olga" }));
  facts.event(event("escort-lost", 12, { last: "olga" }));
  expect(facts.facts).toMatchObject({
    hidden: { count: 2, atUs: 7, evasion: true },
    escortLost: { count: 2, atUs: 11 },
  });
});
