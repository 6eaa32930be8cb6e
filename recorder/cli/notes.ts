// `conduit notes`: notes and bookmarks beside recordings, never in them.
import type { Command } from "commander";
import { EditNote, NewNote, type Note, StrikeNote } from "../../shared/api/cases.ts";
import { AppError } from "../../shared/errors.ts";
import { contentReaders } from "../api/roles.ts";
import type { CaseActor } from "../cases/case-desk.ts";
import { atCaseDesk, collect, type LocalDesk, understood, writerOption } from "./case-desk.ts";
import type { Cli, Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { formatTime, printable, sessionClock } from "./output.ts";
import { resolveSession } from "./recordings/archive.ts";
import { sessionArgument, sessionTime } from "./recordings/common-options.ts";

export const registerNotes: Register = (program, cli) => {
  const notes = program
    .command("notes")
    .description("notes and bookmarks of colleagues on recordings: list, add, edit, strike");
  registerList(notes, cli);
  registerAdd(notes, cli);
  registerEdit(notes, cli);
  registerStrike(notes, cli);
};

function registerList(notes: Command, cli: Cli): void {
  notes
    .command("list")
    .alias("ls")
    .description("what colleagues wrote on a recording, in the order of the session, struck out ones as well")
    .addArgument(sessionArgument())
    .option("--tag <tag>", "with this tag only")
    .option("--json", "print JSON, with what each said before it was changed")
    .addHelpText(
      "after",
      "\nWhat escorts noted while the session went on is in the recording itself, and not listed here.",
    )
    .action(async (text: string, options: { tag?: string; json?: boolean }, command: Command) => {
      await atCaseDesk(cli, command, async ({ desk, archive }) => {
        const session = await resolveSession(archive, text);
        if ((await archive.recordings.find(session)) === null) throw noRecording(session);
        const tag = options.tag?.toLowerCase();
        const all = await desk.notes.of({ session });
        const shown = tag === undefined ? all : all.filter(({ tags }) => tags.includes(tag));
        if (options.json === true) return cli.out.json({ session, notes: shown });
        if (shown.length === 0) return cli.out.line("There are no notes.");
        showNotes(cli.out, shown);
      });
    });
}

function noRecording(session: string): AppError {
  return new AppError("REQUEST_NOT_FOUND", `${printable(session)}: no recording has this id`, { op: "cli.notes" });
}

/** One line each: line breaks of the text are spaces. */
export function showNotes(out: Output, notes: readonly Note[]): void {
  out.table(
    ["AT", "NOTE", "AUTHOR", "WRITTEN", "TAGS", "TEXT"],
    notes.map(({ id, kind, atUs, endUs, text, tags, author, createdAt, version, struck }) => [
      atUs === null ? null : endUs === null ? sessionClock(atUs) : `${sessionClock(atUs)}-${sessionClock(endUs)}`,
      id,
      author,
      formatTime(createdAt),
      tags.length === 0 ? null : tags.join(" "),
      [
        kind === "bookmark" ? "(bookmark)" : "",
        text.replaceAll(/\s+/g, " "),
        version > 1 ? "(changed)" : "",
        struck === null ? "" : `(struck out by ${struck.by}${struck.reason === null ? "" : `: ${struck.reason}`})`,
      ]
        .filter((part) => part !== "")
        .join(" "),
    ]),
  );
}

interface AddOptions {
  at: number;
  to?: number;
  tag?: string[];
  bookmark?: boolean;
  as: string;
  json?: boolean;
}

function registerAdd(notes: Command, cli: Cli): void {
  notes
    .command("add")
    .description("write a note, or set a bookmark, at a moment of a recording or on a stretch of it")
    .addArgument(sessionArgument())
    .argument("[text]", "what it says; a bookmark may say nothing")
    .requiredOption("--at <time>", "session time: 90, 1:30, 1:02:03 or 5m", sessionTime)
    .option("--to <time>", "session time at which the stretch ends", sessionTime)
    .option("--tag <tag>", "may be given several times", collect)
    .option("--bookmark", "a bookmark")
    .addOption(writerOption("its author"))
    .option("--json", "print the note as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ conduit notes add 01a2061a "the valve was opened by hand" --at 1:02:03 --tag valve-7 --as anna`,
    )
    .action(async (recording: string, text: string | undefined, options: AddOptions, command: Command) => {
      const wish = understood(NewNote, {
        kind: options.bookmark === true ? "bookmark" : "note",
        atUs: options.at,
        ...(options.to === undefined ? {} : { endUs: options.to }),
        text: text ?? "",
        tags: options.tag ?? [],
      });
      await atCaseDesk(cli, command, async ({ desk, archive, as }) => {
        const session = await resolveSession(archive, recording);
        const note = await desk.notes.add(session, wish, await as(options.as, contentReaders));
        if (options.json === true) return cli.out.json(note);
        cli.out.line(`Written: ${note.id}.`);
      });
    });
}

interface EditOptions {
  at?: number;
  to?: number;
  tag?: string[];
  as: string;
}

function registerEdit(notes: Command, cli: Cli): void {
  notes
    .command("edit")
    .description("change a note of one's own; what it said before is kept")
    .addArgument(sessionArgument())
    .argument("<note>", "its id; conduit notes list has it")
    .argument("[text]", "what it says from now on; left out, that stays")
    .option("--at <time>", "session time", sessionTime)
    .option("--to <time>", "session time at which the stretch ends", sessionTime)
    .option("--tag <tag>", "instead of its tags; may be given several times", collect)
    .option("--no-tags", "without tags")
    .addOption(writerOption("its author"))
    .action(
      async (
        recording: string,
        id: string,
        text: string | undefined,
        options: EditOptions & { tags: boolean },
        command: Command,
      ) => {
        const change = {
          ...(text === undefined ? {} : { text }),
          ...(options.at === undefined ? {} : { atUs: options.at }),
          ...(options.to === undefined ? {} : { endUs: options.to }),
          ...(options.tags ? (options.tag === undefined ? {} : { tags: options.tag }) : { tags: [] }),
        };
        if (Object.keys(change).length === 0) throw nothingAsked();
        await onNote(cli, command, recording, id, options.as, async ({ desk }, note, by, session) => {
          const wish = understood(EditNote, { version: note.version, ...change });
          const { version } = await desk.notes.edit({ session }, note.id, wish, by);
          cli.out.line(`Changed: ${note.id}, version ${version}.`);
        });
      },
    );
}

function registerStrike(notes: Command, cli: Cli): void {
  notes
    .command("strike")
    .description("strike a note out; it stays to be read")
    .addArgument(sessionArgument())
    .argument("<note>", "its id; conduit notes list has it")
    .option("--reason <text>", "why; kept")
    .addOption(writerOption("its author, or an administrator"))
    .action(async (recording: string, id: string, options: { reason?: string; as: string }, command: Command) => {
      await onNote(cli, command, recording, id, options.as, async ({ desk }, note, by, session) => {
        const why = options.reason === undefined ? {} : { reason: options.reason };
        await desk.notes.strike({ session }, note.id, understood(StrikeNote, { version: note.version, ...why }), by);
        cli.out.line(`Struck out: ${note.id}.`);
      });
    });
}

/** As it is now: who changes it at the same time is told of the other one. */
async function onNote(
  cli: Cli,
  command: Command,
  recording: string,
  id: string,
  as: string,
  step: (local: LocalDesk, note: Note, by: CaseActor, session: string) => Promise<void>,
): Promise<void> {
  await atCaseDesk(cli, command, async (local) => {
    const session = await resolveSession(local.archive, recording);
    const note = (await local.desk.notes.of({ session })).find((one) => one.id === id.toLowerCase());
    if (note === undefined) {
      const message = `${printable(id.slice(0, 40))} is no note on this recording; conduit notes list ${session} shows them`;
      throw new AppError("REQUEST_NOT_FOUND", message, { op: "cli.notes" });
    }
    await step(local, note, await local.as(as, contentReaders), session);
  });
}

function nothingAsked(): AppError {
  return new AppError("REQUEST_INVALID", "say what is changed: its text, --at, --to, --tag or --no-tags", {
    op: "cli.notes",
    details: { exitCode: exitCodes.usage },
  });
}
