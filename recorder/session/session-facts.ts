// What a live session is made of, and whom it tells: the types between GatewaySession and its surroundings.

import type { ConfirmRules } from "../../shared/policy/confirm.ts";
import type { Decision, GrantFacts } from "../../shared/policy/decide.ts";
import type { Policy, Role, Target } from "../../shared/policy/policy.ts";
import type { AuthenticatedPerson, ClientAddress, EventSink, TerminateReason } from "../tap/tap.ts";
import type { SessionPatterns } from "./pattern-watch.ts";

/** The last three: left out where nobody asks. */
export interface RecordingSituation {
  recordedBytes: number;
  durableBehindMs: number;
  nowUs?: number;
  uploadedUs?: number;
  gaps?: number;
}

/** What a session needs of its recording; record/recorder.ts satisfies it. */
export interface SessionRecording extends EventSink {
  readonly session: string;
  health(): RecordingSituation;
  /** µs since the session's start. */
  nowUs?(): number;
  onFailure(listener: (error: Error) => void): void;
  /** Called once when the recorder cannot make sense of what comes: the session has to end. */
  onEndAsked?(listener: (reason: TerminateReason) => void): void;
  close(endReason: string): Promise<unknown>;
}

export interface SessionFacts {
  person: AuthenticatedPerson;
  client: ClientAddress;
  target: Target;
  /** With the obligations that hold while the session lives. */
  decision: Decision;
  policy: Policy;
  /** Of the policy, for this person and target; left out: none. */
  patterns?: SessionPatterns;
  /** What somebody else has to agree to; left out: nothing. */
  confirm?: ConfirmRules;
  /** Whether the target's conduit is for this person; left out: for everybody. */
  serves?: (person: Releaser) => boolean;
  /** Who decides on requests for the target's conduit; left out: the role. */
  approves?: (person: Releaser) => boolean;
  /** What it stands on, where the rule asks for an approval or this is an emergency. */
  grant: GrantFacts | null;
  startedAt: string;
}

/** What happened in a session, for whoever follows what goes on. */
export type SessionHappening =
  | { type: "warned"; code: string; secondsLeft: number | null }
  | { type: "frozen"; by: string; reason: string }
  /** `escort`: it had waited for one, and this was its escort. */
  | { type: "unfrozen"; by: string; escort?: true }
  | { type: "escort-lost"; last: string; why: string }
  | { type: "message"; by: string }
  | { type: "control"; by: string; step: "begun" | "ended" | "refused"; reason?: string }
  | { type: "confirmation"; step: string; n: number; rule: string; by?: string }
  | { type: "pattern"; pattern: string; in: "input" | "output"; action: string }
  /** `end`: who or what ended it, and what its person was told; left out where a side hung up. */
  | { type: "ended"; reason: string; end?: { by: string; sentence: string } };

/** Who took the access away, and why. */
export interface EndedBy {
  by: string;
  reason: string;
}

export interface Releaser {
  name: string;
  roles: readonly Role[];
}

export interface SessionLogger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
