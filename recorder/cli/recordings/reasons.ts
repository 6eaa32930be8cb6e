// Why somebody handles a recording: `--reason`, kept with what the audit says of it, and asked where policy says so.
import type { Command } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { CustodyAction } from "../../../shared/policy/policy.ts";
import type { Workspace } from "../cli.ts";
import { inventoryOf } from "../inventory-of.ts";

const maxReasonChars = 500;

/** The audit of a command; REASON_REQUIRED before anything is written, where policy asks for a reason and none was given. */
export function withReasons(workspace: Workspace, command: Command): Workspace["audit"] {
  const { reason: given } = command.opts<{ reason?: string }>();
  const reason = given?.trim().slice(0, maxReasonChars);
  return (action, subject, details = {}) => {
    const asked = CustodyAction.safeParse(action.replace(/^recording\./, "")).data;
    if (asked === undefined) return workspace.audit(action, subject, details);
    if ((reason ?? "") === "" && isAsked(workspace, asked)) {
      throw new AppError("REASON_REQUIRED", "policy asks why (custody.reasonFor): give --reason TEXT", {
        op: "cli.recordings",
        details: { exitCode: 2 },
      });
    }
    return workspace.audit(action, subject, (reason ?? "") === "" ? details : { ...details, reason });
  };
}

function isAsked({ config }: Workspace, action: CustodyAction): boolean {
  return inventoryOf(config).policy.custody.reasonFor.includes(action);
}
