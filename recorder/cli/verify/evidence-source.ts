// Where `conduit verify` and `conduit attest` read: a folder with a copy of the store, or the configured store; and by
// which keys and anchors they judge.
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { type Config, storeOptions } from "../../config.ts";
import { hasState } from "../../database.ts";
import { readRootPublicKey } from "../../keys/root-key.ts";
import { readPublicKey, signingKeyHistory } from "../../signing-keys.ts";
import type { StoreConfig } from "../../store/create-store.ts";
import type { ObjectStore } from "../../store/object-store.ts";
import { notesIn } from "../../verify/anchor-file.ts";
import type { StampAuthorities } from "../../verify/ledger-check.ts";
import { linksIn, type StoreLink } from "../../verify/links.ts";
import { type OwnCheckpoints, ownCheckpoints } from "../../verify/own-ledger.ts";
import { type Cli, configOf, inWorkspace } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { reasonFor } from "../recordings/reasons.ts";

export interface SourceOptions {
  store?: string;
  ledger?: string;
  rootKey?: string;
  anchors?: string;
  tsaCa?: string;
  key?: string[];
}

export interface EvidenceSource {
  store: ObjectStore;
  config: StoreConfig;
  /** Null: a copy in a folder, of nobody's configuration. */
  installation: Config | null;
  /** For people. */
  name: string;
  /** Whether it is where locks are: a plain copy of the objects has none. */
  hasLocks: boolean;
  witnesses: {
    root: KeyObject | null;
    given: ReadonlyMap<string, string>;
    anchors: string[] | null;
    authorities?: StampAuthorities;
    ledgerStore?: ObjectStore;
    checkpointSeconds?: number;
    /** Of the installation, whose store is to be no further behind. */
    own?: OwnCheckpoints | null;
  };
  /** Symbolic links in the store's folder. */
  links: (() => Promise<StoreLink[]>) | undefined;
  /** REASON_REQUIRED where the installation's policy asks why, and no reason was given. */
  requireReason(): Promise<void>;
  /** Who verified what goes into the installation's audit log, where there is one. */
  audit(action: string, subject: string, details: Record<string, unknown>): Promise<void>;
}

export function withSourceOptions(command: Command): Command {
  return command
    .option("--store <dir>", "a folder with a copy of the store (default: the configured store)")
    .option("--root-key <file>", "the root's public key (PEM); default: the installation's own")
    .option("--ledger <dir>", "a folder with ledger/ and keys/ (default: in the store)")
    .option("--anchors <file>", "checkpoints that stand outside: an anchor's file")
    .option("--tsa-ca <file>", "certificates (PEM) of the time stamp authority whose .tsr count as anchors");
}

export function keyOption(): Option {
  return new Option("--key <file>", "a further public key (PEM) to trust without the root").argParser(
    (file: string, before: string[] | undefined) => [...(before ?? []), file],
  );
}

export async function withSource<T>(
  cli: Cli,
  command: Command,
  options: SourceOptions,
  work: (source: EvidenceSource) => Promise<T>,
): Promise<T> {
  const { source, close } = await sourceOf(cli, command, options);
  try {
    return await work(source);
  } finally {
    await close();
  }
}

async function sourceOf(
  cli: Cli,
  command: Command,
  options: SourceOptions,
): Promise<{ source: EvidenceSource; close(): Promise<void> }> {
  const installation = options.store === undefined ? configOf(cli, command) : null;
  const config: StoreConfig =
    options.store === undefined ? storeOptions((installation as Config).store) : storeFolderOf(cli, options.store);
  // Loaded when it is needed: an S3 client takes a quarter of a command's start.
  const { createStore } = await import("../../store/create-store.ts");
  const store = createStore(config);
  const ledgerStore = options.ledger === undefined ? null : createStore(folderOf(cli, options.ledger, "--ledger"));
  const given = new Map((options.key ?? []).map((file) => readPublicKey(resolve(cli.directory, file))).map(pair));
  const root = await rootOf(cli, options, installation);
  if (root === null) {
    // An installation of an older version has keys and no root yet.
    for (const key of installation === null ? [] : signingKeyHistory(installation.recorder.keyDirectory))
      given.set(...pair(key));
    if (given.size === 0)
      throw new AppError(
        "REQUEST_INVALID",
        "give the root's public key: --root-key FILE (conduit keys export-root writes it)",
        {
          op: "cli.verify",
          details: { exitCode: exitCodes.usage },
        },
      );
  }
  const authorities = authoritiesOf(cli, options, installation);
  const hasDatabase = installation !== null && hasState(installation);
  const source: EvidenceSource = {
    store,
    config,
    installation,
    hasLocks: installation !== null || (config.kind === "fs" && existsSync(join(config.directory, ".retention"))),
    name: config.kind === "fs" ? config.directory : `s3:${config.bucket}/${config.prefix ?? ""}`,
    witnesses: {
      root,
      given,
      anchors: anchorsOf(cli, options, installation),
      ...(authorities === undefined ? {} : { authorities }),
      ...(ledgerStore === null ? {} : { ledgerStore }),
      ...(installation === null
        ? {}
        : {
            checkpointSeconds: installation.ledger.checkpointSeconds,
            own: await ownCheckpoints(installation.ledger.directory, installation.recorder.id),
          }),
    },
    links: config.kind === "fs" ? () => linksIn(config.directory) : undefined,
    requireReason: async () => {
      if (hasDatabase)
        await inWorkspace(cli, command, async (workspace) => reasonFor(workspace, command, "verify")).catch(onlyReason);
    },
    audit: async (action, subject, details) => {
      if (!hasDatabase) return;
      const reason = command.opts<{ reason?: string }>().reason?.trim().slice(0, 500);
      const why = reason === undefined || reason === "" ? {} : { reason };
      await inWorkspace(cli, command, ({ audit }) => audit(action, subject, { ...details, ...why })).catch(
        (error: unknown) => {
          cli.err.line(
            `WARNING: the audit log could not be written (${(error as Error).message}); going on without it.`,
          );
        },
      );
    },
  };
  const close = async () => {
    await store.close();
    await ledgerStore?.close();
  };
  return { source, close };
}

