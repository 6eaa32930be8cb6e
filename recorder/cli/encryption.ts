// `conduit encryption`: the service's own keys to encrypted recordings, by the month in which those fall due, and their end.
import type { Command } from "commander";
import { openMonthKeys, type Shredding, shredDue, shreddingNow } from "../encryption-service.ts";
import type { Cli, Register } from "./cli.ts";
import { openMasterKey } from "./key-files.ts";
import { formatTime, printable } from "./output.ts";
import { type Archive, inArchive } from "./recordings/archive.ts";

export const registerEncryption: Register = (program, cli) => {
  const encryption = program
    .command("encryption")
    .description("keys by which the service reads encrypted recordings: status, shred");
  registerStatus(encryption, cli);
  registerShred(encryption, cli);
};

async function partsOf({ config, database, store }: Archive, signal: AbortSignal) {
  const monthKeys = openMonthKeys(config, database, await openMasterKey(config, database));
  return { monthKeys, store, spoolDirectory: config.spool.directory, signal };
}

function registerStatus(encryption: Command, cli: Cli): void {
  encryption
    .command("status")
    .description("whether recordings are encrypted, to whom, and which month keys there are; looks through the store")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const { encryption: settings } = archive.config;
        const found = await shreddingNow(await partsOf(archive, cli.signal));
        if (options.json === true) {
          cli.out.json({ settings, ...found });
          return;
        }
        if (settings === null) cli.out.line("New recordings are not encrypted (encryption.recipients is empty).");
        else {
          cli.out.line(`New recordings are encrypted to ${settings.recipients.join(", ")}.`);
          cli.out.line(`What is typed: to ${settings.inputRecipients.join(", ")}.`);
          const input = settings.serviceReadsInput ? "" : "; not what was typed";
          const by = settings.keyService === null ? "the master key" : "the key service";
          cli.out.line(`The service reads them by a key for each month, under ${by}${input}.`);
        }
        printMonths(cli, found);
      });
    });
}

function printMonths(cli: Cli, { months, unknown }: Shredding): void {
  if (months.length > 0) {
    cli.out.table(
      ["MONTH", "STATE", "RECORDINGS", "MADE", "DESTROYED"],
      months.map(({ month, state, recordings, createdAt, destroyedAt }) => [
        month,
        state,
        recordings,
        formatTime(createdAt),
        destroyedAt === null ? "" : formatTime(destroyedAt),
      ]),
    );
  }
  for (const { session, why } of unknown) {
    cli.err.line(
      `WARNING: the month of ${session} cannot be told (${printable(why)}): keys that it may need are kept.`,
    );
  }
}

function registerShred(encryption: Command, cli: Cli): void {
  encryption
    .command("shred")
    .description("destroy the keys of months that are over and of which nothing is left; the service does so by itself")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const gone = await shredDue(await partsOf(archive, cli.signal), ({ month, recipient }) =>
          archive.audit("encryption.shred", month, { recipient }),
        );
        if (options.json === true) cli.out.json(gone);
        else if (gone.length === 0) cli.out.line("No key is due.");
        for (const { month } of options.json === true ? [] : gone) cli.out.line(`The key of ${month} is destroyed.`);
      });
    });
}
