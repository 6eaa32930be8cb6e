// `conduit search`: everything that was recorded, by its words, on the service's own index, beside a running service or
// without one. What somebody searches for is in the audit before the first hit is shown, since a hit shows content.
import { statSync } from "node:fs";
import { type Command, Option } from "commander";
import {
  type SearchCoverage,
  type SearchGroup,
  type SearchHit,
  type SearchPage,
  SearchRequest,
} from "../../shared/api/search.ts";
import { AppError } from "../../shared/errors.ts";
import { formatSize } from "../config/units.ts";
import { parseQuery } from "../search/query.ts";
import { extractorVersion, type FoundPage, type SearchQuery, withoutScreensVersion } from "../search/search-index.ts";
import { queryMs } from "../search/time.ts";
import { openFoundSearch, searchFile } from "../search-service.ts";
import { type Cli, inWorkspace, type Register, type Workspace } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, formatTime, sessionClock } from "./output.ts";
import { inArchive, resolveSession } from "./recordings/archive.ts";
import { reasonOption } from "./recordings/common-options.ts";

export const registerSearch: Register = (program, cli) => {
  const search = program
    .command("search")
    .description("everything that was recorded, by its words: conduit search WORDS; status, rebuild");
  registerFind(search, cli);
  registerStatus(search, cli);
  registerRebuild(search, cli);
};

type FoundIndex = NonNullable<Awaited<ReturnType<typeof openFoundSearch>>>;

interface FindOptions {
  kind?: string;
  person?: string;
  target?: string;
  conduit?: string;
  protocol?: string;
  recording?: string;
  from?: string;
  to?: string;
  group?: boolean;
  limit: string;
  json?: boolean;
}

const pageSize = 200;
const maxLimit = 10_000;

