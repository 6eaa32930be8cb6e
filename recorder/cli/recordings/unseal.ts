// `conduit recordings unseal`: what was sealed of suspected passwords, opened here with an identity that no recorder has.
// The audit, and so the ledger, says it before the first of them is opened.
import { resolve } from "node:path";
import type { Command } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { InputLine } from "../../../shared/events/stored.ts";
import { unsealSecret } from "../../encryption/sealed-secrets.ts";
import { trackLines } from "../../export/lines.ts";
import { asOption } from "../access/acting.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { formatDuration, printable } from "../output.ts";
import { proveIdentity } from "../prove-identity.ts";
import { identitiesIn } from "./age-identities.ts";
import { inArchive, provenIndexOf, resolveSession } from "./archive.ts";
import { sessionArgument, unverifiedOption } from "./common-options.ts";

interface UnsealOptions {
  identity: string;
  reason: string;
  as: string;
  json?: boolean;
  unverified?: boolean;
}

export function registerUnseal(recordings: Command, cli: Cli): void {
  recordings
    .command("unseal")
    .description("open the keystrokes that were sealed as suspected passwords, with an age identity")
    .addArgument(sessionArgument())
    .requiredOption("-i, --identity <file>", "the private half of a sealing recipient, as age-keygen writes it")
    .requiredOption("--reason <text>", "why; kept in the audit and in the ledger")
    .addOption(asOption("who opens them: somebody with the role unsealer"))
    .addOption(unverifiedOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
No recorder holds the identity; keep it where only whoever may unseal gets at it.

Example:
  $ conduit recordings unseal 01a2061a --identity /media/stick/unseal.key --as ines --reason "case 2026-114"`,
    )
    .action(async (text: string, options: UnsealOptions, command: Command) => {
      const reason = options.reason.trim();
      if (reason === "") {
        const message = "give a reason: it is kept in the audit and in the ledger";
        throw new AppError("REASON_REQUIRED", message, { op: "cli.unseal" });
      }
      const identities = await identitiesIn(resolve(cli.directory, options.identity));
      await inArchive(cli, command, async (archive) => {
        const session = await resolveSession(archive, text);
        const index = await provenIndexOf(cli, archive, session, options.unverified === true);
        const person = await proveIdentity(cli, archive, options.as);
        if (!person.roles.includes("unsealer")) {
          const message = `${person.name} would need the role unsealer for this: conduit user grant ${person.name} unsealer`;
          throw new AppError("AUTH_FORBIDDEN", message, { op: "cli.unseal" });
        }
        const sealed: { t: number; ch: number | undefined; sealed: string }[] = [];
        for await (const { t, line } of trackLines(archive.opened, index, "input")) {
          const { k, ch, sealed: span } = InputLine.parse({ t, ...line });
          if (k === "secret" && span !== undefined) sealed.push({ t, ch, sealed: span });
        }
        await archive.audit("recording.unseal", session, { by: person.name, reason, spans: sealed.length });
        const opened: { atUs: number; channel: number | undefined; text: string }[] = [];
        let locked = 0;
        for (const { t, ch, sealed: span } of sealed) {
          const secret = await unsealSecret(span, identities);
          if (secret === null) locked++;
          else opened.push({ atUs: t, channel: ch, text: secret });
        }
        if (options.json === true) cli.out.json({ session, spans: sealed.length, opened });
        else {
          for (const { atUs, channel, text: secret } of opened)
            cli.out.line(`${formatDuration(atUs)}  channel ${channel ?? "-"}  ${printable(secret)}`);
          if (sealed.length === 0) cli.out.line("Nothing was sealed in this recording.");
        }
        if (locked === 0) return;
        cli.err.line(
          `${locked} of ${sealed.length} sealed spans are for others: the identity is none of their recipients.`,
        );
        if (opened.length === 0) cli.exitCode = exitCodes.findings;
      });
    });
}
