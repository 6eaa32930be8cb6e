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
  /** A VNC session: its screen, keyboard and pointer. Without it no VNC session opens. */
  "screen",
  /** VNC: what the operator copied to the target's clipboard, and the other way round. */
  "clipboard-in",
  "clipboard-out",
  /** VNC's xvp: the target is shut down, rebooted or reset from the viewer. */
  "screen-power",
]);
export type Capability = z.infer<typeof Capability>;

const targetKeys = {
  name,
  conduit: name,
  /** Host name or address; the port has the protocol's default. */
  host: z.string().min(1).max(253),
  tags: z.array(z.string()).default([]),
  description: z.string().max(500).default(""),
  /** What happens to live sessions when recording fails (recording.md: strict freezes, then ends). */
  failureMode: z.enum(["strict", "best_effort"]).default("strict"),
  durability: z.enum(["strict", "interval"]).default("strict"),
};
const port = z.int().min(1).max(65535);

export const SshTarget = z.strictObject({
  ...targetKeys,
  protocol: z.literal("ssh"),
  port: port.default(22),
  /** The account on the target; the operator never sees its credential. */
  account: z.string().min(1).max(64),
  /** Name in the encrypted secret store of a password or private key. */
  secret: name,
  /** Pinned host keys: `ssh-ed25519 AAAA…` lines or `SHA256:…` fingerprints. Empty: every session is refused. */
  hostKeys: z.array(z.string().min(1)).default([]),
});
export type SshTarget = z.infer<typeof SshTarget>;

/** Security types of RFB and VeNCrypt by name; `tight` is TightVNC's type 16 with `none` or `vnc-auth` inside. */
export const VncSecurity = z.enum([
  "x509-plain",
  "x509-vnc",
  "x509-none",
  "tls-plain",
  "tls-vnc",
  "tls-none",
  "tight",
  "vnc-auth",
  "none",
]);
export type VncSecurity = z.infer<typeof VncSecurity>;

export const VncSettings = z.strictObject({
  /**
   * What may be used towards the target, best first. Left out: X.509 types alone where a certificate is pinned or a CA
   * given, else TLS before none; `tls-plain` (a password to whoever answers) only when it is listed.
   */
  security: z.array(VncSecurity).min(1).optional(),
  tls: z
    .strictObject({
      /** SHA-256 of the target's certificate: `SHA256:…` in base64, or 32 hex pairs with colons. */
      fingerprints: z.array(z.string().min(1)).default([]),
      /** Certificates in PEM that may have signed it. */
      ca: z.string().max(64_000).optional(),
      /** The name in a certificate that the CA signed; the target's host when left out. */
      serverName: z.string().min(1).max(253).optional(),
    })
    .prefault({}),
  /** `evidence`: viewers cannot ask the target for lossy JPEG. `viewer`: they decide. */
  quality: z.enum(["evidence", "viewer"]).default("evidence"),
  /** How areas that move like video are stored. */
  video: z.enum(["lossless", "lossy-while-moving"]).default("lossless"),
  /** Printable keys are kept out of the input track; control keys always stand in it. */
  maskKeys: z.boolean().default(true),
  /** The target's own bytes are kept beside the screen track. */
  keepRaw: z.boolean().default(false),
  /** Of one clipboard text, either way, where policy lets it pass. */
  clipboardBytes: z
    .int()
    .min(1)
    .max(1024 ** 2)
    .default(64 * 1024),
});
export type VncSettings = z.infer<typeof VncSettings>;

export const VncTarget = z.strictObject({
  ...targetKeys,
  protocol: z.literal("vnc"),
  port: port.default(5900),
  /** For the Plain types; VncAuth knows no account. */
  account: z.string().max(64).default(""),
  /** Name in the encrypted secret store of a password. Left out: the target asks for none. */
  secret: name.optional(),
  vnc: VncSettings.prefault({}),
});
export type VncTarget = z.infer<typeof VncTarget>;

export const Target = z.discriminatedUnion("protocol", [SshTarget, VncTarget]);
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
  capabilities: z.array(Capability).default(["shell", "exec", "sftp", "screen"]),
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
