// Under whose name a control of live sessions stands in the record: the account of this machine, or a person who proves it.
import { type Command, Option } from "commander";
import { AppError } from "../../shared/errors.ts";
import { type Cli, inWorkspace, localActor } from "./cli.ts";
import { proveIdentity } from "./prove-identity.ts";

export function ownName(): Option {
  const what =
    "an administrator or an escort, who types password and verification code (default: who uses this machine)";
  return new Option("--as <person>", what);
}

export async function operatorOf(cli: Cli, command: Command, as: string | undefined): Promise<string> {
  if (as === undefined) return localActor(cli);
  const { name, roles } = await inWorkspace(cli, command, (workspace) => proveIdentity(cli, workspace, as));
  if (roles.includes("admin") || roles.includes("escort")) return name;
  const message = `${name} is neither an administrator nor an escort`;
  throw new AppError("AUTH_FORBIDDEN", message, { op: "cli.sessions" });
}
