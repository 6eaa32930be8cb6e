// Every rule of the policy that a first start writes, with what shows it.
import { describe, expect, it } from "vitest";
import { policy as template } from "../../../recorder/cli/templates.ts";
import { SourceDocument, validate } from "../../../recorder/config/document.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import {
  type Decision,
  decideCapability,
  decideClipboard,
  decideFile,
  decideForward,
  decideSignIn,
  decideTarget,
  type GrantFacts,
  type Subject,
} from "../../../shared/policy/decide.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import { checkRequest } from "../../../shared/policy/request.ts";
import { terminationDue } from "../../../shared/policy/termination.ts";

const shipped = validate(Policy, SourceDocument.parse("policy.yaml", template));
const hourMs = 3_600_000;
const vendor: Subject = { name: "vera", roles: ["vendor"], factors: ["publickey", "totp"] };
const engineer: Subject = { name: "olaf", roles: ["escort"], factors: ["password", "totp"] };
const nowMs = Date.UTC(2026, 11, 1, 8);

function policyOf(rule: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  const rules = [{ id: "all", people: ["*"], targets: ["*"], ...rule }];
  return compilePolicy(Policy.parse({ ...shipped, ...more, rules }));
}
const ssh = (name = "plc-1") =>
  Target.parse({ name, conduit: "reactor", protocol: "ssh", host: "h", account: "a", secret: "s" });
const vnc = (name = "hmi-1") => Target.parse({ name, conduit: "reactor", protocol: "vnc", host: "h" });
function grantFor(...targets: string[]): GrantFacts {
  return {
    id: "g",
    request: "r",
    kind: "request",
    fromMs: nowMs - hourMs,
    toMs: nowMs + hourMs,
    targets,
    state: "open",
    escorts: [],
  };
}
const grant = grantFor("plc-1", "hmi-1", "SIS-1", "safety-2");
function decide(
  target: Target,
  more: Partial<Parameters<typeof decideTarget>[1]> & { policy?: ReturnType<typeof policyOf> } = {},
): Decision {
  const { policy = policyOf(), ...query } = more;
  return decideTarget(policy, { person: vendor, target, protocol: target.protocol, nowMs, grant, ...query });
}

it("allows nobody anything as it is shipped: it has no rule", () => {
  for (const target of [ssh(), vnc()]) {
    expect(decide(target, { policy: compilePolicy(shipped) })).toMatchObject({ effect: "deny", reason: "no-rule" });
  }
});

