// `conduit holds`: legal holds of recordings, over the running service. Who places or releases one proves who they are.
import { type Command, Option } from "commander";
import { z } from "zod";
import { Hold, type PlaceHold, RecordingRetention, type ReleaseHold } from "../../shared/api/retention.ts";
import { AppError } from "../../shared/errors.ts";
import { askService } from "./ask-service.ts";
import type { Cli, Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { formatTime, printable } from "./output.ts";
import { proveToService } from "./prove-to-service.ts";
import { inArchive, resolveSession } from "./recordings/archive.ts";

export const registerHolds: Register = (program, cli) => {
  const holds = program
    .command("holds")
    .description("legal holds: list, place, and release by two people (needs the running service)");
  registerList(holds, cli);
  registerPlace(holds, cli);
  registerRelease(holds, cli);
};

function who(): Option {
  const what = "an administrator or an investigator, who types password and verification code";
  return new Option("--as <person>", what).makeOptionMandatory();
}

function registerList(holds: Command, cli: Cli): void {
  holds
    .command("list")
    .alias("ls")
    .description("what is held; with a recording, until when it is kept and all of its holds")
    .argument("[recording]", "its id, or the beginning of it")
    .option("--json", "print JSON")
    .action(async (text: string | undefined, options: { json?: boolean }, command: Command) => {
      if (text !== undefined) return listOf(cli, command, text, options.json === true);
      const all = z.array(Hold).parse(await askService(cli, command, "GET", "/holds"));
      if (options.json === true) return cli.out.json(all);
      table(cli, all);
    });
}

async function listOf(cli: Cli, command: Command, text: string, json: boolean): Promise<void> {
  const session = await sessionOf(cli, command, text);
  const kept = RecordingRetention.parse(await askService(cli, command, "POST", "/retention-of", { session }));
  if (json) return cli.out.json(kept);
  const until = kept.retainUntil === null ? "not in the store yet" : `kept until ${formatTime(kept.retainUntil)}`;
  cli.out.line(`Recording ${session}: ${kept.state}, ${until}${kept.overdue ? ", overdue" : ""}.`);
  table(cli, kept.holds);
}

function table(cli: Cli, holds: readonly Hold[]): void {
  cli.out.table(
    ["RECORDING", "HOLD", "CASE", "STATE", "IN STORE", "PLACED BY", "SINCE", "RELEASE ASKED BY", "REASON"],
    holds.map((hold) => [
      hold.session,
      hold.id,
      printable(hold.caseId),
      hold.state,
      hold.state === "released" ? null : hold.enforced ? "yes" : "not yet",
      printable(hold.placedBy),
      formatTime(hold.placedAt),
      hold.release === null ? null : printable(hold.release.askedBy),
      printable(hold.reason),
    ]),
  );
}

function registerPlace(holds: Command, cli: Cli): void {
  holds
    .command("place")
    .description("place a legal hold: nothing of the recording goes until two people release it")
    .argument("<recording>", "its id, or the beginning of it; it may still be going on")
    .requiredOption("--case <id>", "of the incident or the proceedings")
    .requiredOption("--reason <text>", "why it is held; kept in the ledger")
    .addOption(who())
    .action(async (text: string, options: { case: string; reason: string; as: string }, command: Command) => {
      const wish: PlaceHold = { caseId: wanted("--case", options.case), reason: wanted("--reason", options.reason) };
      const session = await sessionOf(cli, command, text);
      const person = await proveToService(cli, command, options.as);
      const hold = Hold.parse(await askService(cli, command, "POST", "/place-hold", { session, person, wish }));
      cli.out.line(`The recording ${session} is held: ${hold.id}.`);
      if (!hold.enforced) cli.out.line("The store could not hold all of it yet; the service goes on trying.");
    });
}

/** Before anybody types a password. */
function wanted(option: string, text: string): string {
  if (text.trim() !== "") return text;
  throw new AppError("REQUEST_INVALID", `${option} is empty`, {
    op: "cli.holds",
    details: { exitCode: exitCodes.usage },
  });
}

interface ReleaseOptions {
  as: string;
  reason?: string;
  confirm?: boolean;
  refuse?: boolean;
}

function registerRelease(holds: Command, cli: Cli): void {
  holds
    .command("release")
    .description("a step of a release: one person asks, another one confirms or refuses")
    .argument("<recording>", "its id, or the beginning of it")
    .argument("[hold]", "the hold's id, where the recording has several")
    .option("--reason <text>", "ask, and say why")
    .option("--confirm", "agree to what somebody else asked")
    .option("--refuse", "keep the hold; also to take back what one asked")
    .addOption(who())
    .addHelpText(
      "after",
      `
Example:
  $ conduit holds release 01a2061a --as anna --reason "case C-17 is closed"
  $ conduit holds release 01a2061a --as bert --confirm`,
    )
    .action(async (text: string, id: string | undefined, options: ReleaseOptions, command: Command) => {
      const step = stepOf(options);
      const session = await sessionOf(cli, command, text);
      const hold = id ?? (await onlyHold(cli, command, session));
      const person = await proveToService(cli, command, options.as);
      const answer = await askService(cli, command, "POST", "/release-hold", { session, hold, person, step });
      cli.out.line(said[step.step](Hold.parse(answer)));
    });
}

const said: Record<ReleaseHold["step"], (hold: Hold) => string> = {
  ask: ({ id }) => `Asked. Another administrator or investigator confirms: conduit holds release … ${id} --confirm`,
  confirm: ({ id, enforced }) =>
    `The hold ${id} is released.${enforced ? " The store still holds the recording; the service goes on trying." : ""}`,
  refuse: ({ id }) => `The hold ${id} stays.`,
};

function stepOf({ reason, confirm, refuse }: ReleaseOptions): ReleaseHold {
  const steps = [reason !== undefined, confirm === true, refuse === true].filter(Boolean);
  if (steps.length !== 1) {
    throw new AppError("REQUEST_INVALID", "give one of --reason, --confirm and --refuse", {
      op: "cli.holds",
      details: { exitCode: exitCodes.usage },
    });
  }
  if (reason !== undefined) return { step: "ask", reason: wanted("--reason", reason) };
  return { step: confirm === true ? "confirm" : "refuse" };
}

async function onlyHold(cli: Cli, command: Command, session: string): Promise<string> {
  const { holds } = RecordingRetention.parse(await askService(cli, command, "POST", "/retention-of", { session }));
  const open = holds.filter(({ state }) => state !== "released");
  if (open.length === 1 && open[0] !== undefined) return open[0].id;
  const message =
    open.length === 0
      ? `the recording ${session} is not held`
      : `the recording ${session} has ${open.length} holds: name one of ${open.map(({ id }) => id).join(", ")}`;
  throw new AppError("REQUEST_NOT_FOUND", message, { op: "cli.holds" });
}

function sessionOf(cli: Cli, command: Command, text: string): Promise<string> {
  return inArchive(cli, command, (archive) => resolveSession(archive, text));
}
