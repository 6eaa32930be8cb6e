// `conduit backup` and `conduit restore`: the service's state in one encrypted file, and an installation made of it.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import { makeBackup, recipientsIn } from "./backup/make-backup.ts";
import { restoreBackup } from "./backup/restore-backup.ts";
import { inWorkspace, type Register } from "./cli.ts";
import { formatTime } from "./output.ts";

interface BackupOptions {
  recipient: string[];
  recipientsFile?: string;
}

const collect = (value: string, before: string[]) => [...before, value];

export const registerBackup: Register = (program, cli) => {
  program
    .command("backup")
    .description("write database, keys, configuration and inventory to one file, encrypted to age recipients")
    .argument("<file>", "a new file, such as conduit-2026-01-31.age")
    .option("--recipient <age1…>", "who can open it; repeat for several", collect, [])
    .option("--recipients-file <file>", "one recipient a line")
    .addHelpText(
      "after",
      `
The service may run. Recordings, the spool and the ledger are not in it: docs/operations.md says why.

Example:
  $ conduit backup /mnt/backup/conduit-$(date +%F).age --recipient age1…`,
    )
    .action(async (file: string, options: BackupOptions, command: Command) => {
      const path = resolve(cli.directory, file);
      const given = options.recipientsFile;
      const listed = given === undefined ? [] : await recipientsIn(resolve(cli.directory, given));
      const recipients = [...options.recipient, ...listed];
      if (recipients.length === 0) {
        const message = "Name who can open it: --recipient age1… or --recipients-file (age-keygen makes one).";
        throw new AppError("REQUEST_INVALID", message, { op: "cli.backup", details: { exitCode: 2 } });
      }
      const { manifest, bytes } = await inWorkspace(cli, command, async ({ config, audit }) => {
        await audit("state.backup", config.recorder.id, { recipients });
        return makeBackup(config, path, recipients);
      });
      cli.out.line(`${path}: ${manifest.files.length} files, ${bytes} bytes, for ${recipients.length} recipients.`);
      for (const other of manifest.elsewhere) cli.out.line(`Not in it: ${other}; copy it yourself.`);
    });
};

export const registerRestore: Register = (program, cli) => {
  program
    .command("restore")
    .description("make an installation of a backup, in a directory that is empty or not there")
    .argument("<file>", "what conduit backup wrote")
    .requiredOption("--identity <file>", "the age identity of one of its recipients")
    .requiredOption("--to <directory>", "the new data directory")
    .addHelpText(
      "after",
      `
Every file is compared with its hash, the database checked, and its secrets opened, before anything is put in place.

Example:
  $ conduit restore conduit-2026-01-31.age --identity key.txt --to /var/lib/conduit
  $ conduit --config /var/lib/conduit/conduit.yaml doctor`,
    )
    .action(async (file: string, options: { identity: string; to: string }) => {
      const text = await readFile(resolve(cli.directory, options.identity), "utf8");
      const identities = text.match(/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]+$/gm) ?? [];
      if (identities.length === 0) {
        const message = `${options.identity} has no age identity (AGE-SECRET-KEY-1…)`;
        throw new AppError("REQUEST_INVALID", message, { op: "cli.restore" });
      }
      const to = resolve(cli.directory, options.to);
      const { manifest, config, secrets } = await restoreBackup(resolve(cli.directory, file), identities, to);
      cli.out.line(`Restored recorder ${manifest.recorder} as of ${formatTime(manifest.madeAt)} into ${to}.`);
      if (secrets !== null) cli.out.line(`${secrets} secrets of targets open with its master key.`);
      else cli.out.line("Its master key comes from elsewhere: give it before the start.");
      for (const other of manifest.elsewhere) cli.out.line(`Was not in it: ${other}`);
      if (manifest.storeDirectory !== null) cli.out.line(`Recordings are expected in ${manifest.storeDirectory}.`);
      cli.out.line(`Look at ${config}, then: conduit --config ${config} doctor`);
    });
};
