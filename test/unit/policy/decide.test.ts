import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { decideCapability, decideEnv, decideTarget, type Subject } from "../../../shared/policy/decide.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import { openRule } from "../../support/open-rules.ts";

const target = (name: string, more: Record<string, unknown> = {}): Target =>
  Target.parse({ name, conduit: "dmz", protocol: "ssh", host: "127.0.0.1", account: "root", secret: name, ...more });
const vendor = { name: "ada", roles: ["vendor"] as const };
const decideSession = (policy: Policy, person: Subject, one: Target) =>
  decideTarget(compilePolicy(policy), { person, target: one, protocol: one.protocol, nowMs: 0, grant: null });

describe("decideSession", () => {
  const policy = Policy.parse({
    version: 1,
    rules: [
      { id: "no-night", effect: "deny", people: ["eve"], targets: ["*"] },
      {
        id: "vendors",
        people: ["role:vendor"],
        targets: ["plc-*", "tag:pump", "conduit:cell-2"],
        capabilities: ["shell"],
        ...openRule,
      },
    ],
  });

  it("lets the first matching rule win", () => {
    expect(decideSession(policy, vendor, target("plc-1"))).toMatchObject({ effect: "allow", rule: "vendors" });
    expect(decideSession(policy, { name: "eve", roles: ["vendor"] }, target("plc-1"))).toMatchObject({
      effect: "deny",
      reason: "denied-by-rule",
      rule: "no-night",
    });
  });

  it("matches by tag and by conduit", () => {
    expect(decideSession(policy, vendor, target("hmi", { tags: ["pump"] })).effect).toBe("allow");
    expect(decideSession(policy, vendor, target("hmi", { conduit: "cell-2" })).effect).toBe("allow");
  });

  it("refuses what no rule names", () => {
    expect(decideSession(policy, vendor, target("hmi"))).toMatchObject({
      effect: "deny",
      reason: "no-rule",
      rule: "default",
    });
  });

  it("never opens a prohibited target, whatever the rules say and however its name is written", () => {
    const anything = Policy.parse({ version: 1, rules: [{ id: "all", people: ["*"], targets: ["*"], ...openRule }] });
    for (const name of ["SIS-1", "sis-reactor", "SAFETY-2", "Safety-x"]) {
      expect(decideSession(anything, vendor, target(name))).toMatchObject({
        effect: "deny",
        reason: "prohibited-target",
      });
    }
  });

  it("allows no capability and no variable that is not listed", () => {
    const session = decideSession(policy, vendor, target("plc-1"));
    expect(decideCapability(session, "shell").effect).toBe("allow");
    expect(decideCapability(session, "sftp")).toMatchObject({ effect: "deny", reason: "capability-not-allowed" });
    expect(decideCapability(session, "agent-forward").effect).toBe("deny");
    expect(decideEnv(policy, session, "LC_ALL").effect).toBe("allow");
    expect(decideEnv(policy, session, "LD_PRELOAD")).toMatchObject({ effect: "deny", reason: "env-not-listed" });
  });

  it("adding a deny rule never allows more", () => {
    const pattern = fc.constantFrom("*", "plc-*", "plc-1", "hmi", "tag:pump");
    const rule = fc.record({
      id: fc.constantFrom("a", "b", "c"),
      effect: fc.constantFrom("allow", "deny"),
      people: fc.array(fc.constantFrom("*", "ada", "eve", "role:vendor"), { minLength: 1, maxLength: 2 }),
      targets: fc.array(pattern, { minLength: 1, maxLength: 2 }),
      require: fc.constant(openRule.require),
    });
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 5 }),
        rule,
        fc.nat(5),
        fc.constantFrom("plc-1", "plc-2", "hmi"),
        (rules, extra, at, name) => {
          const before = Policy.parse({ version: 1, rules });
          const denied = [...rules];
          denied.splice(at, 0, { ...extra, effect: "deny" });
          const after = Policy.parse({ version: 1, rules: denied });
          if (decideSession(before, vendor, target(name)).effect === "deny") {
            expect(decideSession(after, vendor, target(name)).effect).toBe("deny");
          }
        },
      ),
    );
  });
});

it("lets nobody switch a screen's target off whose rule does not say so", () => {
  const policy = Policy.parse({ version: 1, rules: [{ id: "all", people: ["*"], targets: ["*"], ...openRule }] });
  const session = decideSession(policy, vendor, target("hmi-1"));
  expect(decideCapability(session, "screen").effect).toBe("allow");
  expect(decideCapability(session, "screen-power")).toMatchObject({ effect: "deny", reason: "capability-not-allowed" });
});
