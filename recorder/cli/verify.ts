// `conduit verify`: is all of it there, unaltered and vouched for? Reads a store, the configured one or a copy, and needs
// nothing else than the root's public key: no catalogue, no database, no service.
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { AppError } from "../../shared/errors.ts";
import {
  type EvidenceFinding,
  type EvidenceReport,
  type EvidenceVerdict,
  evidenceVerdicts,
  isInOrder,
  type LedgerEvidence,
} from "../../shared/evidence/verdict.ts";
import { formatSize } from "../config/units.ts";
import { type EvidenceScope, verifyEvidence } from "../verify/verify-evidence.ts";
import type { Cli, Register } from "./cli.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { counted, printable } from "./output.ts";
import { reasonOption } from "./recordings/common-options.ts";
import { keyOption, type SourceOptions, timeOf, withSource, withSourceOptions } from "./verify/evidence-source.ts";
import { progressLine } from "./verify/progress-line.ts";
import { sessionsNamed } from "./verify/sessions-named.ts";

interface Options extends SourceOptions {
  from?: string;
  to?: string;
  all?: boolean;
  contents?: boolean;
  locks: boolean;
  strict?: boolean;
  every?: boolean;
  threads?: string;
  json?: boolean;
}

export const registerVerifyEvidence: Register = (program, cli) => {
  const command = program
    .command("verify")
    .description("check recordings, ledger and keys of a store against each other and the root key")
    .argument("[recordings...]", "ids, or their first or last characters")
    .option("--from <time>", "recordings that began from this time on (2026-11-01 or RFC 3339)")
    .option("--to <time>", "up to this time; now when left out")
    .option("--all", "everything in the store and in its ledgers");
  withSourceOptions(command)
    .addOption(keyOption())
    .addOption(reasonOption())
    .option("--contents", "decompress and parse segments too (default where recordings are named)")
    .option("--no-contents", "count segments by their signed hashes alone")
    .option("--no-locks", "do not ask the store for locks and holds")
    .option("--strict", "notices count as faults for the exit code")
    .option("--every", "print a line for every recording, not only for those that are not in order")
    .addOption(new Option("--threads <n>", "how many read at once (default: one a core)"))
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
Exit codes: 0 all in order, 3 tampered with, missing or deleted early, 7 only signed by keys that are not trusted,
8 nothing worse than incomplete, overdue or not anchored. docs/verify.md says what each verdict means.

Examples:
  $ conduit verify --all                                         the configured store
  $ conduit verify --all --store ./copy --root-key root.pub.pem  a copy, on any machine
  $ conduit verify 0191d4c7 --json                               one recording`,
    )
    .action(async (texts: string[], options: Options, self: Command) => {
      const wanted = scopeOf(texts, options);
      await withSource(cli, self, options, async (source) => {
        const scope: EvidenceScope = wanted ?? {
          kind: "sessions",
          sessions: await sessionsNamed(source.store, texts, cli.signal),
        };
        await source.requireReason();
        if (scope.kind !== "sessions") await source.audit("evidence.verify", scope.kind, {});
        const progress = progressLine(cli, options.json === true);
        const { report } = await verifyEvidence({
          ...source.witnesses,
          store: source.store,
          threads: { config: source.config, count: threadsOf(options) },
          scope,
          contents: options.contents ?? scope.kind === "sessions",
          locks: options.locks && source.hasLocks,
          signal: cli.signal,
          name: source.name,
          links: source.links,
          onProgress: progress.show,
        });
        progress.end();
        // Of what was named, the chain of custody has it, as of `conduit recordings verify`.
        for (const { session, verdict, findings } of scope.kind === "sessions" ? report.recordings : [])
          await source.audit("recording.verify", session, { verdict, findings: findings.length });
        if (options.json === true) cli.out.json(report);
        else print(cli, report, options.every === true || scope.kind === "sessions");
        cli.exitCode = exitCodeOf(report, options.strict === true);
      });
    });
};

function scopeOf(texts: readonly string[], { all, from, to }: Options): EvidenceScope | null {
  const period = from !== undefined || to !== undefined;
  if ([texts.length > 0, all === true, period].filter(Boolean).length !== 1)
    throw usage("name recordings, or give --all, or a period with --from and --to");
  if (all === true) return { kind: "all" };
  if (!period) return null;
  const scope = {
    kind: "period" as const,
    fromMs: timeOf("--from", from) ?? 0,
    toMs: timeOf("--to", to) ?? Date.now(),
  };
  if (to === undefined && scope.fromMs >= scope.toMs) throw usage("--from is in the future; nothing began after now");
  if (scope.fromMs >= scope.toMs) throw usage("the period ends before it begins; give --from before --to");
  return scope;
}

function threadsOf({ threads }: Options): number {
  if (threads === undefined) return Math.min(availableParallelism(), 16);
  if (/^\d{1,2}$/.test(threads) && Number(threads) >= 1) return Number(threads);
  throw usage("--threads is a number from 1 to 99");
}

function usage(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.verify", details: { exitCode: exitCodes.usage } });
}

function print(cli: Cli, report: EvidenceReport, every: boolean): void {
  const { keys, ledgers, recordings } = report;
  for (const one of recordings) {
    if (!every && isInOrder(one.verdict) && one.findings.length === 0) continue;
    const checked = `${counted(one.checkedSegments, "segment")}, ${formatSize(one.checkedBytes)}`;
    cli.out.line(`${one.session}  ${one.verdict}  (${checked}, key ${printable(one.keyId ?? "unknown")})`);
    printFindings(cli, one.findings);
  }
  for (const one of ledgers) {
    const anchored = one.anchored === null ? "not compared with anchors" : `${one.anchored} entries anchored outside`;
    const checkpoint = one.checkpoint === null ? "no checkpoint" : signedOf(one.checkpoint);
    cli.out.line(
      `ledger of ${printable(one.recorder)}  ${one.verdict}  (${one.entries === 1 ? "1 entry" : `${one.entries} entries`}, ${counted(one.checkpoints, "checkpoint")}, ${checkpoint}, ${anchored}${stampsOf(one)})`,
    );
    printFindings(cli, one.findings);
  }
  if (ledgers.length === 0) cli.out.line("ledger  none");
  const root = keys.root === null ? "no root key given" : `root ${keys.root}`;
  cli.out.line(`keys  ${keys.verdict}  (${counted(keys.keys.length, "key")}, ${root})`);
  printFindings(cli, keys.findings);
  printFindings(cli, report.findings);
  const counts = new Map<EvidenceVerdict, number>();
  for (const { verdict } of recordings) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const told = evidenceVerdicts.flatMap((verdict) =>
    counts.has(verdict) ? [`${counts.get(verdict)} ${verdict}`] : [],
  );
  cli.out.line(
    `${counted(recordings.length, "recording")}: ${told.join(", ") || "none"}. All in all: ${report.verdict}`,
  );
}

function signedOf({ size, at }: NonNullable<LedgerEvidence["checkpoint"]>): string {
  return `signed to entry ${size - 1}${at === null ? "" : ` up to ${at.replace(/\.\d+Z$/, "Z")}`}`;
}

function stampsOf({ stamps }: LedgerEvidence): string {
  if (stamps === undefined) return "";
  const { count, proven, newest } = stamps;
  const all = counted(count, "time stamp");
  if (proven === null) return `, ${all}, compared without their authority's certificate`;
  if (newest === null) return `, ${all}, none by the authority that was given`;
  return `, ${proven} of ${all} proven, the newest of ${newest.at} to entry ${newest.size - 1}`;
}

