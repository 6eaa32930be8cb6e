// The decisions: pure, total, no I/O, time passed in. First matching rule wins; prohibited targets and blocked protocols
// win over every rule. Invariant: an answer is a refusal unless everything that is asked for is there.
import type { CompiledPolicy, CompiledRule } from "./compile.ts";
import { type Factor, hasSecondFactor } from "./factor.ts";
import { matchesGlob } from "./glob.ts";
import type { Capability, FileTransferMode, Limits, Policy, RecordingMode, Role, Target } from "./policy.ts";
import type { ReasonCode } from "./reasons.ts";

export { matchesGlob } from "./glob.ts";
export { type ReasonCode, reasonSentences } from "./reasons.ts";

/** What comes with a permission, and has to be kept while it is used. */
export interface Obligations {
  /** The session stands on an approved request (or on emergency access) and ends with it. */
  approval: boolean;
  mfa: boolean;
  /** It begins frozen, until an escort releases it. */
  escort: boolean;
  recording: RecordingMode;
  fileTransfer: FileTransferMode;
  limits: Limits;
  retentionDays: number;
  breakGlass: boolean;
  /** Wall time in milliseconds at which access ends whatever the limits say: the request's window or the rule's hours. */
  windowEndsMs: number | null;
  /** `host:port` with `*` and `?` that forwards reach. */
  forwardTo: readonly string[];
}

export interface Decision {
  effect: "allow" | "deny";
  reason: ReasonCode;
  /** Id of the deciding rule; `default` when none matched, `prohibited` and `blocked` for what no rule can open. */
  rule: string;
  /** Of an allowed session: what its channels may ask for. */
  capabilities: readonly Capability[];
  obligations: Obligations;
}

export interface Subject {
  name: string;
  roles: readonly Role[];
  /** What was proven at sign-in; left out: nothing that counts as a second factor. */
  factors?: readonly Factor[];
}

/** What stands behind a person's access to targets in a window. */
export interface GrantFacts {
  id: string;
  request: string;
  kind: "request" | "break-glass";
  /** Wall time in milliseconds; the window is from `fromMs` on and before `toMs`. */
  fromMs: number;
  toMs: number;
  /** Names of targets, letter case aside. */
  targets: readonly string[];
  /** Left out: any. */
  protocol?: string;
  state: "open" | "revoked" | "used-up";
  /** Who of the escorts may release the session; empty: each of them. */
  escorts: readonly string[];
  /** Whose approvals it came of. */
  approvers?: readonly string[];
  /** Conditions of the approval: what of the rule's capabilities is left. */
  capabilities?: readonly Capability[];
}

export interface TargetQuery {
  person: Subject;
  target: Target;
  /** As it was asked for; a target that speaks another is the caller's to refuse. */
  protocol: string;
  /** Wall time; see `seenTime` about clocks that are set back. */
  nowMs: number;
  grant: GrantFacts | null;
}

/** The strictest there is: what a refusal carries. */
const nothingAllowed: Obligations = Object.freeze({
  approval: true,
  mfa: true,
  escort: true,
  recording: "full",
  fileTransfer: "deny",
  limits: Object.freeze({
    maxSessionSeconds: 1,
    idleSeconds: 1,
    maxRecordedBytes: 1,
    maxChannels: 1,
    maxSessionsPerPerson: 1,
    warnSeconds: [],
  }),
  retentionDays: 90,
  breakGlass: false,
  windowEndsMs: null,
  forwardTo: Object.freeze([]),
} satisfies Obligations);

/** Whether the decision says what would hold in the session; a refusal does once it is clear which rule is to allow it. */
export function hasObligations({ obligations }: Decision): boolean {
  return obligations !== nothingAllowed;
}

const noCapabilities: readonly Capability[] = Object.freeze([]);

export function refusal(reason: ReasonCode, rule: string, obligations: Obligations = nothingAllowed): Decision {
  return { effect: "deny", reason, rule, capabilities: noCapabilities, obligations };
}

/** May this person sign in to the portal? A refusal leaves the enrolment of a second factor open, and nothing else. */
export function decideSignIn(policy: Policy, { person }: { person: Subject; nowMs: number }): Decision {
  if (policy.signIn.mfa === "required" && !hasSecondFactor(person.factors ?? []))
    return refusal("mfa-needed", "signIn");
  return { ...refusal("allowed-by-rule", "signIn"), effect: "allow" };
}

/** Protocols that there is a way for. */
const spoken: ReadonlySet<string> = new Set(["ssh", "vnc"]);

