// What holds for every policy, person, target and time.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy, expandGroups, matchesPerson, matchesTarget } from "../../../shared/policy/compile.ts";
import {
  decideCapability,
  decideClipboard,
  decideEnv,
  decideFile,
  decideForward,
  decideSignIn,
  decideTarget,
  type GrantFacts,
  type Subject,
  seenTime,
  type TargetQuery,
} from "../../../shared/policy/decide.ts";
import { explainTarget } from "../../../shared/policy/explain.ts";
import { lintPolicy } from "../../../shared/policy/lint.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import { checkRequest } from "../../../shared/policy/request.ts";
import { terminationDue } from "../../../shared/policy/termination.ts";

const names = fc.constantFrom("plc-1", "plc-2", "PLC-1", "hmi", "SIS-1", "sis-x", "SAFETY-1", "a*b", "");
const peoplePatterns = fc.constantFrom(
  "*",
  "ada",
  "e*",
  "?ve",
  "role:vendor",
  "role:escort",
  "group:oem",
  "group:none",
);
const targetPatterns = fc.constantFrom(
  "*",
  "plc-*",
  "plc-1",
  "*-1",
  "h?i",
  "SIS-*",
  "tag:pump",
  "tag:p*",
  "conduit:cell",
  "*s*",
);
const hours = fc.record({
  days: fc.subarray(["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const, { minLength: 1 }),
  from: fc.constantFrom("00:00", "06:00", "22:00"),
  to: fc.constantFrom("00:00", "06:00", "18:30"),
  timeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York"),
});
const rule = fc.record(
  {
    id: fc.constantFrom("r1", "r2", "r3", "r4"),
    effect: fc.constantFrom("allow", "deny"),
    people: fc.array(peoplePatterns, { minLength: 1, maxLength: 3 }),
    targets: fc.array(targetPatterns, { minLength: 1, maxLength: 3 }),
    protocols: fc.subarray(["ssh", "vnc", "rdp"] as const, { minLength: 1 }),
    require: fc.record({
      approval: fc.boolean(),
      mfa: fc.boolean(),
      escort: fc.constantFrom("vendors", "always", "never"),
    }),
    recording: fc.constantFrom("full", "without-input", "metadata"),
    fileTransfer: fc.constantFrom("scan_required", "allow", "deny"),
    limits: fc.record({
      maxSessionSeconds: fc.integer({ min: 1, max: 1e5 }),
      idleSeconds: fc.integer({ min: 1, max: 1e4 }),
    }),
    hours,
  },
  { requiredKeys: ["id", "effect", "people", "targets"] },
);
const rules = fc.array(rule, { maxLength: 6 });
const policyOf = (list: unknown[], more: Record<string, unknown> = {}) =>
  Policy.parse({
    version: 1,
    rules: list,
    groups: { oem: ["ada", "role:escort"] },
    breakGlass: { people: ["ada"] },
    ...more,
  });
const person = fc.record({
  name: fc.constantFrom("ada", "eve", "Ada", "zoë"),
  roles: fc.subarray(["vendor", "escort", "admin"] as const),
  factors: fc.subarray(["password", "totp", "recovery-code", "grant-password"] as const),
}) as fc.Arbitrary<Subject>;
const target = fc
  .record({
    name: names,
    tags: fc.subarray(["pump", "p", "x"]),
    conduit: fc.constantFrom("cell", "other"),
    protocol: fc.constantFrom("ssh" as const, "vnc" as const),
  })
  .map(({ name, tags, conduit, protocol }): Target => {
    const known = Target.parse(
      protocol === "ssh"
        ? { name: "x", conduit: "x", protocol, host: "h", account: "a", secret: "s" }
        : { name: "x", conduit: "x", protocol, host: "h" },
    );
    return { ...known, name, tags, conduit };
  });
const dayMs = 86_400_000;
const time = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2028, 0, 1) });
const grant = fc.option(
  fc.record({
    id: fc.constant("g"),
    request: fc.constant("r"),
    kind: fc.constantFrom("request" as const, "break-glass" as const),
    fromMs: time,
    toMs: time,
    targets: fc.array(names, { maxLength: 3 }),
    state: fc.constantFrom("open" as const, "revoked" as const, "used-up" as const),
    escorts: fc.constant([]),
  }) as fc.Arbitrary<GrantFacts>,
);
const query = fc
  .record({ person, target, nowMs: time, grant, wide: fc.boolean() })
  .map(({ wide, ...one }): TargetQuery => {
    // Half of them with a grant that fits, so that permissions come up often enough to mean something.
    const fits = {
      fromMs: one.nowMs - 1000,
      toMs: one.nowMs + 1000,
      targets: [one.target.name],
      state: "open" as const,
    };
    return {
      ...one,
      protocol: one.target.protocol,
      grant: one.grant === null || !wide ? one.grant : { ...one.grant, ...fits },
    };
  });
