// What a channel's requests become in the recording when the target does not do what it is asked.
import { beforeEach, expect, it, vi } from "vitest";
import type { RecordingGate } from "../../../recorder/tap/recording-gate.ts";
import { type ChannelEnd, requestPayload } from "../../../recorder/tap/ssh/channel-end.ts";
import { OperatorRequests } from "../../../recorder/tap/ssh/operator-requests.ts";
import type { TapSession } from "../../../recorder/tap/tap.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";

let events: SessionEvent[];
/** What waits for the target's answer, in order. */
let asked: { type: string; answer: (ok: boolean) => void }[];
let replies: boolean[];
let requests: OperatorRequests;

beforeEach(() => {
  events = [];
  asked = [];
  replies = [];
  const gate = {
    append: (event: SessionEvent) => void events.push(event),
    notice: (notice: string, facts: object, channel: number) =>
      void events.push({ type: "notice", notice, facts, channel } as SessionEvent),
  } as unknown as RecordingGate;
  const session = { decide: () => ({ effect: "allow" }), fileTransfer: "allow" } as unknown as TapSession;
  const target = {
    request: (type: string, _payload: Buffer, answer: (ok: boolean) => void) => void asked.push({ type, answer }),
  } as unknown as ChannelEnd;
  requests = new OperatorRequests(session, gate, 0, {
    target: () => target,
    canHold: false,
    started: () => undefined,
    answered: () => undefined,
    refused: () => undefined,
  });
});

const pty = Buffer.concat([requestPayload("xterm", 80, 24, 0, 0), requestPayload("")]);

function ask(type: string, payload: Buffer): void {
  const item = {
    kind: "request",
    type,
    payload,
    reply: (ok: boolean) => void replies.push(ok),
  } as unknown as Parameters<OperatorRequests["record"]>[0];
  requests.record(item);
  (item as unknown as { pass: () => void }).pass();
}

const opened = () => events.filter((event) => event.type === "channel-open");
const refusals = () => events.filter((event) => event.type === "notice" && event.notice === "request-refused");

it("a terminal that the target refuses before the program starts is none in the recording", () => {
  ask("pty-req", pty);
  asked[0]?.answer(false);
  expect(replies).toEqual([false]);
  ask("shell", Buffer.alloc(0));
  ask("window-change", requestPayload(100, 30, 0, 0));
  expect(opened()).toEqual([{ type: "channel-open", channel: 0, request: "shell" }]);
  expect(requests.pty).toBe(false);
  expect(events.some((event) => event.type === "resize")).toBe(false);
  expect(refusals()).toMatchObject([{ facts: { request: "pty-req", reason: "refused-by-target", started: false } }]);
});

it("a program waits for the target's word on its terminal, and nothing else does", async () => {
  expect(requests.waitsFor("shell", Buffer.alloc(0))).toBe(null);
  ask("pty-req", pty);
  expect(requests.waitsFor("env", requestPayload("LANG", "C"))).toBe(null);
  const waiting = requests.waitsFor("shell", Buffer.alloc(0));
  expect(waiting).not.toBe(null);
  asked[0]?.answer(false);
  await waiting;
  expect(requests.waitsFor("shell", Buffer.alloc(0))).toBe(null);
});

it("a target that never says keeps no program from starting", async () => {
  vi.useFakeTimers();
  try {
    ask("pty-req", pty);
    const waiting = requests.waitsFor("exec", requestPayload("true"));
    vi.advanceTimersByTime(10_000);
    await waiting;
    expect(requests.waitsFor("exec", requestPayload("true"))).toBe(null);
  } finally {
    vi.useRealTimers();
  }
});

it("one that it refuses when the program was asked for already is said to be none from there on", () => {
  ask("pty-req", pty);
  ask("shell", Buffer.alloc(0));
  asked[0]?.answer(false);
  asked[1]?.answer(true);
  expect(opened()).toMatchObject([{ pty: { term: "xterm" } }]);
  expect(requests.pty).toBe(false);
  expect(refusals()).toMatchObject([{ facts: { request: "pty-req", started: true } }]);
});

it("one that it gives is one", () => {
  ask("pty-req", pty);
  asked[0]?.answer(true);
  ask("shell", Buffer.alloc(0));
  expect(replies).toEqual([true]);
  expect(opened()).toMatchObject([{ pty: { term: "xterm", cols: 80, rows: 24 } }]);
  expect(refusals()).toEqual([]);
});
