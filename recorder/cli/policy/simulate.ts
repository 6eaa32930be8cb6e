// `conduit policy simulate`: a policy asked about the sessions that were recorded. Who, what, when and for how long stand in
// the OPEN records and the index; what was typed and shown is read only with --patterns, and that is in the audit.
import { type Command, InvalidArgumentError } from "commander";
import { RecordingQuery, type RecordingSummary } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { type Decision, decideOpening, type TargetQuery } from "../../../shared/policy/decide.ts";
import { reasonSentences } from "../../../shared/policy/reasons.ts";
import { duration } from "../../../shared/policy/termination.ts";
import type { InventorySnapshot } from "../../inventory.ts";
import { type Cli, inWorkspace } from "../cli.ts";
import { formatTime } from "../output.ts";
import { type Archive, atShelves } from "../recordings/archive.ts";
import { policyAtHand } from "./policy-file.ts";
import { type ContentFindings, lookThrough } from "./recorded-contents.ts";
import { recordedQuery } from "./recorded-query.ts";

interface SimulateOptions {
  days: number;
  patterns?: boolean;
  json?: boolean;
}

interface Difference {
  session: string;
  startedAt: string;
  person: string;
  target: string;
  rule: string;
  /** Code and sentence of what would have been otherwise. */
  changes: { code: string; sentence: string; afterSeconds?: number }[];
}

interface Simulation {
  policyHash: string;
  days: number;
  sessions: number;
  /** Sessions whose OPEN record cannot be read any more. */
  unreadable: number;
  refused: number;
  endedSooner: number;
  frozen: number;
  notRecorded: number;
  /** Null: not looked for. */
  patternMatches: number | null;
  differences: Difference[];
}