const runs = { numRuns: 600 };

/** The plain reading of the rules, one after another, without an index. */
function firstMatch(policy: Policy, { person: who, target: what, protocol }: TargetQuery, from = 0): number {
  return policy.rules.findIndex(
    (one, at) =>
      at >= from &&
      (one.protocols === undefined || one.protocols.some((name) => name === protocol)) &&
      expandGroups(policy, one.people).some((pattern) => matchesPerson(pattern, who)) &&
      matchesTarget(one.targets, what),
  );
}

it("the index finds what the plain reading finds", () => {
  fc.assert(
    fc.property(rules, query, fc.nat(7), (list, asked, from) => {
      const policy = policyOf(list);
      expect(compilePolicy(policy).firstRule(asked.person, asked.target, asked.protocol, from)).toBe(
        firstMatch(policy, asked, from),
      );
    }),
    runs,
  );
});

it("the index finds it among hundreds of rules, too, and whatever was asked before", () => {
  const wide = fc.array(
    fc.record({
      id: fc.nat(999).map((n) => `r${n}`),
      people: fc.array(fc.oneof(peoplePatterns, fc.constantFrom("ada-*", "a?a", "eve")), {
        minLength: 1,
        maxLength: 2,
      }),
      targets: fc.array(fc.oneof(targetPatterns, fc.constantFrom("plc-?", "h*", "*c-2")), {
        minLength: 1,
        maxLength: 2,
      }),
    }),
    { minLength: 60, maxLength: 150 },
  );
  fc.assert(
    fc.property(wide, fc.array(query, { minLength: 1, maxLength: 8 }), (list, asked) => {
      const policy = policyOf(list);
      const compiled = compilePolicy(policy);
      for (const one of asked) {
        expect(compiled.firstRule(one.person, one.target, one.protocol)).toBe(firstMatch(policy, one));
      }
    }),
    { numRuns: 60 },
  );
});

it("a prohibited target is never allowed, in any order of rules, with any grant", () => {
  fc.assert(
    fc.property(rules, query, fc.constantFrom("SIS-1", "sis-x", "SAFETY-1", "Safety-9"), (list, asked, name) => {
      const wanted: TargetQuery = { ...asked, target: { ...asked.target, name } };
      const given = wanted.grant === null ? null : { ...wanted.grant, targets: [name] };
      for (const order of [list, list.toReversed()]) {
        const decision = decideTarget(compilePolicy(policyOf(order)), { ...wanted, grant: given });
        expect(decision).toMatchObject({ effect: "deny", reason: "prohibited-target" });
      }
    }),
    runs,
  );
});

it("adding a rule that denies, anywhere, never allows more", () => {
  fc.assert(
    fc.property(rules, rule, fc.nat(6), query, (list, extra, at, asked) => {
      const more = [...list];
      more.splice(at, 0, { ...extra, effect: "deny" });
      const before = decideTarget(compilePolicy(policyOf(list)), asked);
      if (before.effect === "deny") expect(decideTarget(compilePolicy(policyOf(more)), asked).effect).toBe("deny");
    }),
    runs,
  );
});

