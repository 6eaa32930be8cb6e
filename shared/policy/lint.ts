// What is odd about a policy that is valid: rules that never decide, that contradict what stands above them, or that name
// what is not there. Pure; each finding has the path of the key it is about.
import { type CompiledPolicy, expandGroups, type PersonFacts } from "./compile.ts";
import { covers, matchesGlob } from "./glob.ts";
import { keyCombination } from "./key-combination.ts";
import { patternFault } from "./patterns.ts";
import { type Policy, Role, type Rule } from "./policy.ts";

export interface PolicyFinding {
  path: readonly (string | number)[];
  problem: string;
  mend: string;
}

/** A policy with one of these is refused. */
export function policyFaults(policy: Policy): PolicyFinding[] {
  const found: PolicyFinding[] = [];
  for (const [i, { match }] of policy.patterns.entries()) {
    const fault = patternFault(match);
    if (fault !== null)
      found.push({ path: ["patterns", i, "match"], problem: fault, mend: "Write it in RE2's syntax." });
  }
  for (const [i, { when }] of policy.confirm.entries()) {
    const inCommand = "command" in when ? patternFault(when.command) : null;
    if (inCommand !== null) {
      found.push({ path: ["confirm", i, "when"], problem: inCommand, mend: "Write it in RE2's syntax." });
    }
    if ("keys" in when && keyCombination(when.keys) === null) {
      const problem = `("${when.keys}") is no combination of keys`;
      found.push({ path: ["confirm", i, "when"], problem, mend: "Write it as Ctrl+Alt+Delete." });
    }
  }
  const { ticketPattern } = policy.requests;
  const fault = ticketPattern === undefined ? null : patternFault(ticketPattern);
  if (fault !== null) {
    found.push({ path: ["requests", "ticketPattern"], problem: fault, mend: "Write it in RE2's syntax." });
  }
  return found;
}

/** Beyond this, rules are not compared pair by pair. */
const maxCompared = 1000;

/** `people`: those known, where they are; who approves is then looked at as well. */
export function lintPolicy(compiled: CompiledPolicy, people?: readonly PersonFacts[]): PolicyFinding[] {
  const { policy } = compiled;
  return [
    ...policy.rules.flatMap((rule, at) => lintRule(policy, rule, at)),
    ...shadowed(policy),
    ...unknownNames(policy),
    ...nothingProhibited(policy),
    ...lintEscort(policy),
    ...generousLimits(policy),
    ...(people === undefined ? [] : lintPeople(compiled, people)),
  ];
}

function lintRule(policy: Policy, rule: Rule, at: number): PolicyFinding[] {
  const found: PolicyFinding[] = [];
  const say = (key: string, problem: string, mend: string, index?: number) =>
    found.push({ path: ["rules", at, key, ...(index === undefined ? [] : [index])], problem, mend });
  const { maxSessionSeconds, idleSeconds } = rule.limits;
  if (maxSessionSeconds !== undefined && maxSessionSeconds > policy.limits.maxSessionSeconds)
    say("limits", "allow longer sessions than the policy's own limits, which hold", "Lower maxSessionSeconds.");
  if (idleSeconds !== undefined && idleSeconds > policy.limits.idleSeconds)
    say("limits", "allow longer idleness than the policy's own limits, which hold", "Lower idleSeconds.");
  if (rule.effect === "deny") return found;
  for (const [i, pattern] of rule.targets.entries()) {
    const prohibited = policy.prohibitedTargets.find((one) => !isSpecial(pattern) && covers(one, pattern));
    if (prohibited === undefined) continue;
    const problem = `("${pattern}") names only what the prohibited "${prohibited}" keeps shut, so it opens nothing`;
    say("targets", problem, "Remove it.", i);
  }
  const open = (rule.protocols ?? ["ssh", "vnc"]).filter(
    (one) => one !== "rdp" && !policy.blockedProtocols.some((blocked) => matchesGlob(blocked, one)),
  );
  if (open.length === 0) say("protocols", "are all blocked or not available yet, so it opens nothing", "Name others.");
  if (rule.recording === "none")
    say(
      "recording",
      `is none: sessions of this rule leave no recording (${rule.unrecordedBecause ?? ""})`,
      "Nothing, if that is meant.",
    );
  const { approval, mfa, escort } = rule.require;
  if (rule.people.includes("role:vendor") && !approval && !mfa && escort === "never")
    say(
      "require",
      "asks for nothing: vendors get in with a password alone, unasked and unwatched",
      "Leave out approval, mfa or escort, or nothing, if that is meant.",
    );
  const forwards = rule.capabilities.includes("local-forward");
  if (forwards && rule.forwardTo.length === 0)
    say(
      "capabilities",
      "have local-forward, but forwardTo lists no address, so nothing is forwarded",
      "List host:port.",
    );
  if (!forwards && rule.forwardTo.length > 0)
    say("forwardTo", "lists addresses, but the capabilities lack local-forward", "Add it, or remove the list.");
  return found;
}

