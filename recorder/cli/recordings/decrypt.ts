// `conduit recordings decrypt`: an encrypted recording in a folder, made readable for other tools. Needs no installation: an
// investigator runs it at home, with an identity of the recording's recipients.
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { decryptFolder } from "../../encryption/folder.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { counted, printable } from "../output.ts";
import { identitiesIn } from "./age-identities.ts";

interface DecryptOptions {
  identity: string[];
  output: string;
  json?: boolean;
}

export function registerDecrypt(recordings: Command, cli: Cli): void {
  recordings
    .command("decrypt")
    .description("decrypt a recording's folder with an age identity, offline; zstdcat and jq read the result")
    .argument(
      "<directory>",
      "a recording as it lies in the store or in an exported zip, with open.json and manifest.json",
    )
    .addOption(
      new Option("-i, --identity <file>", "age identities, as age-keygen writes them; may be given again")
        .argParser((file: string, before: string[]) => [...before, file])
        .default([], "none")
        .makeOptionMandatory(),
    )
    .requiredOption("-o, --output <directory>", "where the decrypted segments go; nothing there is replaced")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
This proves nothing: verify the stored bytes first (sha256sum -c SHA256SUMS, and the signatures).

Example:
  $ conduit recordings decrypt 0199…/ --identity investigator.key --output 0199…-clear
  $ zstdcat 0199…-clear/input/*.zst | jq -c .`,
    )
    .action(async (directory: string, options: DecryptOptions) => {
      const files = options.identity.map((file) => resolve(cli.directory, file));
      const identities = (await Promise.all(files.map(identitiesIn))).flat();
      const from = resolve(cli.directory, directory);
      const result = await decryptFolder(from, resolve(cli.directory, options.output), identities);
      if (options.json === true) cli.out.json(result);
      else cli.out.line(`${result.session}: ${counted(result.written.length, "segment")} decrypted.`);
      for (const stream of result.locked) {
        cli.err.line(`WARNING: none of the identities is a recipient of the stream ${stream}; it was left out.`);
      }
      for (const { place, message } of result.faults) cli.err.line(`${printable(place)}: ${printable(message)}`);
      if (result.faults.length > 0 || result.written.length === 0) cli.exitCode = exitCodes.findings;
    });
}
