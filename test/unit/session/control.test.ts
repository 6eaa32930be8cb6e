// Who else types in a live session, and what waits for somebody to agree: the state machine behind both, and that no order of
// control, freezes, stops and lost watches lets anything pass that is held.
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionControls } from "../../../recorder/session/controls.ts";
import { SessionRegistry } from "../../../recorder/session/registry.ts";
import { GatewaySession } from "../../../recorder/session/session.ts";
import type { SessionRecording } from "../../../recorder/session/session-facts.ts";
import type { ControlInput, SessionControl, SessionHold } from "../../../recorder/tap/tap.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { WatchAnswer, WatchEscorts, WatchPrompt } from "../../../shared/live/messages.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { ConfirmRules } from "../../../shared/policy/confirm.ts";
import { decideTarget } from "../../../shared/policy/decide.ts";
import { Policy, type Role, Target } from "../../../shared/policy/policy.ts";
import { mayApprove } from "../../../shared/policy/request.ts";
import { openRule } from "../../support/open-rules.ts";

const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const vera = { name: "vera", roles: ["vendor"] as const, authMethod: "publickey", factors: [] };
let nowMs = 0;
let registry: SessionRegistry;
let controls: SessionControls;

beforeEach(begin);
afterEach(() => registry.stop());

function begin(): void {
  nowMs = 1000;
  registry = new SessionRegistry(1_000_000);
  controls = new SessionControls(registry);
}

function open(policy: Record<string, unknown>, escort = false) {
  const inForce = Policy.parse({
    version: 1,
    rules: [{ id: "all", people: ["*"], targets: ["*"], ...openRule }],
    ...policy,
  });
  const compiled = compilePolicy(inForce, [
    { id: "reactor", name: "Reactor", securityLevel: 1, serves: ["vera", "emil", "else", "eva", "adam"] } as never,
  ]);
  const target = Target.parse({
    name: "plc",
    conduit: "reactor",
    protocol: "ssh",
    host: "h",
    account: "a",
    secret: "s",
  });
  const decision = decideTarget(compiled, { person: vera, target, protocol: "ssh", nowMs: 0, grant: null });
  const events: SessionEvent[] = [];
  const recording: SessionRecording = {
    session: "s",
    append: (event) => events.push(event) > 0,
    durable: async () => {},
    drained: async () => {},
    health: () => ({ recordedBytes: 0, durableBehindMs: 0 }),
    nowUs: () => nowMs * 1000,
    onFailure: () => {},
    close: async () => {},
  };
  const session = new GatewaySession(
    {
      ...{ person: vera, target, decision, policy: inForce, grant: null },
      client: { address: "127.0.0.1", port: 1, software: "test" },
      startedAt: "2026-01-01T00:00:00.000000Z",
      confirm: new ConfirmRules(compiled, vera, target),
      serves: (one) => compiled.serves(target, one),
      approves: (one) => mayApprove(compiled, one, "reactor"),
    },
    recording,
    {
      nowMs: () => nowMs,
      wallMs: () => nowMs,
      logger: quiet,
      onClosed: (one) => registry.remove(one),
    },
  );
  const tap = {
    hold: null as SessionHold | null,
    control: null as SessionControl | null,
    typed: [] as { by: string; input: ControlInput }[],
    changes: [] as string[],
  };
  session.onHold((hold) => {
    tap.hold = hold;
    tap.changes.push(`hold ${hold?.code ?? "none"}`);
  });
  session.onControl({
    controlChanged: (control) => {
      tap.control = control;
      tap.changes.push(`control ${control?.by ?? "none"}`);
    },
    controlInput: (input) => {
      tap.typed.push({ by: session.control?.by ?? "nobody", input });
      return true;
    },
  });
  session.signal.addEventListener("abort", () => session.ended("client-closed"));
  registry.add(session);
  if (escort) session.awaitEscort();
  const notices = () =>
    events.flatMap((event) => (event.type === "notice" ? [{ type: event.notice, facts: event.facts }] : []));
  const sent: (WatchEscorts | WatchPrompt | WatchAnswer)[] = [];
  const watch = (name: string, roles: readonly Role[] = ["escort"]) => {
    const facts = { watch: `w-${name}`, session: "s", person: { name, roles }, escorts: true, since: "" };
    controls.watching.joined(facts, { send: (message) => void sent.push(message) }, nowMs);
    controls.watching.beat(facts, { visible: true, seenUs: 0, edgeUs: 0, atMs: nowMs });
    return facts;
  };
  const answers = () => sent.filter((message): message is WatchAnswer => message.type === "answer");
  return { session, events, tap, notices, watch, answers };
}

const text = { type: "text", channel: 0, text: "ls\r" } as const;
const exclusive = { escort: { control: "exclusive" } };

