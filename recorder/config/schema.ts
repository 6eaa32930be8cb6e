// The configuration file as a schema: every key, its default and what it may hold. docs/configuration.md lists the same
// keys, and a test compares the two.
import { isIP } from "node:net";
import { z } from "zod";
import { Role } from "../../shared/policy/policy.ts";

export interface Endpoint {
  host: string;
  port: number;
}

/** `host:port`, `[v6]:port` or `:port` (all IPv4 addresses); null for anything else. Port 0 asks for a free one. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]/]*)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  return port > 65535 ? null : { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

const endpoint = z
  .string()
  .refine((text) => parseEndpoint(text) !== null, 'host:port, such as "127.0.0.1:2222" or "[::]:2222"');
const path = z.string().min(1).max(4096);

/** `/0` would believe everybody. */
function isAddressOrNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || more.length > 0) return false;
  if (bits === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

const url = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:/.test(text), 'an address such as "https://recorder.example:8443"');
const postgres = {
  url: z
    .string()
    .max(4096)
    .regex(/^postgres(?:ql)?:\/\/\S+$/, 'an address such as "postgresql://conduit@db.example/conduit"')
    .optional(),
  urlFile: path.optional(),
};
const minute = 60;
/** A receiver of syslog over TLS, with certificates on both sides. */
const syslogReceiver = {
  address: endpoint.refine((text) => !/^:|:0+$/.test(text), 'a host and a port, such as "siem.example:6514"'),
  serverName: z.string().min(1).max(253).optional(),
  caFile: path,
  certificateFile: path,
  keyFile: path,
};
const ageRecipient = z.string().regex(/^age1[02-9ac-hj-np-z]{58}$/, 'an age public key ("age1…", 62 characters)');

const Store = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("fs"),
    directory: path.optional(),
    createDirectory: z.boolean().default(true),
    immutable: z.boolean().default(false),
  }),
  z.strictObject({
    kind: z.literal("s3"),
    endpoint: url.optional(),
    region: z.string().min(1).default("us-east-1"),
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "a bucket's name: 3 to 63 of a-z, 0-9, dot and dash"),
    prefix: z
      .string()
      .regex(/^([A-Za-z0-9._-]+\/)*$/, 'empty, or folders that end with a slash, such as "plant-a/"')
      .default(""),
    forcePathStyle: z.boolean().optional(),
    accessKeyId: z.string().min(1).optional(),
    accessKeyIdFile: path.optional(),
    secretAccessKey: z.string().min(1).optional(),
    secretAccessKeyFile: path.optional(),
    createBucket: z.boolean().default(false),
    objectLock: z.boolean().default(true),
  }),
]);

