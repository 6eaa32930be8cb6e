// `conduit cases`: recordings, notes and imported events that belong to one question, and the bundle of them all.
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Argument, type Command, Option } from "commander";
import {
  AddCaseSession,
  type Case,
  CaseState,
  type CaseSummary,
  caseIdPattern,
  EditCase,
  NewCase,
} from "../../shared/api/cases.ts";
import { AppError } from "../../shared/errors.ts";
import { contentReaders, exporters } from "../api/roles.ts";
import { RecordingExporter } from "../export/export.ts";
import { atCaseDesk, collect, understood, writerOption } from "./case-desk.ts";
import { registerCaseImport } from "./case-import.ts";
import type { Cli, Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { showNotes } from "./notes.ts";
import { counted, formatDuration, formatTime, type Output, printable } from "./output.ts";
import { resolveSession, trustedKeys } from "./recordings/archive.ts";
import { evidenceIn } from "./recordings/bundle-evidence.ts";
import { reasonOption } from "./recordings/common-options.ts";
import { intoFile, placeFor } from "./recordings/into-file.ts";
import { reasonFor } from "./recordings/reasons.ts";

export const registerCases: Register = (program, cli) => {
  const cases = program
    .command("cases")
    .description(
      "recordings and notes that belong together: list, show, create, edit, add, member, import, close, reopen, export",
    );
  registerList(cases, cli);
  registerShow(cases, cli);
  registerCreate(cases, cli);
  registerEdit(cases, cli);
  registerAdd(cases, cli);
  registerMember(cases, cli);
  registerCaseImport(cases, cli, caseId);
  registerTurn(cases, cli, "close", "closed");
  registerTurn(cases, cli, "reopen", "open");
  registerExport(cases, cli);
};

/** REQUEST_NOT_FOUND where it cannot be one. */
function caseId(text: string): string {
  const id = text.toUpperCase();
  if (caseIdPattern.test(id)) return id;
  const message = `${printable(text.slice(0, 60))} is no case; conduit cases list shows them, such as CASE-2026-0001`;
  throw new AppError("REQUEST_NOT_FOUND", message, { op: "cli.cases" });
}

function registerList(cases: Command, cli: Cli): void {
  cases
    .command("list")
    .alias("ls")
    .description("list cases, those changed last first")
    .argument("[words...]", "that their id, title or description has")
    .addOption(new Option("--state <state>", "open or closed ones only").choices(CaseState.options))
    .option("--recording <recording>", "that this recording is part of")
    .option("--member <person>", "that this person works on")
    .option("--json", "print JSON")
    .action(
      async (
        words: string[],
        options: { state?: CaseState; recording?: string; member?: string; json?: boolean },
        command: Command,
      ) => {
        await atCaseDesk(cli, command, async ({ desk, archive, reader }) => {
          const { state, recording, member } = options;
          const session = recording === undefined ? undefined : await resolveSession(archive, recording);
          const found = await desk.cases.list(
            {
              text: words.join(" "),
              ...(state === undefined ? {} : { state }),
              ...(session === undefined ? {} : { session }),
              ...(member === undefined ? {} : { mine: "true" as const }),
            },
            { name: member ?? reader.name },
          );
          if (options.json === true) return cli.out.json(found);
          listed(cli.out, found);
        });
      },
    );
}

function listed(out: Output, cases: readonly CaseSummary[]): void {
  out.table(
    ["CASE", "STATE", "RECORDINGS", "CHANGED", "PEOPLE", "TITLE"],
    cases.map(({ id, state, sessions, changedAt, members, title }) => [
      id,
      state,
      sessions,
      formatTime(changedAt),
      members.join(", "),
      title,
    ]),
  );
}

function registerShow(cases: Command, cli: Cli): void {
  cases
    .command("show")
    .description("all that is known of a case: people, recordings, holds, notes, imported events, what was done")
    .argument("<case>", "its id, such as CASE-2026-0001")
    .option("--json", "print JSON")
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      await atCaseDesk(cli, command, async ({ desk, reader }) => {
        const { mayChange: _, ...of } = await desk.cases.get(caseId(id), reader);
        if (options.json === true) return cli.out.json(of);
        show(cli.out, of);
      });
    });
}