describe("control", () => {
  it("is for nobody where the policy says nothing of it", () => {
    const { session, watch, answers, notices } = open({});
    controls.watching.control(watch("emil"), true);
    expect(session.control).toBeNull();
    expect(answers().at(-1)).toMatchObject({ ok: false, reason: "control-off" });
    expect(notices().at(-1)).toEqual({
      type: "request-refused",
      facts: { request: "control", by: "emil", reason: "control-off" },
    });
  });

  it.each([
    ["the person themselves", "vera", ["escort"], "control-own-session"],
    ["a vendor with other roles", "victor", ["vendor", "escort", "admin"], "control-role"],
    ["an auditor", "ida", ["auditor", "investigator", "approver"], "control-role"],
    ["somebody of the same company", "emil", ["escort"], "control-same-company"],
    ["somebody whom the conduit does not serve", "otto", ["escort"], "conduit-not-serving"],
  ] as const)("is not for %s", (_who, name, roles, reason) => {
    const { session, watch, answers } = open({
      groups: { pumps: ["vera", "emil"] },
      escort: { control: "exclusive", companies: ["pumps"] },
    });
    controls.watching.control(watch(name, roles), true);
    expect([session.control, answers().at(-1)?.reason]).toEqual([null, reason]);
  });

  it("holds the person, lets in whoever has it alone, and gives back what it took", () => {
    const { session, tap, watch, answers, notices } = open(exclusive);
    const [emil, other] = [watch("emil"), watch("else")];
    controls.watching.control(emil, true);
    controls.watching.input(emil, text);
    controls.watching.input(other, text);
    expect(tap.typed).toEqual([{ by: "emil", input: text }]);
    expect([session.frozen, session.hold?.code, session.describe().control?.by]).toEqual([true, "controlled", "emil"]);
    controls.watching.control(other, true);
    expect(answers().at(-1)).toMatchObject({ ok: false, reason: "control-held" });
    nowMs += 2000;
    controls.watching.control(emil, false);
    expect([session.frozen, session.control]).toEqual([false, null]);
    // The person's input flows once nothing of the other's is on its way, and not before.
    expect(tap.changes).toEqual(["hold controlled", "control emil", "control none", "hold none"]);
    controls.watching.input(emil, text);
    expect(tap.typed.length).toBe(1);
    expect(notices().filter(({ type }) => type.startsWith("control-"))).toEqual([
      { type: "control-begin", facts: { by: "emil", watch: "w-emil", exclusive: true } },
      { type: "control-end", facts: { by: "emil", watch: "w-emil", why: "given-back", seconds: 2 } },
    ]);
  });

  it("beside the person holds nobody", () => {
    const { session, tap, watch } = open({ escort: { control: "shared" } });
    controls.watching.control(watch("adam", ["admin"]), true);
    expect([session.frozen, tap.control]).toEqual([false, { by: "adam", exclusive: false }]);
  });

  it("ends with a freeze, and is not to be had while one lasts", () => {
    const { session, tap, watch, answers } = open(exclusive);
    const emil = watch("emil");
    controls.watching.control(emil, true);
    expect(registry.freeze("s", "adam", "stop")).toBe(true);
    expect([session.control, session.hold?.code, answers().at(-1)?.reason]).toEqual([null, "frozen", "held"]);
    expect(tap.changes.slice(2)).toEqual(["control none", "hold frozen"]);
    controls.watching.control(emil, true);
    expect(answers().at(-1)?.reason).toBe("control-session-held");
  });

  it.each(["left", "silent", "idle"] as const)("ends with the watch: %s", (why) => {
    const { session, watch, answers } = open({ ...exclusive, limits: { idleSeconds: 30 } });
    const emil = watch("emil");
    controls.watching.control(emil, true);
    if (why === "left") controls.watching.left(emil, "left", nowMs);
    else {
      for (let i = 0; i < 160 && session.control !== null; i++) {
        nowMs += 250;
        if (why === "idle") controls.watching.beat(emil, { visible: true, seenUs: 0, edgeUs: 0, atMs: nowMs });
        session.checkLimits();
      }
    }
    expect([session.control, session.frozen, answers().at(-1)?.reason]).toEqual([null, false, why]);
  });

  it("what is typed with it is none of the person's doing", () => {
    const { session, watch } = open({ escort: { control: "shared" }, limits: { idleSeconds: 20 } });
    const emil = watch("emil");
    controls.watching.control(emil, true);
    for (let i = 0; i < 100 && session.state === "active"; i++) {
      nowMs += 250;
      controls.watching.input(emil, text);
      session.checkLimits();
    }
    expect(session.state).not.toBe("active");
  });
});