/** May this person open a session to this target now, what may its channels do, and what must be kept to? */
export function decideTarget(compiled: CompiledPolicy, query: TargetQuery): Decision {
  const { person, target, protocol, nowMs } = query;
  if (compiled.prohibitedBy(target) !== null) return refusal("prohibited-target", "prohibited");
  if (compiled.isBlocked(protocol)) return refusal("protocol-blocked", "blocked");
  if (!spoken.has(protocol)) return refusal("protocol-unavailable", "blocked");
  const found = findRule(compiled, person, target, protocol, nowMs);
  if (found === null) return refusal("no-rule", "default");
  if (found.rule.effect === "deny") return refusal("denied-by-rule", found.rule.id);
  if (!compiled.serves(target, person)) return refusal("conduit-not-serving", found.rule.id);
  return decideByRule(compiled, found, query);
}

/** What is decided when a session is to open. SSH decides for each channel; a VNC session without its screen is none. */
export function decideOpening(compiled: CompiledPolicy, query: TargetQuery): Decision {
  const session = decideTarget(compiled, query);
  return query.target.protocol === "vnc" ? decideCapability(session, "screen") : session;
}

/** The decision that would be made with an approved request and a second factor: what may be asked for at all. */
export function decideReach(
  compiled: CompiledPolicy,
  { name, roles }: Subject,
  target: Target,
  protocol: string,
  nowMs: number,
): Decision {
  const grant: GrantFacts = {
    id: "",
    request: "",
    kind: "request",
    fromMs: nowMs,
    toMs: Number.POSITIVE_INFINITY,
    targets: [target.name],
    state: "open",
    escorts: [],
  };
  return decideTarget(compiled, { person: { name, roles, factors: ["totp"] }, target, protocol, nowMs, grant });
}

interface FoundRule {
  rule: CompiledRule;
  /** When the rule's hours end; null without hours, `outside` when it does not hold now. */
  hoursEndMs: number | null | "outside";
}

/** A rule that denies at certain hours is passed over at the others; one that allows then refuses by its hours. */
export function findRule(
  compiled: CompiledPolicy,
  person: Subject,
  target: Target,
  protocol: string,
  nowMs: number,
): FoundRule | null {
  for (let at = compiled.firstRule(person, target, protocol); at >= 0; ) {
    const rule = compiled.rules[at];
    if (rule === undefined) return null;
    if (rule.hours === null) return { rule, hoursEndMs: null };
    const hoursEndMs = rule.hours.endsAt(nowMs) ?? "outside";
    // A time that cannot be reckoned must not lift a prohibition.
    const passedOver = rule.effect === "deny" && hoursEndMs === "outside" && Number.isFinite(nowMs);
    if (!passedOver) return { rule, hoursEndMs };
    at = compiled.firstRule(person, target, protocol, at + 1);
  }
  return null;
}

function decideByRule(compiled: CompiledPolicy, { rule, hoursEndMs }: FoundRule, query: TargetQuery): Decision {
  const { person, target, protocol, grant, nowMs } = query;
  const emergency = grant?.kind === "break-glass" && faultOfGrant(grant, target, protocol, nowMs) === null;
  if (emergency && !compiled.isAmong(compiled.policy.breakGlass.people, person)) {
    return refusal("break-glass-not-named", rule.id);
  }
  // An emergency does not keep to office hours; everything else of the rule holds in it as well.
  if (hoursEndMs === "outside" && !emergency) return refusal("outside-hours", rule.id);
  const factors = person.factors ?? [];
  const isVendor = person.roles.includes("vendor");
  const recording: RecordingMode = emergency ? "full" : rule.recording;
  if (recording === "none" && isVendor) return refusal("vendor-unrecorded", rule.id);
  // Who came in by a credential of the grant's has no access beyond it, even where the rule asks for no approval.
  const needsGrant = rule.require.approval || factors.includes("grant-password");
  const standsOnGrant = needsGrant || emergency;
  const obligations: Obligations = {
    approval: standsOnGrant,
    mfa: rule.require.mfa || emergency,
    escort: rule.require.escort === "always" || (rule.require.escort === "vendors" && isVendor),
    recording,
    fileTransfer: rule.fileTransfer,
    limits: emergency ? emergencyLimits(compiled, rule.limits) : rule.limits,
    retentionDays: compiled.retentionDays(target),
    breakGlass: emergency,
    windowEndsMs: earlier(
      hoursEndMs === "outside" || emergency ? null : hoursEndMs,
      standsOnGrant && grant !== null ? grant.toMs : null,
    ),
    forwardTo: rule.forwardTo,
  };
  if (needsGrant) {
    const fault = grant === null ? "approval-needed" : faultOfGrant(grant, target, protocol, nowMs);
    if (fault !== null) return refusal(fault, rule.id, obligations);
  }
  if (obligations.mfa && !hasSecondFactor(factors)) return refusal("mfa-needed", rule.id, obligations);
  const left = standsOnGrant ? grant?.capabilities : undefined;
  return {
    effect: "allow",
    reason: "allowed-by-rule",
    rule: rule.id,
    capabilities: left === undefined ? rule.capabilities : rule.capabilities.filter((one) => left.includes(one)),
    obligations,
  };
}