describe.each([
  ["SSH", ssh],
  ["VNC", vnc],
] as const)("over %s", (_name, make) => {
  it("opens with an approved request, a second factor and the rule, and says what holds", () => {
    const decision = decide(make());
    expect(decision).toMatchObject({ effect: "allow", reason: "allowed-by-rule", rule: "all" });
    expect(decision.obligations).toEqual({
      approval: true,
      mfa: true,
      escort: true,
      recording: "full",
      fileTransfer: "scan_required",
      limits: shipped.limits,
      retentionDays: 90,
      breakGlass: false,
      windowEndsMs: grant.toMs,
      forwardTo: [],
    });
  });

  it("ends a session after 4 hours", () => {
    expect(decide(make()).obligations.limits.maxSessionSeconds).toBe(4 * 3600);
  });

  it("ends a session after 15 minutes without input", () => {
    expect(decide(make()).obligations.limits.idleSeconds).toBe(15 * 60);
  });

  it("needs an approved request", () => {
    expect(decide(make(), { grant: null })).toMatchObject({ effect: "deny", reason: "approval-needed" });
  });

  it("needs a second factor", () => {
    for (const factors of [undefined, [], ["password"], ["publickey"], ["grant-password", "ticket"]] as const) {
      const person = factors === undefined ? { name: "vera", roles: ["vendor"] as const } : { ...vendor, factors };
      expect(decide(make(), { person })).toMatchObject({ effect: "deny", reason: "mfa-needed" });
    }
    expect(decide(make(), { person: { ...vendor, factors: ["password", "recovery-code"] } }).effect).toBe("allow");
  });

  it("escorts vendors, and others where the rule says so", () => {
    expect(decide(make()).obligations.escort).toBe(true);
    expect(decide(make(), { person: engineer }).obligations.escort).toBe(false);
    const always = policyOf({ require: { escort: "always" } });
    expect(decide(make(), { person: engineer, policy: always }).obligations.escort).toBe(true);
  });

  it.each(["SIS-1", "sis-reactor-2", "SAFETY-9", "Safety-x"])(
    "keeps %s shut, whatever rule and approval say",
    (name) => {
      const open = policyOf({ require: { approval: false, mfa: false, escort: "never" } });
      const person: Subject = { name: "root", roles: ["admin", "approver", "escort"], factors: ["password", "totp"] };
      expect(decide(make(name), { policy: open, person, grant: grantFor(name) })).toMatchObject({
        effect: "deny",
        reason: "prohibited-target",
        rule: "prohibited",
        capabilities: [],
      });
    },
  );

  it("records everything, for 90 days", () => {
    expect(decide(make()).obligations).toMatchObject({ recording: "full", retentionDays: 90 });
  });

  it("refuses a vendor whose session would not be recorded", () => {
    const unrecorded = policyOf({ recording: "none", unrecordedBecause: "Commissioning without a network." });
    expect(decide(make(), { policy: unrecorded })).toMatchObject({ effect: "deny", reason: "vendor-unrecorded" });
    expect(decide(make(), { policy: unrecorded, person: engineer })).toMatchObject({
      effect: "allow",
      obligations: { recording: "none" },
    });
  });

  it("keeps the clipboard off", () => {
    const decision = decide(make());
    for (const direction of ["inbound", "outbound"] as const) {
      expect(decideClipboard(decision, direction, 1)).toMatchObject({ effect: "deny", reason: "clipboard-off" });
    }
  });

  it("forwards nothing", () => {
    for (const capability of [
      "local-forward",
      "remote-forward",
      "agent-forward",
      "x11-forward",
      "streamlocal-forward",
    ] as const) {
      expect(decideCapability(decide(make()), capability)).toMatchObject({ reason: "capability-not-allowed" });
    }
    expect(decideForward(decide(make()), "10.0.0.1", 502).effect).toBe("deny");
  });

  it("holds files until they were scanned", () => {
    const file = { direction: "upload", path: "/x", operation: "open" } as const;
    expect(decideFile(decide(make()), file)).toMatchObject({
      effect: "allow",
      obligations: { fileTransfer: "scan_required" },
    });
    const denied = decide(make(), { policy: policyOf({ fileTransfer: "deny" }) });
    expect(decideFile(denied, file)).toMatchObject({ effect: "deny", reason: "file-transfer-denied" });
  });

  it("freezes or ends when recording fails, and masks typed keys, as the target says", () => {
    const target = make();
    expect(target.failureMode).toBe("strict");
    if (target.protocol === "vnc") expect(target.vnc.maskKeys).toBe(true);
    else expect(target.keystrokes).toBe("full");
  });
});

it.each(["telnet", "ftp", "tftp", "smb", "rlogin", "rsh", "http"])("blocks %s by its name", (protocol) => {
  expect(decide(ssh(), { protocol })).toMatchObject({ effect: "deny", reason: "protocol-blocked" });
});

it.each(["rdp", "modbus", ""])("has no way for %s", (protocol) => {
  expect(decide(ssh(), { protocol })).toMatchObject({ effect: "deny", reason: "protocol-unavailable" });
});

it("needs a second factor to sign in", () => {
  expect(decideSignIn(shipped, { person: { ...vendor, factors: ["password"] }, nowMs })).toMatchObject({
    effect: "deny",
    reason: "mfa-needed",
  });
  expect(decideSignIn(shipped, { person: vendor, nowMs }).effect).toBe("allow");
});

describe("an approval's window", () => {
  it.each([
    [-1, "window-not-begun"],
    [0, "allowed-by-rule"],
    [2 * hourMs - 1, "allowed-by-rule"],
    [2 * hourMs, "window-over"],
  ])("%i ms after its beginning: %s", (afterMs, reason) => {
    expect(decide(ssh(), { nowMs: grant.fromMs + afterMs }).reason).toBe(reason);
  });

  it.each([
    [{ state: "revoked" }, "access-revoked"],
    [{ state: "used-up" }, "access-used-up"],
    [{ targets: ["plc-2"] }, "not-in-request"],
    [{ targets: ["PLC-1"] }, "allowed-by-rule"],
    [{ protocol: "vnc" }, "not-in-request"],
    [{ protocol: "ssh" }, "allowed-by-rule"],
    [{ toMs: Number.NaN }, "window-over"],
    [{ fromMs: Number.NaN }, "window-not-begun"],
  ] as const)("of %j gives %s", (more, reason) => {
    expect(decide(ssh(), { grant: { ...grant, ...more } as GrantFacts }).reason).toBe(reason);
  });

  it("narrows what the rule allows, and never widens it", () => {
    const narrowed = decide(ssh(), { grant: { ...grant, capabilities: ["shell", "x11-forward"] } });
    expect(narrowed.capabilities).toEqual(["shell"]);
  });

  it("binds whoever came in by its credential, even where the rule asks for no approval", () => {
    const policy = policyOf({ require: { approval: false } });
    const person: Subject = { ...vendor, factors: ["grant-password", "totp"] };
    expect(decide(ssh(), { policy, person, grant: null }).reason).toBe("approval-needed");
    expect(decide(ssh(), { policy, person, grant: grantFor("plc-9") }).reason).toBe("not-in-request");
    expect(decide(ssh(), { policy, person: vendor, grant: null }).effect).toBe("allow");
  });
});

