// An access request against the policy, before anybody is asked: all that is wrong with it, at once. Pure and total.
// The decisions are those that will be made when the session opens, with the window granted.
import type { CompiledPolicy, PersonFacts } from "./compile.ts";
import { decideReach, findRule } from "./decide.ts";
import { matchesGlob } from "./glob.ts";
import { hoursInWords } from "./hours.ts";
import { matchesWhole } from "./patterns.ts";
import type { Target } from "./policy.ts";
import { type ReasonCode, reasonSentences } from "./reasons.ts";
import { duration } from "./termination.ts";

/** What is wrong with a request as such; what policy says of its targets has its code from the reasons. */
export const violationSentences = {
  "purpose-missing": "Say what the access is for.",
  "purpose-too-long": "The purpose is longer than 2000 characters.",
  "people-missing": "Name at least one person.",
  "too-many-people": "A request has at most 50 people.",
  "unknown-person": "There is no such person, or the account is disabled.",
  "requester-not-allowed": "A vendor or an engineer asks for access for themselves alone.",
  "targets-missing": "Name at least one target.",
  "too-many-targets": "A request has at most 100 targets.",
  "window-invalid": "The window has to end after it begins.",
  "window-past": "The window is over already.",
  "notice-too-short": "The window begins earlier than the policy's notice allows.",
  "window-too-long": "The window is longer than the policy allows.",
  "too-far-ahead": "The window begins later than the policy lets one ask for.",
  "ticket-needed": "The policy asks for a ticket reference.",
  "ticket-malformed": "The ticket reference does not look as the policy says.",
  "ticket-too-long": "The ticket reference is longer than 100 characters.",
  "unknown-escort": "There is no such escort.",
  "escort-in-request": "Nobody escorts their own session.",
} as const;

/** A request's protocol where its targets speak several: each is reached by its own. */
export const eachProtocol = "each";

/** By what this request reaches this target. */
export function protocolFor(request: { protocol: string }, target: { protocol: string }): string {
  return request.protocol === eachProtocol ? target.protocol : request.protocol;
}

export interface Violation {
  code: keyof typeof violationSentences | ReasonCode;
  sentence: string;
  /** The part of the request it is about. */
  field: "purpose" | "people" | "targets" | "protocol" | "window" | "ticket" | "escorts" | "requester";
  person?: string;
  target?: string;
}

export interface RequestQuery {
  requester: PersonFacts;
  /** Names of those who get access. */
  people: readonly string[];
  targets: readonly string[];
  /** Or `each`. */
  protocol: string;
  /** Wall time in milliseconds. */
  fromMs: number;
  toMs: number;
  purpose: string;
  ticket: string;
  escorts: readonly string[];
  nowMs: number;
  /** Of enabled accounts. */
  knownPeople: readonly PersonFacts[];
  knownTargets: readonly Target[];
}

const maxPeople = 50;
const maxTargets = 100;

/** All violations; empty: it may be put before an approver. */
export function checkRequest(compiled: CompiledPolicy, query: RequestQuery): Violation[] {
  return [
    ...checkPurpose(query),
    ...checkTicket(compiled, query),
    ...checkWindow(compiled, query),
    ...checkPeople(query),
    ...checkEscorts(query),
    ...checkTargets(compiled, query),
  ];
}

function violation(
  code: Violation["code"],
  field: Violation["field"],
  more: { person?: string; target?: string; sentence?: string } = {},
): Violation {
  const known = { ...reasonSentences, ...violationSentences };
  return { code, field, sentence: known[code], ...more };
}

function checkPurpose({ purpose }: RequestQuery): Violation[] {
  if (purpose.trim() === "") return [violation("purpose-missing", "purpose")];
  return purpose.length > 2000 ? [violation("purpose-too-long", "purpose")] : [];
}

function checkTicket({ policy }: CompiledPolicy, { ticket }: RequestQuery): Violation[] {
  const { ticketPattern } = policy.requests;
  if (ticket.length > 100) return [violation("ticket-too-long", "ticket")];
  if (ticketPattern === undefined) return [];
  if (ticket.trim() === "") return [violation("ticket-needed", "ticket")];
  if (matchesWhole(ticketPattern, ticket)) return [];
  const example = exampleOf(ticketPattern);
  const such = example === null ? "" : `, such as ${example}`;
  const sentence = `The ticket reference has to look like ${ticketPattern}${such}.`;
  return [violation("ticket-malformed", "ticket", { sentence })];
}

