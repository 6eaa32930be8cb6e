// One live session: the state machine between its tap, its recording and its limits.
// opening → active ⇄ frozen → closing → sealed | interrupted. Invariant: nothing passes that the recording did not take,
// except under `best_effort`, where the loss is a stated gap and an alarm.
import type { LiveSession, RunningItem, SessionMark } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { NoticeType, SessionEvent } from "../../shared/events/session-event.ts";
import { decideControl, sharedCompany } from "../../shared/policy/control.ts";
import {
  type Decision,
  decideCapability,
  decideClipboard,
  decideEnv,
  decideForward,
  refusal,
} from "../../shared/policy/decide.ts";
import type { Capability, Confirm } from "../../shared/policy/policy.ts";
import type {
  ConfirmDesk,
  ControlledTap,
  EventSink,
  FileTransferMode,
  SessionControl,
  SessionHold,
  SessionWarning,
  TapSession,
  TerminateReason,
} from "../tap/tap.ts";
import { Confirmations } from "./confirmations.ts";
import { ControlSeat } from "./control-seat.ts";
import { describeSession } from "./describe-session.ts";
import { whyNotEscort, whyNotReleasedBy } from "./escort.ts";
import type { NotCounting } from "./escort-presence.ts";
import { SessionHolds } from "./holds.ts";
import { type FoundPattern, PatternWatch, type SessionPatterns } from "./pattern-watch.ts";
import { RecordingFilter } from "./recording-filter.ts";
import { Running } from "./running.ts";
import { SessionClock } from "./session-clock.ts";
import { lostSentence, SessionEscort } from "./session-escort.ts";
import type {
  EndedBy,
  Releaser,
  SessionFacts,
  SessionHappening,
  SessionLogger,
  SessionRecording,
} from "./session-facts.ts";

export type SessionState = "active" | "frozen" | "closing" | "sealed" | "interrupted";

export interface SessionHooks {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Since 1970. */
  wallMs(): number;
  logger: SessionLogger;
  happened?(session: GatewaySession, what: SessionHappening): void;
  /** Somebody or a pattern ended it: its access is over, too. */
  onPunished?(session: GatewaySession, by: string, reason: TerminateReason): void;
  /** Called once, after the recording is closed. */
  onClosed(session: GatewaySession): void;
}

/** How long a tap may take to end both sides after it was told to; the recording is closed then in any case. */
const tapGraceMs = 10_000;
/** Ends that are no end of the session alone: whoever comes back needs a new approval. */
const punishments: ReadonlySet<string> = new Set(["terminated", "pattern-matched"]);

export class GatewaySession implements TapSession {
  readonly id: string;
  readonly sink: EventSink;
  readonly facts: SessionFacts;
  readonly #recording: SessionRecording;
  readonly #hooks: SessionHooks;
  readonly #abort = new AbortController();
  readonly #clock: SessionClock;
  readonly #filter: RecordingFilter;
  readonly #watch: PatternWatch | null;
  #grantState: "none" | "open" | "revoked" | "expired";
  #state: SessionState = "active";
  #openChannels = 0;
  #alarms = new Set<string>();
  #policyAlarm: string | null = null;
  #releasedBy: string | null = null;
  #endReason: string | null = null;
  #endedBy: { by: string; sentence: string } | null = null;
  #grantEndedBy: EndedBy | null = null;
  #thaw: Deferred | null = null;
  readonly #holds = new SessionHolds();
  readonly #running = new Running();
  #ending: NonNullable<LiveSession["ending"]> | null = null;
  #escort: SessionEscort | null = null;
  /** Who else types in it. */
  readonly seat: ControlSeat;
  readonly #confirmations: Confirmations | null;
  /** Whose input is being recorded, where it is not the person's. */
  #typist: string | null = null;
  #tell: (warning: SessionWarning) => void = () => {};
  #held: (hold: SessionHold | null) => void = () => {};
  #ended = false;
  #isClosed = false;
  readonly #closed: Deferred;
  #grace: NodeJS.Timeout | null = null;

