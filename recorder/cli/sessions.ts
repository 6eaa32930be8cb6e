// `conduit sessions`: live sessions of the running service, over its admin socket.
import type { Command } from "commander";
import { z } from "zod";
import { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import { askService, notLive } from "./ask-service.ts";
import type { Register } from "./cli.ts";
import { operatorOf, ownName } from "./operator-name.ts";
import { formatTime, printable } from "./output.ts";
import { proveToService } from "./prove-to-service.ts";
import { endSafely, registerControls } from "./session-controls.ts";
import { registerWatch } from "./sessions-watch.ts";

export const registerSessions: Register = (program, cli) => {
  const sessions = program
    .command("sessions")
    .description(
      "live sessions: list and watch them, speak to their people, freeze, end and stop them (needs the running service)",
    );
  sessions
    .command("list")
    .alias("ls")
    .description("list live sessions")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      const list = z.array(LiveSession).parse(await askService(cli, command, "GET", "/sessions"));
      if (options.json === true) return cli.out.json(list);
      cli.out.table(
        ["SESSION", "PERSON", "TARGET", "FROM", "SINCE", "STATE", "ESCORT", "CHANNELS", "IDLE S", "WAITS", "ALARMS"],
        list.map((one) => [
          one.session,
          one.person,
          one.target,
          one.clientAddress,
          formatTime(one.startedAt),
          one.hold === "escort-awaited" ? "awaits escort" : one.state,
          one.releasedBy ?? null,
          one.channels,
          Math.round(one.idleSeconds),
          one.confirmations?.map(({ n, text }) => `${n}: ${printable(text)}`).join("; ") || null,
          one.alarms.join(",") || null,
        ]),
      );
    });
  sessions
    .command("freeze")
    .description("hold a live session's input back; its output goes on, and it can go on with unfreeze")
    .argument("<session>", "the session's id")
    .option("--reason <text>", "shown to the person and kept in the recording", "")
    .addOption(ownName())
    .action(async (session: string, options: { reason: string; as?: string }, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      const operator = await operatorOf(cli, command, options.as);
      const body = { session, operator, reason: options.reason };
      const { frozen } = z
        .object({ frozen: z.boolean() })
        .parse(await askService(cli, command, "POST", "/freeze", body));
      if (!frozen) throw notInThatState(session, "frozen already");
      cli.out.line(`Session ${session} is frozen.`);
    });
  sessions
    .command("unfreeze")
    .description("let a frozen session go on, or begin that waits for its escort")
    .argument("<session>", "the session's id")
    .requiredOption("--as <person>", "who lets it: asked for password and code, or both as lines of standard input")
    .addHelpText(
      "after",
      `
A session that waits for its escort, or has lost it, is released by a person with the role escort who watches it at that
moment, in the portal or with conduit sessions watch --escort; where the access request names its escorts, by one of them.
Nobody releases a session of their own.`,
    )
    .action(async (session: string, options: { as: string }, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      const person = await proveToService(cli, command, options.as);
      const { released } = z
        .object({ released: z.boolean() })
        .parse(await askService(cli, command, "POST", "/unfreeze", { session, person }));
      if (!released) throw notInThatState(session, "not frozen");
      cli.out.line(`Session ${session} goes on.`);
    });
  sessions
    .command("terminate")
    .description("end a live session now; its recording is sealed")
    .argument("<session>", "the session's id")
    .option("--reason <text>", "shown to the person and kept in the recording", "")
    .option("--safe", "freeze it but for file transfers that are open, and say what runs")
    .option("--when-finished", "the same, and it ends by itself when no file is open any more")
    .addOption(ownName())
    .addHelpText(
      "after",
      `
The access that the session stood on ends with it, and so do its other sessions. The person cannot reach the target again
until there is a new approval, or conduit access unblock where no request stood behind it:
  $ conduit sessions terminate 0198… --reason "work permit withdrawn"
A file that is cut off halfway can leave a controller half written; this waits for it:
  $ conduit sessions terminate 0198… --when-finished`,
    )
    .action(async (session: string, options: EndOptions, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      const operator = await operatorOf(cli, command, options.as);
      const { reason, safe, whenFinished = false } = options;
      if (safe === true || whenFinished) {
        return endSafely(cli, command, { session, operator, reason, whenFinished });
      }
      const answer = z.object({ terminated: z.boolean() }).parse(
        await askService(cli, command, "POST", "/terminate", {
          session,
          operator,
          reason: options.reason,
        }),
      );
      if (!answer.terminated) throw notLive(session);
      cli.out.line(`Session ${session} is being ended.`);
    });
  registerControls(sessions, cli);
  registerWatch(sessions, cli);
};

interface EndOptions {
  reason: string;
  as?: string;
  safe?: boolean;
  whenFinished?: boolean;
}

function notInThatState(session: string, state: string): AppError {
  const message = `no live session has the id ${session}, or it is ${state}; conduit sessions list shows them`;
  return new AppError("REQUEST_CONFLICT", message, { op: "cli.sessions" });
}