describe("an emergency", () => {
  const emergency = (name: string): GrantFacts => ({ ...grantFor(name), kind: "break-glass" });
  const named = { breakGlass: { people: ["vera"], maxSeconds: 1800 } };

  it("opens to those named alone, at any hour, recorded, with a second factor and for a shorter time", () => {
    const hours = { days: ["sun"], from: "01:00", to: "02:00" };
    const policy = policyOf({ hours, recording: "metadata", require: { mfa: false } }, named);
    expect(decide(ssh(), { policy, grant: null })).toMatchObject({ reason: "outside-hours" });
    const decision = decide(ssh(), { policy, grant: emergency("plc-1") });
    expect(decision).toMatchObject({
      effect: "allow",
      obligations: { breakGlass: true, recording: "full", mfa: true },
    });
    expect(decision.obligations.limits.maxSessionSeconds).toBe(1800);
    const person: Subject = { ...vendor, factors: ["password"] };
    expect(decide(ssh(), { policy, person, grant: emergency("plc-1") }).reason).toBe("mfa-needed");
    expect(decide(ssh(), { policy, person: { ...vendor, name: "eve" }, grant: emergency("plc-1") }).reason).toBe(
      "break-glass-not-named",
    );
  });

  it("opens neither prohibited targets nor what a rule denies", () => {
    expect(decide(ssh("SIS-1"), { policy: policyOf({}, named), grant: emergency("SIS-1") }).reason).toBe(
      "prohibited-target",
    );
    const denied = policyOf({ effect: "deny" }, named);
    expect(decide(ssh(), { policy: denied, grant: emergency("plc-1") }).reason).toBe("denied-by-rule");
  });
});

it("lets a conduit serve those alone whom it names", () => {
  const policy = Policy.parse({
    ...shipped,
    groups: { oem: ["vera"] },
    rules: [{ id: "all", people: ["*"], targets: ["*"] }],
  });
  const conduits = [{ id: "reactor", description: "", sourceZone: "", destinationZone: "", serves: ["group:oem"] }];
  const compiled = compilePolicy(policy, conduits);
  expect(decide(ssh(), { policy: compiled }).effect).toBe("allow");
  expect(decide(ssh(), { policy: compiled, person: engineer }).reason).toBe("conduit-not-serving");
});

it("asks for 24 hours of notice, and cuts the session at the window's end", () => {
  const query = {
    requester: vendor,
    people: ["vera"],
    targets: ["plc-1"],
    protocol: "ssh",
    fromMs: nowMs + 24 * hourMs,
    toMs: nowMs + 26 * hourMs,
    purpose: "Pump",
    ticket: "",
    escorts: [],
    nowMs,
    knownPeople: [vendor],
    knownTargets: [ssh()],
  };
  expect(checkRequest(policyOf(), query)).toEqual([]);
  expect(checkRequest(policyOf(), { ...query, nowMs: nowMs + 1 })).toMatchObject([{ code: "notice-too-short" }]);
  const facts = {
    startedMs: 0,
    lastInputMs: hourMs - 1,
    nowMs: hourMs - 1,
    wallMs: grant.toMs - 1,
    windowEndsMs: grant.toMs,
    grantState: "open",
    limits: shipped.limits,
    recordedBytes: 0,
    warned: new Set<string>(),
  } as const;
  expect(terminationDue(facts).due).toBeNull();
  expect(terminationDue({ ...facts, wallMs: grant.toMs }).due).toMatchObject({ code: "window-ended" });
});
