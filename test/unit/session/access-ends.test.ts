// What the end of a session does to the access behind it, and to the other sessions on it.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { AccessStates } from "../../../recorder/session/admission.ts";
import { SessionOpener } from "../../../recorder/session/opener.ts";
import { SessionRegistry } from "../../../recorder/session/registry.ts";
import type { SessionRecording } from "../../../recorder/session/session-facts.ts";
import type { TapSession, TerminateReason } from "../../../recorder/tap/tap.ts";
import { AppError } from "../../../shared/errors.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { type CompiledPolicy, compilePolicy } from "../../../shared/policy/compile.ts";
import type { GrantFacts } from "../../../shared/policy/decide.ts";
import { Policy, type Role, Target } from "../../../shared/policy/policy.ts";

const vera = { name: "vera", roles: ["vendor"], authMethod: "publickey", factors: ["publickey"] } as const;
const client = { address: "192.0.2.7", port: 1, software: "test" };
const targets = ["plc-1", "plc-2", "free-1"].map((name) =>
  Target.parse({ name, conduit: "c", protocol: "ssh", host: "h", account: "a", secret: "s" }),
);
const none = { approval: false, mfa: false, escort: "never" };
const usual = Policy.parse({
  version: 1,
  rules: [
    { id: "free", people: ["*"], targets: ["free-*"], require: none },
    { id: "asked", people: ["*"], targets: ["*"], require: { ...none, approval: true } },
  ],
});
let policy: Policy;
const grant: GrantFacts = {
  id: "g1",
  request: "r1",
  kind: "request",
  fromMs: 0,
  toMs: Date.UTC(2100, 0),
  targets: ["plc-1", "plc-2"],
  state: "open",
  escorts: [],
};

let calls: string[];
let failWriting: boolean;
let useFails: boolean;
/** Until then what is written is on its way. */
let written: Promise<void>;
let sessions: number;
let told: string[];
let registry: SessionRegistry;
let opener: SessionOpener;
let endReasons: string[];
let noticed: { notice: string; facts: Record<string, unknown> }[];
let inForce: CompiledPolicy;

beforeEach(() => {
  [calls, told, endReasons, noticed] = [[], [], [], []];
  policy = usual;
  [failWriting, useFails] = [false, false];
  [written, sessions] = [Promise.resolve(), 0];
  registry = new SessionRegistry();
  const write = async (what: string): Promise<boolean> => {
    calls.push(what);
    await written;
    if (failWriting) throw new Error("the disk is full");
    return true;
  };
  const access: AccessStates = {
    nowMs: () => Date.now(),
    grantFor: async (_person, target) => (target.startsWith("plc") ? grant : null),
    use: async (id) => {
      calls.push(`use ${id}`);
      if (useFails) throw new AppError("POLICY_REFUSED", "The approved access is used up.", { op: "test" });
    },
    endGrant: (id, { by, address }) => write(`end ${id} by ${by} from ${address}`),
    blockReconnection: ({ person, target, by }) => write(`block ${person} at ${target} by ${by}`),
    blockFor: async () => null,
  };
  opener = new SessionOpener({
    registry,
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    inventory: () => {
      inForce = compilePolicy(policy, []);
      return { targets, conduits: [], policy, policyHash: "h", compiled: inForce };
    },
    access,
    authenticate: async () => vera,
    credential: async () => ({ kind: "password", password: "x" }),
    openRecording: async () => recording(`s${sessions++}`),
    sealRecipients: [],
    audit: async () => undefined,
    happened: ({ session }, { type }) => told.push(`${type} ${session}`),
  });
});

function recording(session: string): SessionRecording & { open: OpenRecord } {
  return {
    session,
    open: { startedAt: "2026-01-01T00:00:00.000000Z" } as OpenRecord,
    append: (event) => {
      if (event.type === "notice") noticed.push(event);
      return true;
    },
    durable: async () => undefined,
    drained: async () => undefined,
    health: () => ({ recordedBytes: 0, durableBehindMs: 0 }),
    onFailure: () => undefined,
    close: async (reason) => endReasons.push(reason),
  };
}

const open = async (target: string) => (await opener.openSession(vera, target, client)).session;
const endOf = (session: TapSession) => (session.signal.reason as TerminateReason | undefined)?.code;

