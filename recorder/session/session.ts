// One live session: the state machine between its tap, its recording and its limits.
// opening → active ⇄ frozen → closing → sealed | interrupted. Invariant: nothing passes that the recording did not take,
// except under `best_effort`, where the loss is a stated gap and an alarm.
import type { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { NoticeType, SessionEvent } from "../../shared/events/session-event.ts";
import { type Decision, decideCapability, decideEnv } from "../../shared/policy/decide.ts";
import type { Capability, Limits, Policy, Target } from "../../shared/policy/policy.ts";
import type {
  AuthenticatedPerson,
  ClientAddress,
  EventSink,
  FileTransferMode,
  SessionHold,
  SessionWarning,
  TapSession,
  TerminateReason,
} from "../tap/tap.ts";

export type SessionState = "active" | "frozen" | "closing" | "sealed" | "interrupted";

/** What a session needs of its recording; record/recorder.ts satisfies it. */
export interface SessionRecording extends EventSink {
  readonly session: string;
  health(): { recordedBytes: number; durableBehindMs: number };
  onFailure(listener: (error: Error) => void): void;
  /** Called once when the recorder cannot make sense of what comes: the session has to end. */
  onEndAsked?(listener: (reason: TerminateReason) => void): void;
  close(endReason: string): Promise<unknown>;
}

export interface SessionFacts {
  person: AuthenticatedPerson;
  client: ClientAddress;
  target: Target;
  decision: Decision;
  policy: Policy;
  limits: Limits;
  startedAt: string;
}

export interface SessionLogger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface SessionHooks {
  /** Monotonic milliseconds. */
  nowMs(): number;
  logger: SessionLogger;
  /** Called once, after the recording is closed. */
  onClosed(session: GatewaySession): void;
}

/** How long a tap may take to end both sides after it was told to; the recording is closed then in any case. */
const tapGraceMs = 10_000;

export class GatewaySession implements TapSession {
  readonly id: string;
  readonly sink: EventSink;
  readonly facts: SessionFacts;
  readonly #recording: SessionRecording;
  readonly #hooks: SessionHooks;
  readonly #abort = new AbortController();
  readonly #startedMs: number;
  #state: SessionState = "active";
  #lastInputMs: number;
  #openChannels = 0;
  #alarms = new Set<string>();
  #endReason: string | null = null;
  #thaw: Deferred | null = null;
  #hold: SessionHold | null = null;
  #tell: (warning: SessionWarning) => void = () => {};
  #ended = false;
  readonly #closed: Deferred;
  #grace: NodeJS.Timeout | null = null;

  constructor(facts: SessionFacts, recording: SessionRecording, hooks: SessionHooks) {
    this.id = recording.session;
    this.facts = facts;
    this.#recording = recording;
    this.#hooks = hooks;
    this.#closed = deferred();
    this.#startedMs = hooks.nowMs();
    this.#lastInputMs = this.#startedMs;
    this.sink = {
      append: (event) => this.#append(event),
      durable: () => this.#durable(),
      drained: () => this.#drained(),
    };
    recording.onFailure((error) => this.#recordingFailed(error));
    recording.onEndAsked?.((reason) => this.terminate(reason, "recorder"));
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
    const opensChannel =
      capability === "shell" || capability === "exec" || capability === "sftp" || capability === "subsystem";
    if (opensChannel && this.#openChannels >= this.facts.limits.maxChannels) {
      return { effect: "deny", reason: "too-many-channels", rule: this.facts.decision.rule, capabilities: [] };
    }
    return decideCapability(this.facts.decision, capability);
  }

  decideEnv(name: string): Decision {
    return decideEnv(this.facts.policy, this.facts.decision, name);
  }

  decideForward(capability: Capability, _host: string, _port: number): Decision {
    return this.decide(capability);
  }

  decideClipboard(direction: "inbound" | "outbound", _bytes: number): Decision {
    return this.decide(direction === "inbound" ? "clipboard-in" : "clipboard-out");
  }

  get fileTransfer(): FileTransferMode {
    return "allow";
  }

  get hold(): SessionHold | null {
    return this.#hold;
  }

  onWarning(listener: (warning: SessionWarning) => void): void {
    this.#tell = listener;
  }

  typed(_channel: number, _text: string): void {}

  touch(): void {
    this.#lastInputMs = this.#hooks.nowMs();
  }

  notice(notice: NoticeType, facts: Record<string, unknown>): void {
    try {
      this.#append({ type: "notice", notice, facts });
    } catch (error) {
      // The failure itself has already been handled by onFailure; a notice has nobody waiting for it.
      this.#hooks.logger.warn({ session: this.id, notice, err: error }, "a notice could not be recorded");
    }
  }

  /** Input stops at the gateway, output goes on. */
  freeze(by: string, reason: string): void {
    if (this.#state !== "active") return;
    this.#setFrozen();
    this.#state = "frozen";
    const said = reason === "" ? "" : ` Reason: ${reason}`;
    this.#hold = {
      code: "frozen",
      sentence: `The plant has stopped this session: what you do waits until it goes on.${said}`,
    };
    this.notice("freeze", { by, reason });
    this.#tell({ ...this.#hold, secondsLeft: null });
  }

  unfreeze(by: string): void {
    if (this.#state !== "frozen") return;
    this.notice("unfreeze", { by });
    this.#state = "active";
    this.#hold = null;
    this.#thaw?.resolve();
    this.#thaw = null;
    this.#tell({ code: "unfrozen", sentence: "The session goes on.", secondsLeft: null });
  }

  /** Ends the session: the person is told `sentence`, the tap closes both sides, then the recording is sealed. */
  terminate(reason: TerminateReason, by: string): void {
    if (this.#state === "closing" || this.#ended) return;
    this.#state = "closing";
    this.#endReason = reason.code;
    this.#hooks.logger.info({ session: this.id, reason: reason.code, by }, "session is being ended");
    this.notice("terminate", { by, code: reason.code, sentence: reason.sentence });
    this.#abort.abort(reason);
    this.#grace = setTimeout(() => this.ended(reason.code), tapGraceMs);
    this.#grace.unref();
  }

  ended(reason: string): void {
    if (this.#ended) return;
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

  /** Called every second by the registry: the limits of time, idleness and size. */
  checkLimits(): void {
    if (this.#state === "closing" || this.#ended) return;
    const { maxSessionSeconds, idleSeconds, maxRecordedBytes } = this.facts.limits;
    const now = this.#hooks.nowMs();
    if (now - this.#startedMs >= maxSessionSeconds * 1000) {
      this.#limit("limit-duration", `This session reached its limit of ${duration(maxSessionSeconds)}.`);
    } else if (now - this.#lastInputMs >= idleSeconds * 1000) {
      this.#limit("limit-idle", `Nothing was typed for ${duration(idleSeconds)}.`);
    } else if (this.#recording.health().recordedBytes >= maxRecordedBytes) {
      this.#limit("limit-recorded-bytes", `This session's recording reached its limit of ${maxRecordedBytes} bytes.`);
    }
  }

  describe(): LiveSession {
    const health = this.#recording.health();
    const { person, target, client, limits, startedAt } = this.facts;
    return {
      session: this.id,
      person: person.name,
      target: target.name,
      conduit: target.conduit,
      protocol: target.protocol,
      clientAddress: client.address,
      startedAt,
      state: this.#state === "active" || this.#state === "frozen" ? this.#state : "closing",
      channels: this.#openChannels,
      idleSeconds: (this.#hooks.nowMs() - this.#lastInputMs) / 1000,
      endsAt: new Date(Date.parse(startedAt) + limits.maxSessionSeconds * 1000).toISOString(),
      recordedBytes: health.recordedBytes,
      durableBehindMs: health.durableBehindMs,
      alarms: [...this.#alarms],
    };
  }

  #limit(code: string, sentence: string): void {
    this.notice("limit", { code });
    this.terminate({ code, sentence }, "policy");
  }

  #setFrozen(): void {
    this.#thaw ??= deferred();
  }

  #append(event: SessionEvent): boolean {
    if (event.type === "channel-open") this.#openChannels++;
    else if (event.type === "channel-close") this.#openChannels--;
    try {
      return this.#recording.append(event);
    } catch (error) {
      this.#recordingFailed(error);
      if (this.facts.target.failureMode === "best_effort") return true;
      throw error;
    }
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
      await this.#recording.drained();
    } catch (error) {
      this.#recordingFailed(error);
      if (this.facts.target.failureMode === "strict") throw error;
    }
  }

  /** The one place where `strict | best_effort` is applied (recording.md; IEC 62443-3-3 SR 2.10). */
  #recordingFailed(error: unknown): void {
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
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.notice("session-close", { reason });
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

function duration(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? "1 hour" : `${seconds / 3600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? "1 minute" : `${seconds / 60} minutes`;
  return `${seconds} seconds`;
}
