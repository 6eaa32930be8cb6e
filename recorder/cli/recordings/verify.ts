// `conduit recordings verify`: is the recording whole, unaltered and signed? Needs nothing of the service.
import { type Command, Option } from "commander";
import type { VerifyReport } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { RecordingVerifier } from "../../catalog/verify.ts";
import { formatSize } from "../../config/units.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { counted, printable } from "../output.ts";
import { type Archive, inArchive, resolveSession, trustedKeys } from "./archive.ts";
import { reasonOption } from "./common-options.ts";
import { inSpool, type Known, knownRecordings, numberFaults } from "./completeness.ts";

interface VerifyOptions {
  all?: boolean;
  key: string[];
  json?: boolean;
}

export function registerVerify(recordings: Command, cli: Cli): void {
  recordings
    .command("verify")
    .description("check signatures, chain and every stored byte; print the verdict and each finding")
    .argument("[recordings...]", "ids, their first or last characters, or latest")
    .option("--all", "every ended recording of store and index, and whether the recorder's numbers have holes")
    .addOption(
      new Option("--key <file>", "a further public key (PEM) to trust, e.g. of another recorder")
        .argParser((file: string, before: string[]) => [...before, file])
        .default([], "none"),
    )
    .addOption(reasonOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExit code 0 when every verdict is VALID, 7 when the others are only UNTRUSTED, 3 otherwise.",
    )
    .action(async (texts: string[], options: VerifyOptions, command: Command) => {
      if (texts.length === 0 && options.all !== true) {
        throw new AppError("REQUEST_INVALID", "name a recording, or give --all", {
          op: "cli.verify",
          details: { exitCode: exitCodes.usage },
        });
      }
      await inArchive(cli, command, async (archive) => {
        const known = options.all === true ? await knownRecordings(archive) : null;
        const sessions = [...(known?.ended ?? [])];
        for (const text of texts) sessions.push(await resolveSession(archive, text));
        const keys = trustedKeys(archive.config, options.key);
        const reports = await verifyEach(cli, archive, sessions, known?.strays ?? new Map(), keys, options);
        if (known !== null) reports.push(...(await missingNumbers(cli, archive, known, keys, options)));
        if (options.json === true) cli.out.json(reports);
        const verdicts = new Set(reports.map((report) => report.verdict));
        verdicts.delete("VALID");
        if (verdicts.delete("UNTRUSTED")) cli.exitCode = exitCodes.untrusted;
        if (verdicts.size > 0) cli.exitCode = exitCodes.findings;
      });
    });
}

async function verifyEach(
  cli: Cli,
  archive: Archive,
  sessions: string[],
  strays: ReadonlyMap<string, string[]>,
  keys: ReadonlyMap<string, string>,
  options: VerifyOptions,
): Promise<VerifyReport[]> {
  const verifier = new RecordingVerifier({
    store: archive.store,
    keys: archive.keys,
    trustedKeys: () => keys,
    isOwn: async (session, by) => {
      const own = archive.config.recorder.id;
      return by === own || (await archive.recordings.recorderOf(session)) === own;
    },
    isPending: (session, name) => inSpool(archive, session, name),
  });
  const reports: VerifyReport[] = [];
  for (const session of sessions) {
    const report = await verifier.verify(session, cli.signal).catch((error: unknown) => {
      if (options.all !== true) throw error;
      return unreadable(session, error);
    });
    for (const place of strays.get(session) ?? []) {
      report.verdict = "TAMPERED";
      const message = "has objects of this recording, which belongs under another date";
      report.findings.push({ place, code: "INTEGRITY_FORMAT", message });
    }
    await archive.audit("recording.verify", session, { verdict: report.verdict, findings: report.findings.length });
    reports.push(report);
    if (options.json !== true) print(cli, report);
  }
  return reports;
}

/** The store refuses this recording: the others are checked all the same. */
function unreadable(session: string, error: unknown): VerifyReport {
  if (!(error instanceof AppError && error.code === "STORE_REFUSED")) throw error;
  const findings = [{ place: "store", code: error.code, message: error.message }];
  return { session, verdict: "INCOMPLETE", checkedBytes: 0, checkedSegments: 0, keyId: null, findings };
}

/** What is known of nowhere but from the numbers of the others: a report for each run of them. */
async function missingNumbers(
  cli: Cli,
  archive: Archive,
  known: Known,
  keys: ReadonlyMap<string, string>,
  options: VerifyOptions,
): Promise<VerifyReport[]> {
  const reports: VerifyReport[] = [];
  for (const { recorder, from, to, message } of await numberFaults(archive, known, keys)) {
    const place = from === to ? `${recorder}/${from}` : `${recorder}/${from}-${to}`;
    const findings = [{ place, code: "STORE_NOT_FOUND", message }];
    await archive.audit("recording.verify", place, { verdict: "MISSING", findings: 1 });
    reports.push({ session: place, verdict: "MISSING", checkedBytes: 0, checkedSegments: 0, keyId: null, findings });
    if (options.json !== true) cli.out.line(`${printable(place)}  MISSING  ${printable(message)}`);
  }
  return reports;
}

function print(cli: Cli, report: VerifyReport): void {
  const checked = `${counted(report.checkedSegments, "segment")}, ${formatSize(report.checkedBytes)}`;
  cli.out.line(`${report.session}  ${report.verdict}  (${checked}, key ${report.keyId ?? "unknown"})`);
  if (report.unopenedSegments !== undefined) {
    const message = `${report.unopenedSegments} encrypted segments were not looked into, for want of a key`;
    cli.out.line(`  ${message}; their bytes, their chain and the signatures hold or are named below.`);
  }
  for (const { place, code, message } of report.findings) {
    cli.out.line(`  ${code}  ${printable(place)}: ${printable(message)}`);
  }
}