describe("the end of a session by somebody", () => {
  it("ends the grant that it stood on, and every other session on it, at once", async () => {
    const [first, second, apart] = [await open("plc-1"), await open("plc-2"), await open("free-1")];
    expect(registry.terminate(first.id, "emil", "wrong valve")).toBe(true);
    expect([endOf(first), endOf(second), endOf(apart)]).toEqual(["terminated", "access-revoked", undefined]);
    expect(calls).toContain("end g1 by emil from 192.0.2.7");
  });

  it("blocks reconnection where no grant stood behind it, from memory before that is written", async () => {
    let write: () => void = () => undefined;
    written = new Promise((resolve) => {
      write = resolve;
    });
    const session = await open("free-1");
    registry.terminate(session.id, "emil", "");
    await expect(open("FREE-1")).rejects.toMatchObject({ details: { reason: "reconnection-blocked" } });
    expect(calls).toEqual(["block vera at free-1 by emil"]);
    write();
    // From then on it is the written block that decides.
    await vi.waitFor(() => open("free-1"));
  });

  it("refuses reconnection also when that cannot be written", async () => {
    failWriting = true;
    const session = await open("free-1");
    registry.terminate(session.id, "emil", "");
    await new Promise((resolve) => setImmediate(resolve));
    await expect(open("free-1")).rejects.toMatchObject({ details: { reason: "reconnection-blocked" } });
  });
});

it("a grant that ends elsewhere ends its sessions and no others", async () => {
  const [first, apart] = [await open("plc-1"), await open("free-1")];
  registry.grantEnded("g2", "revoked");
  expect(endOf(first)).toBeUndefined();
  registry.grantEnded("g1", "expired");
  expect([endOf(first), endOf(apart)]).toEqual(["window-ended", undefined]);
  expect(calls).toEqual(["use g1"]);
});

it("a grant that was used up in the meantime opens nothing, and the recording says why it ended", async () => {
  useFails = true;
  await expect(open("plc-1")).rejects.toThrow("used up");
  await vi.waitFor(() => expect(endReasons).toEqual(["refused"]));
  expect(registry.list()).toEqual([]);
  expect(told.filter((one) => one.startsWith("opened"))).toEqual([]);
});

it("the registry freezes and releases, and says when it cannot", async () => {
  const session = await open("free-1");
  expect(registry.freeze(session.id, "emil", "")).toBe(true);
  expect(registry.freeze(session.id, "emil", "")).toBe(false);
  expect(() => registry.unfreeze(session.id, { name: "Vera", roles: ["admin"] })).toThrow("of their own");
  expect(registry.unfreeze(session.id, { name: "emil", roles: ["escort"] })).toBe(true);
  expect(registry.unfreeze(session.id, { name: "emil", roles: ["escort"] })).toBe(false);
  expect([registry.freeze("nope", "emil", ""), registry.unfreeze("nope", { name: "emil", roles: [] })]).toEqual([
    false,
    false,
  ]);
});

const view = (of: Policy, reached: readonly Target[] = targets) => ({
  compiled: of === policy ? inForce : compilePolicy(of, []),
  targets: reached,
  policyHash: "h2",
});
const follow = ({ roles = ["vendor"], now = policy, reached = targets, nowMs = Date.now() }: Following) =>
  registry.follow({
    rolesOf: async (people) => new Map(people.map((name) => [name, roles])),
    policy: () => view(now, reached),
    nowMs: () => nowMs,
  });
interface Following {
  roles?: readonly Role[];
  now?: Policy;
  reached?: readonly Target[];
  nowMs?: number;
}
const changed = (...rules: Record<string, unknown>[]) => Policy.parse({ version: 1, rules });
const forVendors = { id: "vendors", people: ["role:vendor"], targets: ["*"], require: none };

describe("roles that are changed in mid-session", () => {
  it("end what they do not allow any more, with a code that blocks nothing", async () => {
    policy = changed(forVendors);
    const session = await open("free-1");
    await follow({ roles: ["vendor", "auditor"] });
    expect(endOf(session)).toBeUndefined();
    await follow({ roles: ["auditor"] });
    expect(session.signal.reason).toMatchObject({
      code: "access-withdrawn",
      sentence: expect.stringContaining("No rule of the policy allows it."),
    });
    expect(calls).toEqual([]);
  });

  it("end what they would allow less of, or only with an escort", async () => {
    policy = changed(
      { ...forVendors, people: ["role:auditor"], require: { ...none, escort: "vendors" } },
      {
        ...forVendors,
        id: "wide",
        people: ["*"],
        require: { ...none, escort: "vendors" },
        capabilities: ["shell", "exec"],
      },
    );
    const session = (await opener.openSession({ ...vera, roles: ["admin"] }, "free-1", client)).session;
    await follow({ roles: ["admin"] });
    expect(endOf(session)).toBeUndefined();
    await follow({ roles: ["vendor"] });
    expect(endOf(session)).toBe("access-withdrawn");
    const wide = (await opener.openSession({ ...vera, roles: ["admin"] }, "free-1", client)).session;
    await follow({ roles: ["auditor"] });
    expect(endOf(wide)).toBe("access-withdrawn");
  });

  it("end nothing for what time or a reload has put in the way", async () => {
    policy = changed({
      ...forVendors,
      people: ["*"],
      hours: { days: ["mon"], from: "08:00", to: "18:00", timeZone: "UTC" },
    });
    vi.useFakeTimers({ now: Date.parse("2026-11-23T12:00:00Z"), toFake: ["Date"] });
    const session = await open("free-1");
    vi.useRealTimers();
    // The clock has jumped by a day; the rule's hours end the session where that is looked at, not its person's roles.
    await follow({ roles: ["vendor", "auditor"], nowMs: Date.parse("2026-11-24T12:00:00Z") });
    expect(endOf(session)).toBeUndefined();
  });
});