it("a stricter demand of a rule never allows more, and never loosens what holds", () => {
  fc.assert(
    fc.property(rules, query, fc.constantFrom("approval", "mfa", "escort"), (list, asked, demand) => {
      const strict = demand === "escort" ? "always" : true;
      const stricter = list.map((one) => ({ ...one, require: { ...one.require, [demand]: strict } }));
      const before = decideTarget(compilePolicy(policyOf(list)), asked);
      const after = decideTarget(compilePolicy(policyOf(stricter)), asked);
      if (before.effect === "deny") expect(after.effect).toBe("deny");
      if (after.effect === "deny") return;
      for (const key of ["approval", "mfa", "escort"] as const) {
        expect(after.obligations[key] || !before.obligations[key]).toBe(true);
      }
      expect(after.capabilities).toEqual(before.capabilities);
    }),
    runs,
  );
});

it("what is allowed keeps within window, limits and hours, has its second factor, and is recorded for vendors", () => {
  let allowed = 0;
  fc.assert(
    fc.property(rules, query, (list, asked) => {
      const policy = policyOf(list);
      const { effect, obligations } = decideTarget(compilePolicy(policy), asked);
      if (effect === "deny") return;
      allowed++;
      expect(obligations.limits.maxSessionSeconds).toBeLessThanOrEqual(policy.limits.maxSessionSeconds);
      expect(obligations.limits.idleSeconds).toBeLessThanOrEqual(policy.limits.idleSeconds);
      if (obligations.windowEndsMs !== null) expect(obligations.windowEndsMs).toBeGreaterThan(asked.nowMs);
      if (obligations.approval) expect(obligations.windowEndsMs).toBeLessThanOrEqual(asked.grant?.toMs ?? 0);
      if (obligations.mfa)
        expect(asked.person.factors).toSatisfy((f: string[]) => f.includes("totp") || f.includes("recovery-code"));
      if (asked.person.roles.includes("vendor")) expect(obligations.recording).not.toBe("none");
      expect(obligations.retentionDays).toBeGreaterThanOrEqual(90);
    }),
    runs,
  );
  expect(allowed).toBeGreaterThan(runs.numRuns / 50);
});

it("a clock that is set back opens no window again", () => {
  fc.assert(
    fc.property(
      fc.array(time, { minLength: 2, maxLength: 20 }),
      time,
      fc.integer({ min: 1, max: dayMs }),
      (readings, fromMs, length) => {
        const compiled = compilePolicy(policyOf([{ id: "r", people: ["*"], targets: ["*"], require: { mfa: false } }]));
        const toMs = fromMs + length;
        const open: GrantFacts = {
          id: "g",
          request: "r",
          kind: "request",
          fromMs,
          toMs,
          targets: ["plc-1"],
          state: "open",
          escorts: [],
        };
        const made = Target.parse({
          name: "plc-1",
          conduit: "c",
          protocol: "ssh",
          host: "h",
          account: "a",
          secret: "s",
        });
        let seenMs = Number.NEGATIVE_INFINITY;
        let over = false;
        for (const reading of readings) {
          seenMs = seenTime(seenMs, reading);
          const { reason } = decideTarget(compiled, {
            person: { name: "ada", roles: [] },
            target: made,
            protocol: "ssh",
            nowMs: seenMs,
            grant: open,
          });
          if (over) expect(reason).toBe("window-over");
          over ||= reason === "window-over";
        }
      },
    ),
  );
  expect(seenTime(5, Number.NaN)).toBe(5);
});