describe("a session that the plant has frozen", () => {
  it("is released by nobody of the person's company, and by no vendor", () => {
    const { session } = open({ groups: { acme: ["vera", "eva"] }, escort: { companies: ["acme"] } });
    registry.freeze("s", "emil", "");
    const release =
      (name: string, ...roles: Role[]) =>
      () =>
        registry.unfreeze("s", { name, roles });
    expect(release("eva", "escort")).toThrow("same company");
    expect(release("else", "escort", "vendor")).toThrow("A vendor releases no session");
    expect(session.frozen).toBe(true);
    expect(release("else", "escort")()).toBe(true);
  });
});

describe("what somebody has to agree to", () => {
  const policy = {
    confirm: [
      { id: "uploads", when: { upload: true }, by: "approver", timeoutSeconds: 10 },
      { id: "erase", when: { command: "erase\\s+flash" } },
    ],
  };
  const emil = { name: "emil", roles: ["escort"] as const };
  const type = (lines: ReturnType<NonNullable<GatewaySession["confirm"]>["lines"]>, typed: string) =>
    lines.typed(Buffer.from(typed));

  it("a line is stopped at its end, however it came, and what the terminal shows of it counts", async () => {
    const { session } = open(policy);
    const lines = session.confirm?.lines(0);
    if (lines === undefined) throw new Error("nothing asks");
    expect(type(lines, "ls\rer")).toBe(5);
    expect(type(lines, "ase fx")).toBe(6);
    expect(type(lines, "\x7flash\r\n")).toBe(5);
    lines.shown(Buffer.from("$ erase flash"));
    const awaited = lines.ask();
    expect(session.describe().confirmations).toMatchObject([
      { n: 1, rule: "erase", what: "command", text: "$ erase flash", needs: "escort" },
    ]);
    expect(controls.confirm("s", 1, emil, { given: true, reason: "" })).toBe(true);
    expect((await awaited?.answer)?.given).toBe(true);
    lines.ended(true);
    // Recalled: nothing of it was typed.
    lines.shown(Buffer.from("\r\n$ \x1b[Kerase  \bflash"));
    expect(type(lines, "\x1b[A")).toBe(3);
    expect(type(lines, "\r")).toBe(0);
    lines.ended(false);
    lines.shown(Buffer.from("\r\n$ ls"));
    expect(type(lines, "\r")).toBe(1);
    // Recalled and ended at once: what it is shows only afterwards.
    expect(type(lines, "\x19\r")).toBe(1);
    lines.shown(Buffer.from("\r\n$ erase flash"));
    const second = lines.ask();
    second?.cancel("done");
    expect(second).not.toBeNull();
    lines.ended(true);
    expect(type(lines, "\x1b[A\r")).toBe(3);
    lines.shown(Buffer.from("\r\n$ ls -l"));
    expect(lines.ask()).toBeNull();
  });

  it("is asked about once, by the rule that comes first in the policy, where two fit", () => {
    const [uploads, erase] = policy.confirm;
    const first = (rules: unknown[], command: string) => {
      const { session } = open({ ...policy, confirm: rules });
      session.confirm?.ask({ what: "command", channel: 0, command, writes: true });
      return session.describe().confirmations?.map(({ rule, what }) => `${rule} ${what}`);
    };
    expect(first([uploads, erase], "scp -t '/erase flash'")).toEqual(["uploads upload"]);
    expect(first([erase, uploads], "scp -t '/erase flash'")).toEqual(["erase command"]);
    expect(first([erase, uploads], "scp -t /x")).toEqual(["uploads upload"]);
  });

  it("is not for the person, a vendor, another role or the same company to answer", () => {
    const { session } = open(policy);
    expect(session.confirm?.ask({ what: "upload", channel: 0, path: "/x" })).not.toBeNull();
    const answer = (name: string, roles: readonly Role[]) => () =>
      controls.confirm("s", 1, { name, roles }, { given: true, reason: "" });
    expect(answer("Vera", ["approver"])).toThrow("themselves");
    expect(answer("arno", ["approver", "vendor"])).toThrow("vendor");
    expect(answer("emil", ["escort", "admin"])).toThrow("approver");
    expect(answer("arno", ["approver"])()).toBe(true);
    expect(answer("arno", ["approver"])()).toBe(false);
  });

  it("is for the approvers of the target's conduit, where they are named", () => {
    const { session } = open({ ...policy, requests: { approvers: ["arno"] } });
    expect(session.confirm?.ask({ what: "upload", channel: 0, path: "/x" })).not.toBeNull();
    const answer = (name: string) => () =>
      controls.confirm("s", 1, { name, roles: ["approver"] }, { given: true, reason: "" });
    expect(answer("anna")).toThrow("approver of the target's conduit");
    expect(answer("arno")()).toBe(true);
  });

  it("is refused when nobody answers, and when the session is frozen or ends; all of it is in the record", async () => {
    const { session, notices } = open(policy);
    const ask = () => session.confirm?.ask({ what: "upload", channel: 3, path: "/flash" })?.answer;
    const late = ask();
    nowMs += 10_001;
    session.checkLimits();
    expect((await late)?.given).toBe(false);
    const frozen = ask();
    registry.freeze("s", "emil", "");
    expect((await frozen)?.given).toBe(false);
    expect((await ask())?.given).toBe(false);
    expect(session.unfreeze("emil")).toBe(true);
    const ended = ask();
    session.terminate({ code: "terminated", sentence: "" }, "adam");
    expect((await ended)?.given).toBe(false);
    const steps = notices().filter(({ type }) => type.startsWith("confirm-"));
    expect(steps.map(({ type, facts }) => [type, facts["n"], facts["why"]])).toEqual([
      ["confirm-asked", 1, undefined],
      ["confirm-expired", 1, undefined],
      ["confirm-asked", 2, undefined],
      ["confirm-cancelled", 2, "held"],
      ["confirm-asked", 3, undefined],
      ["confirm-cancelled", 3, "ended"],
    ]);
    expect(steps[0]?.facts).toMatchObject({ what: "upload", path: "/flash", needs: "approver", timeoutSeconds: 10 });
  });
});