  constructor(facts: SessionFacts, recording: SessionRecording, hooks: SessionHooks) {
    this.id = recording.session;
    this.facts = facts;
    this.#recording = recording;
    this.#hooks = hooks;
    this.#closed = deferred();
    const { obligations } = facts.decision;
    this.#clock = new SessionClock(hooks, obligations.limits);
    this.#filter = new RecordingFilter(obligations.recording, () => hooks.nowMs());
    this.#grantState = facts.grant === null ? "none" : "open";
    this.#watch = this.#watchFor(facts.patterns);
    this.seat = this.#seatFor(hooks, obligations.limits.idleSeconds);
    this.#confirmations = this.#confirmationsFor(hooks);
    this.sink = {
      append: (event) => this.#append(event),
      durable: () => this.#durable(),
      drained: () => this.#drained(),
    };
    recording.onFailure((error) => this.#recordingFailed(error));
    recording.onEndAsked?.((reason) => this.terminate(reason, "recorder"));
  }

  /** Before the tap has it: the session waits for its escort from its first moment on. */
  awaitEscort(): void {
    this.#escort = new SessionEscort(this.facts.policy, {
      nowMs: () => this.#hooks.nowMs(),
      wallMs: () => this.#hooks.wallMs(),
      notice: (notice, facts) => this.notice(notice, facts),
      whyNot: (person) => whyNotEscort(person, this.facts),
      lost: (last, why) => this.#escortLost(last, why),
      gone: () => this.#escortGone(),
    });
    const sentence =
      "This session waits for its escort. It begins when the escort releases it; what is typed before then is dropped.";
    this.#freeze({ code: "escort-awaited", sentence }, "policy", "escort-needed");
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get state(): SessionState {
    return this.#state;
  }

  get frozen(): boolean {
    return this.#thaw !== null;
  }

  whenUnfrozen(): Promise<void> {
    return this.#thaw?.promise ?? Promise.resolve();
  }

  decide(capability: Capability): Decision {
    const { decision } = this.facts;
    const opensChannel =
      capability === "shell" || capability === "exec" || capability === "sftp" || capability === "subsystem";
    if (opensChannel && this.#openChannels >= decision.obligations.limits.maxChannels) {
      return refusal("too-many-channels", decision.rule, decision.obligations);
    }
    return decideCapability(decision, capability);
  }

  decideEnv(name: string): Decision {
    return decideEnv(this.facts.policy, this.facts.decision, name);
  }

  decideForward(capability: Capability, host: string, port: number): Decision {
    const permission = decideCapability(this.facts.decision, capability);
    // Sockets have no address to list: the capability says it all.
    if (capability !== "local-forward" || permission.effect === "deny") return permission;
    return decideForward(this.facts.decision, host, port);
  }

  decideClipboard(direction: "inbound" | "outbound", bytes: number): Decision {
    const { target, decision } = this.facts;
    const most = target.protocol === "vnc" ? target.vnc.clipboardBytes : 0;
    return decideClipboard(decision, direction, bytes, most);
  }

  get fileTransfer(): FileTransferMode {
    return this.facts.decision.obligations.fileTransfer;
  }

  get earlyInput(): "refuse" | "deliver" {
    return this.facts.policy.escort.earlyInput;
  }

  get hold(): SessionHold | null {
    return this.#holds.top;
  }

  get control(): SessionControl | null {
    return this.seat.control;
  }

  onControl(tap: ControlledTap): void {
    this.seat.onControl(tap);
  }

  get confirm(): ConfirmDesk | null {
    return this.#confirmations;
  }

  /** What waits to be confirmed. */
  get confirmations(): Confirmations | null {
    return this.#confirmations;
  }

  /** Who watches as escort; null: the session owes none. */
  get escort(): SessionEscort | null {
    return this.#escort;
  }

