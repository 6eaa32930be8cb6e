// What of a session somebody else has to agree to: the policy's `confirm`, made ready for one person and target. Pure.
import type { CompiledPolicy, PersonFacts, TargetFacts } from "./compile.ts";
import { confirmRulesFor } from "./confirm-rules.ts";
import { completes, type KeyCombination, keyCombination } from "./key-combination.ts";
import { scannerFor } from "./patterns.ts";
import type { Confirm } from "./policy.ts";

export interface ConfirmKeys {
  rule: Confirm;
  keys: KeyCombination;
}

export class ConfirmRules {
  /** In the policy's order. */
  readonly rules: readonly Confirm[];
  readonly #commands: ReadonlyMap<string, Confirm>;
  readonly #scanner: ReturnType<typeof scannerFor>;
  readonly upload: Confirm | null;
  readonly keys: readonly ConfirmKeys[];

  constructor(compiled: CompiledPolicy, person: PersonFacts, target: TargetFacts) {
    this.rules = confirmRulesFor(compiled, person, target);
    this.upload = this.rules.find(({ when }) => "upload" in when) ?? null;
    const commands = this.rules.flatMap((rule) => ("command" in rule.when ? [{ rule, match: rule.when.command }] : []));
    this.#commands = new Map(commands.map(({ rule }) => [rule.id, rule]));
    this.#scanner = scannerFor(commands.map(({ rule, match }) => ({ id: rule.id, match })));
    this.keys = this.rules.flatMap((rule) => {
      const keys = "keys" in rule.when ? keyCombination(rule.when.keys) : null;
      return keys === null ? [] : [{ rule, keys }];
    });
  }

  get hasCommands(): boolean {
    return this.#commands.size > 0;
  }

  /** Of what cannot be read: the first rule of commands. */
  get anyCommand(): Confirm | null {
    return [...this.#commands.values()][0] ?? null;
  }

  /** The first rule, in the policy's order, whose pattern is in this line. */
  command(line: string): Confirm | null {
    if (this.#commands.size === 0) return null;
    const found = new Set(
      this.#scanner()
        .feed(`${line}\n`)
        .map(({ id }) => id),
    );
    return [...this.#commands.values()].find(({ id }) => found.has(id)) ?? null;
  }

  /** Of two that fit. */
  first(one: Confirm | null, other: Confirm | null): Confirm | null {
    return this.rules.find((rule) => rule === one || rule === other) ?? null;
  }

  /** This key, going down while those are held. */
  pressed(sym: number, held: ReadonlySet<number>): ConfirmKeys | null {
    return this.keys.find(({ keys }) => completes(keys, sym, held)) ?? null;
  }
}
