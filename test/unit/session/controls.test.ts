// A live session under the controls of the plant: holds that hold together, safe ends, stops, and its escort.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionControls } from "../../../recorder/session/controls.ts";
import { SessionRegistry } from "../../../recorder/session/registry.ts";
import { GatewaySession } from "../../../recorder/session/session.ts";
import type { SessionHappening, SessionRecording } from "../../../recorder/session/session-facts.ts";
import type { SessionHold, SessionWarning } from "../../../recorder/tap/tap.ts";
import type { Stop } from "../../../shared/api/types.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { WatchAnswer, WatchEscorts, WatchPrompt } from "../../../shared/live/messages.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { decideTarget } from "../../../shared/policy/decide.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import { openRule } from "../../support/open-rules.ts";

const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const vera = { name: "vera", roles: ["vendor"] as const, authMethod: "publickey", factors: [] };
const emil = { name: "emil", roles: ["escort"] as const };
let nowMs = 0;
let registry: SessionRegistry;
let controls: SessionControls;

beforeEach(() => {
  nowMs = 1000;
  registry = new SessionRegistry(1_000_000);
  controls = new SessionControls(registry);
});
afterEach(() => registry.stop());

function open(conduit = "reactor", { escort = false, policy = {} as Record<string, unknown> } = {}) {
  const inForce = Policy.parse({
    version: 1,
    rules: [{ id: "all", people: ["*"], targets: ["*"], ...openRule }],
    ...policy,
  });
  const target = Target.parse({ name: "plc", conduit, protocol: "ssh", host: "h", account: "a", secret: "s" });
  const query = { person: vera, target, protocol: "ssh", nowMs: 0, grant: null };
  const decision = decideTarget(compilePolicy(inForce), query);
  const events: SessionEvent[] = [];
  const recording: SessionRecording = {
    session: `s${registry.sessions().length}`,
    append: (event) => events.push(event) > 0,
    durable: async () => {},
    drained: async () => {},
    health: () => ({ recordedBytes: 0, durableBehindMs: 0 }),
    nowUs: () => nowMs * 1000,
    onFailure: () => {},
    close: async () => {},
  };
  const told: SessionWarning[] = [];
  const holds: (SessionHold["code"] | null)[] = [];
  const happened: SessionHappening["type"][] = [];
  const punished: string[] = [];
  const client = { address: "127.0.0.1", port: 1, software: "test" };
  const startedAt = "2026-01-01T00:00:00.000000Z";
  const session = new GatewaySession(
    { person: vera, client, target, decision, policy: inForce, grant: null, startedAt },
    recording,
    {
      nowMs: () => nowMs,
      wallMs: () => nowMs,
      logger: quiet,
      happened: (_one, { type }) => happened.push(type),
      onPunished: (_one, by, { code }) => punished.push(`${code} by ${by}`),
      onClosed: (one) => registry.remove(one),
    },
  );
  session.onHold((hold) => holds.push(hold?.code ?? null));
  session.onWarning((warning) => told.push(warning));
  session.signal.addEventListener("abort", () => session.ended("client-closed"));
  registry.add(session);
  if (escort) session.awaitEscort();
  const notices = () =>
    events.flatMap((event) => (event.type === "notice" ? [{ type: event.notice, facts: event.facts }] : []));
  return { session, events, told, holds, happened, punished, notices };
}

const stopOf = (scope: string, action: Stop["action"] = "freeze"): Stop => ({
  ...{ scope, action, reason: "fire", by: "emil" },
  at: "2026-01-01T00:00:00.000Z",
});
const pass = (seconds: number) => {
  for (let i = 0; i < seconds * 4; i++) {
    nowMs += 250;
    for (const session of registry.sessions()) session.checkLimits();
  }
};

