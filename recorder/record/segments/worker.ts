// The segment worker's thread: reads journal batches, keeps each session's tracks, says when it is done. Everything
// heavy (terminal emulation, compression, hashing, segment files) happens here and never in a byte's path.
import { readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { FeedPiece } from "../../../shared/live/feed.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { segmentCodec } from "../../store/codec.ts";
import { batchRecords, type JournalRecord } from "../journal/format.ts";
import { sessionInputKey } from "../journal/input-key.ts";
import { sessionDirectory } from "../spool-layout.ts";
import { type FromWorker, nearUs, type ToWorker, type WorkerSettings } from "./messages.ts";
import { restoreTerminals } from "./restore.ts";
import { sealSecret } from "./secret-seal.ts";
import { SegmentSeal } from "./segment-seal.ts";
import { SessionTracks } from "./session-tracks.ts";

const port = parentPort;
if (!port) throw new Error("segments/worker.ts runs as a worker thread only");
const settings = workerData as WorkerSettings;
// On Linux 0 is the calling thread alone: the byte's path goes before what is written behind it.
if (process.platform === "linux") setPriority(0, 5);
// Decoders and all that they need are loaded where there are screens alone.
const screens = settings.screens ? await import("./screens.ts") : null;
await screens?.ready(settings.screenCount);
const sessions = new Map<string, SessionTracks>();
/** Sessions whose close waits for sealing, for a notice's way through the journal, or for room on the disk. */
const settling = new Set<string>();
const closing = new Map<string, number>();
const coveredSaid = new Map<string, number>();

/** Those that somebody follows, with what was not told yet. */
const feeds = new Map<string, { feed: number; pieces: FeedPiece[] }>();

function say(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}

/** Larger pieces of memory change hands; smaller ones are cheaper to copy. */
const transferBytes = 16 * 1024;

function sayFed(session: string): void {
  const fed = feeds.get(session);
  if (!fed || fed.pieces.length === 0) return;
  const { feed, pieces } = fed;
  fed.pieces = [];
  const memory = pieces.flatMap(({ bytes }) => (bytes.length >= transferBytes ? [bytes.buffer as ArrayBuffer] : []));
  say({ type: "fed", session, feed, pieces }, memory);
}

function tellFed(): void {
  for (const session of feeds.keys()) {
    guarded(session, () => sessions.get(session)?.tell());
    sayFed(session);
  }
}

function feed(session: string, number: number | null): void {
  const tracks = sessions.get(session);
  feeds.delete(session);
  tracks?.follow(null);
  if (number === null || !tracks) return;
  const fed = { feed: number, pieces: [] as FeedPiece[] };
  feeds.set(session, fed);
  tracks.follow((piece) => fed.pieces.push(piece));
  if (fed.pieces.length > 0) sayFed(session);
  else say({ type: "fed", session, feed: number, pieces: [] });
}

function open(message: Extract<ToWorker, { type: "open" }>): void {
  const { session } = message;
  const recipients = message.sealRecipients;
  const directory = sessionDirectory(settings.spool, session);
  const storedAs = new SegmentSeal(session, message.dataKeys);
  const tracks = new SessionTracks(
    {
      session,
      directory,
      openSha256: message.openSha256,
      startedAtSeconds: message.startedAtSeconds,
      originUs: message.originUs,
      limits: settings.limits,
      inputKey: sessionInputKey(settings.key, session),
      maskTyped: message.maskTyped,
      screen: message.screen,
      makeScreen: screens?.makeScreen ?? null,
      storedAs,
      seal: recipients.length > 0 ? (text) => sealSecret(text, recipients) : null,
      resume: message.resume,
    },
    {
      segment: ({ meta, opened }, covered) => {
        sayFed(session);
        coveredSaid.set(session, covered);
        say({ type: "segment", session, meta, opened, covered });
      },
      derive: (notice, channel, facts, cause) => say({ type: "derived", session, notice, channel, facts, cause }),
      writeFailed: (error) => {
        const { code, message: text } = error as NodeJS.ErrnoException;
        say({ type: "write-failed", session, code: code ?? "EIO", message: text });
      },
      writeResumed: () => say({ type: "write-resumed", session }),
    },
  );
  sessions.set(session, tracks);
  if (message.resume) {
    const read = (meta: SegmentMeta) => storedAs.read(meta, readFileSync(join(directory, meta.name)));
    restoreTerminals(tracks, read, message.resume);
    screens?.restoreScreens(tracks, directory, read, message.resume);
  }
}

type BadRecords = Extract<FromWorker, { type: "bad-records" }>;

/** A lost key makes thousands of them. */
function noteBad(bad: BadRecords[], { session, atUs }: JournalRecord, message: string): void {
  const near = bad.findLast((records) => records.session === session);
  if (near && atUs - near.toUs <= nearUs) {
    near.toUs = Math.max(near.toUs, atUs);
    near.records++;
  } else {
    bad.push({ type: "bad-records", session, fromUs: atUs, toUs: atUs, records: 1, message });
  }
}

function batch(message: Extract<ToWorker, { type: "batch" }>): void {
  const { buffer, length, id } = message;
  const bad: BadRecords[] = [];
  for (const record of batchRecords(Buffer.from(buffer), length)) {
    try {
      sessions.get(record.session)?.record(record);
    } catch (error) {
      noteBad(bad, record, (error as Error).message);
    }
  }
  for (const records of bad) say(records);
  say({ type: "ack", id });
}

function sayCovered(): void {
  for (const [session, tracks] of sessions) {
    const { covered } = tracks;
    if (covered <= (coveredSaid.get(session) ?? -1)) continue;
    coveredSaid.set(session, covered);
    say({ type: "covered", session, covered });
  }
}

/** One recording's fault must not end the others': its tracks are given up, its journal records stay for recovery. */
function guarded(session: string, what: () => void): void {
  try {
    what();
  } catch (error) {
    drop(session);
    say({ type: "broken", session, message: (error as Error).stack ?? String(error) });
  }
}

function drop(session: string): void {
  sessions.get(session)?.dispose();
  sessions.delete(session);
  settling.delete(session);
  closing.delete(session);
  coveredSaid.delete(session);
  feeds.delete(session);
}

function settle(session: string): void {
  const tracks = sessions.get(session);
  tracks?.settle();
  if (tracks && !tracks.settled) return;
  settling.delete(session);
  say({ type: "settled", session });
}

function close(session: string): void {
  const tracks = sessions.get(session);
  if (!tracks) {
    closing.delete(session);
    say({ type: "broken", session, message: "its tracks were given up before" });
    return;
  }
  const closed = tracks.close();
  sayFed(session);
  if (!closed) return;
  feeds.delete(session);
  closing.delete(session);
  sessions.delete(session);
  coveredSaid.delete(session);
  const result = tracks.result();
  tracks.dispose();
  say({ type: "closed", session, result });
}

/** What waits on something outside this thread is looked at again after every message, and now and then. */
function goOn(): void {
  for (const session of settling) guarded(session, () => settle(session));
  for (const session of closing.keys()) guarded(session, () => close(session));
}

function tick(tracks: SessionTracks, nowUs: number): void {
  if (tracks.originUs === null) tracks.retry();
  else tracks.tick(nowUs - tracks.originUs);
}

function handle(message: ToWorker): void {
  switch (message.type) {
    case "open":
      guarded(message.session, () => open(message));
      return;
    case "batch":
      batch(message);
      return;
    case "tick":
      if (message.session !== undefined) {
        const tracks = sessions.get(message.session);
        if (tracks) guarded(message.session, () => tick(tracks, message.nowUs));
        return;
      }
      for (const [session, tracks] of sessions) guarded(session, () => tick(tracks, message.nowUs));
      sayCovered();
      return;
    case "feed":
      guarded(message.session, () => feed(message.session, message.feed));
      return;
    case "trim":
      guarded(message.session, () => sessions.get(message.session)?.trim());
      return;
    case "cut":
      for (const session of message.sessions) guarded(session, () => sessions.get(session)?.cut(message.force));
      sayCovered();
      return;
    case "settle":
      settling.add(message.session);
      return;
    case "close":
      closing.set(message.session, message.endUs);
      return;
    case "drop":
      drop(message.session);
      return;
    case "sync":
      say({ type: "synced", id: message.id });
      return;
  }
}

port.on("message", (message: ToWorker) => {
  handle(message);
  if (settling.size > 0 || closing.size > 0) goOn();
  if (feeds.size > 0) tellFed();
});
setInterval(() => {
  if (settling.size > 0 || closing.size > 0) goOn();
}, 50).unref();
say({ type: "ready", codec: segmentCodec() });
