// `conduit attest`: the retention attestation of a day or a period, signed; and the check of one that somebody else made.
import { sign } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import type { Attestation } from "../../shared/evidence/attestation.ts";
import { catalogueRows, policyOf } from "../attestation-sources.ts";
import type { Config } from "../config.ts";
import { hasState } from "../database.ts";
import { loadOrCreateSigningKey } from "../record/signing.ts";
import { attestationPage } from "../verify/attest/attestation-page.ts";
import { checkAttestation, sha256Hex } from "../verify/attest/check-attestation.ts";
import { makeAttestation } from "../verify/attest/make-attestation.ts";
import { readWitnesses } from "../verify/verify-evidence.ts";
import { version } from "../version.ts";
import { type Cli, inWorkspace, type Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { inventoryOf } from "./inventory-of.ts";
import { counted, printable } from "./output.ts";
import { type FilePlace, intoFile, placeFor } from "./recordings/into-file.ts";
import {
  type EvidenceSource,
  keyOption,
  type SourceOptions,
  timeOf,
  withSource,
  withSourceOptions,
} from "./verify/evidence-source.ts";

interface Options extends SourceOptions {
  from?: string;
  to?: string;
  day?: string;
  json?: string | true;
  html?: string;
  check?: string;
  recorder?: string;
  force?: boolean;
}

const dayMs = 86_400_000;

export const registerAttest: Register = (program, cli) => {
  const command = program
    .command("attest")
    .description(
      "the retention attestation: kept, locked, held, due, gone with proof, early, overdue, missing, unknown",
    )
    .option("--from <time>", "recordings that began or went from this time on (2026-11-01 or RFC 3339)")
    .option("--to <time>", "up to this time; now when left out")
    .option("--day <date>", "one day in UTC, instead of --from and --to")
    .option("--json [file]", "write the signed JSON and FILE.sig; without a file, print it, unsigned")
    .option("--html <file>", "write a page fit to print")
    .option("--check <file>", "recompute an attestation that was made before, and compare")
    .option("--recorder <id>", "whose ledger, where the store has several")
    .option("--force", "replace files");
  withSourceOptions(command)
    .addOption(keyOption())
    .addHelpText(
      "after",
      `
Exit codes: 0 everything is in order (with --check: it holds), 3 something is not.

Examples:
  $ conduit attest --day 2026-11-23 --json day.json --html day.html
  $ conduit attest --check day.json --store ./copy --root-key root.pub.pem`,
    )
    .action(async (options: Options, self: Command) => {
      await withSource(cli, self, options, (source) =>
        options.check === undefined ? make(cli, self, source, options) : check(cli, source, options.check),
      );
    });
};

async function make(cli: Cli, command: Command, source: EvidenceSource, options: Options): Promise<void> {
  const period = periodOf(options);
  const { installation } = source;
  const force = options.force === true;
  const json = typeof options.json === "string" ? options.json : undefined;
  const places = {
    json: filePlace(cli, "--json", json, force),
    signature: filePlace(cli, "--json", json && `${json}.sig`, force),
    html: filePlace(cli, "--html", options.html, force),
  };
  const witnesses = await readWitnesses({ ...source.witnesses, store: source.store, signal: cli.signal });
  const recorder = options.recorder ?? installation?.recorder.id ?? onlyOf([...witnesses.ledgers.keys()]);
  const signing = installation === null ? null : await signingKeyOf(installation);
  const attestation = await makeAttestation({
    ...witnesses,
    ...period,
    store: source.store,
    ...(source.hasLocks ? {} : { locks: false }),
    recorder,
    version: version(),
    storeName: source.name,
    policy: installation === null ? null : policyOf(inventoryOf(installation)),
    keyId: signing?.keyId ?? null,
    nowMs: Date.now(),
    catalogue: await rowsOf(cli, command, installation),
    signal: cli.signal,
  });
  const bytes = Buffer.from(`${JSON.stringify(attestation, null, 1)}\n`);
  const signature = signing === null ? null : sign(null, bytes, signing.privateKeyPem);
  const sha256 = sha256Hex(bytes);
  await source.audit("attestation.make", recorder, { ...attestation.period, inOrder: attestation.inOrder, sha256 });
  const { html } = places;
  if (places.json !== null && places.signature !== null) {
    await writeSigned(cli, { json: places.json, signature: places.signature }, bytes, signature);
    if (signature === null) cli.err.line("WARNING: not signed: only the installation itself has the recorder's key.");
  }
  if (html !== null)
    await intoFile(cli, html, (file) =>
      writeFile(file, attestationPage(attestation, { sha256, signature: signature?.toString("base64") ?? null })),
    );
  if (options.json === true) cli.out.line(bytes.toString().trimEnd());
  else print(cli, attestation);
  if (!attestation.inOrder) cli.exitCode = exitCodes.findings;
}

async function check(cli: Cli, source: EvidenceSource, file: string): Promise<void> {
  const path = resolve(cli.directory, file);
  const bytes = await readFile(path).catch((cause: Error) => {
    throw usage(`--check: ${path} cannot be read: ${cause.message}`);
  });
  const signature = existsSync(`${path}.sig`) ? await readFile(`${path}.sig`) : null;
  const witnesses = await readWitnesses({ ...source.witnesses, store: source.store, signal: cli.signal });
  const { attestation, findings, since } = await checkAttestation(bytes, signature, {
    ...witnesses,
    store: source.store,
    signal: cli.signal,
  });
  await source.audit("attestation.check", attestation?.recorder ?? "?", {
    sha256: sha256Hex(bytes),
    findings: findings.length,
  });
  for (const { place, code, message } of findings) cli.out.line(`${code}  ${printable(place)}: ${printable(message)}`);
  for (const told of since) cli.out.line(`since then: ${printable(told)}`);
  if (attestation !== null) {
    const { recordings } = attestation;
    cli.out.line(
      findings.length === 0
        ? `The attestation of ${attestation.generatedAt} holds: ${counted(recordings.length, "recording")}, recomputed from store and ledger.`
        : `The attestation does not hold: ${counted(findings.length, "finding")}.`,
    );
  }
  if (findings.length > 0) cli.exitCode = exitCodes.findings;
}

function print(
  cli: Cli,
  { counts, recordings, inOrder, ledger, keys, unknown, missingNumbers, catalogue }: Attestation,
): void {
  const states = Object.entries(counts.states).filter(([, count]) => count > 0);
  cli.out.table(["STATE", "RECORDINGS"], states);
  cli.out.line();
  cli.out.line(
    `${counted(counts.objects, "object")}, ${counts.unlockedObjects} not locked, ${counts.missingObjects} missing, ${counts.unknownObjects + unknown.length} unknown`,
  );
  for (const { verdict, name } of [
    { ...ledger, name: "ledger" },
    { ...keys, name: "keys" },
  ])
    cli.out.line(`${name}  ${verdict}`);
  const findings = [
    ...keys.findings,
    ...ledger.findings,
    ...missingNumbers,
    ...recordings.flatMap((one) => one.findings),
  ];
  for (const { weight, place, message } of findings)
    cli.out.line(`  ${weight}  ${printable(place)}: ${printable(message)}`);
  for (const { session, message } of catalogue?.differences ?? [])
    cli.out.line(`  INDEX  ${printable(session)}: ${printable(message)}`);
  cli.out.line(inOrder ? "Everything is in order." : "Not everything is in order.");
}

function periodOf({ from, to, day }: Options): { fromMs: number; toMs: number } {
  if (day !== undefined) {
    if (from !== undefined || to !== undefined) throw usage("give --day, or --from and --to");
    const fromMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
    if (Number.isNaN(fromMs)) throw usage("--day is a date such as 2026-11-23");
    return { fromMs, toMs: fromMs + dayMs };
  }
  if (from === undefined) throw usage("give --day, or --from");
  const period = { fromMs: timeOf("--from", from) ?? 0, toMs: timeOf("--to", to) ?? Date.now() };
  if (period.fromMs >= period.toMs) throw usage("the period ends before it begins; give --from before --to");
  return period;
}

function onlyOf(recorders: readonly string[]): string {
  const [recorder] = recorders;
  if (recorder !== undefined && recorders.length === 1) return recorder;
  throw usage(
    recorders.length === 0
      ? "the store has no ledger"
      : `the store has the ledgers of ${recorders.join(", ")}: give --recorder`,
  );
}

async function signingKeyOf({ recorder }: Config) {
  const path = join(recorder.keyDirectory, "signing.pem");
  return existsSync(path) ? loadOrCreateSigningKey(path) : null;
}

async function rowsOf(cli: Cli, command: Command, installation: Config | null) {
  if (installation === null || !hasState(installation)) return null;
  return inWorkspace(cli, command, ({ database }) => catalogueRows(database));
}

/** Before anything is made: a place where no file could be put in the end is refused. */
function filePlace(cli: Cli, option: string, path: string | undefined, force: boolean): FilePlace | null {
  if (path === undefined) return null;
  if (path === "-") throw usage(`${option} takes the name of a file; --json without one prints it`);
  try {
    return placeFor(cli, path, "attestation", force, option);
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** Neither has its name before both are whole. */
async function writeSigned(
  cli: Cli,
  places: { json: FilePlace; signature: FilePlace },
  bytes: Uint8Array,
  signature: Uint8Array | null,
): Promise<void> {
  await intoFile(cli, places.json, async (file) => {
    await writeFile(file, bytes);
    if (signature !== null) await intoFile(cli, places.signature, (beside) => writeFile(beside, signature));
    // Of an older one that is replaced unsigned, the signature is none.
    else if (places.signature.path !== null) await rm(places.signature.path, { force: true });
  });
}

function usage(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.attest", details: { exitCode: exitCodes.usage } });
}