function registerFind(search: Command, cli: Cli): void {
  search
    .command("find", { isDefault: true })
    .description("find commands, typed text, output, files, clipboard, events and notes; the newest first")
    .argument("[words...]", "all of them; a phrase, prefix* and -not as in the portal, in one pair of quotes")
    .option("--kind <kinds>", "of these kinds only, with commas between: command,file (see docs/search.md)")
    .option("--person <text>", "part of the person's name, or a pattern with * and ?")
    .option("--target <text>", "part of the target's name, or a pattern")
    .option("--conduit <name>", "of this conduit")
    .addOption(new Option("--protocol <name>", "how the target was reached").choices(["ssh", "vnc"]))
    .option("--recording <recording>", "in this one: its id, its first or last characters, or latest")
    .option("--from <time>", "moments at or after this time (2026-11-23 or RFC 3339)")
    .option("--to <time>", "moments before this time")
    .option("--group", "one line a recording, with the number of what was found in it")
    .option("--limit <n>", "at most so many lines", "50")
    .addOption(reasonOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ conduit search setpoint reactor --from 2026-11-24
  $ conduit search '"valve opened" -test' --target plc-* --group
  $ conduit search --kind file --person erika --json
  $ conduit search find rebuild                 the word, not the command`,
    )
    .action(async (words: string[], options: FindOptions, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const limit = countOf(options.limit);
        const session = options.recording === undefined ? undefined : await resolveSession(archive, options.recording);
        const query = queryOf(words, options, session);
        await atIndex(archive, async (index) => {
          const { group: _group, limit: _limit, ...filter } = query;
          await archive.audit("recording.search", "recordings", { filter: { search: filter } });
          const found = await pagesOf(index, query, limit);
          const coverage = await coverageOf(archive, index);
          if (options.json === true) return cli.out.json({ ...found, coverage });
          if (found.items.length + (found.groups ?? []).length === 0) cli.out.line("Nothing was found.");
          else if (found.groups === undefined) showHits(cli, found.items);
          else showGroups(cli, found.groups);
          if (found.next !== null) cli.err.line(`There is more; raise --limit above ${limit}, or search closer.`);
          for (const line of lacking(coverage)) cli.err.line(line);
        });
      });
    });
}

/** REQUEST_INVALID before anything is written: a query that cannot be done was no search. */
function queryOf(words: readonly string[], options: FindOptions, session: string | undefined): SearchQuery {
  const { kind: kinds, person, target, conduit, protocol, from, to } = options;
  const q = words.join(" ");
  const asked = { q, kinds, person, target, conduit, protocol, session, from, to };
  const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== "");
  if (given.length === 0) throw usage("give words, or a filter such as --kind file or --person erika");
  const parsed = SearchRequest.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw usage(`${issue?.path.join(".") ?? "the search"}: ${issue?.message ?? "not understood"}`);
  }
  try {
    parseQuery(q);
    if (from !== undefined) queryMs("from", from);
    if (to !== undefined) queryMs("to", to);
  } catch (error) {
    throw error instanceof AppError ? usage(error.message) : error;
  }
  const { reason: _reason, cursor: _cursor, group: _group, ...wanted } = parsed.data;
  const set = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  return { ...(set as unknown as SearchQuery), ...(options.group === true ? { group: "session" as const } : {}) };
}

async function pagesOf(index: FoundIndex, query: SearchQuery, limit: number) {
  const items: SearchHit[] = [];
  const groups: SearchGroup[] = [];
  let next: string | null = null;
  do {
    const left = limit - items.length - groups.length;
    const page: FoundPage = await index.search({
      ...query,
      limit: Math.min(pageSize, left),
      ...(next === null ? {} : { cursor: next }),
    });
    items.push(...page.items);
    groups.push(...(page.groups ?? []));
    ({ next } = page);
  } while (next !== null && items.length + groups.length < limit);
  const found: Omit<SearchPage, "coverage"> = { items, ...(query.group === undefined ? {} : { groups }), next };
  return found;
}

function showHits(cli: Cli, items: readonly SearchHit[]): void {
  cli.out.table(
    ["WHEN", "RECORDING", "AT", "PERSON", "TARGET", "KIND", "FOUND"],
    items.map((hit) => [
      formatTime(hit.at),
      hit.session,
      sessionClock(hit.atUs),
      hit.person,
      hit.target,
      hit.kind,
      foundIn(hit),
    ]),
  );
}

function showGroups(cli: Cli, groups: readonly SearchGroup[]): void {
  cli.out.table(
    ["STARTED", "RECORDING", "PERSON", "TARGET", "FOUND", "LAST AT", "LAST"],
    groups.map(({ session, person, target, startedAt, count, hits: [hit] }) => [
      formatTime(startedAt),
      session,
      person,
      target,
      count,
      hit === undefined ? null : sessionClock(hit.atUs),
      hit === undefined ? null : foundIn(hit),
    ]),
  );
}

function foundIn({ snippet, exitStatus }: SearchHit): string {
  const text = snippet.text.replaceAll(/\s+/g, " ").trim();
  return exitStatus === undefined ? text : `${text} (exit status ${exitStatus})`;
}

/** What the search cannot know, so that nothing found is not taken for nothing there. */
function lacking({ waiting, damaged, shortened, withoutContents }: SearchCoverage): string[] {
  const lines: string[] = [];
  if (waiting > 0) lines.push(`${counted(waiting, "recording")} not read yet; the running service does so.`);
  if (withoutContents > 0)
    lines.push(
      `${counted(withoutContents, "recording")} without contents in the index, since encrypted or unreadable.`,
    );
  if (damaged > 0) lines.push(`${counted(damaged, "recording")} of which a part could not be read.`);
  if (shortened > 0) lines.push(`${counted(shortened, "recording")} of which something was left out: too much of it.`);
  return lines;
}

function registerStatus(search: Command, cli: Cli): void {
  search
    .command("status")
    .description("what the index has of the recordings, and what it has not")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await inWorkspace(cli, command, async (workspace) => {
        await atIndex(workspace, async (index) => {
          const file = "place" in index ? index.place : searchFile(workspace.config);
          const coverage = await coverageOf(workspace, index);
          const bytes = "place" in index ? await index.bytes() : statSync(file).size;
          if (options.json === true) return cli.out.json({ file, bytes, ...coverage });
          cli.out.line(`${file}: ${counted(coverage.sessions, "recording")}, ${formatSize(bytes)}.`);
          for (const line of lacking(coverage)) cli.out.line(line);
        });
      });
    });
}

function registerRebuild(search: Command, cli: Cli): void {
  search
    .command("rebuild")
    .description("have every recording read again; until it is, what the index has of it stays")
    .addHelpText("after", "\nA running service begins within a minute, one that is not running with its next start.")
    .action(async (_options: object, command: Command) => {
      await inWorkspace(cli, command, async (workspace) => {
        await atIndex(workspace, async (index) => {
          await workspace.audit("search.rebuild", "recordings");
          await index.forget();
          const { sessions } = await index.coverage();
          cli.out.line(
            `${counted(sessions, "recording")} to be read again: a running service begins within a minute. conduit search status shows how far it is.`,
          );
        });
      });
    });
}

/** REQUEST_NOT_FOUND where no service has made one, or the search is switched off. */
async function atIndex<T>({ config }: Workspace, work: (index: FoundIndex) => Promise<T>): Promise<T> {
  const op = "cli.search";
  if (!config.search.enabled)
    throw new AppError("REQUEST_NOT_FOUND", "the search is switched off here (search.enabled)", { op });
  const index = await openFoundSearch(config);
  if (index === null) {
    const why = `there is no search index at ${searchFile(config)} yet: the service makes it`;
    throw new AppError("REQUEST_NOT_FOUND", why, { op });
  }
  try {
    return await work(index);
  } finally {
    await index.close();
  }
}

async function coverageOf({ database }: Workspace, index: FoundIndex): Promise<SearchCoverage> {
  const [coverage, known, sealed] = await Promise.all([
    index.coverage(),
    index.sessions(),
    database.catalog
      .selectFrom("recordings")
      .select("session")
      .where("state", "in", ["sealed", "interrupted"])
      .execute(),
  ]);
  const isIn = (version: number | undefined) => version === extractorVersion || version === withoutScreensVersion;
  const waiting = sealed.filter(({ session }) => !isIn(known.get(session))).length;
  return { ...coverage, waiting };
}

function countOf(text: string): number {
  const count = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= maxLimit) return count;
  throw usage(`--limit is a number from 1 to ${maxLimit}`);
}

function usage(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.search", details: { exitCode: exitCodes.usage } });
}
