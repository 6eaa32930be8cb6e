// `conduit drain`: no new sessions, a notice to live ones, and their end at a deadline; `--cancel` calls it off.
import { type Command, InvalidArgumentError } from "commander";
import { DrainAnswer } from "../admin-drain.ts";
import { parseDurationMs } from "../config/units.ts";
import { longestDrainSeconds } from "../session/drain.ts";
import { askService } from "./ask-service.ts";
import { type Cli, localActor, type Register } from "./cli.ts";
import { formatTime } from "./output.ts";

interface DrainOptions {
  deadline: number;
  cancel?: boolean;
  status?: boolean;
  wait?: boolean;
}

export const registerDrain: Register = (program, cli) => {
  program
    .command("drain")
    .description("before maintenance: take no new sessions, tell the people in live ones, end those at a deadline")
    .option("--deadline <duration>", "until live sessions are ended, such as 30m or 0s", seconds, 1800)
    .option("--cancel", "call it off: sessions are taken again, and live ones go on")
    .option("--status", "only say how it stands")
    .option("--wait", "return when no session is live")
    .addHelpText(
      "after",
      `
The service goes on running, with its portal and its uploads; a balancer that asks /readyz sends nobody any more. A restart
ends the draining. Needs the running service.

Examples:
  $ conduit drain --deadline 30m --wait && systemctl restart conduit
  $ conduit drain --cancel`,
    )
    .action(async (options: DrainOptions, command: Command) => {
      const ask = async (method: "GET" | "POST", url: string, body?: object) =>
        DrainAnswer.parse(await askService(cli, command, method, url, body));
      const operator = localActor(cli);
      if (options.status === true) return tell(cli, await ask("GET", "/drain"));
      if (options.cancel === true) {
        const { cancelled } = await ask("POST", "/drain-cancel", { operator });
        cli.out.line(cancelled ? "Called off: sessions are taken again." : "The service was not draining.");
        return;
      }
      let answer = await ask("POST", "/drain", { operator, deadlineSeconds: options.deadline });
      tell(cli, answer);
      while (options.wait === true && answer.live > 0 && answer.drain !== null && !cli.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        answer = await ask("GET", "/drain");
      }
      if (options.wait === true && answer.drain !== null && answer.live === 0) cli.out.line("No session is live.");
    });
};

function tell(cli: Cli, { drain, live }: DrainAnswer): void {
  const sessions = live === 1 ? "1 session is live" : `${live} sessions are live`;
  if (drain === null) cli.out.line(`The service does not drain; ${sessions}.`);
  else cli.out.line(`No new sessions; ${sessions}, and ended at ${formatTime(drain.endsAt)} at the latest.`);
}

function seconds(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null || ms > longestDrainSeconds * 1000) {
    throw new InvalidArgumentError("Give a duration with its unit, a day at most: 90s, 30m, 2h.");
  }
  return Math.ceil(ms / 1000);
}
