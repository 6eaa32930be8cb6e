// Recordings read without the service: the database as index, then the spool's files, then the store. The service may be
// running beside it; what it has not sealed yet is not readable here.
import { readFile } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { Command } from "commander";
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { sessionIdPattern } from "../../../shared/ids.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import type { MonthKeys } from "../../access/month-keys.ts";
import { OpenedRecordings } from "../../catalog/opened-recordings.ts";
import { RecordingReader } from "../../catalog/reader.ts";
import { Recordings } from "../../catalog/recordings.ts";
import { type Config, storeOptions } from "../../config.ts";
import type { ServiceDatabase } from "../../database.ts";
import { RecordingKeys } from "../../encryption/recording-keys.ts";
import { openMonthKeys } from "../../encryption-service.ts";
import { meantTrack } from "../../export/video/meant-track.ts";
import { readPublicKey, signingKeyHistory } from "../../signing-keys.ts";
import type { ObjectStore } from "../../store/object-store.ts";
import { type Cli, inWorkspace, type Workspace } from "../cli.ts";
import { openMasterKey } from "../key-files.ts";
import { printable } from "../output.ts";
import { withReasons } from "./reasons.ts";

/** Spool, store and index, to be read. */
export interface Shelves {
  config: Config;
  database: ServiceDatabase;
  store: ObjectStore;
  reader: RecordingReader;
  /** The same with segments decrypted. */
  opened: OpenedRecordings;
  keys: RecordingKeys;
  recordings: Recordings;
}

/** The same for a person's command, which the audit names. */
export interface Archive extends Workspace, Shelves {}

export function inArchive<T>(cli: Cli, command: Command, work: (archive: Archive) => Promise<T>): Promise<T> {
  return inWorkspace(cli, command, (workspace) =>
    atShelves(workspace.config, workspace.database, (shelves) =>
      work({ ...workspace, ...shelves, audit: withReasons(workspace, command) }),
    ),
  );
}

export async function atShelves<T>(
  config: Config,
  database: ServiceDatabase,
  work: (shelves: Shelves) => Promise<T>,
): Promise<T> {
  // Loaded when it is needed: an S3 client takes a quarter of a command's start.
  const { createStore } = await import("../../store/create-store.ts");
  const store = createStore(storeOptions(config.store));
  try {
    let keys: ReadonlyMap<string, string> | undefined;
    const reader = new RecordingReader({
      store,
      trustedKeys: () => (keys ??= trustedKeys(config, [])),
      live: { live: () => undefined, spooled: (session, name) => spooled(config, session, name) },
    });
    // Opened when an encrypted recording is read.
    let monthKeys: MonthKeys | undefined;
    const dataKeys = new RecordingKeys(async (month) => {
      monthKeys ??= openMonthKeys(config, database, await openMasterKey(config, database));
      return monthKeys.identityOf(month);
    });
    const opened = new OpenedRecordings(reader, dataKeys);
    return await work({
      config,
      database,
      store,
      reader,
      opened,
      keys: dataKeys,
      recordings: new Recordings(database.catalog),
    });
  } finally {
    await store.close();
  }
}

