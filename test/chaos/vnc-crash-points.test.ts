// `kill -9` at random points of VNC recordings, again and again on the same spool: after recovery the picture is what
// was durable, to the pixel, in every segment by itself and in all of them in a row; no decoder was lost on the way.
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RecordingVerifier } from "../../recorder/catalog/verify.ts";
import { RecordingKeys } from "../../recorder/encryption/recording-keys.ts";
import { createStore } from "../../recorder/store/create-store.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import { encryptIn } from "../support/encryption.ts";
import { seededRandom } from "../support/flaky-store.ts";
import { KnownScreen } from "../support/rfb-bytes.ts";
import { framesOf, playScreen } from "../support/screen-playback.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
import { type Acknowledged, acknowledged, killWriter, startWriter } from "./crash-run.ts";
import { type ReadBack, readBack, recordingsIn } from "./read-back.ts";
import { type Directories, makeDirectories, makeRecorder } from "./recorder-fixture.ts";
import { screenSize, stepRect } from "./vnc-crash-writer.ts";

let directories: Directories;
beforeEach(() => {
  directories = makeDirectories();
});
afterEach(() => directories.remove());

for (const [seed, encrypted] of [
  [11, false],
  [12, false],
  [13, true],
] as const) {
  test(`killed at random points${encrypted ? ", with encryption" : ""}, seed ${seed}`, async () => {
    const identity = encrypted ? (await encryptIn(directories.base)).identity : undefined;
    const random = seededRandom(seed);
    const last = 4;
    for (let run = 0; run <= last; run++) {
      const whileRecovering = run > 0 && random() < 0.3 && run < last;
      const child = startWriter(directories, run, "vnc");
      if (whileRecovering) {
        await sleep(300 + random() * 700);
      } else {
        await Promise.race([once(child, "message"), once(child, "exit")]);
        expect(child.exitCode, "the process that is to be killed ended by itself").toBeNull();
        await sleep(200 + random() * 1500);
        // However slow the machine: of one kill it is known that it came after segments of a screen.
        if (run === last)
          await waitFor(() => hasClosedScreens(run), { what: "closed segments of a screen", timeoutMs: 60_000 });
      }
      await killWriter(child);
    }
    await expectNothingLost(identity);
  });
}

/** Of a session that does not end by itself, and of more than one that was opened. */
function hasClosedScreens(run: number): boolean {
  const known = acknowledged(directories);
  const list = (session: string) => readFileSync(path.join(directories.spool, session, "segments.jsonl"), "utf8");
  const goingOn = [...known].filter(([, acks]) => acks.run === run && acks.ordinal % 3 !== 0 && !acks.closed);
  return known.size > 2 && goingOn.some(([session]) => list(session).split('"track":"screen-0"').length > 2);
}

async function expectNothingLost(identity: string | undefined): Promise<void> {
  const known = acknowledged(directories);
  expect(known.size, "sessions that were opened before the kills").toBeGreaterThan(2);
  const store = createStore({ kind: "fs", directory: directories.store });
  const { recorder, told } = await makeRecorder(directories, store);
  expect((await recorder.recover()).damaged).toEqual([]);
  const folders = () => readdirSync(directories.spool).filter((name) => /^[0-9a-f]{8}-/.test(name));
  await waitFor(() => folders().length === 0, { what: "every recording to be stored", timeoutMs: 60_000 });
  await recorder.stop();
  expect([...told.alarms]).toEqual([]);

  let afterSegments = 0;
  for (const session of (await recordingsIn(store)).keys()) {
    const back = await readBack(store, session, identity);
    expect(await faultsOf(store, session, back, identity)).toEqual([]);
    const acks = known.get(session);
    // Opened, and killed before anybody was told.
    if (!acks) continue;
    if (acks.closed) expect(back.manifest).toMatchObject({ state: "sealed", gaps: [] });
    expect(back.events().filter((event) => event.type === "decode-error")).toEqual([]);
    expectPicture(back, acks);
    const typed = back.inputLines().filter((line) => line.k === "vkey");
    expect(typed.length, "acknowledged keys").toBeGreaterThanOrEqual(acks.steps);
    expect(typed.map((line) => line["sym"])).toEqual(typed.map((_, step) => 0x61 + (step % 26)));
    if (back.manifest.state === "interrupted" && screenSegments(back) > 1) afterSegments++;
  }
  for (const session of known.keys()) expect([...(await recordingsIn(store)).keys()]).toContain(session);
  expect(afterSegments, "crashes of recordings that had closed segments of their screen").toBeGreaterThan(0);
}

const screenSegments = (back: ReadBack): number =>
  back.manifest.segments.filter((segment) => segment.track === "screen-0").length;

async function faultsOf(
  store: ObjectStore,
  session: string,
  { manifest }: ReadBack,
  identity: string | undefined,
): Promise<string[]> {
  const { keyId } = manifest.recorder;
  const pem = Buffer.from(await store.get(`keys/${keyId}.pub.pem`)).toString();
  const trustedKeys = () => new Map([[keyId, pem]]);
  const keys = RecordingKeys.of(identity === undefined ? [] : [identity]);
  const report = await new RecordingVerifier({ store, trustedKeys, keys }).verify(session);
  expect(report.unopenedSegments).toBeUndefined();
  return report.findings.map((finding) => `${finding.place}: ${finding.message}`);
}

/** The picture is that of some step from the last acknowledged on, with at most a part of the next one's rectangle. */
function expectPicture(back: ReadBack, { run, ordinal, steps }: Acknowledged): void {
  const played = playScreen(back.manifest, (name) => back.picture(name));
  framesOf(back.manifest, (name) => back.picture(name));
  const last = played.at(-1)?.last;
  if (!last) {
    expect(steps, "acknowledged steps of a screen that is not there").toBe(0);
    return;
  }
  const known = new KnownScreen(screenSize.width, screenSize.height);
  for (let step = 0; step < steps; step++) known.draw(stepRect(run, ordinal, step));
  for (let step = steps; step < steps + 3; step++) {
    const before = Buffer.from(known.rgba);
    known.draw(stepRect(run, ordinal, step));
    if (isBetween(last, before, known.rgba)) return;
  }
  expect.unreachable(`the picture of run ${run}, session ${ordinal} is none that was sent after step ${steps}`);
}

/** Every pixel is as before, or as after. */
function isBetween(picture: Buffer, before: Buffer, after: Buffer): boolean {
  for (let at = 0; at < picture.length; at++) {
    if (picture[at] !== before[at] && picture[at] !== after[at]) return false;
  }
  return true;
}
