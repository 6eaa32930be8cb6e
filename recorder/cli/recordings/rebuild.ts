// `conduit recordings rebuild`: the database's index of recordings anew from the store, after the database was lost.
import type { Command } from "commander";
import { rebuildRecordings } from "../../catalog/rebuild.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { counted, printable } from "../output.ts";
import { inArchive, trustedKeys } from "./archive.ts";
import { knownRecordings, numberFaults } from "./completeness.ts";

export function registerRebuild(recordings: Command, cli: Cli): void {
  recordings
    .command("rebuild")
    .description("rebuild the index of recordings from the store (people, secrets and the audit are not in it)")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        await archive.audit("recordings.rebuild", "store");
        const result = await rebuildRecordings(archive.store, archive.recordings, () => {}, archive.keys);
        const gone = await numberFaults(archive, await knownRecordings(archive), trustedKeys(archive.config, []));
        if (options.json === true) cli.out.json({ ...result, missing: gone });
        else cli.out.line(`${counted(result.recordings, "recording")} in the index.`);
        for (const fault of result.faults) cli.err.line(`${printable(fault.place)}: ${printable(fault.message)}`);
        for (const { message } of gone) cli.err.line(`WARNING: ${printable(message)}`);
        if (result.faults.length > 0 || gone.length > 0) cli.exitCode = exitCodes.findings;
      });
    });
}
