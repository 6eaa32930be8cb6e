// The policy's files as types: targets, conduits, rules. Pure data; the service reads and reloads them.
import { z } from "zod";

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "letters, digits, dot, dash and underscore; at most 63 characters");
const glob = z.string().min(1).max(128);

export const Role = z.enum(["admin", "approver", "escort", "investigator", "auditor", "vendor"]);
export type Role = z.infer<typeof Role>;

/** What a session may do. `forward-*` are the kinds of RFC 4254 §6.3.2, §7 and OpenSSH's agent and stream-local. */
export const Capability = z.enum([
  "shell",
  "exec",
  "sftp",
  "subsystem",
  "agent-forward",
  "x11-forward",
  "local-forward",
  "remote-forward",
  "streamlocal-forward",
]);
export type Capability = z.infer<typeof Capability>;

export const Target = z.strictObject({
  name,
  conduit: name,
  protocol: z.enum(["ssh"]),
  /** Host name or address, and port. */
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65535).default(22),
  /** The account on the target; the operator never sees its credential. */
  account: z.string().min(1).max(64),
  /** Name in the encrypted secret store of a password or private key. */
  secret: name,
  /** Pinned host keys: `ssh-ed25519 AAAA…` lines or `SHA256:…` fingerprints. Empty: every session is refused. */
  hostKeys: z.array(z.string().min(1)).default([]),
  tags: z.array(z.string()).default([]),
  description: z.string().max(500).default(""),
  /** What happens to live sessions when recording fails (recording.md: strict freezes, then ends). */
  failureMode: z.enum(["strict", "best_effort"]).default("strict"),
  durability: z.enum(["strict", "interval"]).default("strict"),
});
export type Target = z.infer<typeof Target>;

export const Conduit = z.strictObject({
  id: name,
  description: z.string().max(500).default(""),
  sourceZone: z.string().default(""),
  destinationZone: z.string().default(""),
});
export type Conduit = z.infer<typeof Conduit>;

export const Rule = z.strictObject({
  id: name,
  effect: z.enum(["allow", "deny"]).default("allow"),
  /** Globs over person names, or `role:vendor`. */
  people: z.array(glob).min(1),
  /** Globs over target names, or `tag:…`, or `conduit:…`. */
  targets: z.array(glob).min(1),
  /** What an allowed session may do; for `deny`, left out. */
  capabilities: z.array(Capability).default(["shell", "exec", "sftp"]),
  reason: z.string().max(200).default(""),
});
export type Rule = z.infer<typeof Rule>;

export const Limits = z.strictObject({
  maxSessionSeconds: z
    .int()
    .positive()
    .default(4 * 3600),
  /** Person's input, not the target's output. */
  idleSeconds: z
    .int()
    .positive()
    .default(15 * 60),
  /** Raw recorded bytes (all tracks) after which a session is ended: it cannot grow without bound. */
  maxRecordedBytes: z
    .int()
    .positive()
    .default(16 * 1024 ** 3),
  maxChannels: z.int().positive().default(32),
  /** Sessions of one person at the same time. */
  maxSessionsPerPerson: z.int().positive().default(10),
});
export type Limits = z.infer<typeof Limits>;

export const Policy = z.strictObject({
  version: z.literal(1),
  /** Globs over target names that no rule can open. */
  prohibitedTargets: z.array(glob).default(["SIS-*", "SAFETY-*"]),
  /** Names of environment variables that pass to the target; `*` stands for any run of characters. */
  env: z.array(glob).default(["LANG", "LC_*", "TERM", "COLORTERM", "NO_COLOR"]),
  limits: Limits.prefault({}),
  retentionDays: z.int().min(90).default(90),
  /** First match wins; no match is a refusal. */
  rules: z.array(Rule).default([]),
});
export type Policy = z.infer<typeof Policy>;
