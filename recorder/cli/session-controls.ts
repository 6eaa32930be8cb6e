// `conduit sessions message|note|bookmark|stop|stops|lift`, and the safe end: what is said to live sessions and written
// beside them, and the kill switch.
import type { Command } from "commander";
import { z } from "zod";
import { RunningItem, type SessionMark, Stop, StopSet } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import { askService, notLive } from "./ask-service.ts";
import type { Cli } from "./cli.ts";
import { operatorOf, ownName } from "./operator-name.ts";
import { formatTime, printable } from "./output.ts";
import { proveToService, type ServiceProof } from "./prove-to-service.ts";

const Done = z.object({ done: z.boolean() });
const Ending = z.object({ running: z.array(RunningItem).nullable() });

export function registerControls(sessions: Command, cli: Cli): void {
  registerMessage(sessions, cli);
  registerMarks(sessions, cli);
  registerStop(sessions, cli);
  registerLift(sessions, cli);
  registerConfirm(sessions, cli);
}

/** Freezes, says what runs, and ends by itself where that is asked for. */
export async function endSafely(
  cli: Cli,
  command: Command,
  body: { session: string; operator: string | ServiceProof; reason: string; whenFinished: boolean },
): Promise<void> {
  const { session, whenFinished } = body;
  const { running } = Ending.parse(await askService(cli, command, "POST", "/end-safely", body));
  if (running === null) throw notLive(session);
  cli.out.line(`Session ${session} is frozen; file transfers that are open go on.`);
  for (const { kind, what, direction, bytes } of running) {
    const way = direction === undefined ? "" : direction === "inbound" ? ", to the target" : ", from the target";
    cli.out.line(`  ${kind} ${printable(what)}${way}${bytes === undefined ? "" : `, ${bytes} bytes so far`}`);
  }
  if (running.length === 0) cli.out.line("  nothing is running.");
  cli.out.line(
    whenFinished
      ? "It ends as soon as no file is open."
      : `End it with conduit sessions terminate ${session}, or let it go on with conduit sessions unfreeze ${session} --as NAME.`,
  );
}

function registerMessage(sessions: Command, cli: Cli): void {
  sessions
    .command("message")
    .description("tell the person of a live session something, in the terminal or over the screen; it is recorded")
    .argument("<session>", "the session's id")
    .argument("<text>", "500 characters at most")
    .addOption(ownName())
    .action(async (session: string, text: string, { as }: Named, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      const body = { session, operator: await operatorOf(cli, command, as), text };
      const { done } = Done.parse(await askService(cli, command, "POST", "/message", body));
      if (!done) throw notLive(session);
      cli.out.line(`The person of session ${session} was told.`);
    });
}

function registerMarks(sessions: Command, cli: Cli): void {
  const mark = async (session: string, mark: SessionMark, { as }: Named, command: Command) => {
    if (!sessionIdPattern.test(session)) throw notLive(session);
    const body = { session, operator: await operatorOf(cli, command, as), mark };
    const { done } = Done.parse(await askService(cli, command, "POST", "/mark", body));
    if (!done) throw notLive(session);
    cli.out.line(`The ${mark.kind} stands in the recording of session ${session}.`);
  };
  sessions
    .command("note")
    .description("write a note on the timeline of a live session; its person is not told")
    .argument("<session>", "the session's id")
    .argument("<text>", "2000 characters at most")
    .addOption(ownName())
    .action((session: string, text: string, options: Named, command: Command) =>
      mark(session, { kind: "note", text }, options, command),
    );
  sessions
    .command("bookmark")
    .description("mark this moment of a live session")
    .argument("<session>", "the session's id")
    .argument("[text]", "what it is", "")
    .addOption(ownName())
    .action((session: string, text: string, options: Named, command: Command) =>
      mark(session, { kind: "bookmark", text }, options, command),
    );
}

