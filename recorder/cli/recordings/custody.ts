// `conduit recordings custody`: who did what with a recording, when, from where and why.
import type { Command } from "commander";
import { AuditLog } from "../../catalog/audit.ts";
import { custodyOfAudit } from "../../evidence.ts";
import { custodyWords } from "../../export/custody-words.ts";
import type { Cli } from "../cli.ts";
import { formatTime, printable } from "../output.ts";
import { inArchive, resolveSession } from "./archive.ts";
import { sessionArgument } from "./common-options.ts";

export function registerCustody(recordings: Command, cli: Cli): void {
  recordings
    .command("custody")
    .description("who viewed, watched, exported, verified or unsealed it, when, from where and why")
    .addArgument(sessionArgument())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nEach line is an entry of the ledger as well; an evidence bundle has them with their proofs:\n  $ conduit recordings export 01a2061a --bundle",
    )
    .action(async (text: string, options: { json?: boolean }, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const session = await resolveSession(archive, text);
        const lines = await custodyOfAudit(new AuditLog(archive.database.catalog), session);
        if (options.json === true) return cli.out.json(lines.map(({ line: _line, ...rest }) => rest));
        if (lines.length === 0) return cli.out.line("Nobody is known to have looked at this recording.");
        cli.out.table(
          ["WHEN", "WHO", "WHAT", "FROM", "WHY"],
          lines.map((line) => [
            formatTime(line.at),
            printable(line.actor),
            printable(custodyWords(line)),
            line.address,
            printable(line.reason ?? ""),
          ]),
        );
      });
    });
}
