// Under whose name a control of live sessions stands in the record: the account of this machine, or a person who proves it.
import { type Command, Option } from "commander";
import { type Cli, localActor } from "./cli.ts";
import { proveToService, type ServiceProof } from "./prove-to-service.ts";

export function ownName(): Option {
  const what =
    "an administrator or an escort, who types password and verification code (default: who uses this machine)";
  return new Option("--as <person>", what);
}

/** The service looks at the roles of whoever proves to be a person. */
export async function operatorOf(cli: Cli, command: Command, as: string | undefined): Promise<string | ServiceProof> {
  return as === undefined ? localActor(cli) : proveToService(cli, command, as);
}
