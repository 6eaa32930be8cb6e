import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type OpenRecordFacts, SessionOpener } from "../../../recorder/session/opener.ts";
import { SessionRegistry } from "../../../recorder/session/registry.ts";
import { GatewaySession } from "../../../recorder/session/session.ts";
import type { SessionHappening, SessionRecording } from "../../../recorder/session/session-facts.ts";
import { patternsFor } from "../../../recorder/session/session-patterns.ts";
import type { SessionWarning, TerminateReason } from "../../../recorder/tap/tap.ts";
import { AppError } from "../../../shared/errors.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { decideTarget, type GrantFacts } from "../../../shared/policy/decide.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import { openRule } from "../../support/open-rules.ts";

const logger = { info: () => {}, warn: () => {}, error: () => {} };

class FakeRecording implements SessionRecording {
  readonly session = "s1";
  readonly open = { startedAt: "2026-01-01T00:00:00.000000Z" } as OpenRecord;
  readonly events: SessionEvent[] = [];
  recordedBytes = 0;
  closedWith: string | null = null;
  failure: Error | null = null;
  #listener: (error: Error) => void = () => {};
  append(event: SessionEvent): boolean {
    if (this.failure !== null) throw this.failure;
    this.events.push(event);
    return true;
  }
  async durable(): Promise<void> {
    if (this.failure !== null) throw this.failure;
  }
  async drained(): Promise<void> {}
  health() {
    return { recordedBytes: this.recordedBytes, durableBehindMs: 0 };
  }
  onFailure(listener: (error: Error) => void): void {
    this.#listener = listener;
  }
  fail(): void {
    this.failure = new AppError("RECORD_FAILED", "disk gone", { op: "test" });
    this.#listener(this.failure);
  }
  async close(reason: string): Promise<void> {
    this.closedWith = reason;
  }
  notices(): string[] {
    return this.events.flatMap((event) => (event.type === "notice" ? [event.notice] : []));
  }
}

const person = { name: "ada", roles: ["vendor"] as const, authMethod: "password", factors: [] as const };
const client = { address: "127.0.0.1", port: 1, software: "test" };
const policy = Policy.parse({
  version: 1,
  limits: { maxSessionSeconds: 100, idleSeconds: 10, maxRecordedBytes: 1000, maxChannels: 2, maxSessionsPerPerson: 2 },
  rules: [{ id: "all", people: ["*"], targets: ["*"], ...openRule }],
});

function makeTarget(more: Record<string, unknown> = {}): Target {
  return Target.parse({ name: "plc", conduit: "c", protocol: "ssh", host: "h", account: "a", secret: "s", ...more });
}

let nowMs = 0;
let wallMs = 0;
interface Circumstances {
  rule?: Record<string, unknown>;
  grant?: GrantFacts;
  limits?: Record<string, unknown>;
  patterns?: Record<string, unknown>[];
}
function makeSession(more: Record<string, unknown> = {}, { rule, grant, limits, patterns = [] }: Circumstances = {}) {
  const target = makeTarget(more);
  const inForce =
    rule === undefined && limits === undefined && patterns.length === 0
      ? policy
      : Policy.parse({
          version: 1,
          limits: { ...policy.limits, ...limits },
          patterns,
          rules: [{ id: "all", people: ["*"], targets: ["*"], ...openRule, ...rule }],
        });
  const compiled = compilePolicy(inForce);
  const told: SessionWarning[] = [];
  const happened: SessionHappening[] = [];
  const punished: string[] = [];
  const recording = new FakeRecording();
  const closed: GatewaySession[] = [];
  const session = new GatewaySession(
    {
      person,
      client,
      target,
      decision: decideTarget(compiled, {
        person,
        target,
        protocol: target.protocol,
        nowMs: wallMs,
        grant: grant ?? null,
      }),
      policy: inForce,
      patterns: patternsFor(compiled, person, target),
      grant: grant ?? null,
      startedAt: "2026-01-01T00:00:00.000000Z",
    },
    recording,
    {
      nowMs: () => nowMs,
      wallMs: () => wallMs,
      logger,
      onClosed: (one) => closed.push(one),
      happened: (_session, what) => happened.push(what),
      onPunished: (_session, by, { code }) => punished.push(`${code} by ${by}`),
    },
  );
  session.onWarning((warning) => told.push(warning));
  return { session, recording, closed, told, happened, punished };
}

