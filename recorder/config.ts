// Configuration: one YAML file and CONDUIT_* variables become a validated Config with absolute paths. The only reader of
// process.env. Feeds main.ts and the CLI. Invariant: a Config is complete and consistent, or there is none.
import { readFileSync, statSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { AppError } from "../shared/errors.ts";
import { type Finding, invalid, type Override, SourceDocument, validate } from "./config/document.ts";
import { masterKeyVariable, readOverrides, variableOf } from "./config/environment.ts";
import { ConfigFile, type Endpoint, parseEndpoint } from "./config/schema.ts";
import { Secret } from "./config/secret.ts";

export type { Endpoint } from "./config/schema.ts";
export type { Secret } from "./config/secret.ts";

export type StoreConfig =
  | { kind: "fs"; directory: string; createDirectory: boolean; immutable: boolean }
  | {
      kind: "s3";
      endpoint?: string;
      region: string;
      bucket: string;
      prefix: string;
      forcePathStyle: boolean;
      /** Absent: the SDK's own chain (instance role, shared profile). */
      accessKeyId?: string;
      secretAccessKey?: Secret;
      createBucket: boolean;
      objectLock: boolean;
    };

export type OidcConfig = Omit<
  ConfigFile["identity"]["oidc"],
  "issuer" | "clientId" | "clientSecret" | "clientSecretFile"
> & {
  issuer: string;
  clientId: string;
  /** Null: a public client. */
  clientSecret: Secret | null;
};

/** Where the master key comes from; `file` is made at the first start. */
export type MasterKeyConfig =
  | { kind: "file"; path: string }
  | { kind: "command"; command: string[]; timeoutMs: number }
  | { kind: "environment"; variable: string; key: Secret };

type WithEndpoint<T extends { address: string }> = Omit<T, "address"> & Endpoint;
type AnchorInFile = ConfigFile["ledger"]["anchors"][number];
type LedgerAnchor = Exclude<AnchorInFile, { kind: "syslog" }> | WithEndpoint<Extract<AnchorInFile, { kind: "syslog" }>>;
export type SiemDestination = WithEndpoint<ConfigFile["siem"]["destinations"][number]>;

/** All paths absolute, all sizes in bytes, all times in the unit of their name. */
export interface Config {
  /** The file it was read from; null when there is none. */
  file: string | null;
  recorder: { id: string; dataDirectory: string; keyDirectory: string; database: string; adminSocket: string };
  /** PostgreSQL, whose address may have a password, in place of the file `recorder.database`; null: the file. */
  database: { url: Secret; schema: string } | null;
  masterKey: MasterKeyConfig;
  ssh: { listen: Endpoint; hostKeys: string[]; banner: string; legacyTargets: boolean };
  vnc: {
    listen: Endpoint;
    security: ConfigFile["vnc"]["security"];
    /** Of the listener; made by the first start where the configuration names none. */
    tls: { certificate: string; key: string };
    ticketSeconds: number;
  };
  http: {
    listen: Endpoint;
    publicUrl: string;
    tls: { certificate: string; key: string } | null;
    /** The service makes the certificate. */
    selfSigned: boolean;
    trustProxy: string[];
    /** `https` where this listener or the proxy in front of it speaks TLS. */
    transport: "https" | "loopback-http";
  };
  /** Whose PROXY headers are believed, and at which listeners. */
  proxyProtocol: ConfigFile["proxyProtocol"];
  /** Null: metrics have no listener. */
  metrics: { listen: Endpoint; token: Secret | null; tls: boolean } | null;
  identity: Omit<ConfigFile["identity"], "oidc" | "ssh"> & {
    /** Null: no certificate opens anything. */
    ssh: { authoritiesFile: string | null; maxCertificateHours: number };
    /** Null: there is no identity provider. */
    oidc: OidcConfig | null;
  };
  store: StoreConfig;
  spool: { directory: string; floorBytes: number; journalBytes: number };
  recording: ConfigFile["recording"];
  /** Null: recordings are not encrypted. */
  encryption: {
    recipients: string[];
    inputRecipients: string[];
    serviceReadsInput: boolean;
    keyService: { command: string[]; timeoutMs: number } | null;
  } | null;
  scan: {
    /** Null: there is no scanner. */
    clamd: { socket: string } | { host: string; port: number } | null;
    timeoutSeconds: number;
    maxFileBytes: number;
    maxSessionBytes: number;
    quarantineDirectory: string;
    maxQuarantineBytes: number;
  };
  ledger: Omit<ConfigFile["ledger"], "anchors"> & { anchors: LedgerAnchor[]; directory: string };
  siem: Omit<ConfigFile["siem"], "destinations"> & { destinations: SiemDestination[] };
  retention: ConfigFile["retention"];
  verification: ConfigFile["verification"];
  search: Omit<ConfigFile["search"], "database"> & {
    /** PostgreSQL, whose address may have a password; null: a file beside the service's database. */
    database: Secret | null;
  };
  inventory: { targets: string; conduits: string; policy: string };
  log: ConfigFile["log"];
  limits: ConfigFile["limits"];
}

export interface ConfigSource {
  /** `--config`; wins over CONDUIT_CONFIG, ./conduit.yaml and <data directory>/conduit.yaml. */
  file?: string | undefined;
  env?: Readonly<Record<string, string | undefined>>;
  /** What relative paths from the environment and the command line are relative to. */
  directory?: string;
}

/** The store's options with the secret in the open: only for the call that makes the store. */
export function storeOptions(store: StoreConfig) {
  if (store.kind === "fs") return store;
  const { secretAccessKey, ...rest } = store;
  return { ...rest, ...(secretAccessKey === undefined ? {} : { secretAccessKey: secretAccessKey.reveal() }) };
}

export const configFileName = "conduit.yaml";

/** The person at this machine, for audit entries: the one who called sudo, where sudo was used by root. */
export function operatingSystemUser(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { username, uid } = userInfo();
  const caller = env["SUDO_USER"];
  return uid === 0 && caller !== undefined && caller !== "" && caller !== "root" ? `${caller} (sudo)` : username;
}

/**
 * The process's environment, for the CLI to hand on. The first call takes the master key out of it: no child process and
 * no thread inherits it.
 */
export function environment(): Readonly<Record<string, string | undefined>> {
  const taken = { ...process.env };
  delete process.env[masterKeyVariable];
  return taken;
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    // What cannot be looked at may well be there: reading it then says why it cannot be read.
    return (error as NodeJS.ErrnoException).code !== "ENOTDIR";
  }
}

