// What a crash left: every recording in the spool that is not sealed is gone on with from its last durable event, closed
// as `interrupted` with the lost interval stated, and sealed; sealed ones are uploaded on. Each step may be cut short by
// the next crash and done again. Invariant: the journal's records go through the very code that the live path uses.
import { mkdir, rename, truncate } from "node:fs/promises";
import { basename, join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import type { Gap } from "../../shared/manifest/manifest.ts";
import { eraseDataKeys } from "../encryption/data-keys.ts";
import { checksumsName, manifestName } from "../store/keys.ts";
import { removeDataKeys } from "./data-key-file.ts";
import { syncDirectory, writeSynced } from "./durable-file.ts";
import { type JournalFound, replayJournal, type SessionInJournal, surveyJournal } from "./journal/read-journal.ts";
import { listJournalFiles } from "./journal/ring.ts";
import type { RecorderLogger, RecordingWitness } from "./options.ts";
import type { RecorderCore } from "./recorder-core.ts";
import { wallUsOf } from "./seal.ts";
import type { SessionResume, TrackResume } from "./segments/messages.ts";
import { newRecording, type Recording } from "./sessions.ts";
import { listSpooledSessions, readOpen, readSegmentList, type SpooledOpen } from "./spool-files.ts";
import {
  addCounts,
  damagedDirectory,
  journalDirectory,
  noCounts,
  type SpoolLine,
  segmentsListName,
  sessionDirectory,
} from "./spool-layout.ts";
import type { Sealed } from "./spool-seal.ts";

type Feed = (records: Buffer) => Promise<void>;
type Replay = (read: (feed: Feed) => Promise<void>) => Promise<void>;

interface Unsealed {
  spooled: SpooledOpen;
  lines: SpoolLine[];
}

const feedBytes = 256 * 1024;
const sealAtOnce = 8;
export const crashReason = "recorder-crash";

export async function recoverSpool(
  core: RecorderCore,
  logger: RecorderLogger,
  replay: Replay,
): Promise<{ recovered: string[]; damaged: string[] }> {
  const { directory, sequence } = core;
  const unsealed = new Map<string, Unsealed>();
  const unreadable = new Map<string, unknown>();
  const spooled = await listSpooledSessions(directory);
  const opened: SpooledOpen[] = [];
  const closed: Sealed[] = [];
  for (const session of spooled) {
    try {
      const record = await readOpen(directory, session);
      sequence.saw(record.open.recorder.sequence);
      opened.push(record);
      const sealed = await core.sealOf(session, record.sha256);
      if (sealed) {
        const { manifest } = sealed;
        const recording = newRecording(record.open, record.sha256, null);
        recording.sealHashes = sealed.hashes;
        closed.push(sealed);
        await removeDataKeys(directory, session);
        core.adopt(recording);
        core.options.events.opened(record.open, record.sha256);
        core.options.events.sealed(manifest);
        core.uploadAll(recording, manifest);
      } else {
        // With damaged keys it cannot be gone on with, and is set aside as a whole.
        eraseDataKeys((await core.dataKeysOf(record.open)) ?? {});
        unsealed.set(session, { spooled: record, lines: await readLines(directory, session) });
      }
    } catch (error) {
      unreadable.set(session, error);
    }
  }
  await tellLedger(core.options.ledger, opened, closed);
  const wanted = new Set([...unsealed.keys(), ...unreadable.keys()]);
  const found = await surveyJournal(await listJournalFiles(journalDirectory(directory)), wanted);
  for (const file of found.unreadable) await setJournalAside(core, file.path, "cannot be read", file.error);
  for (const [session, error] of unreadable) await setAside(core, session, error, found);
  for (const name of found.damaged) {
    const text = `the journal file ${name} has a damaged header; its records were read all the same`;
    core.options.events.alarm("RECORD_DAMAGED", text, { name });
  }
  adoptFiles(core, found);
  // A spool with nothing to upload makes no room by itself: a first start on a full disk fails.
  if (found.files.length === 0 && spooled.length === 0) await core.ring.whenReady();
  const recordings: Recording[] = [];
  for (const [session, left] of unsealed) recordings.push(await goOn(core, left, found.sessions.get(session)));
  const sealing = sealAll(core, recordings, unsealed, found, replay).then(() => true);
  const done = await Promise.race([sealing, core.outOfRoom.then(() => false)]);
  if (!done) sealing.catch((error: unknown) => core.recoveryFailed(error));
  const recovered = recordings.map((recording) => recording.open.session);
  if (recovered.length > 0) logger.warn({ recovered, sealed: done }, "recordings that a crash left are taken up");
  return { recovered, damaged: [...unreadable.keys()] };
}

/** A crash may have come between what is durable in the spool and the ledger. */
async function tellLedger(
  ledger: RecordingWitness | undefined,
  opened: readonly SpooledOpen[],
  closed: readonly Sealed[],
): Promise<void> {
  if (ledger === undefined) return;
  for (const { open, sha256 } of opened) await ledger.opened(open, sha256, true);
  for (const { manifest, hashes } of closed) {
    await ledger.closed(manifest, hashes.get(manifestName) ?? "", hashes.get(checksumsName) ?? "", true);
  }
}

async function sealAll(
  core: RecorderCore,
  recordings: Recording[],
  unsealed: ReadonlyMap<string, Unsealed>,
  found: JournalFound,
  replay: Replay,
): Promise<void> {
  await replay((feed) => feedAll(found, feed));
  for (const { path, error } of found.lost) {
    const text = `the journal file ${path} could be read once and not again (${(error as Error).message}): what only it held is lost; check the disk`;
    core.options.events.alarm("RECORD_DAMAGED", text, { name: basename(path), cause: String(error) });
  }
  const aliveUs = lastAlive(recordings);
  for (let at = 0; at < recordings.length; at += sealAtOnce) {
    const some = recordings.slice(at, at + sealAtOnce);
    await Promise.all(
      some.map((recording) => {
        const holes = holesOf(unsealed.get(recording.open.session)?.lines ?? [], recording.open.session, found);
        return sealLeft(core, recording, found, holes, aliveUs).catch((error: unknown) => {
          // One whose tracks cannot go on keeps nobody from working; the next start tries it again.
          if (!(error instanceof AppError && error.op === "record.close")) throw error;
          core.recoveryFailed(error);
        });
      }),
    );
  }
  // As evidence, and because its bad blocks would fail the next writes.
  for (const { path, lostBytes } of found.files)
    if (lostBytes > 0)
      await setJournalAside(core, path, `lost ${lostBytes} bytes`, new Error("the disk does not give them"));
}

/** Those with bad blocks are not written again. */
function adoptFiles(core: RecorderCore, found: JournalFound): void {
  const sound = found.files.filter((file) => file.lostBytes === 0);
  for (const { path } of found.files.filter((file) => file.lostBytes > 0)) core.ring.avoid(path);
  core.ring.adopt(sound.map(({ path, order, sessions }) => ({ path, order, sessions })));
}

/** What the journal should have of a recording beyond its closed segments, and has not. */
function holesOf(lines: readonly SpoolLine[], session: string, found: JournalFound): Gap[] {
  const journal = found.sessions.get(session);
  if (!journal) return [];
  const holes = journal.holes.map((hole) => ({ ...hole, reason: "journal-hole" }));
  const stored = { recordNo: -1, us: 0 };
  const trackEnds = new Map<string, number>();
  for (const { meta, recordNo } of lines) {
    stored.recordNo = Math.max(stored.recordNo, recordNo);
    stored.us = Math.max(stored.us, meta.endUs);
    trackEnds.set(meta.track, meta.endUs);
  }
  const { first } = journal;
  const before = (fromUs: number, toUs: number, reason: string) => {
    holes.unshift({ fromUs: Math.min(fromUs, toUs), toUs, reason });
  };
  if (first && first.recordNo > stored.recordNo + 1) before(stored.us, first.atUs, "journal-hole");
  // Of some track the records before may have been in the file that is lost.
  else if (first && first.recordNo > 0 && found.unreadable.length > 0)
    before(Math.min(stored.us, ...trackEnds.values()), first.atUs, "journal-file-lost");
  else if (!first && journal.lost.size > 0) before(stored.us, Math.max(stored.us, journal.lastUs), "journal-hole");
  return holes;
}

async function readLines(spool: string, session: string): Promise<SpoolLine[]> {
  const { lines, wholeBytes } = await readSegmentList(spool, session);
  const list = join(sessionDirectory(spool, session), segmentsListName);
  // What follows the last whole line is half a line: appending to it would spoil the next one.
  if (lines.length > 0 || wholeBytes === 0) await truncate(list, wholeBytes).catch(ignoreMissing);
  return lines;
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

/** With what the journal has of the recording: its files are used again from now on. */
async function setAside(core: RecorderCore, session: string, error: unknown, found: JournalFound): Promise<void> {
  const aside = damagedDirectory(core.directory);
  const place = join(aside, `${session}-${Date.now()}`);
  const cause = (error as Error).message;
  try {
    await mkdir(aside, { recursive: true, mode: 0o700 });
    const records = await recordsOf(found, session);
    if (records.length > 0) await writeSynced(`${place}.journal`, records);
    const note = `The recording's folder in the spool cannot be read: ${cause}\n${
      records.length > 0
        ? "The .journal file beside it holds its records of the journal, one after the other; typed input in them is encrypted with a key of journal.key.\n"
        : ""
    }`;
    await writeSynced(`${place}.note.txt`, Buffer.from(note));
    await syncDirectory(aside);
    await rename(sessionDirectory(core.directory, session), place);
    await syncDirectory(core.directory);
  } catch (failure) {
    // Its journal files stay as they are, and the next start tries again.
    const text = `the recording ${session} cannot be read in the spool, and it cannot be set aside in ${aside} (${(failure as Error).message}): it stays where it is; make room or mend the disk, and restart the service`;
    core.options.events.alarm("RECORD_DAMAGED", text, { session, cause });
    return;
  }
  found.sessions.delete(session);
  for (const file of found.files) {
    file.sessions.delete(session);
    file.numbers.delete(session);
  }
  const text = `the recording ${session} cannot be read in the spool; its folder was set aside in ${aside}`;
  core.options.events.alarm("RECORD_DAMAGED", text, { session, cause });
}

async function recordsOf(found: JournalFound, session: string): Promise<Buffer> {
  const records: Buffer[] = [];
  const mine = found.sessions.get(session);
  if (!mine) return Buffer.alloc(0);
  const only = { ...found, sessions: new Map([[session, mine]]) };
  await replayJournal(only, async (record) => void records.push(record));
  return Buffer.concat(records);
}

/** The recordings that have records in it state what is missing as a hole. */
async function setJournalAside(core: RecorderCore, path: string, fault: string, error: unknown): Promise<void> {
  const name = basename(path);
  const aside = damagedDirectory(core.directory);
  let what = `it was set aside in ${aside}`;
  try {
    await mkdir(aside, { recursive: true, mode: 0o700 });
    await rename(path, join(aside, `${name}-${Date.now()}`));
  } catch (failure) {
    core.ring.avoid(path);
    what = `it stays where it is, unused (${(failure as Error).message})`;
  }
  const cause = (error as Error).message;
  const text = `the journal file ${path} ${fault} (${cause}); ${what}: what only it held is lost; check the disk`;
  core.options.events.alarm("RECORD_DAMAGED", text, { name, cause });
}

function resumeOf(lines: SpoolLine[], openSha256: string, journal: SessionInJournal | undefined): SessionResume {
  const tracks = new Map<string, TrackResume>();
  const counts = noCounts();
  for (const { meta, recordNo, counts: more } of lines) {
    const before = tracks.get(meta.track);
    tracks.set(meta.track, {
      track: meta.track,
      nextIndex: meta.index + 1,
      recordNo: Math.max(before?.recordNo ?? -1, recordNo),
      last: meta,
    });
    addCounts(counts, more);
  }
  return {
    tracks: [...tracks.values()],
    opened: lines.flatMap((line) => line.opened),
    counts,
    nextN: lines.length,
    lastLink: lines.at(-1)?.meta.link ?? openSha256,
    derived: journal?.derived ?? [],
  };
}

/** The recording as it was, with a writer that goes on after its last number. */
async function goOn(core: RecorderCore, left: Unsealed, journal: SessionInJournal | undefined): Promise<Recording> {
  const { open, sha256 } = left.spooled;
  const last = { recordNo: -1, seq: -1, us: 0 };
  for (const { meta, recordNo } of left.lines) {
    last.recordNo = Math.max(last.recordNo, recordNo);
    last.seq = Math.max(last.seq, meta.lastSeq);
    last.us = Math.max(last.us, meta.endUs);
  }
  const writer = core.newWriter(open, null, {
    recordNo: Math.max(last.recordNo, journal?.recordNos.at(-1) ?? -1) + 1,
    seq: Math.max(last.seq, journal?.lastSeq ?? -1) + 1,
    lastUs: Math.max(last.us, journal?.lastUs ?? 0),
  });
  const recording = newRecording(open, sha256, writer);
  recording.segments = left.lines.map((line) => line.meta);
  recording.terminals = left.lines.flatMap((line) => line.opened.map((track) => track.meta));
  for (const meta of recording.segments) recording.newest.set(meta.track, { name: meta.name, confirmed: false });
  core.adopt(recording);
  core.options.events.opened(open, sha256);
  await core.openInWorker(recording, null, resumeOf(left.lines, sha256, journal));
  return recording;
}

async function feedAll(found: JournalFound, feed: Feed): Promise<void> {
  let batch: Buffer[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    if (batch.length > 0) await feed(Buffer.concat(batch));
    batch = [];
    bytes = 0;
  };
  await replayJournal(found, async (record) => {
    batch.push(record);
    bytes += record.length;
    if (bytes >= feedBytes) await send();
  });
  await send();
}

/** Wall time (µs) of the last thing that this recorder is known to have done. */
function lastAlive(recordings: Recording[]): number {
  return Math.max(0, ...recordings.map(({ open, writer }) => wallUsOf(open.startedAt) + (writer?.lastUs ?? 0)));
}

async function sealLeft(
  core: RecorderCore,
  recording: Recording,
  found: JournalFound,
  holes: Gap[],
  aliveUs: number,
): Promise<void> {
  const { writer, open } = recording;
  if (!writer) return;
  const journal = found.sessions.get(open.session);
  for (const hole of holes) writer.addGap(hole);
  if (holes.length > 0) {
    const text = `the journal has lost records of the recording ${open.session}: it is sealed with what there is, and its manifest states ${holes.length} gaps; check the spool's disk`;
    core.options.events.alarm("RECORD_DAMAGED", text, { session: open.session, gaps: holes });
  }
  if (journal?.endReason) {
    await core.finish(recording, journal.endReason, "sealed");
    return;
  }
  const fromUs = writer.lastUs;
  // Nothing typed is missing: it was durable before it was forwarded. Of the output the last moments may be.
  writer.addGap({ fromUs, toUs: Math.max(fromUs, aliveUs - wallUsOf(open.startedAt)), reason: crashReason });
  writer.append({ type: "notice", notice: "session-close", facts: { reason: crashReason } });
  await core.finish(recording, crashReason, "interrupted");
}
