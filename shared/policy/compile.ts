// A policy made ready for decisions: patterns indexed, limits and obligations reckoned once. Answers are those of the
// plain reading "first rule that matches", which a test holds them to. Invariant: what it remembers of people and targets
// is keyed by everything that counts, so that an answer never depends on what was asked before.
import { matchesGlob, matchesLowered } from "./glob.ts";
import { CompiledHours } from "./hours.ts";
import { bitsFor, PatternIndex, type RuleBits, setBit } from "./pattern-index.ts";
import type {
  Capability,
  Conduit,
  FileTransferMode,
  Limits,
  Policy,
  RecordingMode,
  Require,
  Role,
  Rule,
  Target,
} from "./policy.ts";

/** What of a person the rules look at. */
export interface PersonFacts {
  name: string;
  roles: readonly Role[];
}
export type TargetFacts = Pick<Target, "name" | "conduit" | "tags">;

export interface CompiledRule {
  readonly id: string;
  readonly effect: "allow" | "deny";
  readonly protocols: readonly string[] | null;
  readonly capabilities: readonly Capability[];
  readonly require: Require;
  readonly recording: RecordingMode;
  readonly fileTransfer: FileTransferMode;
  /** The stricter of the rule's and the policy's. */
  readonly limits: Limits;
  readonly forwardTo: readonly string[];
  readonly hours: CompiledHours | null;
}

interface KnownPerson extends PersonFacts {
  bits: RuleBits;
  /** By conduit as it was asked for: whether it serves this person. */
  served: Map<string, boolean>;
}

interface KnownTarget extends TargetFacts {
  bits: RuleBits;
  /** The pattern that prohibits it. */
  prohibitedBy: string | null;
  retentionDays: number;
}

/** People and targets that are remembered: more than a plant has, and a bound all the same. */
const maxKnown = 4096;

export class CompiledPolicy {
  readonly policy: Policy;
  readonly conduits: readonly Conduit[];
  readonly rules: readonly CompiledRule[];
  readonly #names: PatternIndex;
  readonly #roles = new Map<string, number[]>();
  readonly #targetNames: PatternIndex;
  readonly #tags: PatternIndex;
  readonly #conduitNames: PatternIndex;
  readonly #conduits: ReadonlyMap<string, Conduit>;
  readonly #people = new Map<string, KnownPerson>();
  readonly #targets = new Map<string, KnownTarget>();
  readonly #protocols = new Map<string, boolean>();

  constructor(policy: Policy, conduits: readonly Conduit[]) {
    this.policy = policy;
    this.conduits = conduits;
    this.#conduits = new Map(conduits.map((conduit) => [conduit.id.toLowerCase(), conduit]));
    this.rules = policy.rules.map((rule) => compileRule(rule, policy));
    const count = policy.rules.length;
    const index = () => new PatternIndex(count, matchesLowered);
    [this.#names, this.#targetNames, this.#tags, this.#conduitNames] = [index(), index(), index(), index()];
    for (const [at, rule] of policy.rules.entries()) {
      for (const pattern of expandGroups(policy, rule.people)) this.#addPerson(pattern, at);
      for (const pattern of rule.targets) this.#addTarget(pattern, at);
    }
  }

  /** The first rule from `from` on that matches; -1 when there is none. Hours are the caller's to look at. */
  firstRule(person: PersonFacts, target: TargetFacts, protocol: string, from = 0): number {
    const people = this.#person(person).bits;
    const targets = this.#target(target).bits;
    for (let word = from >>> 5; word < people.length; word++) {
      let both = (people[word] ?? 0) & (targets[word] ?? 0);
      if (word === from >>> 5) both &= -1 << (from & 31);
      while (both !== 0) {
        const at = word * 32 + (31 - Math.clz32(both & -both));
        const protocols = this.rules[at]?.protocols ?? null;
        if (protocols === null || protocols.includes(protocol)) return at;
        both &= both - 1;
      }
    }
    return -1;
  }

  /** The pattern that prohibits this target, or null. */
  prohibitedBy(target: TargetFacts): string | null {
    return this.#target(target).prohibitedBy;
  }

  retentionDays(target: TargetFacts): number {
    return this.#target(target).retentionDays;
  }

  isBlocked(protocol: string): boolean {
    const known = this.#protocols.get(protocol);
    if (known !== undefined) return known;
    const blocked = this.policy.blockedProtocols.some((pattern) => matchesGlob(pattern, protocol));
    if (this.#protocols.size < 64) this.#protocols.set(protocol, blocked);
    return blocked;
  }

  /** Whether the target's conduit is for this person. A conduit that is not known serves nobody in particular. */
  serves(target: TargetFacts, person: PersonFacts): boolean {
    const conduit = this.conduit(target.conduit);
    if (conduit === undefined || conduit.serves.length === 0) return true;
    const { served } = this.#person(person);
    const known = served.get(conduit.id);
    if (known !== undefined) return known;
    const answer = this.isAmong(conduit.serves, person);
    served.set(conduit.id, answer);
    return answer;
  }

  conduit(id: string): Conduit | undefined {
    return this.#conduits.get(id) ?? this.#conduits.get(id.toLowerCase());
  }

  /** Names with `*` and `?`, `role:…` and `group:…`. */
  isAmong(patterns: readonly string[], person: PersonFacts): boolean {
    return isAmong(this.policy, patterns, person);
  }

  #addPerson(pattern: string, rule: number): void {
    if (!pattern.startsWith("role:")) {
      this.#names.add(pattern, rule);
      return;
    }
    const role = pattern.slice(5);
    const rules = this.#roles.get(role);
    if (rules === undefined) this.#roles.set(role, [rule]);
    else rules.push(rule);
  }

  #addTarget(pattern: string, rule: number): void {
    if (pattern.startsWith("tag:")) this.#tags.add(pattern.slice(4), rule);
    else if (pattern.startsWith("conduit:")) this.#conduitNames.add(pattern.slice(8), rule);
    else this.#targetNames.add(pattern, rule);
  }