/** The configuration file in force, or null when none exists; one that was named must exist. */
export function findConfigFile(source: ConfigSource = {}): string | null {
  const env = source.env ?? process.env;
  const directory = source.directory ?? process.cwd();
  const named = source.file ?? (env["CONDUIT_CONFIG"] || undefined);
  if (named !== undefined) return resolve(directory, named);
  const data = env["CONDUIT_RECORDER_DATA_DIRECTORY"] || "data";
  return [resolve(directory, configFileName), resolve(directory, data, configFileName)].find(isFile) ?? null;
}

/** Reads a file of the configuration; CONFIG_UNREADABLE says why it cannot. */
export function readConfigText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    const mend =
      code === "ENOENT"
        ? "There is no such file: create it, or correct the path."
        : code === "EACCES"
          ? "Permission denied: make it readable to the account that runs the service."
          : `Reading it failed with ${code}.`;
    throw new AppError("CONFIG_UNREADABLE", `${path}: the ${what} cannot be read. ${mend}`, {
      op: "config.read",
      cause,
    });
  }
}

export function loadConfig(source: ConfigSource = {}): Config {
  const env = source.env ?? process.env;
  const directory = source.directory ?? process.cwd();
  const file = findConfigFile({ ...source, env, directory });
  const text = file === null ? "" : readConfigText(file, "configuration file");
  const document = SourceDocument.parse(file ?? "configuration", text);
  const overrides = readOverrides(ConfigFile, env);
  refuseSecretsInFile(document);
  const raw = validate(ConfigFile, document, overrides);
  const place = new Placer(
    document,
    overrides,
    file === null ? directory : dirname(file),
    directory,
    env["CREDENTIALS_DIRECTORY"],
  );
  const config = assemble(raw, file, place, env[masterKeyVariable]);
  const findings = crossCheck(config, raw, place);
  if (findings.length > 0) throw invalid(findings, "config.validate");
  return config;
}