function show(out: Output, of: Omit<Case, "mayChange">): void {
  out.line(`${of.id}: ${printable(of.title)} (${of.state})`);
  if (of.description !== "") for (const line of of.description.split("\n")) out.line(`  ${printable(line)}`);
  out.line(`Opened ${formatTime(of.createdAt)} by ${printable(of.createdBy)}.`);
  out.line(`People: ${of.members.map(({ person }) => printable(person)).join(", ")}`);
  out.line();
  out.line(`${counted(of.sessions.length, "recording")}:`);
  if (of.sessions.length > 0) recordings(out, of);
  for (const { session, notes } of of.sessions) {
    if (notes.length === 0) continue;
    out.line();
    out.line(`Notes on ${session}:`);
    showNotes(out, notes);
  }
  if (of.notes.length > 0) {
    out.line();
    out.line("Notes on the case:");
    showNotes(out, of.notes);
  }
  if (of.imports.length > 0) {
    out.line();
    out.line("Imported events:");
    out.table(
      ["FILE", "EVENTS", "FROM", "TO", "CLOCK OFFSET", "BY", "REMOVED BY"],
      of.imports.map(({ name, events, firstAt, lastAt, settings, addedBy, removed }) => [
        name,
        events,
        firstAt === null ? null : formatTime(firstAt),
        lastAt === null ? null : formatTime(lastAt),
        `${settings.offsetMs} ms`,
        addedBy,
        removed === null ? null : removed.by,
      ]),
    );
  }
  out.line();
  out.line("What was done:");
  for (const { at, actor, text } of of.history) out.line(`${formatTime(at)}  ${printable(actor)} ${printable(text)}`);
}

function recordings(out: Output, { sessions }: Pick<Case, "sessions">): void {
  out.table(
    ["RECORDING", "STARTED", "DURATION", "PERSON", "TARGET", "STATE", "HELD", "REASON"],
    sessions.map(({ session, recording, holds, reason }) => [
      session,
      recording === null ? null : formatTime(recording.startedAt),
      recording === null ? null : formatDuration(recording.durationUs),
      recording === null ? null : recording.person,
      recording === null ? null : recording.target,
      recording === null ? "not in the index" : recording.state,
      holds.some(({ state }) => state !== "released") ? "yes" : "no",
      reason,
    ]),
  );
}

interface CreateOptions {
  description?: string;
  member?: string[];
  as: string;
  json?: boolean;
}

function registerCreate(cases: Command, cli: Cli): void {
  cases
    .command("create")
    .description("open a case; who opens it works on it")
    .argument("<title>")
    .option("--description <text>", "what it is about")
    .option("--member <person>", "who else works on it; may be given several times", collect)
    .addOption(writerOption("an administrator, investigator or auditor"))
    .option("--json", "print the case as JSON")
    .action(async (title: string, options: CreateOptions, command: Command) => {
      const wish = understood(NewCase, {
        title,
        description: options.description ?? "",
        members: options.member ?? [],
      });
      await atCaseDesk(cli, command, async ({ desk, as }) => {
        const by = await as(options.as, exporters);
        const id = await desk.cases.create(wish, by);
        if (options.json === true) return cli.out.json(await desk.cases.get(id, by));
        cli.out.line(`Opened: ${id}.`);
      });
    });
}

function registerAdd(cases: Command, cli: Cli): void {
  cases
    .command("add")
    .description("make recordings part of a case, with the reason")
    .argument("<case>", "its id")
    .argument("<recording...>", "each one's id, its first or last characters, or latest")
    .requiredOption("--reason <text>", "why they are part of it; kept")
    .addOption(writerOption("somebody who works on the case, or an administrator"))
    .action(async (id: string, texts: string[], options: { reason: string; as: string }, command: Command) => {
      await atCaseDesk(cli, command, async ({ desk, archive, reader, as }) => {
        const of = await desk.cases.get(caseId(id), reader);
        const wishes = [];
        for (const text of texts) {
          const session = await resolveSession(archive, text);
          wishes.push(understood(AddCaseSession, { session, reason: options.reason }));
        }
        const by = await as(options.as, contentReaders);
        for (const wish of wishes) {
          await desk.cases.addSession(of.id, wish, by);
          cli.out.line(`The recording ${wish.session} is part of ${of.id}.`);
        }
      });
    });
}

