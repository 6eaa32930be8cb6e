// `conduit sessions`: live sessions of the running service, over its admin socket.
import type { Command } from "commander";
import { z } from "zod";
import { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import { askAdmin } from "../admin-socket.ts";
import { type Cli, configOf, localActor, type Register } from "./cli.ts";
import { formatTime, printable } from "./output.ts";

/** Over the admin socket of the configuration in force. */
export function askService(
  cli: Cli,
  command: Command,
  method: "GET" | "POST",
  url: string,
  body?: unknown,
): Promise<unknown> {
  return askAdmin(configOf(cli, command).recorder.adminSocket, method, url, body);
}

export const registerSessions: Register = (program, cli) => {
  const sessions = program
    .command("sessions")
    .description("live sessions: list, terminate (needs the running service)");
  sessions
    .command("list")
    .alias("ls")
    .description("list live sessions")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      const list = z.array(LiveSession).parse(await askService(cli, command, "GET", "/sessions"));
      if (options.json === true) return cli.out.json(list);
      cli.out.table(
        ["SESSION", "PERSON", "TARGET", "FROM", "SINCE", "STATE", "CHANNELS", "IDLE S", "ALARMS"],
        list.map((one) => [
          one.session,
          one.person,
          one.target,
          one.clientAddress,
          formatTime(one.startedAt),
          one.state,
          one.channels,
          Math.round(one.idleSeconds),
          one.alarms.join(",") || null,
        ]),
      );
    });
  sessions
    .command("terminate")
    .description("end a live session now; its recording is sealed")
    .argument("<session>", "the session's id")
    .option("--reason <text>", "shown to the person and kept in the recording", "")
    .addHelpText(
      "after",
      `
The person can connect again while their account and the policy allow it:
  $ conduit user disable erika && conduit sessions terminate 0198… --reason "work permit withdrawn"`,
    )
    .action(async (session: string, options: { reason: string }, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      const answer = z.object({ terminated: z.boolean() }).parse(
        await askService(cli, command, "POST", "/terminate", {
          session,
          operator: localActor(cli),
          reason: options.reason,
        }),
      );
      if (!answer.terminated) throw notLive(session);
      cli.out.line(`Session ${session} is being ended.`);
    });
};

function notLive(session: string): AppError {
  const message = `no live session has the id ${printable(session.slice(0, 60))}; conduit sessions list shows them`;
  return new AppError("REQUEST_NOT_FOUND", message, { op: "cli.sessions" });
}