/** Of the same thing about many places so many; --json has all. */
const mostAlike = 20;

function printFindings(cli: Cli, findings: readonly EvidenceFinding[]): void {
  const alike = new Map<string, number>();
  for (const { place, code, message, weight } of findings) {
    const count = (alike.get(message) ?? 0) + 1;
    alike.set(message, count);
    if (count > mostAlike && weight === "NOTICE") continue;
    cli.out.line(`  ${weight}  ${code}  ${printable(place)}: ${printable(message)}`);
  }
  for (const [message, count] of alike)
    if (count > mostAlike && findings.some((one) => one.message === message && one.weight === "NOTICE"))
      cli.out.line(`  NOTICE  … and ${count - mostAlike} more: ${printable(message)} (--json has all)`);
}

const damaged: readonly EvidenceVerdict[] = ["TAMPERED", "MISSING", "DELETED-EARLY"];

export function exitCodeOf(report: EvidenceReport, strict: boolean): ExitCode {
  const parts = [
    report.keys,
    ...report.ledgers,
    ...report.recordings,
    ...report.findings.map(({ weight }) => ({ verdict: weight, findings: [] })),
  ];
  const verdicts = new Set(parts.map(({ verdict }) => verdict));
  if (damaged.some((verdict) => verdicts.has(verdict))) return exitCodes.findings;
  if (strict && (verdicts.has("NOTICE") || parts.some(({ findings }) => findings.length > 0)))
    return exitCodes.findings;
  if (verdicts.has("UNTRUSTED")) return exitCodes.untrusted;
  return [...verdicts].every((verdict) => verdict === "NOTICE" || isInOrder(verdict))
    ? exitCodes.ok
    : exitCodes.unfinished;
}