function registerEdit(cases: Command, cli: Cli): void {
  cases
    .command("edit")
    .description("change a case's title or description")
    .argument("<case>", "its id")
    .option("--title <text>", "what it is about, in a line")
    .option("--description <text>", "what is asked, and what is known")
    .addOption(writerOption("somebody who works on the case, or an administrator"))
    .action(async (text: string, options: { title?: string; description?: string; as: string }, command: Command) => {
      const { title, description } = options;
      if (title === undefined && description === undefined)
        throw new AppError("REQUEST_INVALID", "say what is changed: --title or --description", {
          op: "cli.cases",
          details: { exitCode: exitCodes.usage },
        });
      await atCaseDesk(cli, command, async ({ desk, reader, as }) => {
        const { id, version } = await desk.cases.get(caseId(text), reader);
        const words = {
          ...(title === undefined ? {} : { title }),
          ...(description === undefined ? {} : { description }),
        };
        await desk.cases.edit(id, understood(EditCase, { version, ...words }), await as(options.as, contentReaders));
        cli.out.line(`${id} is changed.`);
      });
    });
}

function registerMember(cases: Command, cli: Cli): void {
  cases
    .command("member")
    .description("who works on a case: add somebody who sees recordings, or remove somebody")
    .addArgument(new Argument("<what>", "add or remove").choices(["add", "remove"]))
    .argument("<case>", "its id")
    .argument("<person>")
    .addOption(writerOption("somebody who works on the case, or an administrator"))
    .action(async (what: "add" | "remove", text: string, person: string, options: { as: string }, command: Command) => {
      await atCaseDesk(cli, command, async ({ desk, as }) => {
        const id = caseId(text);
        const by = await as(options.as, contentReaders);
        if (what === "add") await desk.cases.addMember(id, person, by);
        else await desk.cases.removeMember(id, person, by);
        cli.out.line(`${printable(person)} ${what === "add" ? "works" : "no longer works"} on ${id}.`);
      });
    });
}

function registerTurn(cases: Command, cli: Cli, name: "close" | "reopen", state: CaseState): void {
  const done = state === "closed" ? "closed" : "open again";
  cases
    .command(name)
    .description(
      state === "closed" ? "close a case: it is changed no more; holds stay as they are" : "open a closed case again",
    )
    .argument("<case>", "its id")
    .requiredOption("--reason <text>", "why; kept")
    .addOption(writerOption("somebody who works on the case, or an administrator"))
    .action(async (text: string, options: { reason: string; as: string }, command: Command) => {
      await atCaseDesk(cli, command, async ({ desk, reader, as }) => {
        const { id, version, state: before } = await desk.cases.get(caseId(text), reader);
        if (before === state) return cli.out.line(`${id} is ${state} already.`);
        const change = understood(EditCase, { version, state, reason: options.reason });
        await desk.cases.edit(id, change, await as(options.as, contentReaders));
        cli.out.line(`${id} is ${done}.`);
      });
    });
}

function registerExport(cases: Command, cli: Cli): void {
  cases
    .command("export")
    .description("the case as one zip: each recording's evidence bundle, imported files, and the case for reading")
    .argument("<case>", "its id")
    .option("-o, --output <file>", "file to write, - for standard output (default: its id and .case.zip)")
    .option("--force", "replace an existing file")
    .addOption(reasonOption())
    .addHelpText(
      "after",
      "\nInside, `sha256sum --check SHA256SUMS` checks all of it. Each recording's custody log has the export.",
    )
    .action(async (text: string, options: { output?: string; force?: boolean }, command: Command) => {
      await atCaseDesk(cli, command, async ({ desk, archive, reader }) => {
        const id = caseId(text);
        const place = placeFor(cli, options.output, `${id}.case.zip`, options.force === true);
        const reason = reasonFor(archive, command, "export");
        const keys = () =>
          [...trustedKeys(archive.config, [])].map(([keyId, publicKeyPem]) => ({ keyId, publicKeyPem }));
        const exporter = new RecordingExporter(archive.opened, keys, { evidence: evidenceIn(cli, archive) });
        const { body } = await desk.export(id, reader, {
          bundle: (session) => exporter.export(session, "bundle"),
          reason,
        });
        await intoFile(cli, place, (file) =>
          pipeline(body, createWriteStream(file, { flush: true }), { signal: cli.signal }),
        );
        if (place.path !== null) cli.out.line(place.path);
      });
    });
}
