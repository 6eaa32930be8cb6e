// What a request to the admin socket carries, checked; what is wrong with it is said in words for whoever typed the command.
import type { z } from "zod";
import { AppError } from "../shared/errors.ts";

/** REQUEST_INVALID. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = [...new Set(parsed.error.issues.map(fault))];
  throw new AppError("REQUEST_INVALID", `the request has a bad value (${faults.join("; ")})`, { op: "admin.read" });
}

/** What people call it. */
const names: Readonly<Record<string, string>> = { caseId: "case" };

function fault(issue: z.core.$ZodIssue): string {
  const last = issue.path.findLast((part) => typeof part === "string") as string | undefined;
  if (last === undefined && issue.code === "invalid_type") return "it is no object of JSON";
  const of = last === undefined ? "" : `${names[last] ?? last}: `;
  if (issue.code === "too_small" && issue.origin === "string") return `${of}empty`;
  if (issue.code === "too_big" && issue.origin === "string") return `${of}longer than ${issue.maximum} characters`;
  if (issue.code === "unrecognized_keys") return `${of}unknown: ${issue.keys.join(", ").slice(0, 100)}`;
  if (issue.code === "invalid_type") return `${of}missing, or of another kind than wanted`;
  // A rule of ours says itself what it asks for.
  if (issue.code === "custom" && issue.message !== "Invalid input") return `${of}${issue.message}`;
  return `${of}not of the form that is wanted`;
}
