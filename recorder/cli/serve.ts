// `conduit serve`: sets up what is missing, starts the service, and drains it on Ctrl-C or SIGTERM.
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";
import type { Command } from "commander";
import { type Cli, configOf, type Register } from "./cli.ts";
import { checkPermissions } from "./doctor/files.ts";
import { type FirstStart, prepareInstallation } from "./first-start.ts";
import { createLogger } from "./logger.ts";

export const registerServe: Register = (program, cli) => {
  program
    .command("serve")
    .description("start the service; a first start without configuration sets up a safe one in ./data")
    .addHelpText(
      "after",
      `
The log goes to standard error, one JSON line an event. Ctrl-C or SIGTERM ends live sessions, seals their recordings
and stops; what is not uploaded yet stays in the spool and is uploaded at the next start.

Examples:
  $ conduit serve
  $ conduit serve --config /etc/conduit/conduit.yaml
  $ CONDUIT_LOG_LEVEL=debug conduit serve`,
    )
    .action(async (_options: unknown, command: Command) => {
      const first = await prepareInstallation(configOf(cli, command));
      // Read again: a first start has just written the file that is in force from now on.
      const config = configOf(cli, command);
      tellFirstStart(cli, first, config.http.publicUrl);
      const { startService } = await import("../main.ts");
      const logger = createLogger(config);
      for (const { verdict, message, mend } of checkPermissions(config)) {
        if (verdict !== "ok") logger.warn({ mend }, message);
      }
      preferSessions();
      const service = await startService(config, { logger });
      cli.out.line(`Portal    ${service.http.url}`);
      cli.out.line(`Gateway   ssh -p ${service.ssh.port} PERSON+TARGET@${gatewayHost(service.ssh.host)}`);
      cli.out.line(`VNC       ${gatewayHost(service.vnc.host)}::${service.vnc.port}, as PERSON+TARGET`);
      if (!cli.signal.aborted) await once(cli.signal, "abort");
      await service.stop();
    });
};

/**
 * A keystroke goes before whatever else this machine does. On Linux a priority is a thread's own, and new threads take it
 * from the one that starts them: those that Node has started already write the journal and help the collector of garbage,
 * for which this thread waits. Threads of work that can wait lower themselves. Without the right to it (root, CAP_SYS_NICE,
 * or the service manager's `Nice=`) all stays as it is.
 */
function preferSessions(): void {
  if (process.platform !== "linux") return;
  for (const thread of readdirSync("/proc/self/task")) {
    try {
      setPriority(Number(thread), -5);
    } catch {
      // Sessions are slower on a busy machine, and nothing else.
    }
  }
}

function gatewayHost(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "THIS-HOST" : host;
}

function tellFirstStart(cli: Cli, { created, admin }: FirstStart, url: string): void {
  if (created.length > 0) {
    cli.out.line("Set up:");
    for (const path of created) cli.out.line(`  ${path}`);
    cli.out.line();
  }
  if (admin === null) return;
  cli.out.line("First administrator, shown only now:");
  cli.out.line();
  cli.out.line(`    name      ${admin.name}`);
  cli.out.line(`    password  ${admin.oneTimePassword}`);
  cli.out.line();
  cli.out.line(`Sign in at ${url}, choose a password of your own, and set up the second factor that the policy wants.`);
  cli.out.line();
}
