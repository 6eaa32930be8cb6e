import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { covers, matchesGlob } from "../../../shared/policy/glob.ts";
import { lintPolicy, policyFaults } from "../../../shared/policy/lint.ts";
import { patternFault } from "../../../shared/policy/patterns.ts";
import { Policy } from "../../../shared/policy/policy.ts";

const rule = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  people: ["role:vendor"],
  targets: ["plc-*"],
  ...more,
});
const policyOf = (...rules: Record<string, unknown>[]) => Policy.parse({ version: 1, rules });
const found = (policy: Policy, people?: Parameters<typeof lintPolicy>[1]) =>
  lintPolicy(compilePolicy(policy), people).map(({ path, problem }) => `${path.join(".")} ${problem}`);

describe("covers", () => {
  it("says yes only where every text of the one is a text of the other", () => {
    const glob = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 6 });
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 });
    let yes = 0;
    fc.assert(
      fc.property(glob, glob, fc.array(text, { minLength: 20, maxLength: 20 }), (wide, narrow, texts) => {
        if (!covers(wide, narrow)) return;
        yes++;
        for (const one of texts) if (matchesGlob(narrow, one)) expect(matchesGlob(wide, one)).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect(yes).toBeGreaterThan(50);
  });

  it.each([
    ["*", "plc-?", true],
    ["plc-*", "plc-1*", true],
    ["plc-*", "PLC-*", true],
    ["plc-?", "plc-*", false],
    ["plc-1*", "plc-*", false],
    ["*a*", "ba?", true],
  ])("%s of %s: %s", (wide, narrow, yes) => {
    expect(covers(wide, narrow)).toBe(yes);
  });
});

describe("limits that end nothing", () => {
  const limits = (own: Record<string, number>) => found(Policy.parse({ version: 1, limits: own, rules: [] }));

  it("are said of a session longer than a day's work, and of idleness longer than an hour", () => {
    expect(limits({ maxSessionSeconds: 12 * 3600, idleSeconds: 3600 })).toEqual([]);
    expect(limits({ maxSessionSeconds: 48 * 3600, idleSeconds: 10 * 3600 })).toEqual([
      expect.stringMatching(/^limits\.maxSessionSeconds is longer than 12 hours/),
      expect.stringMatching(/^limits\.idleSeconds is longer than an hour/),
    ]);
  });

  it("and a pattern's fault shows the pattern as it was written", () => {
    expect(patternFault("(a")).not.toContain("(?m)");
    expect(patternFault("(a")).toContain("(a");
  });
});

describe("a rule that never decides", () => {
  it.each([
    ["one that says the same before it", rule("a"), rule("b")],
    ["a wider one", rule("a", { people: ["*"], targets: ["*"] }), rule("b", { targets: ["tag:x", "conduit:y"] })],
    ["a denying one", rule("a", { effect: "deny" }), rule("b", { targets: ["plc-1"] })],
    ["one for all protocols", rule("a"), rule("b", { protocols: ["ssh"] })],
    ["one for its protocol and more", rule("a", { protocols: ["vnc", "ssh"] }), rule("b", { protocols: ["ssh"] })],
  ])("after %s", (_name, ...rules) => {
    expect(found(policyOf(...rules))).toEqual([
      'rules.1.id ("b") is never reached: the rule "a" before it matches whatever it matches',
    ]);
  });

  it.each([
    ["one for other people", rule("a", { people: ["erika"] }), rule("b")],
    ["one for other targets", rule("a", { targets: ["plc-1"] }), rule("b")],
    ["one for one protocol", rule("a", { protocols: ["ssh"] }), rule("b")],
    ["one for one of its protocols", rule("a", { protocols: ["ssh"] }), rule("b", { protocols: ["ssh", "vnc"] })],
    ["one that denies at night", rule("a", { effect: "deny", hours: { from: "22:00", to: "06:00" } }), rule("b")],
  ])("is not said of one after %s", (_name, ...rules) => {
    expect(found(policyOf(...rules))).toEqual([]);
  });
});

it.each([
  [{ targets: ["SIS-7"] }, "rules.0.targets.0"],
  [{ targets: ["safety-*"] }, "rules.0.targets.0"],
  [{ limits: { maxSessionSeconds: 5 * 3600 } }, "rules.0.limits"],
  [{ limits: { idleSeconds: 901 } }, "rules.0.limits"],
  [{ protocols: ["rdp"] }, "rules.0.protocols"],
  [{ people: ["group:oem"] }, "rules.0.people.0"],
  [{ people: ["role:vendr"] }, "rules.0.people.0"],
  [{ people: ["role:vendr"], effect: "deny" }, "rules.0.people.0"],
  [{ require: { approval: false, mfa: false, escort: "never" } }, "rules.0.require"],
  [{ people: ["olaf"], recording: "none", unrecordedBecause: "Commissioning." }, "rules.0.recording"],
  [{ capabilities: ["shell", "local-forward"] }, "rules.0.capabilities"],
  [{ forwardTo: ["10.0.0.1:502"] }, "rules.0.forwardTo"],
])("says what is odd about a rule with %j", (more, path) => {
  expect(found(policyOf(rule("a", more))).map((line) => line.split(" ")[0])).toEqual([path]);
  expect(found(policyOf(rule("a")))).toEqual([]);
});