describe("a policy that is changed in mid-session", () => {
  const alarms = () => registry.list().map((one) => one.alarms);

  it.each([
    ["a prohibition", Policy.parse({ version: 1, prohibitedTargets: ["free-*"], rules: [forVendors] }), "prohibited"],
    ["a blocked protocol", Policy.parse({ version: 1, blockedProtocols: ["ssh"], rules: [forVendors] }), "blocked"],
    [
      "a deny rule",
      changed({ id: "no", effect: "deny", people: ["vera"], targets: ["free-1"] }, forVendors),
      "forbids",
    ],
  ])("ends by %s", async (_what, now, said) => {
    const session = await open("free-1");
    await follow({ now });
    expect(session.signal.reason).toMatchObject({
      code: "policy-changed",
      sentence: expect.stringMatching(new RegExp(`The policy was changed: .*${said}`)),
    });
    expect(calls).toEqual([]);
  });

  it("ends where the target is gone", async () => {
    const [gone, stays] = [await open("free-1"), await open("plc-1")];
    await follow({ now: Policy.parse(policy), reached: targets.filter(({ name }) => name !== "free-1") });
    expect([endOf(gone), endOf(stays)]).toEqual(["policy-changed", undefined]);
  });

  const hours = { days: ["mon"], from: "08:00", to: "18:00", timeZone: "UTC" };
  it.each([
    ["hours", changed({ ...forVendors, hours }), "does not hold at this time of day"],
    ["a missing approval", changed({ ...forVendors, require: { ...none, approval: true } }), "approved access request"],
    ["no rule", changed(), "No rule of the policy allows it."],
    ["a shorter limit", changed({ ...forVendors, limits: { maxSessionSeconds: 60 } }), "a limit of 1 minute"],
    ["less that it may do", changed({ ...forVendors, capabilities: ["sftp"] }), "no shell, no screen"],
  ])("goes on with an alarm and a notice: %s", async (_what, now, said) => {
    const session = await open("free-1");
    const atMs = Date.parse("2026-11-24T12:00:00Z");
    await follow({ now, nowMs: atMs });
    await follow({ now, nowMs: atMs });
    expect(endOf(session)).toBeUndefined();
    expect(alarms()).toEqual([[expect.stringMatching(/^the policy now in force would (not open it: |open it with )/)]]);
    expect(alarms().flat().join()).toContain(said);
    const decisions = () => noticed.filter(({ notice }) => notice === "decision").map(({ facts }) => facts);
    expect(decisions()).toHaveLength(2);
    expect(decisions()[1]).toMatchObject({ policy: "h2", sentence: expect.stringContaining(said) });
    // Put right again, the alarm is over.
    await follow({ now: Policy.parse(policy) });
    expect(alarms()).toEqual([[]]);
    expect(decisions()).toHaveLength(3);
  });
});

describe("an account that is disabled", () => {
  it("ends every session of that person's, and nobody else's", async () => {
    const ada = { ...vera, name: "ada" };
    const [one, two] = [await open("free-1"), await open("plc-1")];
    const { session: other } = await opener.openSession(ada, "free-1", client);
    await follow({});
    expect([one, two, other].map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
    const followed = { policy: () => view(policy), nowMs: () => 1 };
    await registry.follow({
      ...followed,
      rolesOf: async (people) => {
        expect(people).toEqual(["vera", "ada"]);
        return new Map([["ada", ["vendor"]]]);
      },
    });
    expect([one, two, other].map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    expect(one.signal.reason).toMatchObject({ sentence: expect.stringContaining("the account was disabled") });
  });
});
