// Targets and conduits as types: what can be reached, and through which way from zone to zone. Pure data.
import { z } from "zod";

export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "letters, digits, dot, dash and underscore; at most 63 characters");
export const glob = z.string().min(1).max(128);

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
  /** `masked`: printable keys are kept out of the input track; control keys always stand in it. */
  keystrokes: z.enum(["full", "masked"]).default("full"),
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
  /** Target security level (SL-T) of the conduit: IEC 62443-3-2. */
  securityLevel: z.int().min(1).max(4).optional(),
  /** Whom it serves: names with `*` and `?`, `role:…`, `group:…`. Empty: everybody whom a rule names. */
  serves: z.array(glob).max(1000).default([]),
  /** Who decides on requests for it; left out: `requests.approvers` of the policy. */
  approvers: z.array(glob).min(1).max(100).optional(),
  /** How many of them have to agree; left out: `requests.approvals` of the policy. */
  approvals: z.int().min(1).max(5).optional(),
});
export type Conduit = z.infer<typeof Conduit>;
