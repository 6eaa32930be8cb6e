// Who acts through the running service for a person proves to the service, not to this command, to be that person.
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import { ProofStep } from "../admin-proofs.ts";
import { askService } from "./ask-service.ts";
import { type Cli, localActor } from "./cli.ts";
import { proofOf } from "./prove-identity.ts";

/** In the place of the person's name in one request to the service. */
export interface ServiceProof {
  proof: string;
}

/** AUTH_FAILED when password or code is wrong; what was tried is in the audit. */
export async function proveToService(cli: Cli, command: Command, name: string): Promise<ServiceProof> {
  const typed = proofOf(cli, name);
  const operator = localActor(cli);
  const ask = async (route: string, body: object) =>
    ProofStep.parse(await askService(cli, command, "POST", route, { operator, ...body }));
  const first = await ask("/prove", { name, password: await typed.password() });
  const step = "pending" in first ? await ask("/prove-code", { ...first, code: await typed.code() }) : first;
  if ("proof" in step) return { proof: step.proof };
  throw new AppError("AUTH_FAILED", "the service asks for another code: try again", { op: "cli.prove" });
}
