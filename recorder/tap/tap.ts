// The plug point between protocols and recording: what a Tap is given, and what it must do with it.

import type { SessionEvent } from "../../shared/events/session-event.ts";
import type { Decision } from "../../shared/policy/decide.ts";
import type { Factor } from "../../shared/policy/factor.ts";
import type { KeyCombination } from "../../shared/policy/key-combination.ts";
import type { Capability, Role, VncSettings } from "../../shared/policy/policy.ts";
import type { Balancers } from "./balancers.ts";

/**
 * Where a session's events go. Bytes given to `append` are copied before it returns.
 *
 * The order a tap keeps (recording.md): inbound bytes are appended, `await durable()`, then forwarded; outbound bytes are
 * appended and forwarded at once, and when `append` answered false the tap stops reading until `drained()`.
 */
export interface EventSink {
  /** False: the recorder is behind; stop reading until `drained()`. Throws AppError RECORD_* once recording has failed. */
  append(event: SessionEvent): boolean;
  /** Resolves when everything appended so far is durable (per the session's durability). Rejects with RECORD_*. */
  durable(): Promise<void>;
  drained(): Promise<void>;
}

/** A session as its tap sees it: policy already decided, recording open. */
export interface TapSession {
  readonly id: string;
  readonly sink: EventSink;
  /** Aborted with a TerminateReason when the session must end: limit, operator, recording failure, shutdown. */
  readonly signal: AbortSignal;
  /** Asked per channel request; the tap records refusals as events (`channel-refused`, `request-refused`). */
  decide(capability: Capability): Decision;
  decideEnv(name: string): Decision;
  /** `port` 0: there is none, as of a socket's path. */
  decideForward(capability: Capability, host: string, port: number): Decision;
  /** SFTP and scp: piped through, held until scanned, or refused. */
  readonly fileTransfer: FileTransferMode;
  /** What a program without a terminal was sent before the escort's release: the end of its channel, or delivered then. */
  readonly earlyInput: "refuse" | "deliver";
  decideClipboard(direction: "inbound" | "outbound", bytes: number): Decision;
  /** True while input must not pass: what is sent then is dropped, or waits where docs/live-sessions.md says so. */
  readonly frozen: boolean;
  whenUnfrozen(): Promise<void>;
  /** Why input is held, for the person; null while it passes. */
  readonly hold: SessionHold | null;
  /**
   * One listener, told within the call that freezes, changes the hold or releases (null), after `hold` says so: when it
   * returns, nothing passes that the target's socket does not have.
   */
  onHold(listener: (hold: SessionHold | null) => void): void;
  /** Who of the plant types in the session; null: nobody but its person. Never while it is held for another reason. */
  readonly control: SessionControl | null;
  /** One listener, told within the call that gives control or takes it, after `control` says so. */
  onControl(tap: ControlledTap): void;
  /** What somebody else has to agree to; null: nothing. */
  readonly confirm: ConfirmDesk | null;
  /** What the person is to be told while the session goes on: that it ends soon, that it is frozen, that it goes on. */
  onWarning(listener: (warning: SessionWarning) => void): void;
  /** Text that a channel's keys typed where they are no bytes of a terminal's: asked about before they pass. `by`: not the person. */
  typed(channel: number, text: string, by?: string): void;
  /** The person did something (any inbound byte of a person's); drives the idle limit. */
  touch(): void;
  /** The tap says that both sides are gone. Idempotent. */
  ended(reason: string): void;
}

export type FileTransferMode = "scan_required" | "allow" | "deny";

/**
 * Why a session takes no input. `escort-awaited`: it has not begun; nothing of the target is shown either. `frozen`: somebody
 * stopped it; `escort-lost`: nobody watches any more; `stopped`: the plant has stopped everything. `ending`: it ends when
 * the file transfers that are open are through; they go on. `controlled`: somebody of the plant types in the person's place.
 * Else these five hold alike.
 */