/** A sealed recording stays in the spool until it is wholly uploaded, under the names that it has in the store. */
async function spooled(config: Config, session: string, name: string): Promise<Uint8Array | null> {
  const folder = join(config.spool.directory, session);
  const path = resolve(folder, name);
  if (!path.startsWith(folder + sep)) return null;
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** A full id, `latest`, or the first or last characters of one (at least four). */
export async function resolveSession(archive: Archive, text: string): Promise<string> {
  if (sessionIdPattern.test(text)) return text;
  if (text === "latest") {
    const { items } = await archive.recordings.list({ limit: 1 });
    if (items[0] !== undefined) return items[0].session;
    throw new AppError("REQUEST_NOT_FOUND", "there is no recording yet", { op: "cli.recordings" });
  }
  const found = /^[0-9a-f-]{4,36}$/.test(text) ? await matching(archive, text) : [];
  const [session] = found;
  if (session !== undefined && found.length === 1) return session;
  const why = found.length === 0 ? "no recording has this id" : `${found.length} recordings fit; give more of the id`;
  throw new AppError(
    "REQUEST_NOT_FOUND",
    `${printable(text.slice(0, 60))}: ${why}. conduit recordings list shows them.`,
    {
      op: "cli.recordings",
    },
  );
}

async function matching(archive: Archive, text: string): Promise<string[]> {
  const rows = await archive.database.catalog
    .selectFrom("recordings")
    .select("session")
    .where((e) => e.or([e("session", "like", `${text}%`), e("session", "like", `%${text}`)]))
    .limit(20)
    .execute();
  return rows.map(({ session }) => session);
}

/** The index of an ended recording; a plain sentence for one in progress. */
export async function indexOf(archive: Archive, session: string): Promise<RecordingIndex> {
  try {
    return await archive.reader.index(session);
  } catch (error) {
    const row = await archive.recordings.find(session);
    if (row === null || !["recording", "closing"].includes(row.state)) throw error;
    throw new AppError("REQUEST_NOT_FOUND", `${session} is still being recorded; the portal shows it live`, {
      op: "cli.recordings",
      cause: error,
    });
  }
}

/** As `indexOf`, and no proof is INTEGRITY_SIGNATURE; with `unverified` a warning instead. */
export async function provenIndexOf(
  cli: Cli,
  archive: Archive,
  session: string,
  unverified: boolean,
): Promise<RecordingIndex> {
  const index = await indexOf(archive, session);
  const { faults = [] } = index;
  if (faults.length === 0) return index;
  const what = `${session} is no proof of what it shows: ${faults.map(printable).join("; ")}`;
  if (unverified) {
    cli.err.line(`WARNING: ${what}.`);
    return index;
  }
  throw new AppError(
    "INTEGRITY_SIGNATURE",
    `${what}. conduit recordings verify ${session} says all that is wrong; --unverified shows it all the same.`,
    { op: "cli.recordings" },
  );
}

/** The terminal track that was asked for, or the one that people mean: the first with a pty, else the only one. */
export function terminalTrack(index: RecordingIndex, channel: number | undefined): TrackMeta {
  const track = terminalOf(index, channel);
  if (track !== undefined) return track;
  const screens = index.tracks.filter(({ kind }) => kind === "screen");
  const mixed = index.tracks.some(({ kind }) => kind === "terminal");
  const screen = mixed ? screens.find((one) => one.channel === channel) : screens[0];
  if (screen === undefined) throw noTrack(index, channel, ["terminal"]);
  const { session } = index;
  throw new AppError(
    "REQUEST_NOT_FOUND",
    `channel ${screen.channel} of the recording is a screen, no terminal: watch it in the portal, or make a video or a picture of it: conduit recordings export ${session} -f mp4, or -f png`,
    { op: "cli.recordings" },
  );
}

function terminalOf(index: RecordingIndex, channel: number | undefined): TrackMeta | undefined {
  const tracks = index.tracks.filter((track) => track.kind === "terminal");
  return channel === undefined
    ? (tracks.find((track) => track.pty === true) ?? tracks[0])
    : tracks.find((track) => track.channel === channel);
}

function noTrack({ tracks }: RecordingIndex, channel: number | undefined, kinds: readonly string[]): AppError {
  const there = tracks.filter(({ kind }) => kinds.includes(kind)).map((track) => `${track.channel} (${track.kind})`);
  const what = kinds.join(" or ");
  const others = [...new Set(tracks.map(({ kind }) => kind))].join(", ");
  const mend = "its OPEN record and its events are in -f jsonl and -f zip";
  const why =
    there.length > 0
      ? `no ${what} of channel ${channel}; give --channel one of ${there.join(", ")}`
      : `no ${what}${others === "" ? "" : `, only ${others}`}; ${mend}`;
  return new AppError("REQUEST_NOT_FOUND", `the recording has ${why}`, { op: "cli.recordings" });
}

/** A terminal or a screen: the one that was asked for, or the one that people mean. */
export function pictureTrack(index: RecordingIndex, channel: number | undefined): TrackMeta {
  const screen = index.tracks.find((candidate) => candidate.kind === "screen" && candidate.channel === channel);
  const track = channel === undefined ? meantTrack(index) : (screen ?? terminalOf(index, channel));
  if (track !== undefined) return track;
  throw noTrack(index, channel, ["screen", "terminal"]);
}

/** The keys that this installation signs and signed with, and those given by hand, by key id. */
export function trustedKeys(config: Config, files: readonly string[]): Map<string, string> {
  const keys = [...signingKeyHistory(config.recorder.keyDirectory), ...files.map(readPublicKey)];
  return new Map(keys.map(({ keyId, publicKeyPem }) => [keyId, publicKeyPem]));
}
