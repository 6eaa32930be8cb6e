// Entries of a ledger as the service writes them, one of each class that a SIEM is told.
import type { LedgerEntry } from "../../shared/ledger/entry.ts";

const session = "01JD8QZ7M3W4T5V6X7Y8Z9ABCD";
const audit = (action: string, details: Record<string, unknown>) => ({ action, details });

const told: Array<Pick<LedgerEntry, "type" | "actor" | "subject" | "facts"> & { address?: string }> = [
  {
    type: "audit:sign-in",
    actor: "anna",
    subject: "portal",
    address: "10.0.5.7",
    facts: audit("sign-in", { method: "password" }),
  },
  {
    type: "audit:sign-in-failed",
    actor: "mallory",
    subject: "ssh",
    address: "2001:db8::7",
    facts: audit("sign-in-failed", {}),
  },
  {
    type: "audit:person.add",
    actor: "os:root",
    subject: "erika",
    address: "local",
    facts: audit("person.add", { roles: ["vendor"] }),
  },
  {
    type: "audit:grant.issued",
    actor: "anna",
    subject: "G-17",
    address: "10.0.5.7",
    facts: audit("grant.issued", { person: "erika", target: "plc-reactor-01", request: "R-17" }),
  },
  {
    type: "audit:session.open",
    actor: "erika",
    subject: session,
    address: "192.0.2.4",
    facts: audit("session.open", { target: "plc-reactor-01", rule: "vendors", protocol: "ssh" }),
  },
  {
    type: "audit:session.refused",
    actor: "erika",
    subject: "plc-reactor-02",
    address: "192.0.2.4",
    facts: audit("session.refused", { reason: "no-rule" }),
  },
  {
    type: "recording-open",
    actor: "recorder",
    subject: session,
    facts: {
      sequence: 1,
      person: "erika",
      target: "plc-reactor-01",
      protocol: "ssh",
      recorded: "full",
      retentionDays: 90,
    },
  },
  {
    type: "audit:session.message",
    actor: "olga",
    subject: session,
    address: "10.0.5.8",
    facts: audit("session.message", { text: "please stop" }),
  },
  {
    type: "search",
    actor: "ines",
    subject: "",
    address: "10.0.5.9",
    facts: audit("recording.search", { query: "password" }),
  },
  {
    type: "export",
    actor: "ines",
    subject: session,
    address: "10.0.5.9",
    facts: audit("recording.export", { format: "bundle", reason: "case 12 | a=b" }),
  },
  {
    type: "audit:file.quarantined",
    actor: "erika",
    subject: session,
    address: "local",
    facts: audit("file.quarantined", { path: "/opt/fw/pump.bin", verdict: "infected", bytes: 4096 }),
  },
  {
    type: "alarm",
    actor: "recorder",
    subject: "plant-a",
    facts: { code: "RECORD_SPOOL_FULL", message: "the spool's disk has 5 bytes free" },
  },
  { type: "alarm-over", actor: "recorder", subject: "plant-a", facts: { code: "RECORD_SPOOL_FULL" } },
  {
    type: "recorder-start",
    actor: "recorder",
    subject: "plant-a",
    address: "local",
    facts: audit("service.start", { version: "0.1.0" }),
  },
  {
    type: "audit:tomorrow.invented",
    actor: "recorder",
    subject: "x",
    facts: audit("tomorrow.invented", { reason: "new" }),
  },
];

export const siemEntries: readonly LedgerEntry[] = told.map((one, i) => ({
  n: i,
  at: "2026-11-24T08:00:00.000000Z",
  prev: "0".repeat(64),
  ...one,
}));