export const ConfigFile = z.strictObject({
  recorder: z
    .strictObject({
      id: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "letters, digits, dot, dash and underscore")
        .optional(),
      dataDirectory: path.optional(),
      keyDirectory: path.optional(),
      database: path.optional(),
      adminSocket: path.optional(),
    })
    .prefault({}),
  database: z
    .strictObject({
      ...postgres,
      schema: z
        .string()
        .regex(/^(?!pg_)[a-z][a-z0-9_]{0,62}$/, "small letters, digits and underscore, and none of PostgreSQL's own")
        .default("conduit"),
    })
    .prefault({}),
  masterKey: z
    .strictObject({
      file: path.optional(),
      command: z.array(z.string().min(1).max(4096)).min(1).max(64).optional(),
      timeoutSeconds: z.number().min(1).max(120).default(10),
    })
    .prefault({}),
  ssh: z
    .strictObject({
      listen: endpoint.default("0.0.0.0:2222"),
      hostKeys: z.array(path).min(1).optional(),
      banner: z.string().max(4000).default(""),
      legacyTargets: z.boolean().default(false),
    })
    .prefault({}),
  vnc: z
    .strictObject({
      listen: endpoint.default("0.0.0.0:5910"),
      security: z
        .array(z.enum(["x509-plain", "x509-vnc", "tls-plain", "tls-vnc", "vnc-auth", "plain"]))
        .min(1)
        .default(["x509-plain", "x509-vnc"]),
      tls: z.strictObject({ certificate: path, key: path }).optional(),
      ticketSeconds: z
        .number()
        .min(10)
        .max(10 * minute)
        .default(2 * minute),
    })
    .prefault({}),
  http: z
    .strictObject({
      listen: endpoint.default("127.0.0.1:8080"),
      publicUrl: url.optional(),
      tls: z.strictObject({ certificate: path, key: path }).optional(),
      selfSigned: z.boolean().default(false),
      trustProxy: z.array(z.string().regex(/^[0-9A-Fa-f.:]+(\/\d{1,3})?$/, "an address or network")).default([]),
    })
    .prefault({}),
  proxyProtocol: z
    .strictObject({
      trusted: z
        .array(
          z
            .string()
            .refine(
              isAddressOrNetwork,
              'an address or network such as "10.0.5.10" or "10.0.5.0/28", and not all of them',
            ),
        )
        .max(64)
        .default([]),
      listeners: z
        .array(z.enum(["ssh", "vnc", "http"]))
        .min(1)
        .default(["ssh", "vnc", "http"]),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      listen: endpoint.optional(),
      tokenFile: path.optional(),
      allowPlain: z.boolean().default(false),
    })
    .prefault({}),
  identity: z
    .strictObject({
      webauthn: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
      ownKeys: z.boolean().default(true),
      ssh: z
        .strictObject({
          authoritiesFile: path.optional(),
          maxCertificateHours: z.int().min(1).max(8760).default(24),
        })
        .prefault({}),
      tokens: z.strictObject({ maxDays: z.int().min(0).max(3650).default(365) }).prefault({}),
      oidc: z
        .strictObject({
          issuer: url.optional(),
          clientId: z.string().min(1).max(255).optional(),
          clientSecret: z.string().min(1).optional(),
          clientSecretFile: path.optional(),
          label: z.string().trim().min(1).max(60).default("the identity provider"),
          scopes: z
            .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
            .max(32)
            .default(["openid", "profile"]),
          nameClaim: z.string().min(1).max(100).default("preferred_username"),
          groupsClaim: z.string().min(1).max(100).default("groups"),
          roles: z
            .array(z.strictObject({ group: z.string().min(1).max(255), roles: z.array(Role).min(1) }))
            .max(1000)
            .default([]),
          mfaAcr: z.array(z.string().min(1).max(255)).max(32).default([]),
          mfaAmr: z.array(z.string().min(1).max(64)).max(32).default([]),
          recheckDays: z.int().min(0).max(365).default(30),
          signOutThere: z.boolean().default(true),
        })
        .prefault({}),
    })
    .prefault({}),
  store: Store.prefault({ kind: "fs" }),
  spool: z
    .strictObject({
      directory: path.optional(),
      floorBytes: z
        .int()
        .min(0)
        .default(1024 ** 3),
      journalBytes: z
        .int()
        .min(1024 ** 2)
        .max(4 * 1024 ** 3)
        .default(64 * 1024 ** 2),
    })
    .prefault({}),
  recording: z
    .strictObject({
      durability: z.enum(["strict", "interval"]).default("strict"),
      sealRecipients: z.array(ageRecipient).default([]),
      segmentSeconds: z.number().min(1).max(300).default(10),
      segmentBytes: z
        .int()
        .min(16 * 1024)
        .max(8 * 1024 ** 2)
        .default(256 * 1024),
    })
    .prefault({}),
  encryption: z
    .strictObject({
      recipients: z.array(ageRecipient).max(16).default([]),
      inputRecipients: z.array(ageRecipient).max(16).default([]),
      serviceReadsInput: z.boolean().default(true),
      keyService: z
        .strictObject({
          command: z.array(z.string().min(1).max(4096)).min(1).max(64).optional(),
          timeoutSeconds: z.number().min(1).max(120).default(10),
        })
        .prefault({}),
    })
    .prefault({}),
  scan: z
    .strictObject({
      clamd: z
        .strictObject({
          socket: path.optional(),
          host: z.string().min(1).max(253).optional(),
          port: z.int().min(1).max(65535).default(3310),
        })
        .prefault({}),
      timeoutSeconds: z.number().min(1).max(3600).default(120),
      maxFileBytes: z
        .int()
        .min(1)
        .default(100 * 1024 ** 2),
      maxSessionBytes: z
        .int()
        .min(1)
        .default(1024 ** 3),
      quarantineDirectory: path.optional(),
      maxQuarantineBytes: z
        .int()
        .min(1)
        .default(10 * 1024 ** 3),
    })
    .prefault({}),
  ledger: z
    .strictObject({
      checkpointSeconds: z.number().min(1).max(3600).default(300),
      anchors: z
        .array(
          z.discriminatedUnion("kind", [
            z.strictObject({ kind: z.literal("file"), path }),
            z.strictObject({ kind: z.literal("webhook"), url, headerFile: path.optional() }),
            z.strictObject({ kind: z.literal("syslog"), ...syslogReceiver }),
          ]),
        )
        .max(8)
        .default([]),
      timestamps: z
        .strictObject({ url, caFile: path.optional(), everySeconds: z.number().min(1).max(86_400).default(3600) })
        .optional(),
    })
    .prefault({}),
  siem: z
    .strictObject({
      destinations: z
        .array(
          z.strictObject({
            name: z
              .string()
              .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "letters, digits, dot, dash and underscore")
              .default("siem"),
            ...syslogReceiver,
            format: z.enum(["ocsf", "cef"]).default("ocsf"),
            from: z.enum(["now", "beginning"]).default("now"),
            maxMessageBytes: z
              .int()
              .min(2048)
              .max(64 * 1024)
              .default(8192),
          }),
        )
        .max(8)
        .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "a name of its own for each")
        .default([]),
      backlogEvents: z.int().min(1).default(10_000),
      backlogSeconds: z
        .number()
        .min(minute)
        .max(7 * 86_400)
        .default(15 * minute),
    })
    .prefault({}),
  retention: z
    .strictObject({
      onDrift: z.enum(["repair", "report"]).default("repair"),
      lifecycle: z.boolean().default(true),
      ledgerYears: z.int().min(1).max(100).default(7),
      sweepEverySeconds: z
        .int()
        .min(minute)
        .max(86_400)
        .default(60 * minute),
      probe: z.enum(["daily", "start", "off"]).default("daily"),
    })
    .prefault({}),
  verification: z
    .strictObject({
      bytesPerSecond: z
        .int()
        .min(0)
        .default(4 * 1024 ** 2),
      everyDays: z.number().min(0.01).max(3650).default(30),
    })
    .prefault({}),
  search: z
    .strictObject({
      enabled: z.boolean().default(true),
      encrypted: z.enum(["session", "index"]).default("session"),
      cpuShare: z.number().min(0.01).max(1).default(0.25),
      database: z.strictObject(postgres).prefault({}),
      screens: z
        .strictObject({
          enabled: z.boolean().default(true),
          languages: z
            .array(z.string().regex(/^[a-z]{3}(?:_[a-z]{1,8})?$/))
            .min(1)
            .max(4)
            .default(["eng"]),
          cpuSecondsPerHour: z.number().min(1).max(3600).default(120),
        })
        .prefault({}),
    })
    .prefault({}),
  inventory: z
    .strictObject({ targets: path.optional(), conduits: path.optional(), policy: path.optional() })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info") })
    .prefault({}),
  limits: z
    .strictObject({
      loginGraceSeconds: z
        .number()
        .min(1)
        .max(600)
        .default(2 * minute),
      maxUnauthenticated: z.int().min(1).max(10_000).default(100),
      maxConnections: z.int().min(1).max(100_000).default(1000),
      loginAttempts: z.int().min(1).max(20).default(6),
      targetConnectSeconds: z.number().min(1).max(300).default(15),
      signInSeconds: z
        .int()
        .min(minute)
        .max(7 * 86_400)
        .default(8 * 3600),
      signInIdleSeconds: z
        .int()
        .min(minute)
        .max(7 * 86_400)
        .default(30 * minute),
      drainSeconds: z.int().min(0).max(86_400).default(0),
    })
    .prefault({}),
});
export type ConfigFile = z.infer<typeof ConfigFile>;
