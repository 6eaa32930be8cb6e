// `conduit ledger`: what stands in the ledger, its signed checkpoints, proofs, and whether the store's copy bears itself out.
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import {
  type EvidenceFinding,
  isInOrder,
  type KeysEvidence,
  type LedgerEvidence,
} from "../../shared/evidence/verdict.ts";
import type { LedgerEntry } from "../../shared/ledger/entry.ts";
import { Ledger } from "../ledger/ledger.ts";
import { keysWithLedgers, ledgersGone } from "../verify/cross-check.ts";
import { readWitnesses } from "../verify/verify-evidence.ts";
import { askService } from "./ask-service.ts";
import { type Cli, configOf, type Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, formatTime, printable } from "./output.ts";
import {
  type EvidenceSource,
  keyOption,
  type SourceOptions,
  withSource,
  withSourceOptions,
} from "./verify/evidence-source.ts";

export const registerLedger: Register = (program, cli) => {
  const ledger = program
    .command("ledger")
    .description("the append-only witness: entries, signed checkpoints, proofs, verification");
  registerShow(ledger, cli);
  registerCheckpoint(ledger, cli);
  registerProve(ledger, cli);
  registerVerify(ledger, cli);
};

/** As this machine has it; the service may be writing. */
async function withLedger<T>(cli: Cli, command: Command, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { recorder, ledger } = configOf(cli, command);
  const directory = join(ledger.directory, recorder.id);
  const opened = await Ledger.open({ directory, recorderId: recorder.id, signer: null });
  try {
    if (opened.size > 0) return await work(opened);
    throw new AppError("REQUEST_NOT_FOUND", `${directory} has no ledger yet: start the service once`, {
      op: "cli.ledger",
    });
  } finally {
    await opened.close();
  }
}

interface ShowOptions {
  last: number;
  from?: number;
  type?: string;
  subject?: string;
  actor?: string;
  raw?: boolean;
  json?: boolean;
}

function registerShow(ledger: Command, cli: Cli): void {
  ledger
    .command("show")
    .description("entries, oldest first")
    .option("--last <count>", "so many of the newest that fit", count, 50)
    .option("--from <n>", "from this entry on, all of them", count)
    .option("--type <type>", "only of this type, e.g. recording-open, view, audit:sign-in")
    .option("--subject <subject>", "only about this session, person, key or recorder")
    .option("--actor <name>", "only by this person")
    .option("--raw", "print the lines as they are hashed")
    .option("--json", "print JSON")
    .action((options: ShowOptions, command: Command) =>
      withLedger(cli, command, async (opened) => {
        const found: Array<{ entry: LedgerEntry; line: string }> = [];
        for await (const line of opened.entries(options.from ?? 0, opened.size)) {
          if (!fits(line.entry, options)) continue;
          found.push(line);
          if (options.from === undefined && found.length > options.last) found.shift();
        }
        if (options.json === true) cli.out.json(found.map(({ entry }) => entry));
        else for (const { entry, line } of found) cli.out.line(options.raw === true ? line : told(entry));
      }),
    );
}

function fits(entry: LedgerEntry, { type, subject, actor }: ShowOptions): boolean {
  return (
    (type === undefined || entry.type === type) &&
    (subject === undefined || entry.subject === subject || entry.facts["session"] === subject) &&
    (actor === undefined || entry.actor === actor)
  );
}

function told({ n, at, type, actor, subject, facts }: LedgerEntry): string {
  const words = printable(JSON.stringify(facts));
  const short = words.length > 160 ? `${words.slice(0, 160)}…` : words;
  return `${String(n).padStart(7)}  ${formatTime(at)}  ${printable(type)}  ${printable(actor)}  ${printable(subject)}  ${short}`;
}

function registerCheckpoint(ledger: Command, cli: Cli): void {
  ledger
    .command("checkpoint")
    .description("print the newest signed checkpoint")
    .option("--now", "have the running service sign one over everything so far")
    .action(async (options: { now?: boolean }, command: Command) => {
      if (options.now === true) {
        const answer = z
          .object({ note: z.string() })
          .parse(await askService(cli, command, "POST", "/ledger-checkpoint"));
        await cli.out.write(answer.note);
        return;
      }
      await withLedger(cli, command, async ({ lastCheckpoint }) => {
        if (lastCheckpoint === null) throw noCheckpoint();
        await cli.out.write(lastCheckpoint.note);
      });
    });
}

