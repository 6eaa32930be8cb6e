// `conduit siem`: how far the destinations of events are, and whether one can be sent to.
import type { Command } from "commander";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import type { SiemDestination } from "../config.ts";
import { formatMessage, ownElement, syslogSeverity } from "../siem/rfc5424.ts";
import { sendOverTls } from "../siem/syslog-tls.ts";
import { messageOptions } from "../siem-service.ts";
import { askService } from "./ask-service.ts";
import { type Cli, configOf, localActor, type Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, printable } from "./output.ts";

const States = z.array(
  z.object({
    name: z.string(),
    address: z.string(),
    next: z.int().nullable(),
    behind: z.int(),
    ageSeconds: z.number(),
    failing: z.string().nullable(),
  }),
);

export const registerSiem: Register = (program, cli) => {
  const siem = program.command("siem").description("events to a SIEM by syslog over TLS");
  siem
    .command("status")
    .description("how many events wait for each destination, and why; 3 when one cannot be sent to")
    .option("--json", "print JSON")
    .addHelpText("after", "\nNeeds the running service.")
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const states = States.parse(await askService(cli, command, "GET", "/siem"));
      if (json === true) cli.out.json(states);
      else if (states.length === 0) cli.out.line("siem.destinations has none.");
      else for (const state of states) cli.out.line(told(state));
      if (states.some(({ failing }) => failing !== null)) cli.exitCode = exitCodes.findings;
    });
  siem
    .command("test")
    .description("send a test message to each destination, or to one, with the certificates of the configuration")
    .argument("[name]", "of siem.destinations")
    .option("--json", "print JSON")
    .action(async (name: string | undefined, { json }: { json?: boolean }, command: Command) => {
      const sent: Array<{ name: string; address: string }> = [];
      for (const destination of chosen(configOf(cli, command).siem.destinations, name)) {
        await test(cli, destination);
        const address = `${destination.host}:${destination.port}`;
        sent.push({ name: destination.name, address });
        if (json !== true) {
          cli.out.line(
            `${destination.name}: a test message was sent to ${address}; whether it is kept, the receiver knows alone.`,
          );
        }
      }
      if (json === true) cli.out.json(sent);
    });
};

function told({ name, address, next, behind, ageSeconds, failing }: z.infer<typeof States>[number]): string {
  const waits =
    behind === 0 ? "nothing waits" : `${counted(behind, "event")} wait, the oldest for ${Math.round(ageSeconds)} s`;
  const why = failing === null ? "" : `; ${printable(failing)}`;
  return `${name}  ${printable(address)}  sent up to entry ${next === null ? "?" : next - 1}; ${waits}${why}`;
}

function chosen(all: readonly SiemDestination[], name: string | undefined): readonly SiemDestination[] {
  const found = name === undefined ? all : all.filter((one) => one.name === name);
  if (found.length > 0) return found;
  const message = name === undefined ? "siem.destinations has none" : `siem.destinations has no ${printable(name)}`;
  throw new AppError("REQUEST_NOT_FOUND", message, { op: "cli.siem" });
}

async function test(cli: Cli, destination: SiemDestination): Promise<void> {
  const { hostname, version } = messageOptions(destination);
  const message = formatMessage({
    severity: syslogSeverity.informational,
    at: new Date().toISOString(),
    hostname,
    msgId: "test",
    structuredData: { [ownElement]: { test: "yes", version } },
    text: `a test of the connection by ${localActor(cli)}`,
  });
  await sendOverTls(destination, message, cli.signal);
}