describe("a stop", () => {
  it("holds what goes on, and leaves it frozen when it is lifted", () => {
    const { session, holds, notices } = open();
    expect(controls.stop(stopOf("conduit:REACTOR"))).toBe(1);
    expect(registry.get(session.id)?.describe()).toMatchObject({ state: "frozen", hold: "stopped" });
    expect(() => registry.unfreeze(session.id, emil)).toThrow("lift the stop first");
    expect([session.unfreeze("emil"), session.frozen]).toEqual([false, true]);
    controls.liftStop("adam", "over", () => false);
    expect(holds).toEqual(["stopped", "frozen"]);
    expect(registry.unfreeze(session.id, emil)).toBe(true);
    expect(notices()).toEqual([
      { type: "freeze", facts: { by: "emil", reason: "fire", hold: "stopped" } },
      { type: "freeze", facts: { by: "adam", reason: "over" } },
      { type: "unfreeze", facts: { by: "emil" } },
    ]);
  });

  it("of another conduit leaves it alone, and another stop that is still there keeps it", () => {
    const { session } = open();
    expect(controls.stop(stopOf("conduit:line-2"))).toBe(0);
    expect(session.state).toBe("active");
    controls.stop(stopOf("all"));
    controls.liftStop("adam", "", (conduit) => conduit === "reactor");
    expect(session.hold?.code).toBe("stopped");
  });

  it("does not show what has not begun, and does not begin it", () => {
    const { session, holds } = open("reactor", { escort: true, policy: { escort: { mustWatch: false } } });
    controls.stop(stopOf("all"));
    expect(session.hold?.code).toBe("escort-awaited");
    expect(() => registry.unfreeze(session.id, emil)).toThrow("lift the stop first");
    controls.liftStop("adam", "", () => false);
    expect([session.hold?.code, holds]).toEqual(["escort-awaited", ["escort-awaited"]]);
    expect(registry.unfreeze(session.id, emil)).toBe(true);
  });

  it("that ends takes nobody's access away", () => {
    const { session, punished } = open();
    controls.stop(stopOf("all", "end"));
    expect([session.signal.reason, punished]).toEqual([expect.objectContaining({ code: "stopped" }), []]);
  });
});

describe("a safe end", () => {
  const file = (op: "open" | "close"): SessionEvent => ({
    type: "file",
    channel: 0,
    event: { op, id: 1, handle: "00", path: "/fw.bin", status: "ok", flags: ["write"] },
  });

  it("waits for the file that is open, and ends then", () => {
    const { session, punished } = open();
    session.sink.append(file("open"));
    expect(controls.endSafely(session.id, "emil", "permit over", true)).toMatchObject([{ what: "/fw.bin" }]);
    expect(session.describe()).toMatchObject({ hold: "ending", ending: { by: "emil", whenFinished: true } });
    pass(10);
    expect(session.signal.aborted).toBe(false);
    session.sink.append(file("close"));
    pass(0.25);
    expect(session.signal.reason).toMatchObject({
      code: "terminated",
      sentence: expect.stringContaining("permit over"),
    });
    expect(punished).toEqual(["terminated by emil"]);
  });

  it("is one for who leaves by themselves meanwhile, too", async () => {
    const { session, punished } = open();
    session.sink.append(file("open"));
    controls.endSafely(session.id, "emil", "", true);
    session.ended("client-closed");
    await session.whenClosed();
    expect(punished).toEqual(["terminated by emil"]);
  });

  it("is over when somebody freezes the session: a transfer that never ends is stopped, too", () => {
    const { session, holds, punished } = open();
    controls.endSafely(session.id, "emil", "", true);
    expect(registry.freeze(session.id, "adam", "enough")).toBe(true);
    expect(session.describe()).toMatchObject({ state: "frozen", hold: "frozen", ending: null });
    expect(holds).toEqual(["ending", "frozen"]);
    session.checkLimits();
    expect([session.state, punished]).toEqual(["frozen", []]);
    expect(registry.freeze(session.id, "adam", "")).toBe(false);
    expect(registry.unfreeze(session.id, emil)).toBe(true);
  });

  it("that only asks what runs ends nothing by itself, and is taken back with the release", () => {
    const { session, holds } = open();
    expect(controls.endSafely(session.id, "emil", "", false)).toEqual([]);
    pass(5);
    registry.unfreeze(session.id, emil);
    expect([session.describe().ending, holds]).toEqual([null, ["ending", null]]);
    expect(controls.endSafely("nobody", "emil", "", false)).toBeNull();
  });
});

describe("messages and marks", () => {
  it("stand in the record with who said them; a mark is of a moment that has come", () => {
    const { session, told, notices } = open();
    expect(controls.message(session.id, "emil", "hands off")).toBe(true);
    controls.message(session.id, "os:root", "all of you");
    controls.mark(session.id, "emil", { kind: "bookmark", text: "", atUs: 500 });
    expect(() => controls.mark(session.id, "emil", { kind: "note", text: "x", atUs: 1_000_001 })).toThrow("not come");
    expect(told.map(({ sentence }) => sentence)).toEqual([
      "Message of emil: hands off",
      "Message of the plant: all of you",
    ]);
    expect(notices().map(({ type }) => type)).toEqual(["message", "message", "bookmark"]);
    session.terminate({ code: "terminated", sentence: "" }, "adam");
    expect([
      controls.message(session.id, "emil", "x"),
      controls.mark("nobody", "emil", { kind: "note", text: "x" }),
    ]).toEqual([false, false]);
  });
});

