import { describe, expect, it } from "vitest";
import { RecordingFilter } from "../../../recorder/session/recording-filter.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { RecordingMode } from "../../../shared/policy/policy.ts";

const secret = Buffer.from("hunter2-in-the-clear");

/** One of each kind of event, all with content that a mode may leave out. */
const session: SessionEvent[] = [
  { type: "notice", notice: "session-open", facts: { person: "ada" } },
  { type: "notice", notice: "pty-req", channel: 0, facts: { term: "xterm" } },
  { type: "notice", notice: "program-waits", channel: 1, facts: { request: "exec", command: "echo hunter2" } },
  { type: "notice", notice: "request-refused", channel: 2, facts: { request: "exec", command: "echo hunter2" } },
  { type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } },
  { type: "channel-open", channel: 1, request: "exec", command: "echo hunter2-in-the-clear" },
  { type: "input", channel: 0, data: secret },
  { type: "output", channel: 0, stream: "stdout", data: secret },
  { type: "output", channel: 1, stream: "stderr", data: secret },
  { type: "clipboard", channel: 0, text: "hunter2-in-the-clear" },
  { type: "resize", channel: 0, cols: 100, rows: 40 },
  { type: "file", channel: 1, event: { op: "open", id: 1, path: "/etc/motd" } },
  { type: "exit", channel: 1, signal: "TERM", message: "hunter2-in-the-clear" },
  { type: "channel-close", channel: 1 },
  { type: "channel-close", channel: 0 },
  { type: "notice", notice: "session-close", facts: { reason: "client-closed" } },
];

function recordedAs(mode: RecordingMode, events: readonly SessionEvent[] = session, nowMs = () => 0): SessionEvent[] {
  const filter = new RecordingFilter(mode, nowMs);
  return events.flatMap((event) => [...filter.of(event)]);
}

function textOf(events: readonly SessionEvent[]): string {
  return events
    .map((event) => ("data" in event ? Buffer.from(event.data).toString("utf8") : JSON.stringify(event)))
    .join("\n");
}

const kinds = (events: readonly SessionEvent[]) => [
  ...new Set(events.map((event) => (event.type === "notice" ? event.notice : event.type))),
];

describe("recording modes", () => {
  it("full: everything as it came", () => {
    expect(recordedAs("full")).toEqual(session);
  });

  it("without-input: what was typed is left out, and that something was is said", () => {
    const recorded = recordedAs("without-input");
    expect(kinds(recorded)).not.toContain("input");
    expect(kinds(recorded)).toContain("output");
    expect(recorded).toContainEqual({ type: "notice", notice: "content-withheld", channel: 0, facts: { input: 1 } });
  });

  it("metadata: no content at all, and no channel that would have a track", () => {
    const recorded = recordedAs("metadata");
    expect(textOf(recorded)).not.toContain("hunter2");
    for (const type of ["input", "output", "clipboard", "resize"] as const) expect(kinds(recorded)).not.toContain(type);
    expect(recorded.filter((event) => event.type !== "notice" && event.type !== "file")).toEqual([]);
    expect(recorded).toContainEqual({
      type: "notice",
      notice: "content-withheld",
      channel: 1,
      facts: { output: secret.length },
    });
  });

  it("none: that it took place, and nothing else", () => {
    expect(kinds(recordedAs("none"))).toEqual(["session-open", "session-close"]);
  });

  it.each(["metadata", "none"] as const)("%s: what waits to be confirmed is told without what it is", (mode) => {
    const of = (named: object) => {
      const facts = { n: 1, rule: "r", needs: "escort", ...named };
      return recordedAs(mode, [{ type: "notice", notice: "confirm-asked", channel: 0, facts }]);
    };
    for (const named of [{ path: "/etc/hunter2" }, { keys: "Ctrl+Alt+Delete" }, { command: "echo hunter2" }]) {
      expect(of(named)).toEqual(of({}));
    }
  });

  it("says what it leaves out at most once a second for each channel, and the rest when the channel closes", () => {
    let now = 0;
    const filter = new RecordingFilter("without-input", () => now);
    const said: unknown[] = [];
    for (now = 0; now < 3000; now += 100) {
      for (const event of filter.of({ type: "input", channel: 0, data: secret })) said.push(event);
    }
    expect(said).toHaveLength(3);
    for (const event of filter.of({ type: "channel-close", channel: 0 })) said.push(event);
    const total = said.reduce<number>(
      (sum, event) => sum + Number((event as { facts?: { input?: number } }).facts?.input ?? 0),
      0,
    );
    expect(total).toBe(30);
  });
});