export function registerSimulate(policy: Command, cli: Cli): void {
  policy
    .command("simulate")
    .description("what would a policy have changed about the recorded sessions?")
    .argument("<file>", "the policy")
    .option("--days <n>", "how far back", wholeDays, 90)
    .option("--patterns", "read what was typed and shown as well: idleness, and the policy's patterns")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A session that stood on a request is taken to have it under the new policy as well, with the same window.

Example:
  $ conduit policy simulate new-policy.yaml --days 90`,
    )
    .action(async (file: string, options: SimulateOptions, command: Command) => {
      await inWorkspace(cli, command, (workspace) =>
        atShelves(workspace.config, workspace.database, async (shelves) => {
          const { inventory } = policyAtHand(cli, command, file);
          const simulation = await simulate(cli, { ...workspace, ...shelves }, inventory, options);
          if (options.json === true) cli.out.json(simulation);
          else print(cli, simulation);
        }),
      );
    });
}

function wholeDays(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Days are a number from 1.");
}

async function simulate(
  cli: Cli,
  archive: Archive,
  inventory: InventorySnapshot,
  { days, patterns = false }: SimulateOptions,
): Promise<Simulation> {
  const simulation: Simulation = {
    policyHash: inventory.policyHash,
    days,
    sessions: 0,
    unreadable: 0,
    refused: 0,
    endedSooner: 0,
    frozen: 0,
    notRecorded: 0,
    patternMatches: patterns ? 0 : null,
    differences: [],
  };
  for await (const row of recordedSince(archive, days)) {
    if (cli.signal.aborted) break;
    simulation.sessions++;
    const open = await openRecordOf(archive, row.session);
    if (open === null) {
      simulation.unreadable++;
      continue;
    }
    const query = await recordedQuery(archive, inventory.targets, open);
    const decision = decideOpening(inventory.compiled, query);
    const found = patterns && decision.effect === "allow" ? await contents(archive, inventory, row, query) : null;
    count(simulation, row, decision, found);
  }
  return simulation;
}

async function* recordedSince({ recordings }: Archive, days: number): AsyncGenerator<RecordingSummary> {
  const from = new Date(Date.now() - days * 86_400_000).toISOString();
  let cursor: string | undefined;
  do {
    const page = await recordings.list(RecordingQuery.parse({ from, limit: 500, cursor }));
    yield* page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

/** Null: it is not there any more, or cannot be read. */
async function openRecordOf({ reader }: Archive, session: string): Promise<OpenRecord | null> {
  try {
    return await reader.open(session);
  } catch (error) {
    if (error instanceof AppError && (error.code === "REQUEST_NOT_FOUND" || error.code.startsWith("INTEGRITY_")))
      return null;
    throw error;
  }
}

async function contents(
  archive: Archive,
  { patterns }: InventorySnapshot,
  row: RecordingSummary,
  { person, target }: TargetQuery,
): Promise<ContentFindings | null> {
  if (row.endedAt === null) return null;
  await archive.audit("recording.view", row.session, { with: "policy simulate" });
  return lookThrough(archive.opened, row.session, patterns.for(person, target));
}

function count(
  simulation: Simulation,
  row: RecordingSummary,
  { effect, reason, rule, obligations }: Decision,
  found: ContentFindings | null,
): void {
  const changes: Difference["changes"] = [];
  if (effect === "deny") {
    simulation.refused++;
    changes.push({ code: reason, sentence: `Refused: ${reasonSentences[reason]}` });
  } else {
    const sooner = endedSooner(row, obligations, found);
    if (sooner !== null) {
      simulation.endedSooner++;
      changes.push(sooner);
    }
    // Where it waited for one as it was, that is no change.
    const waits = obligations.escort && row.escort !== true;
    const frozen = found?.matches.some(({ action }) => action === "freeze") === true || waits;
    if (frozen) simulation.frozen++;
    if (waits) changes.push({ code: "escort-needed", sentence: "Frozen at first: it waits for an escort." });
    if (obligations.recording === "none") simulation.notRecorded++;
    if (obligations.recording !== "full") {
      changes.push({ code: `recording-${obligations.recording}`, sentence: `Recorded: ${obligations.recording}.` });
    }
    for (const { id, action, where, times, afterSeconds } of found?.matches ?? []) {
      simulation.patternMatches = (simulation.patternMatches ?? 0) + times;
      const sentence = `Pattern ${id} (${action}) is in the ${where}, ${times === 1 ? "once" : `${times} times`}.`;
      changes.push({ code: `pattern-${action}`, sentence, afterSeconds });
    }
  }
  if (changes.length === 0) return;
  const { session, startedAt, person, target } = row;
  simulation.differences.push({ session, startedAt, person, target, rule, changes });
}

function endedSooner(
  row: RecordingSummary,
  { limits, windowEndsMs }: Decision["obligations"],
  found: ContentFindings | null,
): Difference["changes"][number] | null {
  const lasted = row.durationUs / 1e6;
  const ends: { code: string; afterSeconds: number; sentence: string }[] = [
    {
      code: "limit-duration",
      afterSeconds: limits.maxSessionSeconds,
      sentence: `Ended after ${duration(limits.maxSessionSeconds)}, the longest session allowed.`,
    },
  ];
  if (windowEndsMs !== null && Number.isFinite(windowEndsMs)) {
    const afterSeconds = (windowEndsMs - Date.parse(row.startedAt)) / 1000;
    ends.push({ code: "window-ended", afterSeconds, sentence: `Ended at ${new Date(windowEndsMs).toISOString()}.` });
  }
  const idle = found?.idleFrom(limits.idleSeconds) ?? null;
  if (idle !== null) {
    const sentence = `Ended after ${duration(limits.idleSeconds)} without input.`;
    ends.push({ code: "limit-idle", afterSeconds: idle + limits.idleSeconds, sentence });
  }
  for (const { id, action, afterSeconds } of found?.matches ?? []) {
    if (action === "terminate")
      ends.push({ code: "pattern-terminate", afterSeconds, sentence: `Ended by pattern ${id}.` });
  }
  const first = ends.reduce((earliest, one) => (one.afterSeconds < earliest.afterSeconds ? one : earliest));
  return first.afterSeconds < lasted ? first : null;
}

function print(cli: Cli, simulation: Simulation): void {
  const { out } = cli;
  const { sessions, unreadable, refused, endedSooner: sooner, frozen, notRecorded, patternMatches, days } = simulation;
  out.line(
    `Policy ${simulation.policyHash} over ${sessions} recorded ${sessions === 1 ? "session" : "sessions"} of ${days} days:`,
  );
  out.line(`  refused ${refused}, ended sooner ${sooner}, frozen ${frozen}, not recorded ${notRecorded}`);
  out.line(
    patternMatches === null
      ? "  patterns and idleness: not looked for (--patterns)"
      : `  pattern matches ${patternMatches}`,
  );
  if (unreadable > 0) out.line(`  ${unreadable} could not be read any more`);
  if (simulation.differences.length === 0) return;
  out.line();
  out.table(
    ["RECORDING", "STARTED", "PERSON", "TARGET", "RULE", "WOULD HAVE BEEN"],
    simulation.differences.flatMap(({ session, startedAt, person, target, rule, changes }) =>
      changes.map(({ sentence }) => [session, formatTime(startedAt), person, target, rule, sentence]),
    ),
  );
}