/** A rule whose every person and target an earlier rule has already taken. */
function shadowed(policy: Policy): PolicyFinding[] {
  const rules = policy.rules.slice(0, maxCompared).map((rule) => ({ rule, people: expandGroups(policy, rule.people) }));
  return rules.flatMap(({ rule, people }, at) => {
    const by = rules
      .slice(0, at)
      .find(
        (earlier) =>
          !(earlier.rule.effect === "deny" && earlier.rule.hours !== undefined) &&
          allProtocols(earlier.rule, rule) &&
          allCovered(earlier.people, people) &&
          allCovered(earlier.rule.targets, rule.targets),
      );
    if (by === undefined || people.length === 0) return [];
    const problem = `("${rule.id}") is never reached: the rule "${by.rule.id}" before it matches whatever it matches`;
    return [{ path: ["rules", at, "id"], problem, mend: "Move it before that rule, or remove it." }];
  });
}

/** A rule without protocols matches each. */
function allProtocols(by: Rule, { protocols }: Rule): boolean {
  return by.protocols === undefined || (protocols?.every((one) => by.protocols?.includes(one)) ?? false);
}

function allCovered(by: readonly string[], patterns: readonly string[]): boolean {
  return patterns.every((pattern) => by.some((one) => coversPattern(one, pattern)));
}

/** A name's `*` takes in everybody and everything, whatever the pattern speaks of. */
function coversPattern(wide: string, narrow: string): boolean {
  if (/^\*+$/.test(wide)) return true;
  const [wideKind, narrowKind] = [kindOf(wide), kindOf(narrow)];
  return wideKind === narrowKind && covers(wide.slice(wideKind.length), narrow.slice(narrowKind.length));
}

function kindOf(pattern: string): string {
  return /^(?:role|tag|conduit|group):/.exec(pattern)?.[0] ?? "";
}

function isSpecial(pattern: string): boolean {
  return kindOf(pattern) !== "";
}

const dayOfWork = 12 * 3600;
const hour = 3600;

/** Longer than anybody works at a stretch: a limit that ends nothing. */
function generousLimits({ limits }: Policy): PolicyFinding[] {
  const found: PolicyFinding[] = [];
  const say = (key: string, problem: string, mend: string) => found.push({ path: ["limits", key], problem, mend });
  const meant = "or nothing, if that is meant.";
  if (limits.maxSessionSeconds > dayOfWork)
    say(
      "maxSessionSeconds",
      "is longer than 12 hours: sessions that nobody ends go on",
      `Lower it (4h is usual), ${meant}`,
    );
  if (limits.idleSeconds > hour)
    say(
      "idleSeconds",
      "is longer than an hour: a terminal that was left stays open",
      `Lower it (15m is usual), ${meant}`,
    );
  return found;
}

function nothingProhibited(policy: Policy): PolicyFinding[] {
  if (policy.prohibitedTargets.length > 0) return [];
  const problem = "is empty, so a rule can open any target, safety systems too";
  return [{ path: ["prohibitedTargets"], problem, mend: 'Name them, such as "SIS-*"; nothing, if that is meant.' }];
}

