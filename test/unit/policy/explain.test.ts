import { expect, it } from "vitest";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import {
  decideCapability,
  decideClipboard,
  decideForward,
  decideTarget,
  type Subject,
} from "../../../shared/policy/decide.ts";
import { explainTarget } from "../../../shared/policy/explain.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import { openRule } from "../../support/open-rules.ts";

const target = (name: string) =>
  Target.parse({ name, conduit: "cell", protocol: "ssh", host: "h", account: "a", secret: "s", tags: ["plc"] });
const vera: Subject = { name: "vera", roles: ["vendor"], factors: ["password", "totp"] };
const compiled = compilePolicy(
  Policy.parse({
    version: 1,
    rules: [
      { id: "night", effect: "deny", people: ["*"], targets: ["*"], hours: { from: "22:00", to: "06:00" } },
      { id: "temps", effect: "deny", people: ["temp-*"], targets: ["*"] },
      { id: "screens", people: ["*"], targets: ["tag:plc"], protocols: ["vnc"] },
      { id: "other", people: ["*"], targets: ["hmi-*"] },
      { id: "vendors", people: ["role:vendor"], targets: ["conduit:cell"], recording: "metadata" },
      { id: "rest", people: ["*"], targets: ["*"] },
    ],
  }),
);
const explain = (name: string, at: string, person = vera) =>
  explainTarget(compiled, { person, target: target(name), protocol: "ssh", nowMs: Date.parse(at), grant: null });

it("goes through the rules up to the one that decides, and says why each was passed over", () => {
  const { decision, rules, before, inWords, sentence } = explain("plc-1", "2026-11-23T12:00:00Z");
  expect(decision).toMatchObject({ effect: "deny", reason: "approval-needed", rule: "vendors" });
  expect(sentence).toBe("An approved access request is needed first.");
  expect(before).toHaveLength(2);
  expect(rules.map(({ rule, matched, why }) => [rule, matched, why])).toEqual([
    ["night", false, "it denies at 22:00–06:00 UTC, which is not then"],
    ["temps", false, 'its people ("temp-*") do not include vera'],
    ["screens", false, "it is for vnc, not for ssh"],
    ["other", false, 'its targets ("hmi-*") do not include plc-1'],
    ["vendors", true, '"role:vendor" matches vera, "conduit:cell" matches plc-1'],
  ]);
  expect(inWords).toContain("Recorded are the facts of the session, not what is typed or shown.");
});

it("says at which hours the rule holds, and when the session would end with them", () => {
  const office = compilePolicy(
    Policy.parse({
      version: 1,
      rules: [
        {
          id: "office",
          people: ["*"],
          targets: ["*"],
          hours: { days: ["mon"], from: "06:00", to: "18:00" },
          ...openRule,
        },
      ],
    }),
  );
  const at = (time: string) =>
    explainTarget(office, {
      person: vera,
      target: target("plc-1"),
      protocol: "ssh",
      nowMs: Date.parse(time),
      grant: null,
    });
  expect(at("2026-11-24T12:00:00Z")).toMatchObject({
    decision: { reason: "outside-hours" },
    rules: [
      {
        matched: true,
        why: '"*" matches vera, "*" matches plc-1, but it holds at mon 06:00–18:00 UTC only, which is not then',
      },
    ],
  });
  expect(at("2026-11-23T12:00:00Z").inWords).toContain("It ends at 2026-11-23 18:00 UTC in any case.");
});

it("ends with the rule that denies, and asks no rule about a prohibited target", () => {
  expect(explain("plc-1", "2026-11-23T23:00:00Z")).toMatchObject({
    rules: [{ rule: "night", matched: true }],
    inWords: [],
  });
  expect(explain("SIS-1", "2026-11-23T12:00:00Z")).toMatchObject({
    rules: [],
    before: ['SIS-1 matches the prohibited "SIS-*".'],
  });
});

it("agrees with the decision about the rule that decides", () => {
  for (const name of ["plc-1", "hmi-1", "x"]) {
    for (const hour of [3, 12, 23]) {
      const nowMs = Date.UTC(2026, 10, 23, hour);
      const person = { ...vera, roles: [] };
      const query = { person, target: target(name), protocol: "ssh", nowMs, grant: null };
      const last = explainTarget(compiled, query).rules.at(-1);
      expect(last).toMatchObject({ rule: decideTarget(compiled, query).rule, matched: true });
    }
  }
});

it("lets forwards reach what is listed alone, and no name pass for an address", () => {
  const policy = Policy.parse({
    version: 1,
    rules: [
      {
        id: "r",
        people: ["*"],
        targets: ["*"],
        capabilities: ["local-forward", "clipboard-in"],
        forwardTo: ["10.0.*:502", "hist-?.plant.example:443", "[fd00::1]:80", "[fe80::*]:*"],
        ...openRule,
      },
    ],
  });
  const session = decideTarget(compilePolicy(policy), {
    person: vera,
    target: target("plc-1"),
    protocol: "ssh",
    nowMs: 0,
    grant: null,
  });
  const reach = (host: string, port: number) => decideForward(session, host, port).effect;
  expect([
    reach("10.0.7.20", 502),
    reach("HIST-1.plant.example", 443),
    reach("fd00::1", 80),
    reach("fe80::9", 22),
  ]).toEqual(Array.from({ length: 4 }, () => "allow"));
  for (const [host, port] of [
    ["10.0.7.20", 503],
    ["10.1.7.20", 502],
    ["10.0.evil.example", 502],
    ["10.0.7.20:502", 502],
    ["hist-10.plant.example", 443],
    ["hist-1.plant.example.", 443],
    ["fd00::2", 80],
    ["", 502],
    ["10.0.7.20", Number.NaN],
  ] as const) {
    expect(decideForward(session, host, port), `${host}:${port}`).toMatchObject({
      effect: "deny",
      reason: "forward-not-listed",
    });
  }
  expect(decideCapability(session, "remote-forward").effect).toBe("deny");
  expect(decideClipboard(session, "inbound", 10, 10).effect).toBe("allow");
  expect(decideClipboard(session, "inbound", 11, 10).reason).toBe("clipboard-too-large");
  expect(decideClipboard(session, "outbound", 1, 10).reason).toBe("clipboard-off");
});