describe("the escort", () => {
  const sent: (WatchEscorts | WatchPrompt | WatchAnswer)[] = [];
  const watchOf = (session: string, person = emil, escorts = true) => ({
    ...{ watch: `w-${person.name}`, session, person, escorts },
    since: "2026-01-01T00:00:00.000Z",
  });
  const join = (watch: ReturnType<typeof watchOf>) => {
    controls.watching.joined(watch, { send: (message) => sent.push(message) }, nowMs);
    controls.watching.beat(watch, { visible: true, seenUs: 0, edgeUs: 0, atMs: nowMs });
  };
  beforeEach(() => {
    sent.length = 0;
  });

  it("releases a session that it watches, and no other person does for it", () => {
    const { session, notices } = open("reactor", { escort: true });
    const release = (person: { name: string; roles: typeof emil.roles }) => () => registry.unfreeze(session.id, person);
    expect(release(emil)).toThrow(expect.objectContaining({ code: "REQUEST_CONFLICT" }));
    join(watchOf(session.id, emil, false));
    expect(release(emil)).toThrow("Open the session and watch it");
    join(watchOf(session.id));
    expect(release({ name: "eve", roles: ["escort"] })).toThrow("Open the session and watch it");
    expect(release(emil)()).toBe(true);
    expect(notices().map(({ type }) => type)).toEqual(["freeze", "escort-begin", "unfreeze"]);
    expect(sent.at(-1)).toMatchObject({
      type: "escort",
      mustWatch: true,
      watching: [{ person: "emil", counts: true }],
    });
  });

  it("a vendor with the role escort is none, and nobody of the same company", () => {
    const policy = { groups: { acme: ["vera", "eve"] }, escort: { companies: ["acme"] } };
    const { session } = open("reactor", { escort: true, policy });
    const both = { name: "olga", roles: ["vendor", "escort"] as const };
    expect(() => registry.unfreeze(session.id, both)).toThrow("A vendor escorts nobody");
    expect(() => registry.unfreeze(session.id, { name: "Eve", roles: ["escort"] })).toThrow("same company");
  });

  it("that is lost freezes it; after the grace it ends, and the access stays", () => {
    const { session, happened, punished, notices } = open("reactor", { escort: true });
    join(watchOf(session.id));
    registry.unfreeze(session.id, emil);
    controls.watching.left(watchOf(session.id), "left", nowMs);
    expect(session.describe()).toMatchObject({ state: "frozen", hold: "escort-lost", escort: { watching: [] } });
    expect(session.describe().escort?.graceEndsAt).not.toBeNull();
    pass(119);
    expect(session.signal.aborted).toBe(false);
    pass(2);
    expect([session.signal.reason, punished]).toEqual([expect.objectContaining({ code: "escort-gone" }), []]);
    expect(happened).toContain("escort-lost");
    expect(
      notices()
        .slice(-5)
        .map(({ type }) => type),
    ).toEqual(["escort-end", "escort-lost", "freeze", "terminate", "session-close"]);
  });

  it("that is lost while somebody has frozen it keeps it for an escort, also when that one lets it go on", () => {
    const { session } = open("reactor", { escort: true });
    join(watchOf(session.id));
    registry.unfreeze(session.id, emil);
    registry.freeze(session.id, "adam", "");
    const adam = { name: "adam", roles: ["admin"] as const };
    controls.watching.left(watchOf(session.id), "left", nowMs);
    expect(() => registry.unfreeze(session.id, adam)).toThrow("a person with that role");
    join(watchOf(session.id));
    expect(registry.unfreeze(session.id, emil)).toBe(true);
    registry.freeze(session.id, "adam", "");
    expect(registry.unfreeze(session.id, adam)).toBe(true);
  });

  it("is asked whether somebody is there", () => {
    const policy = { escort: { presenceSeconds: 60, answerSeconds: 10 } };
    const { session } = open("reactor", { escort: true, policy });
    join(watchOf(session.id));
    registry.unfreeze(session.id, emil);
    for (let i = 0; i < 61; i++) {
      pass(1);
      controls.watching.beat(watchOf(session.id), { visible: true, seenUs: 0, edgeUs: 0, atMs: nowMs });
    }
    const prompt = sent.find((message) => message.type === "prompt");
    expect(prompt).toMatchObject({ leftMs: 10_000 });
    controls.watching.answered(watchOf(session.id), prompt?.type === "prompt" ? prompt.id : "", nowMs);
    expect(session.state).toBe("active");
  });

  it("the record closes with until when each of them watched, and nothing comes after", async () => {
    const { session, notices } = open("reactor", { escort: true });
    join(watchOf(session.id));
    nowMs += 2000;
    session.ended("client-closed");
    await session.whenClosed();
    session.notice("watch-end", {});
    expect(notices().slice(-2)).toEqual([
      { type: "escort-end", facts: { by: "emil", watch: "w-emil", why: "ended", seconds: 2 } },
      { type: "session-close", facts: { reason: "client-closed" } },
    ]);
  });
});