it("no session outlives its window or its limits, however the clocks run", () => {
  const step = fc.record({
    monotonicMs: fc.nat(400_000),
    wallMs: fc.integer({ min: -dayMs, max: dayMs }),
    input: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: dayMs }), (steps, windowMs) => {
      const limits = { ...policyOf([]).limits, maxSessionSeconds: 3600, idleSeconds: 300 };
      let nowMs = 1000;
      let readingMs = Date.UTC(2026, 0, 1);
      const windowEndsMs = readingMs + windowMs;
      let wallMs = readingMs;
      let lastInputMs = nowMs;
      for (const { monotonicMs, wallMs: set, input } of steps) {
        nowMs += monotonicMs;
        readingMs += set;
        wallMs = seenTime(wallMs, readingMs);
        const facts = {
          startedMs: 1000,
          lastInputMs,
          nowMs,
          wallMs,
          windowEndsMs,
          grantState: "open" as const,
          limits,
          recordedBytes: 0,
          warned: new Set<string>(),
        };
        const { due, nextCheckMs } = terminationDue(facts);
        const mustEnd = nowMs - 1000 >= 3_600_000 || nowMs - lastInputMs >= 300_000 || wallMs >= windowEndsMs;
        expect(due !== null).toBe(mustEnd);
        if (mustEnd) return;
        expect(nextCheckMs).toBeGreaterThan(nowMs);
        if (input) lastInputMs = nowMs;
      }
    }),
    runs,
  );
});

describe("whatever comes in, an answer comes out", () => {
  const junk = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "constructor", "toString", "group:__proto__"),
  );
  const number = fc.oneof(
    fc.double(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 8.64e15, -8.64e15),
  );
  it("of every decision", () => {
    fc.assert(
      fc.property(rules, query, junk, junk, number, number, (list, asked, text, other, nowMs, toMs) => {
        const policy = policyOf(list);
        const compiled = compilePolicy(policy);
        const who: Subject = { ...asked.person, name: text };
        const what: Target = { ...asked.target, name: other, tags: [text], conduit: text };
        const given = asked.grant === null ? null : { ...asked.grant, fromMs: nowMs, toMs, targets: [text, other] };
        const odd = { person: who, target: what, protocol: text, nowMs, grant: given };
        const decision = decideTarget(compiled, { ...odd, protocol: asked.protocol });
        for (const answer of [
          decision,
          decideTarget(compiled, odd),
          explainTarget(compiled, odd).decision,
          decideSignIn(policy, { person: who, nowMs }),
          decideCapability(decision, "shell"),
          decideEnv(policy, decision, text),
          decideForward(decision, text, nowMs),
          decideClipboard(decision, "inbound", nowMs),
          decideFile(decision, { direction: "upload", path: text, operation: other }),
        ]) {
          expect(["allow", "deny"]).toContain(answer.effect);
        }
        // No number of which time it is has ever opened a window.
        if (Number.isNaN(nowMs) && decision.obligations.approval) expect(decision.effect).toBe("deny");
        expect(
          Array.isArray(
            checkRequest(compiled, {
              requester: who,
              people: [text, "ada"],
              targets: [other, "plc-1"],
              protocol: text,
              fromMs: nowMs,
              toMs,
              purpose: text,
              ticket: other,
              escorts: [text],
              nowMs: toMs,
              knownPeople: [who, { name: "ada", roles: ["vendor"] }],
              knownTargets: [what],
            }),
          ),
        ).toBe(true);
        expect(Array.isArray(lintPolicy(compiled, [who]))).toBe(true);
        const { due } = terminationDue({
          startedMs: nowMs,
          lastInputMs: toMs,
          nowMs,
          wallMs: toMs,
          windowEndsMs: nowMs,
          grantState: "open",
          limits: policy.limits,
          recordedBytes: toMs,
          warned: new Set(),
        });
        if (Number.isNaN(nowMs) || Number.isNaN(toMs)) expect(due).not.toBeNull();
      }),
      { numRuns: 300 },
    );
  });
});