beforeEach(() => {
  nowMs = 0;
  wallMs = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

describe("limits", () => {
  it("ends the session at its duration, and says so to the person and in the record", async () => {
    const { session, recording } = makeSession();
    nowMs = 99_999;
    session.touch();
    session.checkLimits();
    expect(session.signal.aborted).toBe(false);
    nowMs = 100_000;
    session.checkLimits();
    expect(session.signal.reason as TerminateReason).toMatchObject({ code: "limit-duration" });
    expect(recording.notices()).toEqual(["warned", "limit", "terminate"]);
    session.ended("client-closed");
    await session.whenClosed();
    expect(recording.closedWith).toBe("limit-duration");
  });

  it("counts idleness by the person's input only", () => {
    const { session } = makeSession();
    nowMs = 9_000;
    session.touch();
    session.sink.append({ type: "output", channel: 0, stream: "stdout", data: new Uint8Array(1) });
    nowMs = 18_999;
    session.checkLimits();
    expect(session.signal.aborted).toBe(false);
    nowMs = 19_000;
    session.checkLimits();
    expect((session.signal.reason as TerminateReason).code).toBe("limit-idle");
  });

  it("caps the size of the recording", () => {
    const { session, recording } = makeSession();
    recording.recordedBytes = 1000;
    session.checkLimits();
    expect((session.signal.reason as TerminateReason).code).toBe("limit-recorded-bytes");
  });

  it("refuses one channel more than policy allows", () => {
    const { session } = makeSession();
    session.sink.append({ type: "channel-open", channel: 0, request: "shell" });
    session.sink.append({ type: "channel-open", channel: 1, request: "shell" });
    expect(session.decide("shell")).toMatchObject({ effect: "deny", reason: "too-many-channels" });
    session.sink.append({ type: "channel-close", channel: 0 });
    expect(session.decide("shell").effect).toBe("allow");
  });
});

const hour = 3_600_000;
const approved: GrantFacts = {
  id: "g1",
  request: "r1",
  kind: "request",
  fromMs: 0,
  toMs: hour,
  targets: ["plc"],
  state: "open",
  escorts: [],
};
const needsApproval = { require: { approval: true, mfa: false, escort: "never" } };

describe("what ends a session in its midst", () => {
  const long = { maxSessionSeconds: 10 * 3600, idleSeconds: 10 * 3600, warnSeconds: [600, 60] };
  const onGrant = (more: Partial<GrantFacts> = {}) =>
    makeSession({}, { rule: needsApproval, grant: { ...approved, ...more }, limits: long });
  const at = (ms: number) => {
    nowMs = ms;
    wallMs = ms;
  };
  const endOf = (session: GatewaySession) => (session.signal.reason as TerminateReason | undefined)?.code;

  it("the window's end, to the millisecond", () => {
    const { session } = onGrant();
    at(hour - 1);
    session.checkLimits();
    expect(endOf(session)).toBeUndefined();
    at(hour);
    session.checkLimits();
    expect(endOf(session)).toBe("window-ended");
  });

  it("is told beforehand, each warning once, the nearest alone", () => {
    const { session, told, recording, happened } = onGrant();
    for (const ms of [hour - 601_000, hour - 600_000, hour - 599_000, hour - 59_000, hour - 58_000]) {
      at(ms);
      session.checkLimits();
    }
    expect(told.map(({ code, secondsLeft }) => [code, secondsLeft])).toEqual([
      ["window-ended", 600],
      ["window-ended", 59],
    ]);
    expect(told[0]?.sentence).toContain("10 minutes");
    expect(recording.notices()).toEqual(["warned", "warned"]);
    expect(happened.map(({ type }) => type)).toEqual(["warned", "warned"]);
  });

  it("the grant's revocation, with who revoked it and why", () => {
    const { session, recording } = onGrant();
    session.grantEnded("revoked", { by: "anna", reason: "the reactor is started" });
    const sentence = "The access to this target was revoked. Reason: the reactor is started";
    expect(session.signal.reason).toEqual({ code: "access-revoked", sentence });
    expect(recording.events).toContainEqual(
      expect.objectContaining({ notice: "terminate", facts: { by: "anna", code: "access-revoked", sentence } }),
    );
  });

  it("the grant's revocation, within the call that tells of it", () => {
    const { session, punished } = onGrant();
    session.grantEnded("revoked");
    expect(endOf(session)).toBe("access-revoked");
    // What ended with its access has nothing left to take away.
    expect(punished).toEqual([]);
  });

  it("no clock that is set back lengthens it", () => {
    const { session } = onGrant();
    at(hour / 2);
    session.checkLimits();
    nowMs = hour;
    wallMs = -hour;
    session.checkLimits();
    expect(endOf(session)).toBe("window-ended");
  });

  it("a clock that is set forward shortens a window, and setting it back again opens nothing", () => {
    const { session } = onGrant();
    wallMs = hour;
    session.checkLimits();
    expect(endOf(session)).toBe("window-ended");
  });

  it("a clock that is set forward does not shorten a session that stands on no window", () => {
    const { session } = makeSession({}, { limits: long });
    wallMs = 1000 * hour;
    session.checkLimits();
    expect(endOf(session)).toBeUndefined();
  });

  it("idleness is not counted while input is held", () => {
    const { session } = makeSession();
    session.freeze("bob", "");
    nowMs = 50_000;
    session.checkLimits();
    expect(endOf(session)).toBeUndefined();
    session.unfreeze("bob");
    nowMs = 59_999;
    session.checkLimits();
    expect(endOf(session)).toBeUndefined();
    nowMs = 60_000;
    session.checkLimits();
    expect(endOf(session)).toBe("limit-idle");
  });

  it("an operator: then the access is over, too", () => {
    const { session, punished } = onGrant();
    session.terminate({ code: "terminated", sentence: "The plant ended this session." }, "bob");
    expect(punished).toEqual(["terminated by bob"]);
  });
});

describe("the escort", () => {
  const escorted = { require: { approval: true, mfa: false, escort: "always" } };
  const begin = (escorts: string[] = []) => {
    const made = makeSession({}, { rule: escorted, grant: { ...approved, escorts } });
    made.session.awaitEscort();
    return made;
  };

  it("is awaited from the first moment on, and the person is told so", () => {
    const { session, told, recording } = begin();
    expect(session.frozen).toBe(true);
    expect(session.hold).toMatchObject({ code: "escort-awaited" });
    expect(told.at(-1)?.code).toBe("escort-awaited");
    expect(session.describe()).toMatchObject({ state: "frozen", hold: "escort-awaited" });
    expect(recording.notices()).toEqual(["freeze"]);
  });

  it.each([
    [{ name: "ADA", roles: ["escort"] }, "of their own"],
    [{ name: "bob", roles: ["admin"] }, "waits for an escort"],
    [{ name: "eve", roles: ["escort"] }, "names who escorts"],
    [{ name: "Emil", roles: ["escort"] }, null],
  ] as const)("%o may or may not release it", (by, whyNot) => {
    const { session } = begin(["emil"]);
    if (whyNot === null) expect(session.whyNotReleasedBy(by)).toBeNull();
    else expect(session.whyNotReleasedBy(by)).toContain(whyNot);
  });

  it("lets it begin, and can freeze it again; then an administrator may let it go on as well", async () => {
    const { session, told } = begin();
    const waiting = session.whenUnfrozen();
    expect(session.unfreeze("emil")).toBe(true);
    await waiting;
    expect([session.frozen, session.hold, told.at(-1)?.code]).toEqual([false, null, "unfrozen"]);
    expect(session.freeze("emil", "hands off")).toBe(true);
    expect(told.at(-1)?.sentence).toContain("hands off");
    expect(session.whyNotReleasedBy({ name: "bob", roles: ["admin"] })).toBeNull();
  });
});

describe("patterns", () => {
  const input = (text: string): SessionEvent => ({ type: "input", channel: 0, data: Buffer.from(text) });
  const withPattern = (action: string, more: Record<string, unknown> = {}) =>
    makeSession(
      {},
      { patterns: [{ id: "wipe", in: "input", match: "rm -rf", action, message: "Not here.", ...more }] },
    );

  it("terminate: the session is over before the bytes that completed it can pass", () => {
    const { session, recording, punished } = withPattern("terminate");
    session.sink.append(input("rm -r"));
    expect(session.signal.aborted).toBe(false);
    session.sink.append(input("f /\r"));
    expect(session.signal.reason).toEqual({ code: "pattern-matched", sentence: "Not here." });
    expect(punished).toEqual(["pattern-matched by policy: pattern wipe"]);
    expect(recording.notices()).toEqual(["pattern-matched", "terminate"]);
  });

  it("says which pattern, and nothing of what was found", () => {
    const { session, recording } = withPattern("alert");
    session.sink.append(input("rm -rf /secret-of-the-plant\r"));
    const notice = recording.events.find((event) => event.type === "notice" && event.notice === "pattern-matched");
    expect(notice).toEqual({
      type: "notice",
      notice: "pattern-matched",
      facts: { pattern: "wipe", in: "input", action: "alert", channel: 0 },
    });
    expect(session.signal.aborted).toBe(false);
  });

  it("freeze: input stops within the call that recorded what completed it, and the tap knows", () => {
    const { session } = withPattern("freeze");
    const holds: (string | undefined)[] = [];
    session.onHold((hold) => holds.push(hold?.code));
    session.sink.append(input("rm -rf"));
    expect(session.frozen).toBe(true);
    expect(holds).toEqual(["frozen"]);
    expect(session.unfreeze("bob")).toBe(true);
  });

  it("in the output end a session as well, a moment later", async () => {
    const { session } = withPattern("terminate", { in: "output", match: "ALARM" });
    session.sink.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from("ALA") });
    session.sink.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from("RM") });
    await vi.waitFor(() => expect(session.signal.aborted).toBe(true));
  });

  it("are found in what a session showed last, also when it ends at once", async () => {
    const { session, recording } = withPattern("alert", { in: "output", match: "ALARM" });
    session.sink.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from("ALARM") });
    session.ended("client-closed");
    await session.whenClosed();
    expect(recording.notices()).toEqual(["pattern-matched", "session-close"]);
  });

  it("are for whom and for what they name", () => {
    const { session } = withPattern("terminate", { people: ["somebody-else"] });
    session.sink.append(input("rm -rf"));
    expect(session.signal.aborted).toBe(false);
  });
});

