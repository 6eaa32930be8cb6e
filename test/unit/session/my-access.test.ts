// What a person is told of each target: the decisions of the gateway, and nothing of targets that no rule has for them.
import { describe, expect, it } from "vitest";
import { targetsForPerson } from "../../../recorder/session/my-access.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import type { GrantFacts } from "../../../shared/policy/decide.ts";
import { Conduit, Policy, type Role, Target } from "../../../shared/policy/policy.ts";

const now = Date.parse("2026-11-23T09:00:00.000Z");
const target = (name: string) =>
  Target.parse({ name, conduit: "cell", protocol: "ssh", host: "192.0.2.10", account: "service", secret: "plc" });
const targets = ["plc-1", "SIS-1", "other-1"].map(target);
const conduits = [Conduit.parse({ id: "cell", sourceZone: "vendors", destinationZone: "reactor" })];
const compiled = compilePolicy(
  Policy.parse({ version: 1, rules: [{ id: "r", people: ["role:vendor"], targets: ["plc-*", "SIS-*"] }] }),
  conduits,
);

const grant: GrantFacts = {
  id: "g",
  request: "request-1",
  kind: "request",
  fromMs: now - 1000,
  toMs: now + 3_600_000,
  targets: ["plc-1"],
  state: "open",
  escorts: [],
};

interface Case {
  role?: Role;
  all?: boolean;
  grant?: GrantFacts | null;
  blocked?: boolean;
  secondFactor?: boolean;
}

function told({ role = "vendor", all = false, grant = null, blocked = false, secondFactor = true }: Case) {
  const person = {
    name: "erika",
    roles: [role],
    factors: secondFactor ? (["totp"] as const) : (["password"] as const),
  };
  return targetsForPerson(
    { compiled, targets, conduits },
    person,
    {
      nowMs: () => now,
      grantFor: async (_person, name) => (name === "plc-1" ? grant : null),
      blockFor: async () => (blocked ? { reason: "ended", at: "" } : null),
    },
    { all },
  );
}

describe("the targets of a person", () => {
  it("are those that a rule has for them; what is prohibited says so and cannot be asked for", async () => {
    const [plc, sis, ...rest] = await told({});
    expect(rest).toEqual([]);
    expect(plc).toMatchObject({ name: "plc-1", open: false, reason: "approval-needed", mayAsk: true });
    expect(plc?.needs).toEqual({ approval: true, mfa: true, escort: true });
    expect(plc).toMatchObject({ sourceZone: "vendors", destinationZone: "reactor" });
    expect(sis).toMatchObject({ name: "SIS-1", open: false, prohibited: true, mayAsk: false, until: null });
  });

  it("are all of them for who may list them, with what is in the way", async () => {
    const all = await told({ role: "auditor", all: true });
    expect(all.map(({ name, reason }) => [name, reason])).toEqual([
      ["plc-1", "no-rule"],
      ["SIS-1", "prohibited-target"],
      ["other-1", "no-rule"],
    ]);
  });

  it("open with a grant until its end, by its request", async () => {
    const [plc] = await told({ grant });
    expect(plc).toMatchObject({
      open: true,
      request: "request-1",
      until: "2026-11-23T10:00:00.000Z",
      breakGlass: false,
    });
  });

  it("do not open without the second factor, before the window, after it, or while reconnection is blocked", async () => {
    const reason = async (facts: Case) => {
      const [plc] = await told(facts);
      expect(plc).toMatchObject({ open: false, until: null, request: null });
      return plc?.reason;
    };
    expect(await reason({ grant, secondFactor: false })).toBe("mfa-needed");
    expect(await reason({ grant: { ...grant, fromMs: now + 1 } })).toBe("window-not-begun");
    expect(await reason({ grant: { ...grant, toMs: now } })).toBe("window-over");
    expect(await reason({ grant: { ...grant, state: "revoked" } })).toBe("access-revoked");
    expect(await reason({ grant, blocked: true })).toBe("reconnection-blocked");
  });
});