/** An escort that a rule owes, and that the policy then does not hold to anything. */
function lintEscort({ escort, rules }: Policy): PolicyFinding[] {
  if (!rules.some(owesEscort)) return [];
  const { mustWatch, presenceSeconds, earlyInput } = escort;
  const found: PolicyFinding[] = [];
  const say = (key: string, problem: string) =>
    found.push({ path: ["escort", key], problem, mend: "Leave it out, or nothing, if that is meant." });
  if (!mustWatch) {
    say("mustWatch", "is false: an escort releases a session from anywhere, and it goes on when nobody watches");
  } else if (presenceSeconds === 0) {
    say("presenceSeconds", "is 0: a page that was left open escorts for as long as it stands there");
  }
  if (earlyInput === "deliver") {
    say("earlyInput", "is deliver: an escort releases what a command was sent before, and nobody has seen that");
  }
  return found;
}

function owesEscort({ effect, require }: Rule): boolean {
  return effect === "allow" && require.escort !== "never";
}

/** Groups and roles that are named and do not exist: a denying rule with one of them denies nobody. */
function unknownNames(policy: Policy): PolicyFinding[] {
  const found: PolicyFinding[] = [];
  const lookRole = (pattern: string, ...path: (string | number)[]) => {
    if (!pattern.startsWith("role:") || Role.options.some((role) => pattern === `role:${role}`)) return;
    const problem = `("${pattern}") names no role`;
    found.push({ path, problem, mend: `Write one of ${Role.options.join(", ")}, as it stands here.` });
  };
  const look = (patterns: readonly string[] | undefined, ...path: (string | number)[]) => {
    for (const [i, pattern] of (patterns ?? []).entries()) {
      lookRole(pattern, ...path, i);
      if (!pattern.startsWith("group:") || Object.hasOwn(policy.groups, pattern.slice(6))) continue;
      const problem = `("${pattern}") names a group that the policy does not have`;
      found.push({ path: [...path, i], problem, mend: "Add it to groups, or correct it." });
    }
  };
  for (const [at, rule] of policy.rules.entries()) look(rule.people, "rules", at, "people");
  for (const [at, pattern] of policy.patterns.entries()) look(pattern.people, "patterns", at, "people");
  for (const [at, one] of policy.confirm.entries()) look(one.people, "confirm", at, "people");
  look(policy.requests.approvers, "requests", "approvers");
  look(policy.breakGlass.people, "breakGlass", "people");
  look(
    policy.escort.companies.map((company) => `group:${company}`),
    "escort",
    "companies",
  );
  for (const [group, members] of Object.entries(policy.groups)) {
    for (const [i, member] of members.entries()) {
      lookRole(member, "groups", group, i);
      if (!member.startsWith("group:")) continue;
      const problem = `("${member}") is a group within a group, which has nobody in it`;
      found.push({ path: ["groups", group, i], problem, mend: "Write its people here." });
    }
  }
  return found;
}

function lintPeople(compiled: CompiledPolicy, people: readonly PersonFacts[]): PolicyFinding[] {
  const { requests, breakGlass } = compiled.policy;
  const nobody = (patterns: readonly string[]) =>
    patterns.length > 0 && !people.some((one) => compiled.isAmong(patterns, one));
  const found: PolicyFinding[] = [];
  const asks = compiled.rules.some(({ effect, require }) => effect === "allow" && require.approval);
  if (asks && nobody(requests.approvers)) {
    const problem = "match nobody who has an account, so no request can be approved";
    found.push({
      path: ["requests", "approvers"],
      problem,
      mend: "conduit user add NAME --role approver, or name others.",
    });
  }
  if (compiled.policy.rules.some(owesEscort) && !people.some(({ roles }) => roles.includes("escort"))) {
    const problem = "lets sessions begin only with an escort, and nobody who has an account has that role";
    found.push({ path: ["escort"], problem, mend: "conduit user add NAME --role escort." });
  }
  for (const [i, { by }] of compiled.policy.confirm.entries()) {
    if (people.some(({ roles }) => roles.includes(by) && !roles.includes("vendor"))) continue;
    const problem = `waits for somebody with the role ${by}, which nobody who has an account has: it is always refused`;
    found.push({ path: ["confirm", i], problem, mend: `conduit user add NAME --role ${by}.` });
  }
  for (const [i, pattern] of breakGlass.people.entries()) {
    if (!nobody([pattern])) continue;
    const problem = `("${pattern}") matches nobody who has an account`;
    found.push({ path: ["breakGlass", "people", i], problem, mend: "Correct it, or remove it." });
  }
  return found;
}
