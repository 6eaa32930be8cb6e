// `kill -9` at random points, again and again on the same spool, also while it recovers: what was acknowledged is in
// the recordings, in order, once; every recording is closed, chained and signed; nothing is set aside as damaged.
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../recorder/store/create-store.ts";
import { encryptIn } from "../support/encryption.ts";
import { seededRandom } from "../support/flaky-store.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
import { acknowledged, expectHolds, killWriter, startWriter } from "./crash-run.ts";
import { readBack, recordingsIn } from "./read-back.ts";
import { type Directories, makeDirectories, makeRecorder } from "./recorder-fixture.ts";

let directories: Directories;
beforeEach(() => {
  directories = makeDirectories();
});
afterEach(() => directories.remove());

for (const [seed, encrypted] of [
  [1, false],
  [2, false],
  [3, false],
  [4, true],
] as const) {
  test(`killed at random points${encrypted ? ", with encryption" : ""}, seed ${seed}`, async () => {
    const identity = encrypted ? (await encryptIn(directories.base)).identity : undefined;
    const random = seededRandom(seed);
    const kills = 6;
    for (let run = 0; run < kills; run++) {
      const last = run === kills - 1;
      const whileRecovering = run > 0 && random() < 0.35 && !last;
      const child = startWriter(directories, run, "record");
      if (whileRecovering) {
        await sleep(300 + random() * 500);
      } else {
        await Promise.race([once(child, "message"), once(child, "exit")]);
        expect(child.exitCode, "the process that is to be killed ended by itself").toBeNull();
        await sleep(random() * 900);
        // However slow the machine: several sessions have met a kill.
        if (last)
          await waitFor(() => acknowledged(directories).size > 4, { what: "several sessions", timeoutMs: 60_000 });
      }
      await killWriter(child);
    }
    await expectNothingLost(identity);
  });
}

async function expectNothingLost(identity: string | undefined): Promise<void> {
  const known = acknowledged(directories);
  expect(known.size, "sessions that were opened before the kills").toBeGreaterThan(4);
  const store = createStore({ kind: "fs", directory: directories.store });
  const { recorder, told } = await makeRecorder(directories, store);
  const { damaged } = await recorder.recover();
  expect(damaged).toEqual([]);
  await waitFor(() => sessionFolders().length === 0, { what: "every recording to be stored", timeoutMs: 60_000 }).catch(
    async (error: Error) => {
      const left = sessionFolders().map((name) => [name, ...readdirSync(path.join(directories.spool, name))].join(" "));
      throw new Error(
        `${error.message}: ${JSON.stringify({ left, said: told.messages, spool: await recorder.spool() })}`,
      );
    },
  );
  await recorder.stop();
  expect([...told.alarms]).toEqual([]);

  const stored = await recordingsIn(store);
  const sequences: number[] = [];
  for (const session of stored.keys()) {
    const back = await readBack(store, session, identity);
    sequences.push(back.manifest.recorder.sequence);
    const acks = known.get(session);
    // Opened, and killed before anybody was told.
    if (!acks) continue;
    expectHolds(back, acks);
    if (acks.closed) expect(back.manifest).toMatchObject({ state: "sealed", endReason: "client-closed", gaps: [] });
    else if (back.manifest.state === "interrupted") {
      expect(back.manifest.endReason).toBe("recorder-crash");
      expect(back.manifest.gaps.length, "the interruption is stated as a gap").toBeGreaterThan(0);
    }
  }
  for (const session of known.keys()) expect([...stored.keys()], "an opened session").toContain(session);
  expect(
    sequences.toSorted((a, b) => a - b),
    "the recorder's sequence has no gap and no double",
  ).toEqual(sequences.map((_, i) => i + 1));
}

function sessionFolders(): string[] {
  return readdirSync(directories.spool).filter((name) => /^[0-9a-f]{8}-/.test(name));
}