describe("failure modes", () => {
  it("strict: freezes at once and ends the session", async () => {
    const { session, recording } = makeSession();
    recording.fail();
    expect(session.frozen).toBe(true);
    expect((session.signal.reason as TerminateReason).code).toBe("recording-failed");
    expect(() => session.sink.append({ type: "input", channel: 0, data: new Uint8Array(1) })).toThrow(AppError);
    await expect(session.sink.durable()).rejects.toThrow(AppError);
  });

  it("a spool that runs low ends strict sessions once, and only alarms the others", () => {
    const low = new AppError("RECORD_SPOOL_FULL", "low", { op: "test" });
    const strict = makeSession();
    strict.session.recordingFails(low);
    strict.session.recordingFails(low);
    expect(strict.recording.notices()).toEqual(["health", "terminate"]);
    const lenient = makeSession({ failureMode: "best_effort" });
    lenient.session.recordingFails(low);
    expect(lenient.session.signal.aborted).toBe(false);
    expect(lenient.session.describe().alarms).toEqual(["RECORD_SPOOL_FULL"]);
    expect(lenient.recording.notices()).toEqual(["health"]);
  });

  it("best_effort: goes on with an alarm", async () => {
    const { session, recording } = makeSession({ failureMode: "best_effort" });
    recording.fail();
    expect(session.signal.aborted).toBe(false);
    expect(session.sink.append({ type: "input", channel: 0, data: new Uint8Array(1) })).toBe(true);
    await session.sink.durable();
    expect(session.describe().alarms).toEqual(["RECORD_FAILED"]);
  });
});