function registerProve(ledger: Command, cli: Cli): void {
  ledger
    .command("prove")
    .description("print the proof (JSON) that an entry is under a signed checkpoint")
    .argument("<n>", "number of the entry", count)
    .option("--newest", "under the newest checkpoint, not the first that covers it")
    .action((n: number, options: { newest?: boolean }, command: Command) =>
      withLedger(cli, command, async (opened) => {
        const newest = opened.lastCheckpoint;
        const over = options.newest === true ? newest : await opened.checkpointOver(n);
        if (n >= opened.size) {
          const text = `the ledger has entries 0 to ${opened.size - 1}`;
          throw new AppError("REQUEST_NOT_FOUND", text, { op: "cli.ledger" });
        }
        if (over === null || over.size <= n) throw noCheckpoint();
        for await (const { line } of opened.entries(n, n + 1))
          cli.out.json({ ...opened.proof(n, over.size), line, checkpoint: over.note });
      }),
    );
}

function registerVerify(ledger: Command, cli: Cli): void {
  const command = ledger
    .command("verify")
    .description(
      "check hash links, Merkle roots, signatures and checkpoints of the store's copy, and the history of keys",
    )
    .option("--json", "print JSON");
  withSourceOptions(command)
    .addOption(keyOption())
    .addHelpText("after", "\nExit code 0 when all of it is in order, else 3. Needs no service and no catalogue.")
    .action(async (options: SourceOptions & { json?: boolean }, self: Command) => {
      await withSource(cli, self, options, (source) => verify(cli, source, options.json === true));
    });
}

/** A version of the history of keys may be so long on its way to the store. */
const hourMs = 3_600_000;

async function verify(cli: Cli, source: EvidenceSource, json: boolean): Promise<void> {
  const { witnesses } = source;
  const checked = await readWitnesses({ ...witnesses, store: source.store, signal: cli.signal });
  const ledgers = [...checked.ledgers.values()].map(({ evidence }) => evidence);
  const settledMs = Date.now() - hourMs;
  const keys = keysWithLedgers(checked.trust, checked.ledgers, settledMs);
  const findings = await ledgersGone(checked.trust, checked.ledgers, witnesses.anchors, true);
  await source.audit("ledger.verify", ledgers.map(({ recorder }) => recorder).join(" "), {
    verdicts: ledgers.map(({ verdict }) => verdict),
  });
  if (json) cli.out.json({ keys, ledgers, findings });
  else print(cli, keys, ledgers, findings);
  const inOrder = [keys, ...ledgers].every(({ verdict }) => isInOrder(verdict)) && findings.length === 0;
  if (!inOrder || ledgers.length === 0) cli.exitCode = exitCodes.findings;
}

function print(
  cli: Cli,
  keys: KeysEvidence,
  ledgers: readonly LedgerEvidence[],
  further: readonly EvidenceFinding[],
): void {
  for (const { recorder, verdict, entries, checkpoints, checkpoint } of ledgers) {
    const signed = checkpoint === null ? "no checkpoint" : `signed to entry ${checkpoint.size - 1}`;
    cli.out.line(
      `ledger of ${printable(recorder)}  ${verdict}  (${entries === 1 ? "1 entry" : `${entries} entries`}, ${counted(checkpoints, "checkpoint")}, ${signed})`,
    );
  }
  if (ledgers.length === 0) cli.out.line("ledger  none");
  cli.out.line(`keys  ${keys.verdict}  (${counted(keys.keys.length, "key")})`);
  for (const { weight, code, place, message } of [keys, ...ledgers, { findings: further }].flatMap(
    ({ findings }) => findings,
  ))
    cli.out.line(`  ${weight}  ${code}  ${printable(place)}: ${printable(message)}`);
}

function count(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A number of an entry, from 0 on.");
}

function noCheckpoint(): AppError {
  const text = "no checkpoint covers it yet; the service signs one every few minutes: conduit ledger checkpoint --now";
  return new AppError("REQUEST_NOT_FOUND", text, { op: "cli.ledger" });
}
