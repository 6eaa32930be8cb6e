// `conduit retention`: how the store keeps what it is given, its probe, and the sweeper, over the running service.
import type { Command } from "commander";
import { z } from "zod";
import { askService } from "./ask-service.ts";
import { type Cli, localActor, type Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, formatTime, printable } from "./output.ts";
import { proveToService } from "./prove-to-service.ts";

const State = z.looseObject({
  ok: z.boolean(),
  message: z.string(),
  kept: z.int(),
  overdue: z.int(),
  held: z.int(),
  promise: z.object({ enforcedBy: z.string(), limits: z.array(z.string()) }).nullable(),
  drift: z.array(z.object({ what: z.string(), message: z.string(), repaired: z.boolean() })),
  probe: z
    .object({
      at: z.string(),
      ok: z.boolean(),
      checks: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string() })),
    })
    .nullable(),
  fault: z.string().nullable(),
});
type State = z.infer<typeof State>;

const Swept = z.looseObject({
  expired: z.array(z.string()),
  uncovered: z.int(),
  heldAgain: z.array(z.string()),
  locked: z.array(z.string()),
  overdue: z.array(z.string()),
  corrected: z.array(z.string()),
  foreign: z.array(z.string()),
  unknown: z.array(z.string()),
  failed: z.array(z.string()),
});

export const registerRetention: Register = (program, cli) => {
  const retention = program
    .command("retention")
    .description("how the store keeps recordings: status, probe, sweep (needs the running service)");
  registerLook(retention, cli, "status", "what the store promises, what it cannot, and what is not as it should be");
  registerLook(retention, cli, "probe", "try the store's locks now, as whoever holds the recorder's keys would");
  registerSweep(retention, cli);
  registerAcknowledge(retention, cli);
};

function registerLook(retention: Command, cli: Cli, name: "status" | "probe", description: string): void {
  retention
    .command(name)
    .description(description)
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      const answer =
        name === "status"
          ? await askService(cli, command, "GET", "/retention")
          : await askService(cli, command, "POST", "/retention-probe", { operator: localActor(cli) });
      const state = State.parse(answer);
      if (!state.ok) cli.exitCode = exitCodes.findings;
      if (options.json === true) return cli.out.json(state);
      show(cli, state);
    });
}

function show(cli: Cli, state: State): void {
  cli.out.line(`${state.ok ? "in order" : "NOT IN ORDER"}: ${printable(state.message)}`);
  cli.out.line(`${counted(state.kept, "recording")} kept, ${state.held} held, ${state.overdue} overdue`);
  for (const { ok, message } of state.probe?.checks ?? []) cli.out.line(`  ${ok ? "✓" : "✗"} ${printable(message)}`);
  if (state.probe !== null) cli.out.line(`  (probed at ${formatTime(state.probe.at)})`);
  for (const { message, repaired } of state.drift) cli.out.line(`${repaired ? "set" : "drift"}: ${printable(message)}`);
  for (const limit of state.promise?.limits ?? []) cli.out.line(`not promised: ${printable(limit)}`);
  if (state.fault !== null) cli.out.line(`the store could not be asked: ${printable(state.fault)}`);
}

function registerAcknowledge(retention: Command, cli: Cli): void {
  retention
    .command("acknowledge")
    .description("end the alarm over recordings that the database would have let go too early: it is known why")
    .requiredOption("--reason <text>", "what it was; kept in the ledger")
    .requiredOption("--as <person>", "an administrator or an investigator, who types password and verification code")
    .action(async ({ reason, as }: { reason: string; as: string }, command: Command) => {
      const person = await proveToService(cli, command, as);
      const answer = await askService(cli, command, "POST", "/retention-acknowledge", { person, reason });
      const { acknowledged } = z.object({ acknowledged: z.array(z.string()) }).parse(answer);
      cli.out.line(`Acknowledged: ${counted(acknowledged.length, "recording")}.`);
      for (const session of acknowledged) cli.out.line(`  ${printable(session)}`);
    });
}

function registerSweep(retention: Command, cli: Cli): void {
  retention
    .command("sweep")
    .description("take away what is due now; --whole looks through the whole store, as the service does daily")
    .option("--whole", "every object of every recording")
    .option("--json", "print JSON")
    .action(async (options: { whole?: boolean; json?: boolean }, command: Command) => {
      const body = { operator: localActor(cli), whole: options.whole === true };
      const swept = Swept.parse(await askService(cli, command, "POST", "/retention-sweep", body));
      if ([swept.failed, swept.overdue, swept.unknown, swept.corrected, swept.foreign].some((list) => list.length > 0))
        cli.exitCode = exitCodes.findings;
      if (options.json === true) return cli.out.json(swept);
      const lines: [string, number | readonly string[]][] = [
        ["expired", swept.expired],
        ["delete markers taken away", swept.uncovered],
        ["holds set again", swept.heldAgain],
        ["due and still locked", swept.locked],
        ["overdue", swept.overdue],
        ["kept: the database had said otherwise", swept.corrected],
        ["another recorder's", swept.foreign],
        ["nobody knows", swept.unknown],
        ["failed", swept.failed],
      ];
      for (const [what, found] of lines) {
        cli.out.line(`${what}: ${typeof found === "number" ? found : found.length}`);
        if (typeof found !== "number") for (const one of found) cli.out.line(`  ${printable(one)}`);
      }
    });
}
