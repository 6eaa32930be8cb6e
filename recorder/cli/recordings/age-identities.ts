// Age identities in a file, as age-keygen writes them.
import { readFileSync } from "node:fs";
import { AppError } from "../../../shared/errors.ts";

/** REQUEST_NOT_FOUND, REQUEST_INVALID: the file cannot be read, or holds none. */
export function identitiesIn(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("REQUEST_NOT_FOUND", `${path} cannot be read`, { op: "cli.identity", cause });
  }
  const lines = text.split("\n").map((line) => line.trim());
  const identities = lines.filter((line) => /^AGE-SECRET-KEY-[A-Z0-9-]+$/.test(line));
  if (identities.length > 0) return identities;
  const mend = "it must have lines that begin with AGE-SECRET-KEY-, as age-keygen writes them";
  throw new AppError("REQUEST_INVALID", `${path} holds no age identity: ${mend}`, { op: "cli.identity" });
}
