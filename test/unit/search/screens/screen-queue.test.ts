import { expect, test } from "vitest";
import { type ReadScreens, ScreenQueue } from "../../../../recorder/search/screens/screen-queue.ts";
import type { RecordingIndex } from "../../../../shared/api/types.ts";
import type { OpenRecord } from "../../../../shared/manifest/open-record.ts";

const texts = { found: [], leftOut: 0, damage: [], failure: null };
const open = (session: string, month?: string) =>
  ({ session, ...(month === undefined ? {} : { encryption: { serviceKey: month } }) }) as OpenRecord;
const index = {} as RecordingIndex;

function queue(read: ReadScreens) {
  const done: string[] = [];
  const made = new ScreenQueue({ read, logger: { warn: () => {} }, done: (session) => done.push(session) });
  return { made, done };
}

/** Ends when it is told to stop. */
const untilStopped: ReadScreens = (_index, stop) =>
  new Promise((_resolve, reject) => {
    if (stop.aborted) reject(new Error("stopped"));
    stop.addEventListener("abort", () => reject(new Error("stopped")));
  });

test("what was read is given once", async () => {
  const { made, done } = queue(async () => texts);
  made.add(open("a"), index);
  await made.settled();
  expect(done).toEqual(["a"]);
  expect([made.take("a"), made.take("a")]).toEqual([texts, null]);
});

test("a recording that leaves, or whose key is destroyed, is read no further and gives nothing", async () => {
  const { made, done } = queue(untilStopped);
  made.add(open("a"), index);
  made.add(open("b", "2026-11"), index);
  made.drop("a");
  made.dropMonth("2026-11");
  await made.settled();
  expect([done, made.size]).toEqual([[], 0]);
});

test("a service that stops waits for no reading", async () => {
  const { made, done } = queue(untilStopped);
  made.add(open("a"), index);
  await made.close();
  expect(done).toEqual([]);
});

test("a reading that fails is given as left out, so that the recording is not read for ever", async () => {
  const { made } = queue(() => Promise.reject(new Error("it broke")));
  made.add(open("a"), index);
  await made.settled();
  expect(made.take("a")).toMatchObject({ found: [], leftOut: 1 });
});