describe("freeze", () => {
  it("is told to the tap after the record of it, and its end before, so that what was dropped stands in between", () => {
    const { session, recording } = makeSession();
    session.onHold((hold) => {
      expect(session.hold).toBe(hold);
      expect(session.frozen).toBe(hold !== null);
      session.notice("input-dropped", { bytes: 1, hold: hold?.code ?? "frozen" });
    });
    session.freeze("bob", "look");
    session.unfreeze("bob");
    expect(recording.notices()).toEqual(["freeze", "input-dropped", "input-dropped", "unfreeze"]);
  });

  it("holds input until unfrozen, and an end lets go of what was held", async () => {
    const { session, recording } = makeSession();
    session.freeze("bob", "look");
    expect(session.frozen).toBe(true);
    const held = session.whenUnfrozen();
    session.unfreeze("bob");
    await held;
    expect(recording.notices()).toEqual(["freeze", "unfreeze"]);
    session.freeze("bob", "again");
    const again = session.whenUnfrozen();
    session.ended("client-closed");
    await again;
    expect(session.signal.aborted).toBe(true);
  });
});

describe("ending", () => {
  it("closes the recording once, whoever asks first", async () => {
    const { session, recording, closed } = makeSession();
    session.ended("client-closed");
    session.ended("target-closed");
    session.terminate({ code: "terminated", sentence: "" }, "bob");
    await session.whenClosed();
    expect(recording.closedWith).toBe("client-closed");
    expect(closed).toEqual([session]);
  });

  it("does not wait for ever for a tap that never ends", async () => {
    vi.useFakeTimers();
    const { session, recording } = makeSession();
    session.terminate({ code: "terminated", sentence: "" }, "bob");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(recording.closedWith).toBe("terminated");
  });
});

