// `conduit request`: asking for access and deciding on it. Works on the database, beside a running service or without one;
// who acts proves who they are.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import {
  type AccessRequest,
  type ApprovalConditions,
  type IssuedCredential,
  RequestDraft,
  RequestListQuery,
  RequestState,
} from "../../shared/api/access.ts";
import { AppError } from "../../shared/errors.ts";
import { Capability } from "../../shared/policy/policy.ts";
import { parsePublicKeyLine } from "../access/public-keys.ts";
import {
  type AccessDesk,
  asOption,
  atAccessDesk,
  countArgument,
  durationArgument,
  requestHelp,
  timeArgument,
  type When,
} from "./access/acting.ts";
import { countedApprovals, showRequest, showRequests } from "./access/show.ts";
import type { Cli, Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, formatTime, printable } from "./output.ts";

export const registerRequest: Register = (program, cli) => {
  const request = program
    .command("request")
    .description("access requests: create, list, show, approve, refuse, withdraw, revoke, credential");
  registerCreate(request, cli);
  registerList(request, cli);
  registerShow(request, cli);
  registerApprove(request, cli);
  registerEnds(request, cli);
  registerCredential(request, cli);
};

interface CreateOptions {
  as: string;
  target: string[];
  purpose: string;
  from: When;
  to?: When;
  for?: number;
  person?: string[];
  ticket?: string;
  escort?: string[];
  protocol?: string;
  maxSessions?: number;
  check?: boolean;
  json?: boolean;
}

