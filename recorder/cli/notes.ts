// `conduit notes`: notes and bookmarks beside recordings, never in them.
import type { Command } from "commander";
import { NewNote, type Note } from "../../shared/api/cases.ts";
import { AppError } from "../../shared/errors.ts";
import { contentReaders } from "../api/roles.ts";
import { atCaseDesk, collect, understood, writerOption } from "./case-desk.ts";
import type { Cli, Register } from "./cli.ts";
import type { Output } from "./output.ts";
import { formatTime, printable, sessionClock } from "./output.ts";
import { resolveSession } from "./recordings/archive.ts";
import { sessionArgument, sessionTime } from "./recordings/common-options.ts";

export const registerNotes: Register = (program, cli) => {
  const notes = program.command("notes").description("notes and bookmarks of colleagues on recordings: list, add");
  registerList(notes, cli);
  registerAdd(notes, cli);
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
