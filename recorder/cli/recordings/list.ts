// `conduit recordings list`
import { type Command, Option } from "commander";
import { RecordingQuery, RecordingState } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { formatSize } from "../../config/units.ts";
import type { Cli } from "../cli.ts";
import { formatDuration, formatTime } from "../output.ts";
import { inArchive } from "./archive.ts";
import { reasonOption } from "./common-options.ts";
import { type Proof, proofOf, unchecked } from "./proof.ts";

interface ListOptions {
  person?: string;
  target?: string;
  state?: string;
  protocol?: string;
  from?: string;
  to?: string;
  limit: string;
  proof?: boolean;
  reason?: string;
  json?: boolean;
}

const pageSize = 500;

export function registerList(recordings: Command, cli: Cli): void {
  recordings
    .command("list")
    .alias("ls")
    .description("list recordings, newest first")
    .option("--person <text>", "part of the person's name, or a pattern with * and ?")
    .option("--target <text>", "part of the target's name, or a pattern")
    .addOption(new Option("--state <state>", "state of the recording").choices(RecordingState.options))
    .addOption(new Option("--protocol <name>", "how the target was reached").choices(["ssh", "vnc"]))
    .option("--from <time>", "sessions that were open at or after this time (2026-11-23 or RFC 3339)")
    .option("--to <time>", "sessions that began before this time")
    .option("--limit <n>", "at most so many", "50")
    .option("--proof", "read each one's OPEN record and manifest, and check signatures and chain")
    .addOption(reasonOption())
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ conduit recordings list --person erika --from 2026-11-01 --json")
    .action(async (options: ListOptions, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const { recordings: index, database } = archive;
        const limit = count(options.limit);
        const { json: _json, limit: _limit, proof: prove, reason: _reason, ...filter } = options;
        if (Object.keys(filter).length > 0) await archive.audit("recording.search", "recordings", { filter });
        const items = [];
        let cursor: string | undefined;
        do {
          const query = RecordingQuery.parse({ ...filter, limit: Math.min(pageSize, limit - items.length), cursor });
          const page = await index.list(query);
          items.push(...page.items);
          cursor = page.next ?? undefined;
        } while (cursor !== undefined && items.length < limit);
        const numbers = new Map<string, number>();
        for (let at = 0; at < items.length; at += pageSize) {
          const sessions = items.slice(at, at + pageSize).map((one) => one.session);
          const rows = await database.catalog
            .selectFrom("recordings")
            .select(["session", "sequence"])
            .where("session", "in", sessions)
            .execute();
          for (const { session, sequence } of rows) numbers.set(session, Number(sequence));
        }
        const proofs = new Map<string, Proof>();
        for (const { session } of prove === true ? items : []) proofs.set(session, await proofOf(archive, session));
        const proof = (session: string) => proofs.get(session) ?? unchecked;
        if (options.json === true)
          return cli.out.json(
            items.map((one) => ({
              ...one,
              sequence: numbers.get(one.session) ?? null,
              proof: proof(one.session),
            })),
          );
        cli.out.table(
          [
            "RECORDING",
            "NUMBER",
            "STARTED",
            "DURATION",
            "PERSON",
            "TARGET",
            "STATE",
            "KEYS",
            "FILES",
            "SIZE",
            ...(prove === true ? ["PROOF"] : []),
          ],
          items.map((one) => [
            one.session,
            numbers.get(one.session) ?? null,
            formatTime(one.startedAt),
            formatDuration(one.durationUs),
            one.person,
            one.target,
            one.state,
            one.keystrokes,
            one.files,
            formatSize(one.bytes),
            ...(prove === true ? [proof(one.session).state] : []),
          ]),
        );
        if (cursor !== undefined) cli.err.line(`There are more; raise --limit above ${limit}.`);
      });
    });
}

function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new AppError("REQUEST_INVALID", "--limit is a number from 1", {
    op: "cli.recordings",
    details: { exitCode: 2 },
  });
}