/** Resolves paths against the place they were written in, and finds that place again for messages. */
class Placer {
  readonly #document: SourceDocument;
  readonly #overrides: readonly Override[];
  readonly #fileDirectory: string;
  readonly #workingDirectory: string;
  readonly #credentials: string | undefined;

  constructor(
    document: SourceDocument,
    overrides: readonly Override[],
    fileDirectory: string,
    workingDirectory: string,
    credentials: string | undefined,
  ) {
    this.#credentials = credentials;
    this.#document = document;
    this.#overrides = overrides;
    this.#fileDirectory = fileDirectory;
    this.#workingDirectory = workingDirectory;
  }

  #override(key: string): Override | undefined {
    return this.#overrides.find((candidate) => candidate.path.join(".") === key);
  }

  path(key: string, value: string): string {
    const credential = /^credential:([A-Za-z0-9._-]{1,255})$/.exec(value)?.[1];
    if (credential !== undefined) return this.#credential(key, credential);
    return resolve(this.#override(key) === undefined ? this.#fileDirectory : this.#workingDirectory, value);
  }

  /** systemd.exec(5), LoadCredential=: files that only the service can read. */
  #credential(key: string, name: string): string {
    if (this.#credentials !== undefined && this.#credentials !== "") return join(this.#credentials, name);
    const mend = `Start the service by systemd with LoadCredential=${name}:FILE, or give the path of a file.`;
    throw invalid([this.finding(key, "names a credential of systemd, and there is none", mend)], "config.validate");
  }

  finding(key: string, problem: string, mend: string): Finding {
    const override = this.#override(key);
    if (override === undefined) return this.#document.finding(key.split("."), problem, mend);
    return { file: "environment", line: null, column: null, key: override.variable, problem, mend };
  }

  get fileDirectory(): string {
    return this.#fileDirectory;
  }
}