/** A text that matches a plain pattern (letters, digits, classes, counts); null where it is not that plain. */
export function exampleOf(pattern: string): string | null {
  let example = "";
  const plain = pattern.replace(/^\^/, "").replace(/\$$/, "");
  for (const [, atom = "", count = ""] of plain.matchAll(/(\[[^\]]*\]|\\?.)(\{\d{1,2}(?:,\d{0,2})?\}|[+*?])?/gsu)) {
    const [, most] = /^\{(\d+)/.exec(count) ?? [];
    const times = most === undefined ? (count === "*" || count === "?" ? 0 : 1) : Number(most);
    example += letterOf(atom).repeat(times);
  }
  return example.length <= 100 && matchesWhole(pattern, example) ? example : null;
}

function letterOf(atom: string): string {
  if (atom === "\\d" || atom.startsWith("[0-9")) return "0";
  if (atom.startsWith("[")) return /^\[[A-Za-z]/.test(atom) ? (atom[1] ?? "") : "";
  return atom.startsWith("\\") ? atom.slice(1) : atom;
}

function checkWindow({ policy }: CompiledPolicy, { fromMs, toMs, nowMs }: RequestQuery): Violation[] {
  const { noticeSeconds, maxWindowSeconds, maxAheadSeconds } = policy.requests;
  // Written so that a time that is no number is a window that is not.
  if (!(toMs > fromMs) || !Number.isFinite(toMs - fromMs)) return [violation("window-invalid", "window")];
  const found: Violation[] = [];
  if (!(toMs > nowMs)) found.push(violation("window-past", "window"));
  // Where no notice is asked for, a window may have begun: it counts from its approval.
  if (noticeSeconds > 0 && !(fromMs - nowMs >= noticeSeconds * 1000)) {
    const sentence = `The window has to begin at least ${duration(noticeSeconds)} from now.`;
    found.push(violation("notice-too-short", "window", { sentence }));
  }
  if (toMs - fromMs > maxWindowSeconds * 1000) {
    const sentence = `The window is longer than ${duration(maxWindowSeconds)}, the most that the policy allows.`;
    found.push(violation("window-too-long", "window", { sentence }));
  }
  if (fromMs - nowMs > maxAheadSeconds * 1000) {
    const days = Math.floor(maxAheadSeconds / 86_400);
    const ahead = days > 0 ? (days === 1 ? "1 day" : `${days} days`) : duration(maxAheadSeconds);
    const sentence = `The window begins more than ${ahead} from now, the most that the policy allows.`;
    found.push(violation("too-far-ahead", "window", { sentence }));
  }
  return found;
}

function checkPeople({ requester, people, knownPeople }: RequestQuery): Violation[] {
  if (people.length === 0) return [violation("people-missing", "people")];
  if (people.length > maxPeople) return [violation("too-many-people", "people")];
  const mine = spokenFor(requester, people);
  const found = mine
    .filter((person) => personOf(person, knownPeople) === undefined)
    .map((person) => violation("unknown-person", "people", { person }));
  return mine.length === people.length ? found : [...found, violation("requester-not-allowed", "requester")];
}

/** Who only works on targets asks for himself, and hears of nobody else who they are and what they may reach. */
function spokenFor({ name, roles }: PersonFacts, people: readonly string[]): readonly string[] {
  const sponsors = roles.some((role) => role === "admin" || role === "approver" || role === "escort");
  const works = roles.includes("vendor") || roles.includes("engineer");
  return works && !sponsors ? people.filter((person) => sameName(person, name)) : people;
}

function checkEscorts({ escorts, people, knownPeople }: RequestQuery): Violation[] {
  return escorts.slice(0, maxPeople + 1).flatMap((escort): Violation[] => {
    if (people.some((person) => sameName(person, escort))) {
      return [violation("escort-in-request", "escorts", { person: escort })];
    }
    const known = personOf(escort, knownPeople);
    return known?.roles.includes("escort") === true ? [] : [violation("unknown-escort", "escorts", { person: escort })];
  });
}

function checkTargets(compiled: CompiledPolicy, query: RequestQuery): Violation[] {
  if (query.targets.length === 0) return [violation("targets-missing", "targets")];
  if (query.targets.length > maxTargets) return [violation("too-many-targets", "targets")];
  if (query.people.length > maxPeople) return [];
  const protocol = decideProtocol(compiled, query.protocol);
  if (protocol !== null) return [violation(protocol, "protocol")];
  return query.targets.flatMap((name) => checkTarget(compiled, query, name));
}

function decideProtocol(compiled: CompiledPolicy, protocol: string): ReasonCode | null {
  if (protocol === eachProtocol) return null;
  if (compiled.isBlocked(protocol)) return "protocol-blocked";
  return protocol === "ssh" || protocol === "vnc" ? null : "protocol-unavailable";
}

function checkTarget(compiled: CompiledPolicy, query: RequestQuery, name: string): Violation[] {
  const { knownPeople, knownTargets } = query;
  const target = knownTargets.find((one) => sameName(one.name, name));
  // Said of names that do not exist, too: what is prohibited is so by its name.
  if (compiled.policy.prohibitedTargets.some((pattern) => matchesGlob(pattern, name))) {
    return [violation("prohibited-target", "targets", { target: name })];
  }
  const found: Violation[] = [];
  let reached = false;
  for (const one of spokenFor(query.requester, query.people)) {
    const person = personOf(one, knownPeople);
    if (person === undefined) continue;
    // A target that does not exist and one that no rule opens get the same answer: names cannot be probed.
    const reason = target === undefined ? "no-rule" : decideFor(compiled, query, person, target);
    if (reason === null) reached = true;
    else {
      const hours =
        reason === "outside-hours" && target !== undefined ? hoursSentence(compiled, query, person, target) : {};
      found.push(violation(reason, "targets", { person: person.name, target: name, ...hours }));
    }
  }
  if (reached && target !== undefined && target.protocol !== protocolFor(query, target)) {
    const sentence = `It is reached by ${target.protocol.toUpperCase()}. Ask without a protocol: each target is then reached by its own.`;
    found.push(violation("other-protocol", "protocol", { target: name, sentence }));
  }
  return found;
}

/** Why this person would be refused with the window granted; null: they would not. */
function decideFor(
  compiled: CompiledPolicy,
  query: RequestQuery,
  person: PersonFacts,
  target: Target,
): ReasonCode | null {
  // A window that is none has its own violation; the rest is said of now.
  const isWindow = query.toMs > query.fromMs && Number.isFinite(query.toMs - query.fromMs);
  const fromMs = isWindow ? query.fromMs : query.nowMs;
  const protocol = protocolFor(query, target);
  const decision = decideReach(compiled, person, target, protocol, fromMs);
  if (decision.effect === "deny") return decision.reason;
  const hoursEndMs = findRule(compiled, person, target, protocol, fromMs)?.hoursEndMs ?? null;
  return isWindow && typeof hoursEndMs === "number" && query.toMs > hoursEndMs ? "outside-hours" : null;
}

/** Which hours they are that the window does not lie in. */
function hoursSentence(
  compiled: CompiledPolicy,
  query: RequestQuery,
  person: PersonFacts,
  target: Target,
): { sentence?: string } {
  const found = findRule(compiled, person, target, protocolFor(query, target), query.fromMs);
  const hours = found === null ? undefined : compiled.policy.rules.find(({ id }) => id === found.rule.id)?.hours;
  return hours === undefined ? {} : { sentence: `The rule that allows it holds at ${hoursInWords(hours)} only.` };
}

function personOf(name: string, known: readonly PersonFacts[]): PersonFacts | undefined {
  return known.find((person) => sameName(person.name, name));
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Who decides on requests for this conduit: names with `*` and `?`, `role:…`, `group:…`. */
export function approversOf(compiled: CompiledPolicy, conduit: string): readonly string[] {
  return compiled.conduit(conduit)?.approvers ?? compiled.policy.requests.approvers;
}

/** How many of them have to agree. */
export function approvalsNeeded(compiled: CompiledPolicy, conduit: string): number {
  return compiled.conduit(conduit)?.approvals ?? compiled.policy.requests.approvals;
}

export function mayApprove(compiled: CompiledPolicy, person: PersonFacts, conduit: string): boolean {
  return compiled.isAmong(approversOf(compiled, conduit), person);
}

export function mayBreakGlass(compiled: CompiledPolicy, person: PersonFacts): boolean {
  return compiled.isAmong(compiled.policy.breakGlass.people, person);
}