export const holdCodes = ["escort-awaited", "escort-lost", "frozen", "stopped", "ending", "controlled"] as const;
export type HoldCode = (typeof holdCodes)[number];

export interface SessionHold {
  code: HoldCode;
  sentence: string;
}

export interface SessionControl {
  by: string;
  /** The session is held meanwhile, with `controlled`. */
  exclusive: boolean;
}

/** What reaches the target from whoever has control, recorded and durable first, as theirs. */
export type ControlInput =
  | { type: "text"; channel: number; text: string }
  | { type: "key"; channel: number; sym: number; down: boolean }
  | { type: "pointer"; channel: number; x: number; y: number; buttons: number };

export interface ControlledTap {
  /** When it returns, nothing more passes of whoever had control, but what lets go of the keys that they held. */
  controlChanged(control: SessionControl | null): void;
  /** False: no such terminal or screen takes it now. */
  controlInput(input: ControlInput): boolean;
}

/** What waits for somebody else to agree. */
export type ConfirmAction =
  | { what: "upload"; channel: number; path: string }
  /** `writes`: it is an upload, too, and the rule that comes first in the policy counts. */
  | { what: "command"; channel: number; command: string; writes?: boolean }
  | { what: "keys"; channel: number; keys: KeyCombination };

export interface ConfirmDesk {
  /** Where false or empty, taps need not ask. */
  readonly uploads: boolean;
  readonly commands: boolean;
  readonly keys: readonly KeyCombination[];
  /** Null: nobody has to agree to this. Else it waits from now on. */
  ask(action: ConfirmAction): AwaitedConfirmation | null;
  /** Of a terminal. */
  lines(channel: number): CommandLines;
  /** Of a program without one. */
  stream(channel: number): CommandStream;
}

export interface AwaitedConfirmation {
  /** For the person: that it waits, for whom, and for how long. */
  readonly sentence: string;
  /** Resolves in any case; `sentence` is for the person. What was given still passes as all input: not while it is held. */
  readonly answer: Promise<{ given: boolean; sentence: string }>;
  /** Nobody waits for it any more. */
  cancel(why: string): void;
}

/** What is typed at a terminal, line by line, and what its line shows: recalled and completed commands are not typed. */
export interface CommandLines {
  /**
   * How many of these bytes pass unasked. The next one ends a line that somebody has to agree to, or may have to once the
   * terminal shows what was recalled or completed: `ask` is due.
   */
  typed(bytes: Uint8Array): number;
  /** By what the terminal shows now. Null: nobody has to. */
  ask(): AwaitedConfirmation | null;
  /** The byte that `typed` stopped at passes, or (false) never will, and the line is cleared. */
  ended(passes: boolean): void;
  /** Within a bracketed paste: its end is still to come, and until then the target takes keys for text. */
  readonly pasting: boolean;
  /** Keys that recall or complete were sent, and no program has read them: what the line is cannot be seen yet. */
  readonly unseen: boolean;
  shown(bytes: Uint8Array): void;
}

/** What a program without a terminal is sent, line by line. */
export interface CommandStream {
  /** @param bytes what was sent and has not passed. @param isAll also the beginning of a line, whose rest does not come. */
  look(bytes: Uint8Array, isAll: boolean): StreamLook;
}

export interface StreamLook {
  /** How many bytes pass unasked. */
  passes: number;
  /** How many behind them wait until somebody agrees; null: none, they are the beginning of a line. */
  asks: { waits: number; ask(): AwaitedConfirmation; agreed(): void } | null;
}

export interface SessionWarning {
  /** That of the end which is coming, of the hold that begins, or `unfrozen`. */
  code: string;
  sentence: string;
  /** Until the end; null where none is near. */
  secondsLeft: number | null;
}

/** The abort reason of `TapSession.signal`: `code` is stable, `sentence` is for the person. */
export interface TerminateReason {
  code: string;
  sentence: string;
}

export interface ClientAddress {
  address: string;
  port: number;
  /** The peer's identification, e.g. the SSH version string. */
  software: string;
}

