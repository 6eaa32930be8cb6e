// One line of `conduit doctor`.
import { AppError } from "../../../shared/errors.ts";

export interface Check {
  name: string;
  verdict: "ok" | "warn" | "fail";
  message: string;
  /** What to do about it; empty when nothing is to be done. */
  mend: string;
}

export const ok = (name: string, message: string): Check => ({ name, verdict: "ok", message, mend: "" });
export const warn = (name: string, message: string, mend: string): Check => ({ name, verdict: "warn", message, mend });
export const fail = (name: string, message: string, mend: string): Check => ({ name, verdict: "fail", message, mend });

/** A check that throws has failed; its error says how to mend it. */
export async function attempt(name: string, check: () => Check[] | Promise<Check[]>): Promise<Check[]> {
  try {
    return await check();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [fail(name, message, error instanceof AppError ? `See ${error.code} in the README.` : "See the message.")];
  }
}
