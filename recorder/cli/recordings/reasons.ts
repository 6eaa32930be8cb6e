// Why somebody handles a recording: `--reason`, kept with what the audit says of it, and asked where policy says so.
import type { Command } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { CustodyAction } from "../../../shared/policy/policy.ts";
import type { Workspace } from "../cli.ts";
import { inventoryOf } from "../inventory-of.ts";

const maxReasonChars = 500;

/** The audit of a command; REASON_REQUIRED before anything is written, where policy asks for a reason and none was given. */
export function withReasons(workspace: Workspace, command: Command): Workspace["audit"] {
  return (action, subject, details = {}) => {
    const asked = CustodyAction.safeParse(action.replace(/^recording\./, "")).data;
    if (asked === undefined) return workspace.audit(action, subject, details);
    const reason = reasonFor(workspace, command, asked);
    return workspace.audit(action, subject, reason === undefined ? details : { ...details, reason });
  };
}

/** As `--reason` has it. REASON_REQUIRED where policy asks for one and none was given. */
export function reasonFor(workspace: Workspace, command: Command, action: CustodyAction): string | undefined {
  const reason = command.opts<{ reason?: string }>().reason?.trim().slice(0, maxReasonChars) ?? "";
  if (reason !== "") return reason;
  if (!isAsked(workspace, action)) return undefined;
  throw new AppError("REASON_REQUIRED", "policy asks why (custody.reasonFor): give --reason TEXT", {
    op: "cli.recordings",
    details: { exitCode: 2 },
  });
}

function isAsked({ config }: Workspace, action: CustodyAction): boolean {
  return inventoryOf(config).policy.custody.reasonFor.includes(action);
}
