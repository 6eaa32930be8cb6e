// Age identities in a file, as age-keygen writes them.
import { readFileSync } from "node:fs";
import { AppError } from "../../../shared/errors.ts";
import { isAgeIdentity } from "../../encryption/data-keys.ts";
import { exitCodes } from "../exit-codes.ts";

/** REQUEST_NOT_FOUND, REQUEST_INVALID: the file cannot be read, or holds none. */
export async function identitiesIn(path: string): Promise<string[]> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("REQUEST_NOT_FOUND", `${path} cannot be read`, { op: "cli.identity", cause });
  }
  const refused = (message: string) =>
    new AppError("REQUEST_INVALID", message, { op: "cli.identity", details: { exitCode: exitCodes.usage } });
  const identities: string[] = [];
  for (const [at, one] of text.split("\n").entries()) {
    const line = one.trim();
    if (!/^AGE-SECRET-KEY-/i.test(line)) continue;
    // The line itself is a secret, also where it is wrong.
    if (!(await isAgeIdentity(line)))
      throw refused(
        `${path}, line ${at + 1}, is no age identity: a character of it is wrong or missing; copy it anew from what age-keygen wrote`,
      );
    identities.push(line);
  }
  if (identities.length > 0) return identities;
  throw refused(
    `${path} holds no age identity: it must have lines that begin with AGE-SECRET-KEY-, as age-keygen writes them`,
  );
}