/** Somebody who proved who they are. */
export interface AuthenticatedPerson {
  name: string;
  roles: readonly Role[];
  /** `publickey`, `password`, `keyboard-interactive`, `ticket`; with `+totp` where a code was given. */
  authMethod: string;
  /** What was proven, in the order in which it was. */
  factors: readonly Factor[];
  /** Id of the grant whose time-limited credential was used. */
  grant?: string;
}

/** The first factor was taken, a code is to follow. Nothing here says whether it was right. */
export interface SecondStep {
  /** Null when the code, or what came before it, is wrong. AUTH_THROTTLED as with passwords. */
  verify(code: string): Promise<AuthenticatedPerson | null>;
  /** After a wrong code another may follow (a key was proven); else the log-in begins anew. */
  mayRepeat: boolean;
}

export type AuthAttempt =
  | { method: "password"; name: string; password: string; client: ClientAddress }
  /** `blob` is the public key in RFC 4253 §6.6 form; the tap verifies the signature itself, after asking whether it is known. */
  | {
      method: "publickey";
      name: string;
      algorithm: string;
      blob: Uint8Array;
      client: ClientAddress;
      /** The key came in one: it counts instead of whose key it is. */
      certificate?: UserCertificate;
    };

/** A user certificate of OpenSSH, signed by the authority that it names; nothing else of it is verified. */
export interface UserCertificate {
  /** The authority's public key, RFC 4253 §6.6. */
  authority: Uint8Array;
  keyId: string;
  serial: string;
  principals: readonly string[];
  /** Seconds since 1970. */
  validAfter: bigint;
  validBefore: bigint;
  critical: ReadonlyMap<string, string>;
}

/** What a target's connection needs. Never logged, never recorded. */
export interface TargetAccess {
  name: string;
  host: string;
  port: number;
  account: string;
  credential:
    | { kind: "password"; password: string }
    | { kind: "private-key"; privateKey: string; passphrase?: string | undefined };
  /** Pinned: `ssh-ed25519 AAAA…` lines or `SHA256:…` fingerprints. */
  hostKeys: readonly string[];
}

/** What a VNC target's connection needs. Never logged, never recorded. */
export interface VncTargetAccess {
  name: string;
  host: string;
  port: number;
  account: string;
  credential: { kind: "none" } | { kind: "password"; password: string };
  settings: VncSettings;
}

/** What the service gives a gateway listener: sign-in and the opening of sessions. Implemented by the composition root. */
export interface GatewayHost {
  /**
   * Null on refusal, and always after the same time whether or not the name exists. AUTH_THROTTLED when this address or
   * name must wait. A SecondStep where a code is to be asked for.
   */
  authenticate(attempt: AuthAttempt): Promise<AuthenticatedPerson | SecondStep | null>;
  /**
   * Policy, limits, then a durable OPEN record: only after it resolves may a byte reach the target. Rejects with an
   * AppError whose message is fit for the person (POLICY_REFUSED, RECORD_SPOOL_FULL, …).
   */
  openSession(
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<{ session: TapSession; target: TargetAccess }>;
}

/** The same for VNC. */
export interface VncGatewayHost {
  /** As for SSH, but a code stands at the end of the password: viewers ask once. */
  authenticate(attempt: AuthAttempt): Promise<AuthenticatedPerson | null>;
  /** As `openSession`; refuses, too, where no rule allows the person the screen. */
  openVncSession(
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<{ session: TapSession; target: VncTargetAccess }>;
}

/** Satisfied by pino. */
export interface TapLogger {
  debug(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  error(facts: object, sentence: string): void;
}

/** A listener of one protocol. */
export interface ListenAddress {
  host: string;
  port: number;
  /** In front of it; left out: connections are whose they look. */
  balancers?: Balancers;
}

export interface Tap {
  readonly protocol: "ssh" | "vnc";
  listen(address: ListenAddress): Promise<{ host: string; port: number }>;
  /** Stops accepting; resolves when no connection is left. Connections end through their session's signal. */
  close(): Promise<void>;
}