describe("opening", () => {
  const screen = { name: "hmi", conduit: "c", protocol: "vnc", host: "h", secret: "s" };
  const recordedAs: OpenRecordFacts[] = [];

  function makeOpener(
    more: {
      policy?: Policy;
      credential?: () => Promise<{ kind: "private-key"; privateKey: string }>;
      screen?: Record<string, unknown>;
    } = {},
  ) {
    const registry = new SessionRegistry();
    const audits: string[] = [];
    let opened = 0;
    const opener = new SessionOpener({
      registry,
      logger,
      inventory: () => ({
        targets: [makeTarget(), makeTarget({ name: "SIS-1" }), Target.parse({ ...screen, ...more.screen })],
        conduits: [],
        policy: more.policy ?? policy,
        policyHash: "h",
        compiled: compilePolicy(more.policy ?? policy),
      }),
      authenticate: async () => person,
      credential: more.credential ?? (async () => ({ kind: "password", password: "x" })),
      openRecording: async (facts) => {
        recordedAs.push(facts);
        opened++;
        return new FakeRecording();
      },
      sealRecipients: [],
      audit: async (_actor, action) => {
        audits.push(action);
      },
    });
    return { opener, registry, audits, opened: () => opened };
  }

  it("opens an allowed session with its credential and an audit entry", async () => {
    const { opener, registry, audits } = makeOpener();
    const { target, session } = await opener.openSession(person, "PLC", client);
    expect(target.credential).toEqual({ kind: "password", password: "x" });
    expect(registry.list()).toHaveLength(1);
    expect(audits).toEqual(["session.open"]);
    session.signal.addEventListener("abort", () => session.ended("client-closed"));
    await registry.stop();
    expect(registry.list()).toEqual([]);
  });

  it("opens a screen with its password and settings, and its record says how it is kept", async () => {
    const { opener } = makeOpener({ screen: { vnc: { keepRaw: true, maskKeys: false } } });
    const { target } = await opener.openVncSession(person, "HMI", client);
    expect(target).toMatchObject({ name: "hmi", port: 5900, credential: { kind: "password", password: "x" } });
    expect(target.settings).toMatchObject({ quality: "evidence", keepRaw: true });
    expect(recordedAs.at(-1)).toMatchObject({
      protocol: "vnc",
      recording: { screen: { quality: "evidence", video: "lossless", maskKeys: false, keepRaw: true } },
    });
  });

  it("opens a screen that asks for no password without one", async () => {
    const { opener } = makeOpener({
      screen: { secret: undefined },
      credential: () => Promise.reject(new Error("it was asked for")),
    });
    expect((await opener.openVncSession(person, "hmi", client)).target.credential).toEqual({ kind: "none" });
  });

  it("refuses a screen where the rule does not allow the screen, to sessions and tickets alike", async () => {
    const rules = [{ id: "all", people: ["*"], targets: ["*"], capabilities: ["shell", "exec"], ...openRule }];
    const { opener, audits, opened } = makeOpener({ policy: Policy.parse({ version: 1, rules }) });
    const refused = { code: "POLICY_REFUSED", message: expect.stringContaining("does not allow this kind of request") };
    await expect(opener.openVncSession(person, "hmi", client)).rejects.toMatchObject(refused);
    await expect(opener.mayOpenVnc(person, "hmi", client)).rejects.toMatchObject(refused);
    expect([audits, opened()]).toEqual([["session.refused", "session.refused"], 0]);
  });

  it("says which protocol a target is reached by, once policy allows it at all", async () => {
    const { opener } = makeOpener();
    await expect(opener.openSession(person, "hmi", client)).rejects.toThrow("hmi is reached by VNC, not by SSH.");
    await expect(opener.openVncSession(person, "plc", client)).rejects.toThrow("plc is reached by SSH, not by VNC.");
    await expect(opener.openVncSession(person, "SIS-1", client)).rejects.toThrow("prohibited");
  });

  it("does not take a private key for a screen's password, nor leave a recording behind", async () => {
    const { opener, opened } = makeOpener({ credential: async () => ({ kind: "private-key", privateKey: "k" }) });
    await expect(opener.openVncSession(person, "hmi", client)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(opened()).toBe(0);
  });

  it("answers alike for a target that does not exist and one that no rule opens", async () => {
    const { opener, opened } = makeOpener({ policy: Policy.parse({ version: 1 }) });
    const missing = await opener.openSession(person, "nope", client).catch((error: Error) => error.message);
    const closed = await opener.openSession(person, "plc", client).catch((error: Error) => error.message);
    expect(String(missing).replace("nope", "plc")).toBe(closed);
    expect(opened()).toBe(0);
  });

  it("refuses a prohibited target and records the attempt", async () => {
    const { opener, audits } = makeOpener();
    await expect(opener.openSession(person, "SIS-1", client)).rejects.toMatchObject({ code: "POLICY_REFUSED" });
    expect(audits).toEqual(["session.refused"]);
  });

  it("counts sessions that are still being opened", async () => {
    const { opener } = makeOpener();
    const results = await Promise.allSettled([1, 2, 3].map(() => opener.openSession(person, "plc", client)));
    expect(results.filter((result) => result.status === "rejected")).toHaveLength(1);
  });

  it("gives the place back when opening fails", async () => {
    const { opener } = makeOpener({ credential: () => Promise.reject(new Error("no secret")) });
    for (let i = 0; i < 5; i++) await expect(opener.openSession(person, "plc", client)).rejects.toThrow("no secret");
  });
});
