import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type IndexedRecordings, SearchIndexer } from "../../../recorder/search/indexer.ts";
import { openSqliteIndex } from "../../../recorder/search/sqlite-index.ts";
import { AppError } from "../../../shared/errors.ts";
import { damageIndex } from "../../support/damaged-index.ts";
import { exportSource } from "../../support/evidence-plant.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { waitFor } from "../../support/wait-for.ts";

const key = makeSigningKey();
const logger = { info: () => {}, warn: () => {}, error: () => {} };

async function make(seed: number, line: string): Promise<BuiltRecording> {
  const startedAt = `2026-11-23T0${seed}:00:00.000000Z`;
  const made = new RecordingBuilder({ person: "erika", target: `plc-${seed}`, startedAt, seed }, key);
  made.channel(0, { request: "shell", pty: true });
  await made.output(0, 1_000_000, `${line}\r\n`);
  return made.finish(60_000_000);
}

let pump: BuiltRecording;
let valve: BuiltRecording;
beforeAll(async () => {
  pump = await make(1, "pump started");
  valve = await make(2, "valve opened");
});

let directory: string;
let there: Map<string, BuiltRecording>;
let fault: ((session: string) => Error | null) | null;
let closing: (() => Promise<void>)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "search-indexer-"));
  there = new Map([pump, valve].map((one) => [one.index.session, one]));
  fault = null;
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  rmSync(directory, { recursive: true, force: true });
});

const recordings: IndexedRecordings = {
  open: async (session) => exportSource(found(session)).open(session),
  index: async (session) => found(session).index,
  segment: async (session, n) => exportSource(found(session)).segment(session, n),
};

function found(session: string): BuiltRecording {
  const broken = fault?.(session) ?? null;
  if (broken !== null) throw broken;
  const recording = there.get(session);
  if (recording === undefined) throw new AppError("REQUEST_NOT_FOUND", "no such recording", { op: "test" });
  return recording;
}

async function start(more: Partial<ConstructorParameters<typeof SearchIndexer>[0]> = {}): Promise<SearchIndexer> {
  const indexer = new SearchIndexer({
    index: await openSqliteIndex(join(directory, "search.db")),
    recordings,
    sealed: async () => [...there.keys()],
    encrypted: "session",
    share: 1,
    logger,
    ...more,
  });
  closing.push(() => indexer.close());
  await indexer.start();
  await indexer.settled();
  return indexer;
}

const texts = async (indexer: SearchIndexer, q: string) =>
  (await indexer.search({ q, limit: 10 })).items.map(({ snippet }) => snippet.text);

test("what was sealed while the service was away is read at its start, in a thread of its own", async () => {
  const indexer = await start({ thread: true });
  expect(await texts(indexer, "pump")).toEqual(["pump started"]);
  expect(await texts(indexer, "valve")).toEqual(["valve opened"]);
  expect(await indexer.coverage()).toMatchObject({ sessions: 2, waiting: 0, damaged: 0 });
  expect(await indexer.health()).toEqual([{ name: "search", ok: true, message: "2 recordings are in the index" }]);
});

test("a recording that expires leaves at once, and one that is gone when the service starts has left", async () => {
  const indexer = await start();
  there.delete(pump.index.session);
  await indexer.expired(pump.index.session);
  expect(await texts(indexer, "pump")).toEqual([]);
  await closing.pop()?.();
  there.delete(valve.index.session);
  const again = await start();
  expect(await texts(again, "valve")).toEqual([]);
  expect(await again.coverage()).toMatchObject({ sessions: 0 });
});

test("one that expires while it is read is not in the index afterwards", async () => {
  const sealed = there;
  there = new Map();
  const indexer = await start();
  there = sealed;
  let hasExpired: Promise<void> | null = null;
  fault = (session) => {
    hasExpired ??= indexer.expired(session);
    return null;
  };
  indexer.sealed(pump.index.session);
  await indexer.settled();
  expect(hasExpired).not.toBeNull();
  await hasExpired;
  expect(await indexer.coverage()).toMatchObject({ sessions: 0 });
});

test("a damaged recording is found by who and where, is counted, and stops nothing", async () => {
  fault = (session) =>
    session === pump.index.session ? new AppError("INTEGRITY_FORMAT", "open.json is no JSON", { op: "test" }) : null;
  const indexer = await start();
  expect(await texts(indexer, "valve")).toEqual(["valve opened"]);
  const [health] = await indexer.health();
  expect(health).toMatchObject({ ok: true, message: expect.stringContaining("1 cannot be read at all") });
});

test("a store that is away is asked again", async () => {
  let isAway = true;
  fault = () => (isAway ? new AppError("STORE_UNAVAILABLE", "no answer", { op: "test", retryable: true }) : null);
  const indexer = await start({ retryMs: 1 });
  isAway = false;
  await waitFor(async () => (await indexer.coverage()).sessions === 2, { what: "both to be in the index" });
  expect(await texts(indexer, "pump")).toEqual(["pump started"]);
});

test("of an encrypted recording only what is in clear goes into the index, unless it is asked for", async () => {
  const encrypted: IndexedRecordings = {
    ...recordings,
    open: async (session) => ({
      ...(await recordings.open(session)),
      encryption: {
        scheme: "conduit-seal/1",
        serviceKey: "2027-02",
        streams: {
          content: { recipients: [], wrapped: "", check: "" },
          input: { recipients: [], wrapped: "", check: "" },
        },
      },
    }),
  };
  const indexer = await start({ recordings: encrypted });
  expect(await texts(indexer, "pump")).toEqual([]);
  expect(await texts(indexer, "plc-1")).toHaveLength(1);
  expect(await indexer.coverage()).toMatchObject({ sessions: 2, withoutContents: 2 });
  await indexer.shredded("2027-02");
  expect(await texts(indexer, "plc-1")).toEqual([]);
  await closing.pop()?.();
  rmSync(directory, { recursive: true, force: true });
  const open = await start({ recordings: encrypted, encrypted: "index" });
  expect(await texts(open, "pump")).toEqual(["pump started"]);
});

test("an index that is damaged while it is in use is made again from the store, and health fails meanwhile", async () => {
  let isAway = false;
  fault = () => (isAway ? new AppError("STORE_UNAVAILABLE", "no answer", { op: "test", retryable: true }) : null);
  const indexer = await start({ retryMs: 1 });
  isAway = true;
  await damageIndex(join(directory, "search.db"));
  await expect(texts(indexer, "pump")).rejects.toThrow("is damaged; it is being made again");
  expect(await indexer.health()).toMatchObject([{ ok: false }]);
  isAway = false;
  await waitFor(async () => (await indexer.health())[0]?.ok === true, { what: "all to be in the index again" });
  expect(await texts(indexer, "pump")).toEqual(["pump started"]);
  expect(await texts(indexer, "valve")).toEqual(["valve opened"]);
});

test("a service that stops does not wait for the thread that reads", async () => {
  let asked: (() => void) | undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  // The thread has no documents to give as long as it has no answer.
  const segment = () => {
    asked?.();
    return new Promise<never>(() => {});
  };
  const sealed = there;
  there = new Map();
  const indexer = await start({ thread: true, recordings: { ...recordings, segment } });
  closing.pop();
  there = sealed;
  indexer.sealed(pump.index.session);
  await isAsked;
  await indexer.close();
  expect(await indexer.settled()).toBeUndefined();
});
