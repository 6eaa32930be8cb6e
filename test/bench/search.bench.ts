// `npm run bench -- search`: how fast the index answers when it has 10,000 sessions with 1,000,000 keystrokes, against LIKE
// over the same table of documents in the same run; its size; and what reading a recorded hour costs. `--set` takes:
// sessions=N, rounds=N (of ten questions of a kind, and one of the peer's), hours=N.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseThread } from "../../recorder/database/executor.ts";
import { extract } from "../../recorder/search/extract.ts";
import type { SearchDocument } from "../../recorder/search/search-index.ts";
import { openSqliteIndex, type SqliteSearchIndex } from "../../recorder/search/sqlite-index.ts";
import { exportSource } from "../support/evidence-plant.ts";
import { makeSigningKey } from "../support/recording-builder.ts";
import { type BenchContext, type Figure, figure, median, percentile, timeMs } from "./harness.ts";
import { recordedHour } from "./search/hour.ts";
import { deepWord, likeSql, tenKinds } from "./search/queries.ts";
import { type MadeSession, madeSession } from "./search/sessions.ts";

const goal = { measure: "value", at: "most", bound: 100 } as const;
const questionsOfRound = 10;

interface Filled {
  /** Evenly among all. */
  some: MadeSession[];
  documents: number;
  textBytes: number;
}

export async function run(bench: BenchContext): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-search-"));
  const file = join(directory, "search.db");
  const sessions = Number(bench.settings["sessions"] ?? 10_000);
  const rounds = Number(bench.settings["rounds"] ?? 10);
  const hours = Number(bench.settings["hours"] ?? 5);
  const index = await openSqliteIndex(file, { thread: true });
  const plain = new DatabaseThread(file);
  try {
    const { some, documents, textBytes } = await fill(index, sessions, rounds * questionsOfRound, bench);
    await plain.execute({ sql: "pragma wal_checkpoint(truncate)", parameters: [] });
    const indexBytes = statSync(file).size;
    const figures = await answers(index, plain, some, sessions, rounds, bench);
    const perSession = (bytes: number) => bytes / sessions / 1_000;
    return [
      ...figures,
      figure("index of a session, its text as the peer", "kB", perSession(indexBytes), perSession(textBytes)),
      figure("documents of a session", "", documents / sessions, null),
      ...(await recorded(index, hours, bench)),
    ];
  } finally {
    await plain.close();
    await index.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fill(
  index: SqliteSearchIndex,
  sessions: number,
  wanted: number,
  { log }: BenchContext,
): Promise<Filled> {
  const filled: Filled = { some: [], documents: 0, textBytes: 0 };
  const every = Math.max(1, Math.floor(sessions / wanted));
  let keystrokes = 0;
  const tookMs = await timeMs(async () => {
    for (let n = 0; n < sessions; n++) {
      const made = madeSession(n);
      const { about, documents } = made;
      await index.put(about.session, each(documents), () => about);
      keystrokes += made.keystrokes;
      filled.documents += documents.length;
      for (const { text } of documents) filled.textBytes += Buffer.byteLength(text) + 1;
      if (n % every === 0 && hasBatch(made)) filled.some.push(made);
      if (n % 2_000 === 1_999) log(`${n + 1} sessions are in the index`);
    }
  });
  log(
    `${sessions} sessions, ${keystrokes} keystrokes, ${filled.documents} documents, ${filled.textBytes} bytes of text, ` +
      `put in in ${(tookMs / 1_000).toFixed(1)} s`,
  );
  return filled;
}

/** Its own word was typed. */
function hasBatch({ batch, documents }: MadeSession): boolean {
  return documents.some(({ text }) => text.includes(batch));
}

async function* each(documents: readonly SearchDocument[]): AsyncGenerator<SearchDocument> {
  yield* documents;
}

async function answers(
  index: SqliteSearchIndex,
  plain: DatabaseThread,
  some: readonly MadeSession[],
  sessions: number,
  rounds: number,
  { log }: BenchContext,
): Promise<Figure[]> {
  const cursors: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null && cursors.length < 200; ) {
    ({ next: cursor } = await index.search({ q: deepWord, limit: 200, ...(cursor == null ? {} : { cursor }) }));
    if (cursor !== null) cursors.push(cursor);
  }
  const kinds = tenKinds(some, cursors.slice(-40), sessions).map((kind) => ({
    ...kind,
    ours: [] as number[],
    theirs: [] as number[],
  }));
  // The first round is thrown away.
  for (let round = -1; round < rounds; round++) {
    for (const { name, asked, finds, ours, theirs } of kinds) {
      for (let i = 0; i < questionsOfRound; i++) {
        const one = asked[(Math.max(0, round) * questionsOfRound + i) % asked.length]!;
        const beganMs = performance.now();
        const { items, groups } = await index.search(one.query);
        const tookMs = performance.now() - beganMs;
        if (finds && items.length + (groups?.length ?? 0) === 0)
          throw new Error(`${name}: ${one.query.q} finds nothing`);
        if (round >= 0) ours.push(tookMs);
      }
      const same = asked[(Math.max(0, round) * questionsOfRound) % asked.length]!;
      const tookMs = await timeMs(() => plain.execute(likeSql(same)));
      if (round >= 0) theirs.push(tookMs);
    }
    log(`round ${round + 1} of ${rounds} is through`);
  }
  return kinds.flatMap(({ name, ours, theirs }) => [
    figure(`${name}: median`, "ms", median(ours), median(theirs), goal),
    figure(`${name}: 95 %`, "ms", percentile(ours, 95), percentile(theirs, 95), goal),
  ]);
}

/** What the thread that reads and the thread that writes use of a processor, for an hour that somebody typed through. */
async function recorded(index: SqliteSearchIndex, hours: number, { log }: BenchContext): Promise<Figure[]> {
  const key = makeSigningKey();
  const processorMs: number[] = [];
  const elapsedMs: number[] = [];
  for (let n = 0; n < hours; n++) {
    const { recording, keystrokes, outputBytes } = await recordedHour(n + 1, key);
    const source = exportSource(recording);
    const open = await source.open(recording.summary.session);
    let count = 0;
    const began = process.cpuUsage();
    const tookMs = await timeMs(async () => {
      const { documents, about } = extract(source, { open, index: recording.index, contents: "all", share: 1 });
      const all = async function* () {
        for await (const batch of documents) {
          count += batch.length;
          yield* batch;
        }
      };
      await index.put(open.session, all(), about);
    });
    const { user, system } = process.cpuUsage(began);
    log(`an hour of ${keystrokes} keystrokes and ${outputBytes} bytes of output makes ${count} documents`);
    processorMs.push((user + system) / 1_000);
    elapsedMs.push(tookMs);
  }
  return [
    figure("a recorded hour, read and put in: processor", "ms", median(processorMs), null),
    figure("a recorded hour, read and put in: elapsed", "ms", median(elapsedMs), null),
  ];
}