const pair = ({ keyId, publicKeyPem }: { keyId: string; publicKeyPem: string }): [string, string] => [
  keyId,
  publicKeyPem,
];

/** What keeps a policy from being read keeps nobody from verifying. */
function onlyReason(error: unknown): void {
  if (error instanceof AppError && error.code === "REASON_REQUIRED") throw error;
}

const parts = ["recordings", "ledger", "keys"];

/** A folder that has something else alone is another one than was meant. */
function storeFolderOf(cli: Cli, folder: string): StoreConfig & { kind: "fs" } {
  const config = folderOf(cli, folder, "--store");
  const names = readdirSync(config.directory).filter((name) => !name.startsWith("."));
  if (names.length === 0 || parts.some((part) => names.includes(part))) return config;
  let above = dirname(config.directory);
  while (above !== dirname(above) && !parts.every((part) => existsSync(join(above, part)))) above = dirname(above);
  const hint = parts.every((part) => existsSync(join(above, part)))
    ? `it is inside a store: give ${above}`
    : "give the folder that has them";
  throw new AppError(
    "REQUEST_INVALID",
    `--store: ${config.directory} has none of recordings/, ledger/ and keys/; ${hint}`,
    { op: "cli.verify", details: { exitCode: exitCodes.usage } },
  );
}

function folderOf(cli: Cli, folder: string, option: string): StoreConfig & { kind: "fs" } {
  const directory = resolve(cli.directory, folder);
  if (!existsSync(directory) || !statSync(directory).isDirectory())
    throw new AppError("REQUEST_INVALID", `${option}: ${directory} is no folder`, {
      op: "cli.verify",
      details: { exitCode: exitCodes.usage },
    });
  return { kind: "fs", directory, createDirectory: false };
}

async function rootOf(cli: Cli, { rootKey }: SourceOptions, installation: Config | null): Promise<KeyObject | null> {
  if (rootKey !== undefined) {
    const path = resolve(cli.directory, rootKey);
    const key = createPublicKey(readPublicKey(path).publicKeyPem);
    if (readFileSync(path, "utf8").includes("PRIVATE KEY"))
      cli.err.line(
        `WARNING: ${path} is a PRIVATE key: whoever has it can sign another history of keys. What verifies is root.pub.pem (conduit keys export-root); tell whoever gave you this one.`,
      );
    return key;
  }
  const own = installation === null ? null : await readRootPublicKey(installation.recorder.keyDirectory);
  return own === null ? null : createPublicKey(own.publicKeyPem);
}

/** The installation's own file anchors are compared with by themselves, where they can be read. */
function anchorsOf(cli: Cli, { anchors }: SourceOptions, installation: Config | null): string[] | null {
  if (anchors !== undefined) {
    const path = resolve(cli.directory, anchors);
    const refused = (why: string, cause?: unknown) =>
      new AppError("REQUEST_INVALID", `--anchors: ${path} ${why}`, {
        op: "cli.verify",
        cause,
        details: { exitCode: exitCodes.usage },
      });
    let notes: string[];
    try {
      notes = notesIn(readFileSync(path, "utf8"));
    } catch (cause) {
      throw refused(`cannot be read: ${(cause as Error).message}`, cause);
    }
    if (notes.length === 0) throw refused("holds no signed checkpoint");
    return notes;
  }
  const files = (installation?.ledger.anchors ?? []).flatMap((anchor) => (anchor.kind === "file" ? [anchor.path] : []));
  const readable = files.filter((path) => existsSync(path));
  return readable.length === 0 ? null : readable.flatMap((path) => notesIn(readFileSync(path, "utf8")));
}

/** The installation's own authority is believed by itself; but what it has not stamped yet is not therefore unanchored. */
function authoritiesOf(cli: Cli, { tsaCa }: SourceOptions, installation: Config | null): StampAuthorities | undefined {
  const own = installation?.ledger.timestamps?.caFile;
  const path = tsaCa === undefined ? own : resolve(cli.directory, tsaCa);
  if (path === undefined || (tsaCa === undefined && !existsSync(path))) return undefined;
  const name = tsaCa === undefined ? "ledger.timestamps.caFile" : "--tsa-ca";
  try {
    const pem = readFileSync(path, "utf8");
    const all = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    if (all.length === 0) throw new Error("it holds no certificate in PEM");
    for (const one of all) new X509Certificate(one);
    return { pem, alone: tsaCa !== undefined };
  } catch (cause) {
    throw new AppError("REQUEST_INVALID", `${name}: ${path} cannot be used: ${(cause as Error).message}`, {
      op: "cli.verify",
      cause,
      details: { exitCode: exitCodes.usage },
    });
  }
}

/** `2026-11-01` or RFC 3339, in ms. */
export function timeOf(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (!Number.isNaN(ms) && /^\d{4}-\d\d-\d\d/.test(text)) return ms;
  throw new AppError("REQUEST_INVALID", `${option} is a time such as 2026-11-01 or 2026-11-01T08:00:00Z`, {
    op: "cli.verify",
    details: { exitCode: exitCodes.usage },
  });
}
