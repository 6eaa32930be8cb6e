// `conduit policy explain --session`: why a recorded session was allowed, by the policy of its time, and why it ended.
import type { Command } from "commander";
import { endInWords, endSentences } from "../../../shared/end-sentences.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { explainTarget } from "../../../shared/policy/explain.ts";
import { Policy } from "../../../shared/policy/policy.ts";
import { type ReasonCode, reasonSentences } from "../../../shared/policy/reasons.ts";
import { PolicyVersions } from "../../access/policy-versions.ts";
import { SourceDocument, validate } from "../../config/document.ts";
import type { Cli } from "../cli.ts";
import { inventoryOf } from "../inventory-of.ts";
import { formatDuration, printable } from "../output.ts";
import { type Archive, inArchive, resolveSession } from "../recordings/archive.ts";
import { releasedBy } from "../recordings/show.ts";
import { printExplanation, shownDecision } from "./print-explanation.ts";
import { recordedQuery } from "./recorded-query.ts";

export async function explainSession(cli: Cli, command: Command, text: string, asJson: boolean): Promise<void> {
  await inArchive(cli, command, async (archive) => {
    const session = await resolveSession(archive, text);
    const open = await archive.reader.open(session);
    const row = await archive.recordings.find(session);
    const version = await new PolicyVersions(archive.database.policies).find(open.policy.hash);
    const policy = validate(Policy, SourceDocument.parse(`policy ${version.hash}`, version.text));
    const { conduits, targets } = inventoryOf(archive.config);
    const query = await recordedQuery(archive, targets, open);
    const explanation = explainTarget(compilePolicy(policy, conduits), query);
    const { rule, reason } = explanation.decision;
    // Conduits are as they are today, and a request may have been cut short since: what was recorded then is what counts.
    const agrees = rule === open.policy.rule && reason === open.policy.reason;
    const ended = {
      endedAt: row?.endedAt ?? null,
      endReason: row?.endReason ?? null,
      end: row?.end ?? null,
      state: row?.state ?? null,
    };
    const approvals = open.request === null ? [] : await approvalsOf(archive, open.request);
    if (asJson) {
      const { decision, ...rest } = explanation;
      const escort = open.escort === true ? { escortedBy: row?.escortedBy ?? null } : {};
      const recorded = { request: open.request, approvals, policy: open.policy, ...escort, ...ended };
      return cli.out.json({ session, recorded, agrees, ...shownDecision(decision), ...rest });
    }
    const said = reasonSentences[open.policy.reason as ReasonCode] ?? "";
    cli.out.line(`Session ${session} was decided by policy ${open.policy.hash}:`);
    cli.out.line(`  ${said} [${printable(open.policy.reason)}, rule ${printable(open.policy.rule)}]`);
    cli.out.line(open.request === null ? "  It stood on no request." : `  It stood on the request ${open.request}.`);
    for (const { approver, at, comment } of approvals)
      cli.out.line(`  Approved by ${printable(approver)}, ${at}${comment === "" ? "" : `: ${printable(comment)}`}`);
    if (open.escort === true) cli.out.line(`  It waited for an escort: ${releasedBy(row?.escortedBy)}.`);
    if (ended.endReason !== null) {
      const words = endSentences[ended.endReason];
      const code = printable(ended.endReason);
      const told = printable(endInWords(ended.endReason, row?.end));
      const whom = told === "" ? "" : `, ${told}`;
      const why = words === undefined ? `${code}${whom}.` : `${words}${whom}. [${code}]`;
      cli.out.line(`  It ended after ${formatDuration(row?.durationUs ?? 0)}: ${why}`);
    }
    cli.out.line();
    printExplanation(cli, explanation, { ...query, person: query.person.name });
    if (!agrees)
      cli.err.line("warning: asked again, the answer is another: conduits or the request are not as they were.");
  });
}

/** Those that count, in their order. */
async function approvalsOf({ database }: Archive, request: string) {
  const rows = await database.requests
    .selectFrom("access_decisions")
    .select(["approver", "comment", "at_ms"])
    .where("request", "=", request)
    .where("decision", "=", "approve")
    .where("lapsed", "is", null)
    .orderBy("at_ms")
    .execute();
  return rows.map(({ approver, comment, at_ms }) => ({ approver, comment, at: new Date(Number(at_ms)).toISOString() }));
}