it("says that nothing is prohibited, and where a role is named that is none", () => {
  expect(found(Policy.parse({ version: 1, prohibitedTargets: [] }))).toEqual([
    "prohibitedTargets is empty, so a rule can open any target, safety systems too",
  ]);
  const policy = Policy.parse({
    version: 1,
    groups: { a: ["erika", "role:admn", "role:*"] },
    requests: { approvers: ["role:boss", "role:Approver"] },
  });
  expect(found(policy)).toEqual([
    'requests.approvers.0 ("role:boss") names no role',
    'requests.approvers.1 ("role:Approver") names no role',
    'groups.a.1 ("role:admn") names no role',
    'groups.a.2 ("role:*") names no role',
  ]);
});

it("says of groups what they lack, and of approvers that there are none", () => {
  const policy = Policy.parse({
    version: 1,
    groups: { a: ["group:b", "erika"], b: [] },
    requests: { approvers: ["role:approver", "group:chiefs"] },
    breakGlass: { people: ["anna", "erika"] },
    rules: [rule("r")],
  });
  const paths = (people?: Parameters<typeof lintPolicy>[1]) => found(policy, people).map((line) => line.split(" ")[0]);
  expect(paths()).toEqual(["requests.approvers.1", "groups.a.0"]);
  expect(paths([{ name: "erika", roles: ["vendor"] }]).slice(2)).toEqual([
    "requests.approvers",
    "escort",
    "breakGlass.people.0",
  ]);
  expect(paths([{ name: "anna", roles: ["approver", "escort"] }]).slice(2)).toEqual(["breakGlass.people.1"]);
});

describe("of the escort", () => {
  const policyWith = (escort: Record<string, unknown>, require: Record<string, unknown> = {}) =>
    Policy.parse({ version: 1, groups: { acme: ["erika"] }, escort, rules: [rule("r", { require })] });

  it.each([
    [{ earlyInput: "deliver" }, ["escort.earlyInput is deliver: an escort releases what a command was sent before"]],
    [{ mustWatch: false }, ["escort.mustWatch is false: an escort releases a session from anywhere"]],
    [{ presenceSeconds: 0 }, ["escort.presenceSeconds is 0: a page that was left open escorts"]],
    [{ companies: ["acme", "other"] }, ['escort.companies.1 ("group:other") names a group that the policy does not']],
    [{ graceSeconds: 30, companies: ["acme"] }, []],
  ])("%j is looked at", (escort, said) => {
    const lines = found(policyWith(escort));
    expect(lines.map((line, i) => line.slice(0, said[i]?.length ?? line.length))).toEqual(said);
  });

  it("nothing is said where no rule owes one", () => {
    expect(found(policyWith({ mustWatch: false }, { escort: "never" }))).toEqual([]);
  });

  it.each([
    [{ answerSeconds: 600 }, "answerSeconds"],
    [{ presenceSeconds: 30, answerSeconds: 30 }, "answerSeconds"],
    [{ graceSeconds: 1 }, "graceSeconds"],
    [{ presenceSeconds: -1 }, "presenceSeconds"],
  ])("%j is refused", (escort, key) => {
    const parsed = Policy.safeParse({ version: 1, escort });
    expect(parsed.error?.issues.map(({ path }) => path)).toEqual([["escort", key]]);
  });
});

describe("the schema refuses", () => {
  it.each([
    ["an unrecorded rule that does not say why", rule("a", { people: ["olaf"], recording: "none" }), "recording"],
    ["a reason where sessions are recorded", rule("a", { unrecordedBecause: "No reason at all" }), "unrecordedBecause"],
    ["unrecorded vendors", rule("a", { recording: "none", unrecordedBecause: "They asked for it." }), "recording"],
    ["a protocol that has no name", rule("a", { protocols: ["telnet"] }), "protocols"],
    ["an unknown demand", rule("a", { require: { retina: true } }), "require"],
  ])("%s", (_name, made, key) => {
    const parsed = Policy.safeParse({ version: 1, rules: [made] });
    expect(parsed.error?.issues.map(({ path }) => path[2])).toEqual([key]);
  });

  it("emergency access of a role or of everybody, and less than 90 days", () => {
    for (const people of [["role:vendor"], ["*"]]) {
      expect(Policy.safeParse({ version: 1, breakGlass: { people } }).success).toBe(false);
    }
    expect(Policy.safeParse({ version: 1, retention: [{ targets: ["*"], days: 89 }] }).success).toBe(false);
    expect(Policy.safeParse({ version: 1, breakGlass: { people: ["group:chiefs", "anna"] } }).success).toBe(true);
  });
});

it("finds patterns that cannot be used", () => {
  const policy = Policy.parse({
    version: 1,
    requests: { ticketPattern: "[" },
    patterns: [
      { id: "good", in: "input", match: "x", action: "alert" },
      { id: "bad", in: "input", match: "(?=x)", action: "alert" },
    ],
  });
  expect(policyFaults(policy).map(({ path }) => path.join("."))).toEqual([
    "patterns.1.match",
    "requests.ticketPattern",
  ]);
});