function registerConfirm(sessions: Command, cli: Cli): void {
  sessions
    .command("confirm")
    .description(
      "agree to what waits in a live session, or not; conduit sessions list shows what waits, and its number",
    )
    .argument("<session>", "the session's id")
    .argument("<number>", "of what waits")
    .requiredOption("--as <person>", "who answers: asked for password and code, or both as lines of standard input")
    .option("--no", "it is not to be sent")
    .option("--reason <text>", "told to the person with a no, and kept", "")
    .action(async (session: string, number: string, options: ConfirmOptions, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      if (!/^[1-9]\d{0,8}$/.test(number)) throw notWaiting(session, printable(number));
      const given = options.no !== true;
      const person = await proveToService(cli, command, options.as);
      const body = { session, person, n: Number(number), answer: { given, reason: options.reason } };
      const { done } = Done.parse(await askService(cli, command, "POST", "/confirm", body));
      if (!done) throw notWaiting(session, number);
      cli.out.line(given ? `Number ${number} goes on.` : `Number ${number} is refused, and its person told.`);
    });
}

interface ConfirmOptions {
  as: string;
  no?: boolean;
  reason: string;
}

function notWaiting(session: string, number: string): AppError {
  const message = `nothing waits in session ${session} as number ${number}: it was answered, or its time is over; conduit sessions list shows what waits`;
  return new AppError("REQUEST_CONFLICT", message, { op: "cli.confirm" });
}

interface Named {
  as?: string;
}

interface ScopeOptions {
  all?: boolean;
  conduit?: string;
}

function registerStop(sessions: Command, cli: Cli): void {
  sessions
    .command("stop")
    .description(
      "the kill switch: freeze or end every session of a scope at once, and let none begin until it is lifted",
    )
    .option("--all", "every session of this recorder")
    .option("--conduit <id>", "the sessions through one conduit")
    .option("--end", "end them; without it they are frozen")
    .requiredOption("--reason <text>", "told to the people and kept")
    .addOption(ownName())
    .addHelpText(
      "after",
      `
It holds over a restart of the service, until an administrator lifts it:
  $ conduit sessions stop --all --reason "fire alarm in hall 3"
  $ conduit sessions lift --all --as adam`,
    )
    .action(async (options: ScopeOptions & Named & { end?: boolean; reason: string }, command: Command) => {
      const what = { action: options.end === true ? "end" : "freeze", reason: options.reason };
      const scope = scopeOf(options);
      const body = { scope, operator: await operatorOf(cli, command, options.as), what };
      const { stop, sessions: count } = StopSet.parse(await askService(cli, command, "POST", "/stop", body));
      const done = stop.action === "end" ? "ended" : "frozen";
      cli.out.line(`${namesOf(stop.scope)} stopped: ${count} ${count === 1 ? "session" : "sessions"} ${done}.`);
    });
  sessions
    .command("stops")
    .description("list what is stopped")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      const stops = z.array(Stop).parse(await askService(cli, command, "GET", "/stops"));
      if (options.json === true) return cli.out.json(stops);
      cli.out.table(
        ["SCOPE", "ACTION", "SINCE", "BY", "REASON"],
        stops.map(({ scope, action, at, by, reason }) => [scope, action, formatTime(at), by, reason]),
      );
    });
}

function registerLift(sessions: Command, cli: Cli): void {
  sessions
    .command("lift")
    .description("lift a stop; what it froze stays frozen until somebody releases it")
    .option("--all", "the stop of every session")
    .option("--conduit <id>", "the stop of one conduit")
    .requiredOption(
      "--as <person>",
      "the administrator: asked for password and code, or both as lines of standard input",
    )
    .option("--reason <text>", "kept in the audit", "")
    .action(async (options: ScopeOptions & { as: string; reason: string }, command: Command) => {
      const scope = scopeOf(options);
      const person = await proveToService(cli, command, options.as);
      await askService(cli, command, "POST", "/lift-stop", { scope, person, reason: options.reason });
      cli.out.line(`The stop of ${scope} is lifted. What is frozen is released with conduit sessions unfreeze.`);
    });
}

function scopeOf({ all, conduit }: ScopeOptions): string {
  if (all === true && conduit === undefined) return "all";
  if (all !== true && conduit !== undefined) return `conduit:${conduit}`;
  throw new AppError("REQUEST_INVALID", "say either --all or --conduit ID", { op: "cli.stop" });
}

function namesOf(scope: string): string {
  return scope === "all" ? "All sessions" : `Sessions through ${printable(scope.slice("conduit:".length))}`;
}
