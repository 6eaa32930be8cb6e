// `conduit demo-target` (hidden): only the demo plant, for trials of one's own with a separate service.
import { once } from "node:events";
import { InvalidArgumentError } from "commander";
import { type Endpoint, parseEndpoint } from "../config/schema.ts";
import type { Register } from "./cli.ts";
import { startPlant } from "./demo/plant.ts";

interface DemoTargetOptions {
  listen: Endpoint;
  account: string;
  password: string;
  enablePassword: string;
}

function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  if (parsed === null) throw new InvalidArgumentError('Write host:port, such as "127.0.0.1:2022".');
  return parsed;
}

export const registerDemoTarget: Register = (program, cli) => {
  program
    .command("demo-target", { hidden: true })
    .description("run only the demo plant: a toy controller behind SSH that controls nothing")
    .option("--listen <host:port>", "address (default: 127.0.0.1 and any free port)", endpoint, {
      host: "127.0.0.1",
      port: 0,
    })
    .option("--account <account>", "account to log in as", "engineer")
    .option("--password <password>", "its password", "reactor")
    .option("--enable-password <password>", "what enable asks for", "boost")
    .action(async (options: DemoTargetOptions) => {
      const plant = await startPlant(options);
      cli.out.json({ host: plant.host, port: plant.port, account: options.account, hostKey: plant.hostKey });
      if (!cli.signal.aborted) await once(cli.signal, "abort");
      await plant.close();
    });
};