/** A configuration file is copied, mailed and backed up; a secret in it would go along. */
function refuseSecretsInFile(document: SourceDocument): void {
  const { store, search, identity, database } = document.value as {
    store?: Record<string, unknown>;
    identity?: { oidc?: Record<string, unknown> };
    database?: Record<string, unknown>;
    search?: { database?: Record<string, unknown> };
  };
  const findings: Finding[] = [];
  if (store?.["secretAccessKey"] !== undefined) {
    const mend = "Use store.secretAccessKeyFile, or the variable CONDUIT_STORE_SECRET_ACCESS_KEY.";
    findings.push(document.finding(["store", "secretAccessKey"], "must not stand in the file", mend));
  }
  if (identity?.oidc?.["clientSecret"] !== undefined) {
    const mend = "Use identity.oidc.clientSecretFile, or the variable CONDUIT_IDENTITY_OIDC_CLIENT_SECRET.";
    findings.push(document.finding(["identity", "oidc", "clientSecret"], "must not stand in the file", mend));
  }
  for (const [key, url] of [
    ["search.database", search?.database?.["url"]],
    ["database", database?.["url"]],
  ] as const) {
    if (typeof url !== "string" || !/:\/\/[^/?#]*:[^/?#]*@|[?&]password=/i.test(url)) continue;
    const path = [...key.split("."), "url"];
    const mend = `Use ${key}.urlFile, or the variable ${variableOf(path)}.`;
    findings.push(document.finding(path, "has a password, which must not stand in the file", mend));
  }
  if (findings.length > 0) throw invalid(findings, "config.validate");
}

function assemble(raw: ConfigFile, file: string | null, place: Placer, masterKey: string | undefined): Config {
  const data =
    raw.recorder.dataDirectory === undefined
      ? resolve(place.fileDirectory, "data")
      : place.path("recorder.dataDirectory", raw.recorder.dataDirectory);
  const given = (key: string, value: string | undefined, name: string) =>
    value === undefined ? join(data, name) : place.path(key, value);
  const keys = given("recorder.keyDirectory", raw.recorder.keyDirectory, "keys");
  const listen = endpoint(raw.http.listen);
  const tls = assembleHttpTls(raw.http, place, keys);
  return {
    file,
    recorder: {
      id: raw.recorder.id ?? defaultId(),
      dataDirectory: data,
      keyDirectory: keys,
      database: given("recorder.database", raw.recorder.database, "conduit.db"),
      adminSocket: given("recorder.adminSocket", raw.recorder.adminSocket, "admin.sock"),
    },
    database: assembleDatabase(raw.database, place),
    masterKey: assembleMasterKey(raw.masterKey, place, keys, masterKey),
    ssh: {
      ...raw.ssh,
      listen: endpoint(raw.ssh.listen),
      hostKeys: raw.ssh.hostKeys?.map((key) => place.path("ssh.hostKeys", key)) ?? [join(keys, "ssh_host_ed25519_key")],
    },
    vnc: {
      ...raw.vnc,
      listen: endpoint(raw.vnc.listen),
      tls: {
        certificate: raw.vnc.tls ? place.path("vnc.tls.certificate", raw.vnc.tls.certificate) : join(keys, "vnc.crt"),
        key: raw.vnc.tls ? place.path("vnc.tls.key", raw.vnc.tls.key) : join(keys, "vnc.key"),
      },
    },
    http: {
      ...raw.http,
      listen,
      publicUrl: raw.http.publicUrl ?? localUrl(listen, tls !== null),
      tls,
      transport: tls !== null || raw.http.trustProxy.length > 0 ? "https" : "loopback-http",
    },
    proxyProtocol: raw.proxyProtocol,
    metrics: assembleMetrics(raw.metrics, tls !== null, place),
    identity: {
      ...raw.identity,
      ssh: {
        maxCertificateHours: raw.identity.ssh.maxCertificateHours,
        authoritiesFile:
          raw.identity.ssh.authoritiesFile === undefined
            ? null
            : place.path("identity.ssh.authoritiesFile", raw.identity.ssh.authoritiesFile),
      },
      oidc: assembleOidc(raw.identity.oidc, place),
    },
    store: assembleStore(raw.store, place, given),
    spool: { ...raw.spool, directory: given("spool.directory", raw.spool.directory, "spool") },
    recording: raw.recording,
    encryption: assembleEncryption(raw.encryption),
    scan: {
      ...raw.scan,
      clamd: assembleClamd(raw.scan.clamd, place),
      quarantineDirectory: given("scan.quarantineDirectory", raw.scan.quarantineDirectory, "quarantine"),
    },
    ledger: assembleLedger(raw.ledger, place, join(data, "ledger")),
    siem: {
      ...raw.siem,
      destinations: raw.siem.destinations.map((one, i) => assembleReceiver(one, `siem.destinations.${i}`, place)),
    },
    retention: raw.retention,
    verification: raw.verification,
    search: { ...raw.search, database: assemblePostgres(raw.search.database, "search.database", place) },
    inventory: {
      targets: given("inventory.targets", raw.inventory.targets, "inventory/targets.yaml"),
      conduits: given("inventory.conduits", raw.inventory.conduits, "inventory/conduits.yaml"),
      policy: given("inventory.policy", raw.inventory.policy, "inventory/policy.yaml"),
    },
    log: raw.log,
    limits: raw.limits,
  };
}

function assembleHttpTls({ tls, selfSigned }: ConfigFile["http"], place: Placer, keys: string): Config["http"]["tls"] {
  if (tls === undefined) {
    return selfSigned ? { certificate: join(keys, "http.crt"), key: join(keys, "http.key") } : null;
  }
  if (selfSigned) {
    const mend = "Keep one of them: a certificate of your own, or one that the first start makes.";
    throw invalid([place.finding("http.selfSigned", "stands beside http.tls", mend)], "config.validate");
  }
  return {
    certificate: place.path("http.tls.certificate", tls.certificate),
    key: place.path("http.tls.key", tls.key),
  };
}

const leastTokenLength = 16;

/** Beyond this machine metrics tell who knows how to read them when a plant is being worked on. */
function assembleMetrics(
  { listen, tokenFile, allowPlain }: ConfigFile["metrics"],
  hasTls: boolean,
  place: Placer,
): Config["metrics"] {
  if (listen === undefined) return null;
  const at = endpoint(listen);
  const fault = (key: string, problem: string, mend: string) =>
    invalid([place.finding(key, problem, mend)], "config.validate");
  const token = secretOf(undefined, tokenFile, "metrics.tokenFile", place);
  if (token !== undefined && token.length < leastTokenLength) {
    throw fault("metrics.tokenFile", "has a token that can be guessed", "Make one: openssl rand -hex 32.");
  }
  const isLocal = isLoopback(at.host);
  if (!isLocal && token === undefined) {
    const mend = "Give metrics.tokenFile (openssl rand -hex 32), or listen on 127.0.0.1.";
    throw fault("metrics.listen", "would tell every host about the plant's sessions", mend);
  }
  if (!isLocal && !hasTls && !allowPlain) {
    const mend = "Give http.tls, listen on 127.0.0.1, or say metrics.allowPlain where that wire is yours alone.";
    throw fault("metrics.listen", "would take its token from other hosts without encryption", mend);
  }
  return { listen: at, token: token === undefined ? null : new Secret(token), tls: !isLocal && hasTls };
}

function assembleMasterKey(
  { file, command, timeoutSeconds }: ConfigFile["masterKey"],
  place: Placer,
  keys: string,
  variable: string | undefined,
): MasterKeyConfig {
  const fromVariable = variable !== undefined && variable !== "";
  if ([fromVariable, command !== undefined, file !== undefined].filter(Boolean).length > 1) {
    const key = command === undefined ? "masterKey.file" : "masterKey.command";
    const mend = `Keep one of ${masterKeyVariable}, masterKey.command and masterKey.file.`;
    throw invalid([place.finding(key, "is one of two places of the master key", mend)], "config.validate");
  }
  if (fromVariable) return { kind: "environment", variable: masterKeyVariable, key: new Secret(variable) };
  if (command !== undefined) return { kind: "command", command, timeoutMs: timeoutSeconds * 1000 };
  return { kind: "file", path: file === undefined ? join(keys, "master.key") : place.path("masterKey.file", file) };
}

function assembleEncryption({ keyService, ...raw }: ConfigFile["encryption"]): Config["encryption"] {
  const { recipients, inputRecipients } = raw;
  if (recipients.length === 0) return null;
  const { command, timeoutSeconds } = keyService;
  return {
    ...raw,
    inputRecipients: inputRecipients.length === 0 ? recipients : inputRecipients,
    keyService: command === undefined ? null : { command, timeoutMs: timeoutSeconds * 1000 },
  };
}

function endpoint(text: string): Endpoint {
  return parseEndpoint(text) ?? { host: "127.0.0.1", port: 0 };
}

function defaultId(): string {
  const name = hostname()
    .split(".")[0]
    ?.replaceAll(/[^A-Za-z0-9_-]/g, "-")
    .replace(/^[-_]+/, "");
  return name === undefined || name === "" ? "recorder" : name.slice(0, 63);
}

function localUrl(listen: Endpoint, tls: boolean): string {
  const everywhere = ["0.0.0.0", "::"].includes(listen.host);
  const host = everywhere ? "localhost" : listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return `${tls ? "https" : "http"}://${host}:${listen.port}`;
}

function assembleLedger(raw: ConfigFile["ledger"], place: Placer, directory: string): Config["ledger"] {
  const { timestamps } = raw;
  return {
    checkpointSeconds: raw.checkpointSeconds,
    directory,
    anchors: raw.anchors.map((anchor, i) => {
      if (anchor.kind === "file") return { ...anchor, path: place.path(`ledger.anchors.${i}.path`, anchor.path) };
      if (anchor.kind === "syslog") return assembleReceiver(anchor, `ledger.anchors.${i}`, place);
      const { headerFile, ...rest } = anchor;
      if (headerFile === undefined) return rest;
      return { ...rest, headerFile: place.path(`ledger.anchors.${i}.headerFile`, headerFile) };
    }),
    ...(timestamps === undefined
      ? {}
      : {
          timestamps: {
            ...timestamps,
            ...(timestamps.caFile === undefined
              ? {}
              : { caFile: place.path("ledger.timestamps.caFile", timestamps.caFile) }),
          },
        }),
  };
}

/** @param key of the entry, for findings. */
function assembleReceiver<T extends { address: string; caFile: string; certificateFile: string; keyFile: string }>(
  { address, ...rest }: T,
  key: string,
  place: Placer,
): WithEndpoint<T> {
  return {
    ...rest,
    ...endpoint(address),
    caFile: place.path(`${key}.caFile`, rest.caFile),
    certificateFile: place.path(`${key}.certificateFile`, rest.certificateFile),
    keyFile: place.path(`${key}.keyFile`, rest.keyFile),
  };
}

function assembleClamd({ socket, host, port }: ConfigFile["scan"]["clamd"], place: Placer): Config["scan"]["clamd"] {
  if (socket !== undefined) return { socket: place.path("scan.clamd.socket", socket) };
  return host === undefined ? null : { host, port };
}

function assembleStore(
  raw: ConfigFile["store"],
  place: Placer,
  given: (key: string, value: string | undefined, name: string) => string,
): StoreConfig {
  if (raw.kind === "fs") {
    const directory = given("store.directory", raw.directory, "store");
    return { kind: "fs", directory, createDirectory: raw.createDirectory, immutable: raw.immutable };
  }
  const accessKeyId = secretOf(raw.accessKeyId, raw.accessKeyIdFile, "store.accessKeyIdFile", place);
  const secretAccessKey = secretOf(raw.secretAccessKey, raw.secretAccessKeyFile, "store.secretAccessKeyFile", place);
  return {
    kind: "s3",
    ...(raw.endpoint === undefined ? {} : { endpoint: raw.endpoint }),
    region: raw.region,
    bucket: raw.bucket,
    prefix: raw.prefix,
    forcePathStyle: raw.forcePathStyle ?? raw.endpoint !== undefined,
    createBucket: raw.createBucket,
    objectLock: raw.objectLock,
    ...(accessKeyId === undefined ? {} : { accessKeyId }),
    ...(secretAccessKey === undefined ? {} : { secretAccessKey: new Secret(secretAccessKey) }),
  };
}

function assembleOidc(raw: ConfigFile["identity"]["oidc"], place: Placer): OidcConfig | null {
  const { issuer, clientId, clientSecret, clientSecretFile, ...rest } = raw;
  const fault = (key: string, problem: string, mend: string) =>
    invalid([place.finding(`identity.oidc.${key}`, problem, mend)], "config.validate");
  if (issuer === undefined) {
    if (clientId === undefined) return null;
    throw fault("clientId", "stands without identity.oidc.issuer", "Give the provider's issuer as well.");
  }
  if (clientId === undefined) {
    throw fault("issuer", "stands without identity.oidc.clientId", "Give the client's id that the provider knows.");
  }
  const { protocol, hostname } = new URL(issuer);
  if (protocol !== "https:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname)) {
    throw fault("issuer", "has no TLS: whoever is on the wire could sign in as anybody", "Use its https address.");
  }
  if (rest.roles.length === 0) {
    throw fault("issuer", "has no identity.oidc.roles, so nobody could come in", "Map at least one group to roles.");
  }
  const secret = secretOf(clientSecret, clientSecretFile, "identity.oidc.clientSecretFile", place);
  return { ...rest, issuer, clientId, clientSecret: secret === undefined ? null : new Secret(secret) };
}

function assembleDatabase({ schema, ...given }: ConfigFile["database"], place: Placer): Config["database"] {
  const url = assemblePostgres(given, "database", place);
  return url === null ? null : { url, schema };
}

/** @param key that holds both settings. */
function assemblePostgres(
  { url, urlFile }: ConfigFile["search"]["database"],
  key: "database" | "search.database",
  place: Placer,
): Secret | null {
  if (url !== undefined && urlFile !== undefined) {
    const mend = `Keep one of ${key}.url and ${key}.urlFile.`;
    throw invalid([place.finding(`${key}.url`, `stands beside ${key}.urlFile`, mend)], "config.validate");
  }
  if (url !== undefined) return new Secret(url);
  if (urlFile === undefined) return null;
  const text = readConfigText(place.path(`${key}.urlFile`, urlFile), "secret file").trim();
  if (/^postgres(?:ql)?:\/\/\S+$/.test(text)) return new Secret(text);
  const mend = "Put one line into it, such as postgresql://conduit:PASSWORD@db.example/conduit.";
  throw invalid(
    [place.finding(`${key}.urlFile`, "names a file without an address of PostgreSQL", mend)],
    "config.validate",
  );
}

function secretOf(value: string | undefined, file: string | undefined, key: string, place: Placer): string | undefined {
  if (value !== undefined || file === undefined) return value;
  const path = place.path(key, file);
  const text = readConfigText(path, "secret file").trim();
  if (text !== "") return text;
  throw invalid([place.finding(key, "names an empty file", "Put the value into it.")], "config.validate");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function crossCheck(config: Config, raw: ConfigFile, place: Placer): Finding[] {
  const findings: Finding[] = [];
  const { http, store } = config;
  if (http.transport === "loopback-http" && !isLoopback(http.listen.host)) {
    findings.push(
      place.finding(
        "http.listen",
        "would take sign-ins from other hosts without encryption",
        "Give http.tls a certificate and key, or set http.selfSigned, or name the TLS proxy in front in http.trustProxy, or listen on 127.0.0.1.",
      ),
    );
  }
  if (store.kind === "s3" && (store.accessKeyId === undefined) !== (store.secretAccessKey === undefined)) {
    const missing = store.accessKeyId === undefined ? "accessKeyId" : "secretAccessKey";
    findings.push(
      place.finding("store", `has one half of the credentials`, `Give ${missing} (or ${missing}File) too.`),
    );
  }
  if (raw.scan.clamd.socket !== undefined && raw.scan.clamd.host !== undefined) {
    findings.push(
      place.finding(
        "scan.clamd.socket",
        "stands beside scan.clamd.host",
        "Keep one of them: clamd is asked at one place.",
      ),
    );
  }
  if (config.encryption === null && raw.encryption.inputRecipients.length > 0) {
    findings.push(
      place.finding(
        "encryption.inputRecipients",
        "stands without encryption.recipients, so nothing would be encrypted",
        "Give encryption.recipients too: whoever may decrypt what was shown.",
      ),
    );
  }
  const { maxFileBytes, maxSessionBytes, maxQuarantineBytes } = raw.scan;
  if (maxFileBytes > maxSessionBytes || maxSessionBytes > maxQuarantineBytes) {
    findings.push(
      place.finding(
        "scan",
        "has limits in which the larger does not hold the smaller",
        "Make maxFileBytes the smallest of maxFileBytes, maxSessionBytes and maxQuarantineBytes, and the last the largest.",
      ),
    );
  }
  if (raw.limits.signInIdleSeconds > raw.limits.signInSeconds) {
    findings.push(
      place.finding(
        "limits.signInIdleSeconds",
        "is longer than limits.signInSeconds",
        "Make it the shorter of the two.",
      ),
    );
  }
  const places = Object.entries(config.inventory);
  for (const [name, path] of places) {
    if (places.some(([other, otherPath]) => other < name && otherPath === path)) {
      findings.push(
        place.finding(`inventory.${name}`, "names the file of another list", "Give each list its own file."),
      );
    }
  }
  return findings;
}
