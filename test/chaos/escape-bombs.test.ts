// One session's output may not stop the recording of the others, nor the next start: sequences that an emulator would
// repeat two thousand million times, recorded live, and read again by a recovery.
import { cpSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Recorder, SessionRecorder } from "../../recorder/record/recorder.ts";
import { createStore } from "../../recorder/store/create-store.ts";
import { waitFor } from "../support/wait-for.ts";
import { readBack } from "./read-back.ts";
import { type Directories, makeDirectories, makeRecorder, openFacts } from "./recorder-fixture.ts";

const bombs = ["S", "T", "L", "M", "b", "I", "Z", "J", "@", "P", "X", " @", " A", "'}", "'~"]
  .map((final) => `日\x1b[2147483647${final}`)
  .join("");

const made: Directories[] = [];
let directories: Directories;
beforeEach(() => {
  directories = newDirectories();
});
afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

function newDirectories(): Directories {
  const one = makeDirectories();
  made.push(one);
  return one;
}

async function shell(recorder: Recorder, output: string): Promise<SessionRecorder> {
  const session = await recorder.open(openFacts());
  session.append({ type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
  session.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(output) });
  // Keystrokes make the recorder look at the screen.
  session.append({ type: "input", channel: 0, data: Buffer.from("x") });
  await session.durable();
  return session;
}

test("live, and through a recovery", async () => {
  const store = createStore({ kind: "fs", directory: directories.store });
  const { recorder, told } = await makeRecorder(directories, store);
  await recorder.recover();
  const bomb = await shell(recorder, bombs);
  const other = await shell(recorder, "pump 3 started\r\n");

  const crashed = newDirectories();
  // As a crash leaves it; the lock belongs to the process.
  cpSync(directories.spool, crashed.spool, { recursive: true, filter: (file) => !/lock/.test(path.basename(file)) });
  cpSync(directories.keys, crashed.keys, { recursive: true });

  await Promise.all([bomb.close("client-closed"), other.close("client-closed")]);
  await waitFor(() => told.stored.length === 2, { what: "both recordings to be stored" });
  await recorder.stop();
  expect((await readBack(store, bomb.session)).output(0).toString()).toBe(bombs);
  expect((await readBack(store, other.session)).output(0).toString()).toBe("pump 3 started\r\n");

  const secondStore = createStore({ kind: "fs", directory: crashed.store });
  const second = await makeRecorder(crashed, secondStore);
  const { recovered } = await second.recorder.recover();
  expect(recovered.toSorted()).toEqual([bomb.session, other.session].toSorted());
  await waitFor(() => second.told.stored.length === 2, { what: "both to be stored after the recovery" });
  await second.recorder.stop();
  expect((await readBack(secondStore, bomb.session)).output(0).toString()).toBe(bombs);
}, 60_000);