  onHold(listener: (hold: SessionHold | null) => void): void {
    this.#held = listener;
  }

  onWarning(listener: (warning: SessionWarning) => void): void {
    this.#tell = listener;
  }

  typed(channel: number, text: string, by?: string): void {
    this.#typist = by ?? null;
    this.#watch?.typed(channel, text);
    this.#typist = null;
  }

  touch(): void {
    this.#clock.touch();
  }

  /** Once the session's last word is written, nothing is added to it. */
  notice(notice: NoticeType, facts: Record<string, unknown>, channel?: number): void {
    if (this.#isClosed) return;
    try {
      this.#append({ type: "notice", notice, ...(channel === undefined ? {} : { channel }), facts });
    } catch (error) {
      // The failure itself has already been handled by onFailure; a notice has nobody waiting for it.
      this.#hooks.logger.warn({ session: this.id, notice, err: error }, "a notice could not be recorded");
    }
  }

  /** Input stops at the gateway, output goes on. False: it cannot be frozen now. */
  freeze(by: string, reason: string): boolean {
    // A transfer that never ends is stopped, too: the safe end is over then.
    const code = this.#state === "frozen" ? this.#holds.top?.code : undefined;
    if (this.#state !== "active" && code !== "ending" && code !== "controlled") return false;
    const before = this.#holds.top;
    if (this.#holds.delete("ending")) this.#ending = null;
    const said = reason === "" ? "" : ` Reason: ${reason}`;
    const sentence = `The plant has stopped this session: what you type or send is dropped until it goes on.${said}`;
    this.#freeze({ code: "frozen", sentence }, by, reason, before);
    return true;
  }

  /** Why this person may not release the session; null: they may. */
  whyNotReleasedBy(person: Releaser): string | null {
    return whyNotReleasedBy(person, this.facts, this.#holds.top);
  }

  /** Why nobody, or not this person, may release it as things stand. */
  whyNotReleasedYet(person: string): string | null {
    if (this.#holds.has("stopped")) return "The plant has stopped this session with others: lift the stop first.";
    const isEscortHeld = this.#holds.has("escort-awaited") || this.#holds.has("escort-lost");
    return this.#escort?.whyNotReleasedBy(person, isEscortHeld) ?? null;
  }

  /** False: it is not frozen, or a stop holds it. */
  unfreeze(by: string): boolean {
    if (this.#state !== "frozen" || this.#holds.top === null || this.#holds.has("stopped")) return false;
    if (this.#holds.top.code === "controlled") {
      this.seat.end("released");
      return true;
    }
    const isBeginning = this.#holds.has("escort-awaited");
    const isEscorted = isBeginning || this.#holds.has("escort-lost");
    this.#state = "active";
    this.#holds.clear();
    this.#ending = null;
    this.#escort?.released();
    this.#clock.touch();
    this.#thaw?.resolve();
    this.#thaw = null;
    // Before the notice: what was dropped last is said within the hold.
    this.#held(null);
    this.notice("unfreeze", { by, ...(isEscorted ? { escort: by } : {}) });
    const sentence = isBeginning ? "The escort is there: the session begins." : "The session goes on.";
    this.#tell({ code: "unfrozen", sentence, secondsLeft: null });
    if (isEscorted) this.#releasedBy = by;
    this.#hooks.happened?.(this, { type: "unfrozen", by, ...(isEscorted ? { escort: true } : {}) });
    return true;
  }

  /** The plant has stopped every session of a scope. Also one that is frozen already. */
  stop(by: string, reason: string): void {
    if (this.#state === "closing" || this.#ended || this.#holds.has("stopped")) return;
    const sentence = `The plant has stopped this session with others: what you type or send is dropped. Reason: ${reason}`;
    this.#freeze({ code: "stopped", sentence }, by, reason);
  }

  /** The stop is lifted: what it held stays frozen until somebody who looks at it releases it. */
  liftStop(by: string, reason: string): void {
    const before = this.#holds.top;
    if (!this.#holds.delete("stopped") || this.#state !== "frozen") return;
    const sentence = "The plant has lifted its stop: this session goes on when it is released.";
    this.#freeze(this.#holds.top ?? { code: "frozen", sentence }, by, reason, before);
  }

  /** Freezes all but the transfers that are open. @returns what runs; null: it is ending already. */
  endSafely(by: string, reason: string, whenFinished: boolean): RunningItem[] | null {
    if (this.#state === "closing" || this.#ended) return null;
    this.#ending = { by, reason, whenFinished };
    const said = reason === "" ? "" : ` Reason: ${reason}`;
    const rest = "file transfers that are open may finish, everything else that you type or send is dropped.";
    this.#freeze({ code: "ending", sentence: `The plant is about to end this session: ${rest}${said}` }, by, reason);
    return this.#running.list();
  }

  /** Told to the person. False: it is ending already. */
  message(by: string, text: string): boolean {
    if (this.#state === "closing" || this.#ended) return false;
    this.notice("message", { by, text });
    // Accounts of the recorder's machine say nothing to a person of elsewhere.
    const from = by.startsWith("os:") ? "the plant" : by;
    this.#tell({ code: "message", sentence: `Message of ${from}: ${text}`, secondsLeft: null });
    this.#hooks.happened?.(this, { type: "message", by });
    return true;
  }

  /** On the timeline. False: it is ending already. REQUEST_INVALID: at a time that has not come. */
  mark(by: string, { kind, text, atUs }: SessionMark): boolean {
    if (this.#state === "closing" || this.#ended) return false;
    if (atUs !== undefined && atUs > (this.#recording.nowUs?.() ?? atUs)) {
      throw new AppError("REQUEST_INVALID", "the session has not come to that moment yet", { op: "session.mark" });
    }
    this.notice(kind, { by, text, ...(atUs === undefined ? {} : { atUs }) });
    return true;
  }

  /** Told after a reload: why the policy now in force would not open it as it is; null: it would. Once for each text. */
  policySays(why: string | null, facts: Record<string, unknown>): void {
    if (why === this.#policyAlarm || this.#state === "closing" || this.#ended) return;
    if (this.#policyAlarm !== null) this.#alarms.delete(this.#policyAlarm);
    if (why !== null) this.#alarms.add(why);
    this.#policyAlarm = why;
    this.notice("decision", { ...facts, ...(why === null ? {} : { sentence: why }) });
  }

  /** Told by whoever follows the grants: what the session stands on is no more. */
  grantEnded(state: "revoked" | "expired", why: EndedBy | null = null): void {
    if (this.#grantState === "open") {
      this.#grantState = state;
      this.#grantEndedBy = why;
    }
    this.checkLimits();
  }

  /** Ends the session: the person is told `sentence`, the tap closes both sides, then the recording is sealed. */
  terminate(reason: TerminateReason, by: string): void {
    if (this.#state === "closing" || this.#ended) return;
    this.#state = "closing";
    this.#endReason = reason.code;
    this.#endedBy = { by, sentence: reason.sentence };
    this.#stopOthers("ended");
    this.#hooks.logger.info({ session: this.id, reason: reason.code, by }, "session is being ended");
    this.notice("terminate", { by, code: reason.code, sentence: reason.sentence });
    if (punishments.has(reason.code)) this.#hooks.onPunished?.(this, by, reason);
    this.#abort.abort(reason);
    this.#grace = setTimeout(() => this.ended(reason.code), tapGraceMs);
    this.#grace.unref();
  }

  ended(reason: string): void {
    if (this.#ended) return;
    // Whoever goes by themselves once their file is through was ended all the same.
    this.#endIfFinished(true);
    this.#ended = true;
    void this.#close(this.#endReason ?? reason);
  }

  /** Resolves when the session has ended and its recording is closed. */
  whenClosed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Recording cannot go on, or will not for long: what follows is the target's failure mode. */
  recordingFails(error: Error): void {
    if (!this.#ended) this.#recordingFailed(error);
  }

  /** Called by the registry's ticker: window, grant, and the limits of time, idleness and size. */
  checkLimits(): void {
    if (this.#state === "closing" || this.#ended) return;
    this.#escort?.tick();
    this.seat.tick();
    this.#confirmations?.tick();
    this.#endIfFinished();
    if (this.#isOver) return;
    const { windowEndsMs } = this.facts.decision.obligations;
    const { recordedBytes } = this.#recording.health();
    const facts = { windowEndsMs, grantState: this.#grantState, recordedBytes };
    const { due, warnings } = this.#clock.check(facts, this.#state === "frozen");
    if (due !== null) {
      this.notice("limit", { code: due.code });
      const why = due.code === "access-revoked" ? this.#grantEndedBy : null;
      const said = why === null || why.reason === "" ? "" : ` Reason: ${why.reason}`;
      this.terminate({ ...due, sentence: `${due.sentence}${said}` }, why?.by ?? "policy");
      return;
    }
    for (const { code, sentence, secondsLeft } of warnings) {
      this.notice("warned", { code, ...(secondsLeft === null ? {} : { secondsLeft }) });
      this.#tell({ code, sentence, secondsLeft });
      this.#hooks.happened?.(this, { type: "warned", code, secondsLeft });
    }
  }

  describe(): LiveSession {
    return describeSession(this.facts, {
      id: this.id,
      state: this.#state === "active" || this.#state === "frozen" ? this.#state : "closing",
      hold: this.#holds.top,
      escort: this.#escort?.state(),
      control: this.seat.state,
      confirmations: this.#confirmations?.list() ?? [],
      running: this.#running.list(),
      ending: this.#ending,
      releasedBy: this.#releasedBy,
      channels: this.#openChannels,
      idleMs: this.#clock.idleMs,
      health: this.#recording.health(),
      alarms: this.#alarms,
    });
  }

  get #isOver(): boolean {
    return this.#state === "closing" || this.#ended;
  }

  #freeze(hold: SessionHold, by: string, reason: string, before = this.#holds.top): void {
    this.#setFrozen();
    this.#state = "frozen";
    this.#holds.set(hold);
    this.#stopOthers("held");
    const isPlain = hold.code === "frozen" || hold.code === "escort-awaited";
    this.notice("freeze", { by, reason, ...(isPlain ? {} : { hold: hold.code }) });
    const { top } = this.#holds;
    if (top !== null && top !== before) {
      this.#held(top);
      this.#tell({ ...top, secondsLeft: null });
    }
    this.#hooks.happened?.(this, { type: "frozen", by, reason });
  }

  /** Nobody types in the person's place any more, and nothing waits to be confirmed. */
  #stopOthers(why: "held" | "ended"): void {
    this.seat.end(why);
    const sentence =
      why === "held" ? "The session was stopped: it was not sent." : "The session ends: it was not sent.";
    this.#confirmations?.cancelAll(why, sentence);
  }

  #seatFor(hooks: SessionHooks, idleSeconds: number): ControlSeat {
    const { facts } = this;
    return new ControlSeat({
      nowMs: () => hooks.nowMs(),
      wallMs: () => hooks.wallMs(),
      decide: (by) => decideControl(facts.policy, { person: facts.person, by, serves: facts.serves?.(by) ?? true }),
      isHeld: () => this.#state !== "active" || this.#isOver,
      hold: (by) => (by === null ? this.#controlReleased() : this.#controlled(by)),
      tell: (code, sentence) => this.#tell({ code, sentence, secondsLeft: null }),
      notice: (notice, said) => this.notice(notice, said),
      happened: (what) => hooks.happened?.(this, what),
      idleMs: idleSeconds * 1000,
    });
  }

  #controlled(by: string): void {
    this.#setFrozen();
    this.#state = "frozen";
    const sentence = `${by} of the plant types in your place: what you type or send is dropped until it is handed back.`;
    const hold: SessionHold = { code: "controlled", sentence };
    this.#holds.set(hold);
    this.#confirmations?.cancelAll("held", `${by} of the plant has taken control: it was not sent.`);
    this.#held(hold);
    this.#tell({ ...hold, secondsLeft: null });
  }

  #controlReleased(): void {
    if (!this.#holds.delete("controlled") || this.#holds.top !== null || this.#state !== "frozen") return;
    this.#state = "active";
    this.#clock.touch();
    this.#thaw?.resolve();
    this.#thaw = null;
    this.#held(null);
    this.#tell({ code: "unfrozen", sentence: "You have control of the session again.", secondsLeft: null });
  }

  #confirmationsFor(hooks: SessionHooks): Confirmations | null {
    const { confirm } = this.facts;
    if (confirm === undefined || confirm.rules.length === 0) return null;
    return new Confirmations(confirm, {
      nowMs: () => hooks.nowMs(),
      wallMs: () => hooks.wallMs(),
      notice: (notice, facts, channel) => this.notice(notice, facts, channel),
      happened: (what) => hooks.happened?.(this, what),
      whyNot: (by, needs) => this.#whyNotConfirmed(by, needs),
      isOpen: () => this.#state === "active" && !this.#isOver,
    });
  }

  #whyNotConfirmed(by: Releaser, needs: Confirm["by"]): string | null {
    const { person, policy } = this.facts;
    if (by.name.toLowerCase() === person.name.toLowerCase()) return "Nobody confirms what they do themselves.";
    if (by.roles.includes("vendor")) return "A vendor confirms nothing, whatever other role they have.";
    if (needs === "escort") return whyNotEscort(by, this.facts);
    const approves = this.facts.approves?.(by) ?? by.roles.includes("approver");
    if (!approves) return "This waits for an approver of the target's conduit.";
    const isColleague = sharedCompany(policy, by, person) !== null;
    return isColleague ? `You are of the same company as ${person.name}: somebody else has to agree.` : null;
  }

  #escortLost(last: string, why: NotCounting): void {
    if (this.#isOver) return;
    this.notice("escort-lost", { last, why });
    this.#freeze({ code: "escort-lost", sentence: lostSentence(why) }, "policy", "escort-lost");
    this.#hooks.happened?.(this, { type: "escort-lost", last, why });
  }

  /** No punishment: the access stays. */
  #escortGone(): void {
    const sentence = "No escort has come back in time, so the session ends. It can be opened again.";
    this.terminate({ code: "escort-gone", sentence }, "policy");
  }

  #endIfFinished(isLeft = false): void {
    if (this.#ending?.whenFinished !== true || this.#isOver || (this.#running.hasFiles && !isLeft)) return;
    const { by, reason } = this.#ending;
    const said = reason === "" ? "" : ` Reason: ${reason}`;
    this.terminate({ code: "terminated", sentence: `The plant ended this session.${said}` }, by);
  }

  #setFrozen(): void {
    this.#thaw ??= deferred();
  }

  #watchFor(patterns: SessionPatterns | undefined): PatternWatch | null {
    if (patterns === undefined || (patterns.input === null && patterns.output === null)) return null;
    return new PatternWatch(patterns, {
      found: (pattern, where, channel) => this.#found(pattern, where, channel),
      nowMs: () => this.#hooks.nowMs(),
    });
  }

  /** What was found is never told: it may be what the recording seals. */
  #found({ id, action, message }: FoundPattern, where: "input" | "output", channel: number): void {
    if (this.#state === "closing" && action !== "alert") return;
    const by = this.#typist;
    this.notice("pattern-matched", { pattern: id, in: where, action, channel, ...(by === null ? {} : { by }) });
    this.#hooks.happened?.(this, { type: "pattern", pattern: id, in: where, action });
    this.#alarms.add(`pattern ${id}`);
    // What somebody else typed does not end the person's access.
    const freezes = action === "freeze" || (action === "terminate" && by !== null);
    if (freezes) this.freeze("policy", message === "" ? `pattern ${id}` : message);
    else if (action === "terminate") {
      const sentence = message === "" ? "The plant's policy ended this session." : message;
      this.terminate({ code: "pattern-matched", sentence }, `policy: pattern ${id}`);
    } else if (message !== "") this.#tell({ code: "pattern-matched", sentence: message, secondsLeft: null });
  }

  #append(event: SessionEvent): boolean {
    if (event.type === "channel-open") this.#openChannels++;
    else if (event.type === "channel-close") this.#openChannels--;
    this.#running.seen(event);
    let flows = true;
    try {
      if (this.#filter.isOpen) flows = this.#recording.append(event);
      else for (const passed of this.#filter.of(event)) flows = this.#recording.append(passed) && flows;
    } catch (error) {
      this.#recordingFailed(error);
      if (this.facts.target.failureMode !== "best_effort") throw error;
    }
    if (this.#watch === null) return flows;
    this.#typist = event.type === "input" ? (event.by ?? null) : null;
    this.#watch.seen(event);
    this.#typist = null;
    return flows && !this.#watch.behind;
  }

  async #durable(): Promise<void> {
    try {
      await this.#recording.durable();
    } catch (error) {
      this.#recordingFailed(error);
      if (this.facts.target.failureMode === "strict") throw error;
    }
  }

  async #drained(): Promise<void> {
    try {
      await Promise.all([this.#recording.drained(), this.#watch?.drained()]);
    } catch (error) {
      this.#recordingFailed(error);
      if (this.facts.target.failureMode === "strict") throw error;
    }
  }

  /** The one place where `strict | best_effort` is applied (recording.md; IEC 62443-3-3 SR 2.10). */
  #recordingFailed(error: unknown): void {
    // What a peer says after the last word has nobody to be recorded for.
    if (this.#isClosed) return;
    const code = error instanceof AppError ? error.code : "RECORD_FAILED";
    if (this.#alarms.has(code)) return;
    this.#alarms.add(code);
    const mode = this.facts.target.failureMode;
    this.#hooks.logger.error({ session: this.id, code, failureMode: mode, err: error }, "recording failed");
    this.notice("health", { code, failureMode: mode });
    if (mode === "best_effort") return;
    this.#setFrozen();
    this.terminate({ code: "recording-failed", sentence: "The session cannot be recorded any more." }, "recorder");
  }

  async #close(reason: string): Promise<void> {
    this.#state = "closing";
    this.#stopOthers("ended");
    if (this.#grace !== null) clearTimeout(this.#grace);
    if (this.#watch !== null) await this.#watch.finish();
    this.#escort?.close();
    this.notice("session-close", { reason });
    this.#isClosed = true;
    // Whoever still holds input back for an unfreeze must come to see that the session is over.
    if (!this.#abort.signal.aborted) this.#abort.abort({ code: reason, sentence: "The session has ended." });
    this.#thaw?.resolve();
    this.#thaw = null;
    try {
      await this.#recording.close(reason);
      this.#state = "sealed";
      this.#hooks.logger.info({ session: this.id, reason }, "session sealed");
    } catch (error) {
      this.#state = "interrupted";
      this.#hooks.logger.error(
        { session: this.id, reason, err: error },
        "recording could not be sealed; recovery will",
      );
    }
    this.#hooks.happened?.(this, { type: "ended", reason, ...(this.#endedBy === null ? {} : { end: this.#endedBy }) });
    this.#hooks.onClosed(this);
    this.#closed.resolve();
  }
}

interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
}

function deferred(): Deferred {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