  #person(person: PersonFacts): KnownPerson {
    const known = this.#people.get(person.name);
    if (known !== undefined && sameTexts(known.roles, person.roles)) return known;
    const bits = bitsFor(this.rules.length);
    this.#names.collect(person.name.toLowerCase(), bits);
    for (const role of person.roles) for (const rule of this.#roles.get(role) ?? []) setBit(bits, rule);
    return remember(this.#people, person.name, {
      name: person.name,
      roles: [...person.roles],
      bits,
      served: new Map(),
    });
  }

  #target(target: TargetFacts): KnownTarget {
    const known = this.#targets.get(target.name);
    if (known !== undefined && known.conduit === target.conduit && sameTexts(known.tags, target.tags)) return known;
    const bits = bitsFor(this.rules.length);
    this.#targetNames.collect(target.name.toLowerCase(), bits);
    this.#conduitNames.collect(target.conduit.toLowerCase(), bits);
    for (const tag of target.tags) this.#tags.collect(tag.toLowerCase(), bits);
    const { prohibitedTargets, retentionDays, retention } = this.policy;
    const longer = retention.filter(({ targets }) => matchesTarget(targets, target)).map(({ days }) => days);
    return remember(this.#targets, target.name, {
      name: target.name,
      conduit: target.conduit,
      tags: [...target.tags],
      bits,
      prohibitedBy: prohibitedTargets.find((pattern) => matchesGlob(pattern, target.name)) ?? null,
      retentionDays: Math.max(retentionDays, ...longer),
    });
  }
}

/** Cheap enough for every reload; what is asked often is reckoned once. */
export function compilePolicy(policy: Policy, conduits: readonly Conduit[] = []): CompiledPolicy {
  return new CompiledPolicy(policy, conduits);
}

function compileRule(rule: Rule, policy: Policy): CompiledRule {
  const { maxSessionSeconds = Number.POSITIVE_INFINITY, idleSeconds = Number.POSITIVE_INFINITY } = rule.limits;
  return {
    id: rule.id,
    effect: rule.effect,
    protocols: rule.protocols ?? null,
    capabilities: rule.capabilities,
    require: rule.require,
    recording: rule.recording,
    fileTransfer: rule.fileTransfer ?? policy.fileTransfer,
    limits: {
      ...policy.limits,
      maxSessionSeconds: Math.min(policy.limits.maxSessionSeconds, maxSessionSeconds),
      idleSeconds: Math.min(policy.limits.idleSeconds, idleSeconds),
    },
    forwardTo: rule.forwardTo,
    hours: rule.hours === undefined ? null : new CompiledHours(rule.hours),
  };
}

/** Groups do not nest; one that is not there has nobody in it. */
export function expandGroups(policy: Policy, patterns: readonly string[]): readonly string[] {
  if (!patterns.some((pattern) => pattern.startsWith("group:"))) return patterns;
  return patterns.flatMap((pattern) =>
    pattern.startsWith("group:")
      ? Object.hasOwn(policy.groups, pattern.slice(6))
        ? (policy.groups[pattern.slice(6)] ?? []).filter((inner) => !inner.startsWith("group:"))
        : []
      : [pattern],
  );
}

export function matchesPerson(pattern: string, person: PersonFacts): boolean {
  return pattern.startsWith("role:")
    ? person.roles.some((role) => role === pattern.slice(5))
    : matchesGlob(pattern, person.name);
}

function isAmong(policy: Policy, patterns: readonly string[], person: PersonFacts): boolean {
  return expandGroups(policy, patterns).some((pattern) => matchesPerson(pattern, person));
}

export function matchesTarget(patterns: readonly string[], target: TargetFacts): boolean {
  return patterns.some((pattern) => {
    if (pattern.startsWith("tag:")) return target.tags.some((tag) => matchesGlob(pattern.slice(4), tag));
    if (pattern.startsWith("conduit:")) return matchesGlob(pattern.slice(8), target.conduit);
    return matchesGlob(pattern, target.name);
  });
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function remember<T>(known: Map<string, T>, key: string, value: T): T {
  if (known.size >= maxKnown && !known.has(key)) {
    const oldest = known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
  }
  known.set(key, value);
  return value;
}
