// Who acts at the command line for a person proves to be that person: password and code, typed without echo or as two lines
// of standard input. What was decided is then attributed to somebody who was there, and not to whom a name was given.
import { AppError } from "../../shared/errors.ts";
import { People } from "../access/people.ts";
import { type SignedInPerson, SignIn } from "../access/sign-in.ts";
import { Throttle } from "../access/throttle.ts";
import { mfaOf } from "../mfa-of.ts";
import type { Cli, Workspace } from "./cli.ts";
import { inventoryOf } from "./inventory-of.ts";
import { openMasterKey } from "./key-files.ts";
import { isTerminal, promptHidden, readPiped } from "./terminal-input.ts";

/** AUTH_FAILED when password or code is wrong; what was tried is in the audit. */
export async function proveIdentity(cli: Cli, workspace: Workspace, name: string): Promise<SignedInPerson> {
  const { config, database } = workspace;
  const throttle = new Throttle();
  const people = new People(database.access, { throttle });
  const masterKey = await openMasterKey(config, database);
  const mfa = mfaOf(config, database, masterKey);
  const mfaRequired = () => inventoryOf(config).policy.signIn.mfa === "required";
  const signIn = new SignIn({ people, mfa, throttle, mfaRequired });
  const typed = proofOf(cli, name);
  const step = await signIn.password(name, await typed.password(), "local");
  const person = step.outcome === "second-step" ? await step.verify(await typed.code()) : acceptedIn(step);
  const known = (await people.find(name))?.name ?? "unknown";
  if (person === null) {
    await workspace.audit("sign-in-failed", "cli", { person: known });
    throw new AppError(
      "AUTH_FAILED",
      "the name, the password or the code is wrong, or the account is disabled; a code works once, also in another " +
        "program: wait for the next one",
      { op: "cli.prove" },
    );
  }
  if (person.mustChangePassword) {
    throw new AppError(
      "AUTH_FORBIDDEN",
      `${person.name} still has a one-time password; change it in the portal first`,
      {
        op: "cli.prove",
      },
    );
  }
  await workspace.audit("sign-in", "cli", { person: person.name, method: person.authMethod });
  return person;
}

function acceptedIn(step: { outcome: "accepted"; person: SignedInPerson } | { outcome: "refused" }) {
  return step.outcome === "accepted" ? step.person : null;
}

export interface TypedProof {
  password(): Promise<string>;
  code(): Promise<string>;
}

export function proofOf(cli: Cli, name: string): TypedProof {
  if (isTerminal(cli.stdin)) {
    return {
      password: () => promptHidden(cli.stdin, cli.err, `Password of ${name}: `),
      code: () => promptHidden(cli.stdin, cli.err, "Verification code: "),
    };
  }
  let lines: Promise<string[]> | undefined;
  const line = async (n: number) => {
    lines ??= readPiped(cli.stdin).then((text) => text.split(/\r?\n/));
    return (await lines)[n] ?? "";
  };
  return { password: () => line(0), code: () => line(1) };
}
