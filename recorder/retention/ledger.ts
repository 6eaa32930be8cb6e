// What retention tells the ledger: everything that it does to what is kept, before it counts as done.
import type { NewLedgerEntry } from "../../shared/ledger/entry.ts";

export interface RetentionLedger {
  /** Durable when it resolves. */
  append(entry: NewLedgerEntry): Promise<unknown>;
}

/** What people do goes through the audit log, which goes through the ledger. */
export interface RetentionAudit {
  append(entry: {
    actor: string;
    action: string;
    subject: string;
    address: string;
    details: Record<string, unknown>;
  }): Promise<void>;
}

export interface RetentionLogger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface RetentionAlarms {
  raise(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

/** The actor of what the service does by itself. */
export const recorderActor = "recorder";
