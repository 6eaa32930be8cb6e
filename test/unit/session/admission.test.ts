import { beforeEach, describe, expect, it } from "vitest";
import { type AccessStates, Admission, type SessionRefusal } from "../../../recorder/session/admission.ts";
import type { AppError } from "../../../shared/errors.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import type { GrantFacts } from "../../../shared/policy/decide.ts";
import { Conduit, Policy, Target } from "../../../shared/policy/policy.ts";

const vera = { name: "vera", roles: ["vendor"], authMethod: "publickey", factors: ["publickey"] } as const;
const client = { address: "127.0.0.1", port: 1, software: "test" };
const targets = ["plc-1", "plc-2", "SIS-1"].map((name) =>
  Target.parse({ name, conduit: "c", protocol: "ssh", host: "h", account: "a", secret: "s" }),
);
const policy = Policy.parse({
  version: 1,
  rules: [
    { id: "free", people: ["*"], targets: ["plc-2"], require: { approval: false, mfa: false, escort: "never" } },
    { id: "asked", people: ["*"], targets: ["*"], require: { approval: true, mfa: false, escort: "never" } },
  ],
});
const open: GrantFacts = {
  id: "g1",
  request: "r1",
  kind: "request",
  fromMs: 1000,
  toMs: 2000,
  targets: ["plc-1"],
  state: "open",
  escorts: [],
};

let nowMs: number;
let grant: GrantFacts | null;
let blocked: boolean;
let asked: unknown[];
let refused: (SessionRefusal & { target: string })[];
let admission: Admission;

beforeEach(() => {
  nowMs = 1500;
  grant = null;
  blocked = false;
  asked = [];
  refused = [];
  const access = {
    nowMs: () => nowMs,
    grantFor: async (...args: unknown[]) => {
      asked.push(args);
      return grant;
    },
    blockFor: async () => (blocked ? { reason: "x", at: "y" } : null),
  } as unknown as AccessStates;
  admission = new Admission({
    stopOf: () => null,
    inventory: () => ({ targets, conduits: [], policy, policyHash: "h", compiled: compilePolicy(policy) }),
    access,
    refused: async (_person, target, _client, refusal) => {
      refused.push({ ...refusal, target });
    },
  });
});

const admit = (target = "plc-1", person: Parameters<Admission["admit"]>[1] = vera) =>
  admission.admit("ssh", person, target, client);

describe("admission", () => {
  it("stands on the grant that is open, and says which", async () => {
    grant = open;
    expect(await admit("PLC-1")).toMatchObject({ grant: { id: "g1" }, target: { name: "plc-1" } });
    expect(refused).toEqual([]);
  });

  it("stands on no grant where the rule asks for none, so that its end ends nothing", async () => {
    grant = { ...open, targets: ["plc-2"] };
    expect((await admit("plc-2")).grant).toBeNull();
  });

  it.each([
    [999, "window-not-begun", "It begins at 1970-01-01 00:00:01 UTC."],
    [2000, "window-over", "Ask for access in the portal"],
  ])("at %i ms: %s", async (ms, reason, sentence) => {
    nowMs = ms;
    grant = open;
    await expect(admit()).rejects.toMatchObject({ code: "POLICY_REFUSED", message: expect.stringContaining(sentence) });
    expect(refused).toMatchObject([{ reason, request: "r1", target: "plc-1" }]);
  });

  it("by a credential of a grant's asks for that grant alone", async () => {
    grant = open;
    await admit("plc-1", { ...vera, grant: "g1", factors: ["grant-password"] });
    expect(asked).toEqual([["vera", "plc-1", 1500, { only: "g1" }]]);
  });

  it("is refused to whom an earlier end is held against, and from memory before that is written", async () => {
    grant = open;
    const written = admission.hold("VERA", "plc-1");
    await expect(admit()).rejects.toMatchObject({ details: { reason: "reconnection-blocked" } });
    written();
    await admit();
    blocked = true;
    await expect(admit()).rejects.toMatchObject({ details: { reason: "reconnection-blocked" } });
  });

  it("does not tell a target that does not exist from one that no rule opens, whatever stands in its name", async () => {
    await expect(admit("\u001b[2J")).rejects.toThrow("vera may not reach ?[2J: No rule of the policy allows it.");
    expect(refused).toMatchObject([{ reason: "no-rule", rule: "default", target: "?[2J" }]);
  });

  it("does not tell a prohibited target that exists from one that does not", async () => {
    const said = async (target: string) => {
      const error = await admit(target).catch((failure: unknown) => failure as Error);
      return (error as Error).message.replace(target, "");
    };
    expect(await said("SIS-404")).toBe(await said("SIS-1"));
    expect(refused).toMatchObject([{ reason: "prohibited-target", target: "SIS-404" }, { target: "SIS-1" }]);
  });

  it("is refused before the person is told, so that what was told was kept", async () => {
    await expect(admit("SIS-1")).rejects.toThrow("prohibited");
    expect(refused).toMatchObject([{ reason: "prohibited-target", rule: "prohibited" }]);
  });
});

describe("names that are not a person's to know", () => {
  const denying = (rules: Record<string, unknown>[], conduits: Conduit[] = [], blockedProtocols: string[] = []) => {
    const changed = Policy.parse({ version: 1, rules, blockedProtocols });
    const inventory = {
      targets,
      conduits,
      policy: changed,
      policyHash: "h",
      compiled: compilePolicy(changed, conduits),
    };
    return new Admission({
      stopOf: () => null,
      inventory: () => inventory,
      access: undefined,
      refused: async (_person, target, _client, refusal) => {
        refused.push({ ...refusal, target });
      },
    });
  };
  const all = { id: "all", people: ["*"], targets: ["*"] };
  const answer = (by: Admission, target: string, person: Parameters<Admission["admit"]>[1] = vera) =>
    by.admit("ssh", person, target, client).then(
      () => "in",
      (error: AppError) => [error.message.replaceAll(target, "T"), error.details],
    );

  it.each([
    ["denied-by-rule", denying([{ ...all, effect: "deny" }])],
    ["conduit-not-serving", denying([all], [Conduit.parse({ id: "c", serves: ["otto"] })])],
    ["protocol-blocked", denying([all], [], ["ssh"])],
  ])("get the answer of names that are none, and the record has the reason: %s", async (reason, by) => {
    expect(await answer(by, "plc-1")).toEqual(await answer(by, "plc-404"));
    expect(refused[0]?.reason).toBe(reason);
  });

  it("are told whom the lists of targets are for", async () => {
    const by = denying([{ ...all, effect: "deny" }]);
    expect(await answer(by, "plc-1", { ...vera, roles: ["engineer", "escort"] })).toEqual([
      expect.stringContaining("A rule of the policy forbids it."),
      { reason: "denied-by-rule" },
    ]);
  });
});