const people = ["emil", "else", "eva"] as const;
type Person = (typeof people)[number];
type Step =
  | { do: "take" | "give" | "leave" | "join" | "type" | "release"; who: Person }
  | { do: "freeze" | "stop" | "lift" | "end-safely" | "ask" | "answer" | "silence" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom("take", "give", "leave", "join", "type", "release"),
        who: fc.constantFrom(...people),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("freeze", "stop", "lift", "end-safely", "ask", "answer", "silence") }),
    },
  ) as fc.Arbitrary<Step>,
  { maxLength: 40 },
);

it("no order of control, freezes, stops and lost watches lets input through that is held", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom("exclusive", "shared"), fc.boolean(), async (all, control, escort) => {
      await registry.stop();
      begin();
      const confirm = [{ id: "uploads", when: { upload: true } }];
      const { session, tap, watch } = open(
        { confirm, escort: { control, presenceSeconds: 0, graceSeconds: 86_400 } },
        escort,
      );
      const watching = new Map<Person, ReturnType<typeof watch>>();
      let agreedWhileHeld = false;
      for (const step of all) {
        nowMs += 100;
        const before = tap.typed.length;
        const held = session.control;
        const typist = "who" in step ? watching.get(step.who) : undefined;
        switch (step.do) {
          case "join":
            watching.set(step.who, watch(step.who));
            break;
          case "leave":
            if (typist) controls.watching.left(typist, "left", nowMs);
            watching.delete(step.who);
            break;
          case "take":
          case "give":
            if (typist) controls.watching.control(typist, step.do === "take");
            break;
          case "type":
            if (typist) controls.watching.input(typist, text);
            expect(tap.typed.length - before).toBe(typist && held?.by === step.who ? 1 : 0);
            break;
          case "release":
            try {
              registry.unfreeze("s", { name: step.who, roles: ["escort"] });
            } catch {
              // Not as things stand.
            }
            break;
          case "freeze":
            registry.freeze("s", "adam", "");
            break;
          case "stop":
            controls.stop({ scope: "all", action: "freeze", reason: "x", by: "adam", at: "" });
            break;
          case "lift":
            controls.liftStop("adam", "", () => false);
            break;
          case "end-safely":
            controls.endSafely("s", "adam", "", false);
            break;
          case "ask":
            void session.confirm?.ask({ what: "upload", channel: 0, path: "/x" })?.answer.then(({ given }) => {
              agreedWhileHeld ||= given && session.frozen;
            });
            break;
          case "answer":
            for (const { n } of session.describe().confirmations ?? []) {
              controls.confirm("s", n, { name: "emil", roles: ["escort"] }, { given: true, reason: "" });
            }
            await Promise.resolve();
            await Promise.resolve();
            break;
          case "silence":
            nowMs += 6000;
            session.checkLimits();
        }
        const code = session.hold?.code ?? null;
        // What the tap was told is how things stand, and nobody types in a session that is held for another reason.
        expect([tap.hold?.code ?? null, tap.control]).toEqual([code, session.control]);
        expect(session.frozen).toBe(code !== null);
        if (session.control !== null) expect(code).toBe(session.control.exclusive ? "controlled" : null);
        if (code === "controlled") expect(session.control).not.toBeNull();
        if (session.control !== null) expect(watching.has(session.control.by as Person)).toBe(true);
        if (code !== null) expect(session.describe().confirmations).toEqual([]);
      }
      expect(agreedWhileHeld).toBe(false);
    }),
    { numRuns: 300 },
  );
});
