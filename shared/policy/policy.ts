// The policy file as types: rules and all that holds beside them. Pure data; the service reads and reloads it.
// Safe by default: a rule that says nothing more needs an approved request, a second factor and, for vendors, an escort.
import { z } from "zod";
import { Hours } from "./hours.ts";
import { glob, name } from "./target.ts";

export { Conduit, SshTarget, Target, VncSecurity, VncSettings, VncTarget } from "./target.ts";

/**
 * `engineer`: the plant's own people who work on targets. As a vendor they see their own alone; unlike one they owe no escort.
 * `unsealer`: opens sealed keystrokes, with the private half of a key that no recorder has.
 */
export const Role = z.enum([
  "admin",
  "approver",
  "escort",
  "investigator",
  "auditor",
  "unsealer",
  "engineer",
  "vendor",
]);
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

/** `rdp` has its name already, so that rules can be written; there is no way to it yet. */
export const Protocol = z.enum(["ssh", "vnc", "rdp"]);
export type Protocol = z.infer<typeof Protocol>;

/** What of a session is kept. Opening, decisions and the end always stand in the record. */
export const RecordingMode = z.enum(["full", "without-input", "metadata", "none"]);
export type RecordingMode = z.infer<typeof RecordingMode>;

/** `scan_required`: a file is held until it was scanned. */
export const FileTransferMode = z.enum(["scan_required", "allow", "deny"]);
export type FileTransferMode = z.infer<typeof FileTransferMode>;

/** What must be there besides the rule itself. */
export const Require = z.strictObject({
  /** An approved request whose window is open. */
  approval: z.boolean().default(true),
  mfa: z.boolean().default(true),
  /** Somebody who watches; until then the session is frozen. */
  escort: z.enum(["vendors", "always", "never"]).default("vendors"),
});
export type Require = z.infer<typeof Require>;

export const Rule = z
  .strictObject({
    id: name,
    effect: z.enum(["allow", "deny"]).default("allow"),
    /** Globs over person names, `role:vendor`, or `group:NAME`. */
    people: z.array(glob).min(1),
    /** Globs over target names, or `tag:…`, or `conduit:…`. */
    targets: z.array(glob).min(1),
    /** Left out: all. A rule for other protocols is passed over. */
    protocols: z.array(Protocol).min(1).optional(),
    /**
     * What an allowed session may do; for `deny`, left out. Not `exec`: a program's bytes are no file that could be held
     * until it was scanned.
     */
    capabilities: z.array(Capability).default(["shell", "sftp", "screen"]),
    require: Require.prefault({}),
    recording: RecordingMode.default("full"),
    /** Why a session is not recorded at all: said aloud, or the rule is refused. */
    unrecordedBecause: z.string().trim().min(10).max(500).optional(),
    /** Left out: what the policy says of files. */
    fileTransfer: FileTransferMode.optional(),
    /** Stricter than the policy's own; what is looser has no effect. */
    limits: z
      .strictObject({ maxSessionSeconds: z.int().positive().optional(), idleSeconds: z.int().positive().optional() })
      .prefault({}),
    /** `host:port` with `*` and `?` that `local-forward` reaches. Empty: nothing. */
    forwardTo: z.array(glob).max(1000).default([]),
    /** When it holds. An allowing rule refuses outside of them; a denying one is passed over. */
    hours: Hours.optional(),
    reason: z.string().max(200).default(""),
  })
  .check(({ value: rule, issues }) => {
    const fault = (path: string, message: string) =>
      issues.push({ code: "custom", input: rule[path as keyof typeof rule], path: [path], message });
    if (rule.recording === "none" && rule.unrecordedBecause === undefined)
      fault("recording", "with none also unrecordedBecause: why sessions of this rule are not recorded at all");
    if (rule.recording !== "none" && rule.unrecordedBecause !== undefined)
      fault("unrecordedBecause", "left out, since sessions of this rule are recorded");
    if (rule.recording === "none" && rule.people.includes("role:vendor"))
      fault("recording", "full, without-input or metadata, since a vendor's session is always recorded");
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
  /** The person is told this long before the end of the window or of the session's time. */
  warnSeconds: z.array(z.int().positive()).max(10).default([600, 300, 60]),
});
export type Limits = z.infer<typeof Limits>;

export const Requests = z.strictObject({
  /** Between asking and the window's beginning. */
  noticeSeconds: z
    .int()
    .min(0)
    .default(24 * 3600),
  maxWindowSeconds: z
    .int()
    .positive()
    .default(24 * 3600),
  maxAheadSeconds: z
    .int()
    .positive()
    .default(90 * 86_400),
  /** How many people have to agree. */
  approvals: z.int().min(1).max(5).default(1),
  approvers: z.array(glob).min(1).max(100).default(["role:approver"]),
  /** False: whoever approved a request is never the escort of its sessions. */
  approverMayEscort: z.boolean().default(true),
  /** What a ticket reference looks like, as a whole (RE2). Left out: none is asked for. */
  ticketPattern: z.string().min(1).max(500).optional(),
});
export type Requests = z.infer<typeof Requests>;

