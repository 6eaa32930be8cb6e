// What a session's person did and that waits until somebody else agrees. Fed by the tap, which holds it, and by whoever
// answers. Invariants: the person never answers for themselves; what is not answered in time, or while the session is held,
// is refused; each step stands in the record; what waits is bounded.
import type { ConfirmAnswer, Confirmation } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { NoticeType } from "../../shared/events/session-event.ts";
import type { ConfirmRules } from "../../shared/policy/confirm.ts";
import type { KeyCombination } from "../../shared/policy/key-combination.ts";
import type { Confirm } from "../../shared/policy/policy.ts";
import type { AwaitedConfirmation, CommandLines, CommandStream, ConfirmAction, ConfirmDesk } from "../tap/tap.ts";
import { ConfirmLines } from "./confirm-lines.ts";
import { ConfirmStream } from "./confirm-stream.ts";
import type { Releaser, SessionHappening } from "./session-facts.ts";

export interface ConfirmationHooks {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Since 1970. */
  wallMs(): number;
  notice(notice: NoticeType, facts: Record<string, unknown>, channel: number): void;
  happened(what: SessionHappening): void;
  /** In words: why this person may not agree in the place of who the rule names; null: they may. */
  whyNot(by: Releaser, needs: Confirm["by"]): string | null;
  /** The session takes input now. */
  isOpen(): boolean;
}

interface Waiting {
  confirmation: Confirmation;
  endsMs: number;
  settle(given: boolean, sentence: string): void;
}

/** More at once is no person's doing. */
const mostWaiting = 16;
const maxText = 300;

export class Confirmations implements ConfirmDesk {
  readonly #rules: ConfirmRules;
  readonly #hooks: ConfirmationHooks;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  constructor(rules: ConfirmRules, hooks: ConfirmationHooks) {
    this.#rules = rules;
    this.#hooks = hooks;
  }

  get uploads(): boolean {
    return this.#rules.upload !== null;
  }

  get commands(): boolean {
    return this.#rules.hasCommands;
  }

  get keys(): readonly KeyCombination[] {
    return this.#rules.keys.map(({ keys }) => keys);
  }

  lines(channel: number): CommandLines {
    return new ConfirmLines(this.#rules, (command, rule) => this.#wait(rule, { what: "command", channel, command }));
  }

  stream(channel: number): CommandStream {
    return new ConfirmStream(this.#rules, (command, rule) => this.#wait(rule, { what: "command", channel, command }));
  }

  ask(action: ConfirmAction): AwaitedConfirmation | null {
    const rule = this.#ruleFor(action);
    if (rule === null) return null;
    const isUpload = action.what === "command" && rule === this.#rules.upload;
    return this.#wait(rule, isUpload ? { what: "upload", channel: action.channel, path: action.command } : action);
  }

  list(): Confirmation[] {
    return [...this.#waiting.values()].map(({ confirmation }) => confirmation);
  }

  /** False: nothing waits under this number any more. POLICY_REFUSED: not this person. */
  answer(n: number, by: Releaser, { given, reason }: ConfirmAnswer): boolean {
    const waiting = this.#waiting.get(n);
    if (waiting === undefined) return false;
    const { needs } = waiting.confirmation;
    const whyNot = this.#hooks.whyNot(by, needs);
    if (whyNot !== null) throw new AppError("POLICY_REFUSED", whyNot, { op: "session.confirm" });
    const said = reason === "" ? "" : ` Reason: ${reason}`;
    if (given) this.#settle(waiting, "confirm-given", { by: by.name }, `${by.name} has agreed: it goes on.`);
    else {
      const facts = { by: by.name, ...(reason === "" ? {} : { reason }) };
      this.#settle(waiting, "confirm-refused", facts, `${by.name} has not agreed: it was not sent.${said}`);
    }
    return true;
  }

  tick(): void {
    const nowMs = this.#hooks.nowMs();
    for (const waiting of [...this.#waiting.values()]) {
      if (nowMs < waiting.endsMs) continue;
      this.#settle(waiting, "confirm-expired", {}, "Nobody agreed in time: it was not sent.");
    }
  }

  cancelAll(why: string, sentence: string): void {
    for (const waiting of [...this.#waiting.values()]) this.#settle(waiting, "confirm-cancelled", { why }, sentence);
  }

  #ruleFor(action: ConfirmAction): Confirm | null {
    switch (action.what) {
      case "upload":
        return this.#rules.upload;
      case "command":
        return this.#rules.first(
          this.#rules.command(action.command),
          action.writes === true ? this.#rules.upload : null,
        );
      case "keys":
        return this.#rules.keys.find(({ keys }) => keys === action.keys)?.rule ?? null;
    }
  }

  #wait(rule: Confirm, action: ConfirmAction): AwaitedConfirmation {
    const { timeoutSeconds, by: needs } = rule;
    const { what, channel } = action;
    const text = textOf(action).slice(0, maxText);
    const refused = (sentence: string): AwaitedConfirmation => ({
      sentence,
      answer: Promise.resolve({ given: false, sentence }),
      cancel: () => undefined,
    });
    if (!this.#hooks.isOpen()) return refused("Not while the session is stopped.");
    if (this.#waiting.size >= mostWaiting) return refused("Too much of this session waits to be confirmed already.");
    const n = ++this.#asked;
    const wallMs = this.#hooks.wallMs();
    const confirmation: Confirmation = {
      n,
      rule: rule.id,
      what,
      channel,
      text,
      needs,
      askedAt: new Date(wallMs).toISOString(),
      endsAt: new Date(wallMs + timeoutSeconds * 1000).toISOString(),
    };
    let settle: Waiting["settle"] = () => undefined;
    const answer = new Promise<{ given: boolean; sentence: string }>((resolve) => {
      settle = (given, sentence) => resolve({ given, sentence });
    });
    const waiting = { confirmation, endsMs: this.#hooks.nowMs() + timeoutSeconds * 1000, settle };
    this.#waiting.set(n, waiting);
    const named = what === "upload" ? { path: text } : what === "keys" ? { keys: text } : { command: text };
    this.#hooks.notice("confirm-asked", { n, rule: rule.id, what, needs, timeoutSeconds, ...named }, channel);
    this.#hooks.happened({ type: "confirmation", step: "asked", n, rule: rule.id });
    return {
      sentence: `${whatWords[what]} waits until ${needsWords[needs]} agrees, ${timeoutSeconds} seconds at most.`,
      answer,
      cancel: (why) => {
        if (this.#waiting.has(n)) this.#settle(waiting, "confirm-cancelled", { why }, "It was not sent.");
      },
    };
  }

  #settle(waiting: Waiting, notice: NoticeType, facts: Record<string, unknown>, sentence: string): void {
    const { n, rule, channel } = waiting.confirmation;
    this.#waiting.delete(n);
    this.#hooks.notice(notice, { n, rule, ...facts }, channel);
    waiting.settle(notice === "confirm-given", sentence);
    const step = notice.slice("confirm-".length);
    const by = facts["by"];
    this.#hooks.happened({ type: "confirmation", step, n, rule, ...(typeof by === "string" ? { by } : {}) });
  }
}

const whatWords = { upload: "This upload", command: "This command", keys: "This combination of keys" } as const;
const needsWords = { escort: "an escort", approver: "an approver" } as const;

function textOf(action: ConfirmAction): string {
  switch (action.what) {
    case "upload":
      return action.path;
    case "command":
      return action.command;
    case "keys":
      return action.keys.name;
  }
}