/** Why this grant does not open this target now; null when it does. */
function faultOfGrant(grant: GrantFacts, target: Target, protocol: string, nowMs: number): ReasonCode | null {
  if (grant.protocol !== undefined && grant.protocol !== protocol) return "not-in-request";
  const name = target.name.toLowerCase();
  if (!grant.targets.some((one) => one.toLowerCase() === name)) return "not-in-request";
  if (grant.state === "revoked") return "access-revoked";
  if (grant.state === "used-up") return "access-used-up";
  // Written so that a time that is no number is no time inside the window.
  if (!(nowMs < grant.toMs)) return "window-over";
  return nowMs >= grant.fromMs ? null : "window-not-begun";
}

function emergencyLimits(compiled: CompiledPolicy, limits: Limits): Limits {
  const { maxSeconds } = compiled.policy.breakGlass;
  return { ...limits, maxSessionSeconds: Math.min(limits.maxSessionSeconds, maxSeconds) };
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

/**
 * Wall time that never runs back: what was seen before, or now. Windows are compared with it, so that a clock that is set
 * back does not open one again.
 */
export function seenTime(highWaterMs: number, nowMs: number): number {
  if (nowMs > highWaterMs) return nowMs;
  return highWaterMs;
}

/** May an allowed session do this? */
export function decideCapability(session: Decision, capability: Capability): Decision {
  if (session.effect === "deny") return session;
  return session.capabilities.includes(capability)
    ? session
    : refusal("capability-not-allowed", session.rule, session.obligations);
}

/** May this environment variable pass to the target? */
export function decideEnv(policy: Policy, session: Decision, name: string): Decision {
  if (session.effect === "deny") return session;
  return policy.env.some((pattern) => matchesGlob(pattern, name))
    ? session
    : refusal("env-not-listed", session.rule, session.obligations);
}

/** May a forward reach this address? */
export function decideForward(session: Decision, host: string, port: number): Decision {
  const permission = decideCapability(session, "local-forward");
  if (permission.effect === "deny") return permission;
  return session.obligations.forwardTo.some((pattern) => matchesAddress(pattern, host, port))
    ? session
    : refusal("forward-not-listed", session.rule, session.obligations);
}

const numericGlob = /^[\d.*?]+$/;
const numericHost = /^[\d.]+$/;

/** An IPv6 address stands in brackets. A pattern of digits means addresses: no name passes for one. */
function matchesAddress(pattern: string, host: string, port: number): boolean {
  const colon = pattern.lastIndexOf(":");
  if (colon < 0 || !Number.isInteger(port)) return false;
  const [hosts, ports] = [pattern.slice(0, colon), pattern.slice(colon + 1)];
  const written = host.includes(":") ? `[${host}]` : host;
  if (/\d/.test(hosts) && numericGlob.test(hosts) && !numericHost.test(written)) return false;
  return matchesGlob(ports, String(port)) && matchesGlob(hosts, written);
}

/** May a clipboard text of this length pass? `inbound` is what the operator copied, on its way to the target. */
export function decideClipboard(
  session: Decision,
  direction: "inbound" | "outbound",
  bytes: number,
  maxBytes = Number.POSITIVE_INFINITY,
): Decision {
  if (session.effect === "deny") return session;
  if (!session.capabilities.includes(direction === "inbound" ? "clipboard-in" : "clipboard-out")) {
    return refusal("clipboard-off", session.rule, session.obligations);
  }
  return bytes <= maxBytes ? session : refusal("clipboard-too-large", session.rule, session.obligations);
}

export interface FileQuery {
  /** `change`: it renames, removes or makes something; no content passes. */
  direction: "upload" | "download" | "change";
  path: string;
  /** By its name in the protocol, e.g. `open`, `rename`, or `scp`. */
  operation: string;
}

/** May this file pass? With `scan_required` among the obligations: only when it was found clean. */
export function decideFile(session: Decision, { operation }: FileQuery): Decision {
  const permission = decideCapability(session, operation === "scp" ? "exec" : "sftp");
  if (permission.effect === "deny") return permission;
  return session.obligations.fileTransfer === "deny"
    ? refusal("file-transfer-denied", session.rule, session.obligations)
    : session;
}
