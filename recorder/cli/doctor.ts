// `conduit doctor`: is everything in order, and if not, what to do. Changes nothing but probe objects: what of them was
// locked for the check is taken away by the service's sweeper.
import type { Command } from "commander";
import { type Cli, configOf, type Register } from "./cli.ts";
import { attempt, type Check } from "./doctor/check.ts";
import { checkDatabase, checkInventory, checkSecrets, checkStore, checkTargets } from "./doctor/data.ts";
import { checkEncryption } from "./doctor/encryption.ts";
import { checkConfiguration, checkKeys, checkPermissions } from "./doctor/files.ts";
import { checkLedger } from "./doctor/ledger.ts";
import {
  checkClock,
  checkDisk,
  checkFfmpeg,
  checkNative,
  checkNode,
  checkPorts,
  checkSyncs,
} from "./doctor/machine.ts";
import { checkNumbers } from "./doctor/recordings.ts";
import { checkRetention } from "./doctor/retention.ts";
import { checkScanner } from "./doctor/scanner.ts";
import { checkSearch } from "./doctor/search.ts";
import { checkSiem } from "./doctor/siem.ts";
import { exitCodes } from "./exit-codes.ts";
import { printable } from "./output.ts";

export const registerDoctor: Register = (program, cli) => {
  program
    .command("doctor")
    .description(
      "check configuration, keys, disk, clock, store, retention, database, encryption, ledger, SIEM, recording numbers, inventory; say what to mend",
    )
    .option("--targets", "also sign in to every target and hang up")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExit code 0 when nothing fails (warnings may stand), 3 otherwise.")
    .action(async (options: { targets?: boolean; json?: boolean }, command: Command) => {
      const checks = await examine(cli, command, options.targets === true);
      if (options.json === true) cli.out.json(checks);
      else {
        const width = Math.max(14, ...checks.map(({ name }) => name.length));
        for (const check of checks) print(cli, check, width);
      }
      if (checks.some((check) => check.verdict === "fail")) cli.exitCode = exitCodes.findings;
    });
};

async function examine(cli: Cli, command: Command, targets: boolean): Promise<Check[]> {
  const config = configOf(cli, command);
  const results = [
    await attempt("configuration", () => checkConfiguration(config)),
    await attempt("permissions", () => checkPermissions(config)),
    await attempt("keys", () => checkKeys(config)),
    await attempt("node", checkNode),
    await attempt("native modules", checkNative),
    await attempt("ffmpeg", () => checkFfmpeg(cli.env["PATH"] ?? "")),
    await attempt("disk", () => checkDisk(config)),
    await attempt("sync speed", () => checkSyncs(config)),
    await attempt("clock", checkClock),
    await attempt("store", () => checkStore(config)),
    await attempt("retention", () => checkRetention(config)),
    await attempt("database", () => checkDatabase(config)),
    await attempt("secrets", () => checkSecrets(config)),
    await attempt("encryption", () => checkEncryption(config)),
    await attempt("ledger", () => checkLedger(config)),
    await attempt("siem", () => checkSiem(config, cli.signal)),
    await attempt("numbers", () => checkNumbers(config)),
    await attempt("inventory", () => checkInventory(config)),
    await attempt("search", () => checkSearch(config)),
    await attempt("virus scanner", () => checkScanner(config)),
    await attempt("ports", () => checkPorts(config)),
    targets ? await attempt("targets", () => checkTargets(config)) : [],
  ];
  return results.flat();
}

function print(cli: Cli, { name, verdict, message, mend }: Check, width: number): void {
  cli.out.line(`${verdict.padEnd(4)}  ${name.padEnd(width)}  ${printable(message)}`);
  if (verdict !== "ok" && mend !== "") cli.out.line(`${" ".repeat(width + 8)}→ ${mend}`);
}