function registerCreate(request: Command, cli: Cli): void {
  request
    .command("create")
    .description("ask for access in a window; all that the policy has against it is said at once")
    .addOption(asOption("who asks"))
    .requiredOption("-t, --target <name...>", "targets to reach; may be given several times")
    .requiredOption("--purpose <text>", "what the access is for")
    .requiredOption("--from <time>", "when it begins: 2026-11-23T08:00Z, or +24h from now on", timeArgument)
    .option("--to <time>", "when it ends", timeArgument)
    .option("--for <duration>", "how long it lasts, in place of --to: 2h", durationArgument)
    .option("--person <name...>", "who is to work (default: who asks)")
    .option("--ticket <reference>", "of a work order or change")
    .option("--escort <name...>", "who may escort (default: anybody with that role)")
    .option("--protocol <name>", "ssh or vnc (default: each target's own)")
    .option("--max-sessions <n>", "sessions that may be opened altogether", countArgument)
    .option("--check", "only say what the policy has against it; nobody is asked, no password either")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Example:
  $ conduit request create --as erika --target plc-reactor-01 --from +24h --for 2h --purpose "drive firmware" --ticket CHG-17`,
    )
    .action(async (options: CreateOptions, command: Command) => {
      requireEnd(options);
      await atAccessDesk(cli, command, async (desk) => {
        if (options.check === true) return check(cli, desk, options);
        const by = await desk.as(options.as);
        const asked = await desk.requests.submit(by, draftOf(options, desk.requests.nowMs()));
        if (options.json === true) return cli.out.json(asked);
        cli.out.line(`Asked: ${asked.id}. It waits for ${counted(asked.approvalsNeeded, "approval")}.`);
      });
    });
}

function requireEnd(options: CreateOptions): void {
  if ((options.to === undefined) === (options.for === undefined)) {
    throw new AppError("REQUEST_INVALID", "give --to or --for: when the access ends, or how long it lasts", {
      op: "cli.request",
      details: { exitCode: exitCodes.usage },
    });
  }
}

function draftOf(options: CreateOptions, nowMs: number): RequestDraft {
  const fromMs = options.from(nowMs);
  const parsed = RequestDraft.safeParse({
    purpose: options.purpose,
    people: options.person ?? [],
    targets: options.target,
    protocol: options.protocol,
    from: new Date(fromMs).toISOString(),
    to: new Date(options.to?.(nowMs) ?? fromMs + (options.for ?? 0)).toISOString(),
    ticket: options.ticket,
    escorts: options.escort ?? [],
    maxSessions: options.maxSessions,
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError(
    "REQUEST_INVALID",
    `${issue?.path.join(".") ?? "the request"}: ${issue?.message ?? "not accepted"}`,
    {
      op: "cli.request",
    },
  );
}

async function check(cli: Cli, desk: AccessDesk, options: CreateOptions): Promise<void> {
  const { name, roles } = await desk.people.get(options.as);
  const checked = await desk.requests.check({ name, roles, address: "local" }, draftOf(options, desk.requests.nowMs()));
  if (checked.violations.length > 0) cli.exitCode = exitCodes.findings;
  if (options.json === true) return cli.out.json(checked);
  for (const { field, sentence, person, target } of checked.violations) {
    const who = person === undefined ? "" : printable(person);
    const where = target === undefined ? "" : printable(target);
    const about = who !== "" && where !== "" ? `${who} at ${where}` : who + where;
    cli.out.line(`${about === "" ? field : about}: ${sentence}`);
  }
  if (checked.violations.length === 0) {
    cli.out.line(
      `The policy has nothing against it; it would wait for ${counted(checked.approvalsNeeded, "approval")}.`,
    );
  }
}

function registerList(request: Command, cli: Cli): void {
  request
    .command("list")
    .alias("ls")
    .description("list access requests, newest first")
    .addOption(new Option("--state <state>", "only these").choices(RequestState.options))
    .option("--person <name>", "asked by or for this person")
    .option("--target <name>", "for this target")
    .option("--limit <n>", "at most so many", countArgument, 50)
    .option("--json", "print JSON")
    .action(
      async (
        options: { state?: RequestState; person?: string; target?: string; limit: number; json?: boolean },
        command: Command,
      ) => {
        const { json, ...filter } = options;
        const query = RequestListQuery.parse({ ...filter, limit: Math.min(options.limit, 500), kind: "request" });
        await atAccessDesk(cli, command, async ({ requests }) => {
          const { items } = await requests.list(nobody, query, { onlyOwn: false });
          const list = items.map(({ may: _may, ...one }) => one);
          if (json === true) return cli.out.json(list);
          showRequests(cli.out, list);
        });
      },
    );
}

/** Of whom nothing is asked but to look: who may read the database has it all before them. */
const nobody = { name: "", roles: [], address: "local" } as const;

function registerShow(request: Command, cli: Cli): void {
  request
    .command("show")
    .description("one request: window, decisions, grants, end")
    .argument("<request>", requestHelp)
    .option("--json", "print JSON")
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      await atAccessDesk(cli, command, async ({ requests }) => {
        const found = await requests.named(id);
        if (options.json === true) return cli.out.json(found);
        showRequest(cli.out, found);
      });
    });
}

interface ApproveOptions {
  as: string;
  comment: string;
  capability?: Capability[];
  escort?: string[];
  from?: When;
  to?: When;
  maxSessions?: number;
}

function registerApprove(request: Command, cli: Cli): void {
  request
    .command("approve")
    .description("approve a request; conditions can only narrow it")
    .argument("<request>", requestHelp)
    .addOption(asOption("an approver of all of its conduits, who has no part in it"))
    .option("--comment <text>", "kept with the decision", "")
    .addOption(new Option("--capability <name...>", "only these of what the rule allows").choices(Capability.options))
    .option("--escort <name...>", "only these may escort")
    .option("--from <time>", "begins later", timeArgument)
    .option("--to <time>", "ends earlier", timeArgument)
    .option("--max-sessions <n>", "so many sessions altogether", countArgument)
    .action(async (id: string, options: ApproveOptions, command: Command) => {
      await atAccessDesk(cli, command, async (desk) => {
        const found = await desk.requests.named(id);
        const by = await desk.as(options.as);
        const conditions = conditionsOf(options, desk.requests.nowMs());
        const request = await desk.requests.decide(found.id, by, {
          decision: "approve",
          comment: options.comment,
          conditions,
        });
        const left = request.approvalsNeeded - countedApprovals(request.decisions);
        if (request.state !== "submitted") cli.out.line(`Approved: ${windowOf(request)}.`);
        else cli.out.line(`Your approval is kept; it waits for ${counted(left, "more approval")}.`);
      });
    });
}

function conditionsOf(
  { capability, escort, from, to, maxSessions }: ApproveOptions,
  nowMs: number,
): ApprovalConditions {
  return {
    ...(capability === undefined ? {} : { capabilities: capability }),
    ...(escort === undefined ? {} : { escorts: escort }),
    ...(from === undefined ? {} : { from: new Date(from(nowMs)).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to(nowMs)).toISOString() }),
    ...(maxSessions === undefined ? {} : { maxSessions }),
  };
}

function registerEnds(request: Command, cli: Cli): void {
  const register = (
    word: "refuse" | "withdraw" | "revoke",
    description: string,
    who: string,
    reason: Option,
    told: string,
  ) =>
    request
      .command(word)
      .description(description)
      .argument("<request>", requestHelp)
      .addOption(asOption(who))
      .addOption(reason)
      .action(async (id: string, options: { as: string; comment?: string; reason?: string }, command: Command) => {
        const why = options.comment ?? options.reason ?? "";
        await atAccessDesk(cli, command, async (desk) => {
          const found = await desk.requests.named(id);
          const by = await desk.as(options.as);
          if (word === "refuse") await desk.requests.decide(found.id, by, { decision: "refuse", comment: why });
          else await desk.requests[word](found.id, by, why);
          cli.out.line(`${told} ${found.id}.`);
        });
      });
  register(
    "refuse",
    "refuse a request that waits for a decision",
    "an approver of all of its conduits, who has no part in it",
    new Option("--comment <text>", "why; the person reads it").makeOptionMandatory(),
    "Refused",
  );
  register(
    "withdraw",
    "take one's own request back, also an approved one: its live sessions end",
    "who asked",
    new Option("--reason <text>", "why").default(""),
    "Withdrawn:",
  );
  register(
    "revoke",
    "take approved or emergency access away: its credentials die, its live sessions end",
    "an approver of one of its conduits, or an administrator",
    new Option("--reason <text>", "why; the person reads it").makeOptionMandatory(),
    "Revoked",
  );
}

function registerCredential(request: Command, cli: Cli): void {
  request
    .command("credential")
    .description("a credential for SSH that is good inside the window alone: a password, shown once, or a key")
    .argument("<request>", requestHelp)
    .addOption(asOption("one of the people of the request"))
    .option("--key <file>", "public key (OpenSSH format) to register in place of a password")
    .option("--json", "print JSON")
    .action(async (id: string, options: { as: string; key?: string; json?: boolean }, command: Command) => {
      const publicKey = options.key === undefined ? undefined : readKey(cli, options.key);
      if (publicKey !== undefined) parsePublicKeyLine(publicKey);
      await atAccessDesk(cli, command, async (desk) => {
        const found = await desk.requests.named(id);
        const by = await desk.as(options.as);
        const issued = await desk.requests.issueCredential(
          found.id,
          by,
          publicKey === undefined ? { kind: "ssh-password" } : { kind: "ssh-key", publicKey },
        );
        if (options.json === true) cli.out.json(issued);
        else tellCredential(cli, issued);
      });
    });
}

function tellCredential(cli: Cli, issued: IssuedCredential): void {
  if (issued.password === undefined) {
    cli.out.line(`Registered ${issued.fingerprint ?? "the key"} for ${issued.person}: ${windowOf(issued)}.`);
    return;
  }
  cli.out.line(`Password of ${issued.person} for ${printable(issued.targets.join(", "))}, shown only now:`);
  cli.out.line();
  cli.out.line(`    ${issued.password}`);
  cli.out.line();
  cli.out.line(`Good ${windowOf(issued)}; an earlier one of this request is good no more.`);
}

function readKey(cli: Cli, file: string): string {
  try {
    return readFileSync(resolve(cli.directory, file), "utf8").trim();
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new AppError("REQUEST_INVALID", `the key file ${file} cannot be read (${why})`, { op: "cli.request", cause });
  }
}

function windowOf({ from, to }: Pick<AccessRequest, "from" | "to">): string {
  return `from ${formatTime(from)} to ${formatTime(to)}`;
}