/** What "somebody watches" means, where a rule owes an escort. */
export const Escort = z
  .strictObject({
    /** Released only by who watches at that moment, and frozen when nobody does any more. */
    mustWatch: z.boolean().default(true),
    /** After the last escort was lost, before the session ends. */
    graceSeconds: z.int().min(5).max(86_400).default(120),
    /** Between two questions whether somebody is there; 0: none is asked. */
    presenceSeconds: z.int().min(0).max(86_400).default(600),
    answerSeconds: z.int().min(5).max(3600).default(60),
    /**
     * What is sent to a program before the release, where there is no terminal: it ends the program's channel, or it is
     * delivered with the release. Commands and file transfer themselves wait in either case.
     */
    earlyInput: z.enum(["refuse", "deliver"]).default("refuse"),
    /**
     * Whether who watches may type and point in the session: never, in the person's place, or beside them. Escorts,
     * engineers and administrators; nobody with the role vendor, and none of the person's company.
     */
    control: z.enum(["never", "exclusive", "shared"]).default("never"),
    /** Groups that are companies: nobody escorts who stands in one of them together with the person. */
    companies: z.array(name).max(1000).default([]),
  })
  .check(({ value: escort, issues }) => {
    const { presenceSeconds, answerSeconds } = escort;
    if (presenceSeconds <= 0 || answerSeconds < presenceSeconds) return;
    const message = `less than presenceSeconds (${presenceSeconds}), or the next question comes before the answer is due`;
    issues.push({ code: "custom", input: answerSeconds, path: ["answerSeconds"], message });
  });
export type Escort = z.infer<typeof Escort>;

export const Pattern = z.strictObject({
  id: name,
  in: z.enum(["input", "output"]),
  /** RE2 syntax; `^` and `$` are a line's. */
  match: z.string().min(1).max(500),
  action: z.enum(["alert", "freeze", "terminate"]),
  /** Left out: everybody's sessions, to every target. */
  people: z.array(glob).min(1).optional(),
  targets: z.array(glob).min(1).optional(),
  /** What the person is told. */
  message: z.string().max(200).default(""),
});
export type Pattern = z.infer<typeof Pattern>;

/** What a person does in a session only when somebody else has agreed to it, each time. */
export const Confirm = z.strictObject({
  id: name,
  when: z.union([
    /** A file that is written to the target by SFTP or scp. */
    z.strictObject({ upload: z.literal(true) }),
    /** SSH: a line of a terminal at Enter, or a command; RE2 syntax. */
    z.strictObject({ command: z.string().min(1).max(500) }),
    /** VNC: `Ctrl+Alt+Delete`. */
    z.strictObject({ keys: z.string().min(1).max(60) }),
  ]),
  by: z.enum(["escort", "approver"]).default("escort"),
  /** Not answered by then, it is refused. */
  timeoutSeconds: z.int().min(5).max(3600).default(60),
  /** Left out: everybody's sessions, to every target. */
  people: z.array(glob).min(1).optional(),
  targets: z.array(glob).min(1).optional(),
});
export type Confirm = z.infer<typeof Confirm>;

export const CustodyAction = z.enum(["view", "search", "export", "verify"]);
export type CustodyAction = z.infer<typeof CustodyAction>;

/** What is asked of whoever handles recordings. Unsealing always asks for a reason. */
export const Custody = z.strictObject({
  /** A reason is asked, and stands in the custody log. */
  reasonFor: z.array(CustodyAction).default([]),
});
export type Custody = z.infer<typeof Custody>;

export const Policy = z.strictObject({
  version: z.literal(1),
  /** Globs over target names that no rule can open. */
  prohibitedTargets: z.array(glob).default(["SIS-*", "SAFETY-*"]),
  /** By name; whatever a rule says. */
  blockedProtocols: z.array(glob).default(["telnet", "ftp", "tftp", "smb", "rlogin", "rsh", "http"]),
  /** Globs over person names, or `role:…`; rules say `group:NAME`. */
  groups: z.record(name, z.array(glob).max(10_000)).default({}),
  /** Of the portal; the sessions of a rule ask for what the rule requires. */
  signIn: z.strictObject({ mfa: z.enum(["required", "optional"]).default("required") }).prefault({}),
  /** Names of environment variables that pass to the target; `*` stands for any run of characters. */
  env: z.array(glob).default(["LANG", "LC_*", "TERM", "COLORTERM", "NO_COLOR"]),
  fileTransfer: FileTransferMode.default("scan_required"),
  limits: Limits.prefault({}),
  requests: Requests.prefault({}),
  escort: Escort.prefault({}),
  custody: Custody.prefault({}),
  breakGlass: z
    .strictObject({
      /** Named people alone; a role would open it to whoever gets that role. */
      people: z
        .array(
          glob.refine(
            (text) => !/^role:|^\**$/.test(text),
            "people by name, or group:NAME; no role, and not everybody",
          ),
        )
        .max(100)
        .default([]),
      maxSeconds: z.int().positive().default(3600),
      reviewWithinSeconds: z
        .int()
        .positive()
        .default(72 * 3600),
    })
    .prefault({}),
  patterns: z.array(Pattern).max(1000).default([]),
  confirm: z.array(Confirm).max(200).default([]),
  retentionDays: z.int().min(90).default(90),
  /** Longer by target: the longest that matches counts, `retentionDays` at least. */
  retention: z.array(z.strictObject({ targets: z.array(glob).min(1), days: z.int().min(90).max(36_500) })).default([]),
  /** First match wins; no match is a refusal. */
  rules: z.array(Rule).default([]),
});
export type Policy = z.infer<typeof Policy>;
