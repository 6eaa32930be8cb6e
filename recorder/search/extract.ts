// Everything that the index has of one sealed recording, out of its stored segments. Fed by the indexer's thread.
// Invariant: what was sealed, and text that was not shown as it was typed, never comes out; a damaged recording gives what
// is intact of it, and a hostile one no more than the bounds of documents.ts.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import type { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { SegmentSource } from "../export/segment-source.ts";
import { ChannelLines, type Found } from "./channel-lines.ts";
import { BoundedDocuments } from "./documents.ts";
import { textOfEvent } from "./event-text.ts";
import { ScreenWords } from "./screen-words.ts";
import { hasScreens, type ScreenTexts } from "./screens/screen-texts.ts";
import { extractorVersion, type SearchDocument, type SearchedSession, withoutScreensVersion } from "./search-index.ts";
import { type StoredLine, storedLines } from "./stored-lines.ts";

export interface ExtractJob {
  open: OpenRecord;
  index: RecordingIndex;
  /** `session`: only what open.json and the manifest say. */
  contents: "all" | "session";
  /** The session's work as a part of all time, 1 without pause. */
  share: number;
  /** That a terminal's lines may take to be put together; left out: five minutes. */
  maxWorkMs?: number;
  /** What was read of its screens; left out: they were not read. */
  screens?: ScreenTexts;
}

export interface Extraction {
  documents: AsyncGenerator<SearchDocument[]>;
  /** When the documents are through. */
  about(): SearchedSession;
}

/** A segment of more is not of this recorder's making. */
const maxSegmentBytes = 64 * 1024 ** 2;
const maxTerminalBytes = 1024 ** 3;
const maxTerminalWorkMs = 300_000;
const maxDamage = 20;
/** A line of stdin, or of the output of a command without a terminal, is as long as it likes. */
const plainCols = 4_096;

export function extract(source: SegmentSource, job: ExtractJob): Extraction {
  const { open, index, contents, screens } = job;
  const isWithoutScreens = contents === "all" && screens === undefined && hasScreens(index);
  const documents = new BoundedDocuments(open.session);
  const damage: string[] = (index.faults ?? []).slice(0, maxDamage);
  const about = (): SearchedSession => ({
    session: open.session,
    person: open.person.name,
    target: open.target.name,
    conduit: open.target.conduit,
    protocol: open.protocol,
    startedAt: open.startedAt,
    version: isWithoutScreens ? withoutScreensVersion : extractorVersion,
    ...(open.encryption?.serviceKey == null ? {} : { keyMonth: open.encryption.serviceKey }),
    contents,
    damage,
    leftOut: documents.leftOut,
  });
  async function* all(): AsyncGenerator<SearchDocument[]> {
    documents.add(sessionDocument(open, index));
    yield documents.take();
    if (contents === "session") return;
    const damaged = (sentence: string) => {
      if (damage.length < maxDamage) damage.push(sentence);
    };
    yield* contentsOf(source, job, documents, damaged);
    for (const found of screens?.found ?? []) documents.add(found);
    documents.leaveOut("screen-text", screens?.leftOut ?? 0);
    for (const sentence of screens?.damage ?? []) damaged(sentence);
    yield documents.take();
  }
  return { documents: all(), about };
}

function sessionDocument(open: OpenRecord, index: RecordingIndex): Found {
  const { person, target, client, policy, request, grant } = open;
  const words = [
    person.name,
    target.name,
    target.conduit,
    open.protocol,
    target.account,
    target.address,
    ...target.tags,
    client.address,
    client.software,
    policy.rule,
    policy.reason,
    request ?? "",
    grant?.kind ?? "",
    open.session,
  ];
  const text = words.filter((word) => word !== "").join(" · ");
  return { kind: "session", atUs: 0, endUs: index.durationUs, text };
}

async function* contentsOf(
  source: SegmentSource,
  { open, index, share, maxWorkMs = maxTerminalWorkMs }: ExtractJob,
  documents: BoundedDocuments,
  damaged: (sentence: string) => void,
): AsyncGenerator<SearchDocument[]> {
  const reading = new Reading(documents);
  let terminalBytes = 0;
  let terminalMs = 0;
  let beganMs = performance.now();
  const skip = (track: TrackMeta, meta: SegmentMeta): boolean => {
    if (meta.rawBytes > maxSegmentBytes) {
      damaged(`${meta.name} has ${meta.rawBytes} bytes, more than is read for the search`);
      return true;
    }
    if (track.kind !== "terminal") return false;
    terminalBytes += meta.rawBytes;
    // Commands of a terminal are looked for further than its output is kept.
    const isTooMuch = terminalBytes > maxTerminalBytes || terminalMs >= maxWorkMs;
    const isEnough = isTooMuch || (documents.isFull("output") && track.pty !== true);
    if (isEnough) documents.leaveOut("output", meta.events);
    return isEnough;
  };
  const pause = async () => {
    const workedMs = performance.now() - beganMs;
    if (share < 1)
      await new Promise((resolve) => setTimeout(resolve, Math.min(maxPauseMs, workedMs * (1 / share - 1))));
    beganMs = performance.now();
  };
  for await (const line of storedLines(source, { ...index, session: open.session }, { skip, damaged, pause })) {
    if (line.kind !== "terminal") reading.take(line);
    else if (terminalMs >= maxWorkMs) documents.leaveOut("output", 1);
    else {
      const takenMs = performance.now();
      reading.take(line);
      terminalMs += performance.now() - takenMs;
    }
    const ready = documents.ready >= batch ? documents.take() : [];
    if (ready.length > 0) yield ready;
  }
  reading.end();
  yield documents.take();
}

const batch = 500;
const maxPauseMs = 1_000;

interface Running {
  command: string;
  atUs: number;
  exitStatus?: number;
}

/** The lines of all tracks, in the order of time. */
class Reading {
  readonly #documents: BoundedDocuments;
  readonly #channels = new Map<number, ChannelLines>();
  readonly #typedAt = new Map<number, ChannelLines>();
  readonly #screens = new Map<number, ScreenWords>();
  readonly #running = new Map<number, Running>();

  constructor(documents: BoundedDocuments) {
    this.#documents = documents;
  }

  take(stored: StoredLine): void {
    switch (stored.kind) {
      case "events":
        this.#event(stored.line);
        return;
      case "files":
        this.#file(stored.line);
        return;
      case "input":
        this.#input(stored.line);
        return;
      case "size":
        this.#channel(stored.track, stored.cols)?.resize(stored.track.pty === true ? stored.cols : plainCols);
        return;
      case "terminal":
        this.#terminal(stored.track, stored.code, stored.data, stored.t);
    }
  }

  end(): void {
    for (const channel of this.#channels.values()) channel.end();
    for (const channel of this.#typedAt.values()) channel.end();
    for (const screen of this.#screens.values()) screen.end();
    for (const running of this.#running.values()) this.#ran(running, null);
  }

  #channel(track: TrackMeta, cols: number): ChannelLines | undefined {
    const { channel } = track;
    if (channel === undefined) return undefined;
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const hasTerminal = track.pty === true;
    const made = new ChannelLines(track.name, hasTerminal ? cols : plainCols, hasTerminal, (found) =>
      this.#documents.add(found),
    );
    this.#channels.set(channel, made);
    return made;
  }

  #terminal(track: TrackMeta, code: string, data: string, t: number): void {
    if (code === "r") {
      const cols = Number.parseInt(data, 10);
      if (cols > 0) this.#channel(track, cols)?.resize(cols);
    } else if (code === "o" || code === "e") {
      this.#channel(track, 80)?.output(data, t);
    }
  }

  #input(line: InputLine): void {
    const { ch, k, d, enc } = line;
    if (k === "vkey" || k === "pointer") {
      const screen = this.#screens.get(ch) ?? new ScreenWords(`screen-${ch}`, (found) => this.#documents.add(found));
      this.#screens.set(ch, screen);
      screen.input(line);
    } else if (k === "clipboard") {
      if (d !== undefined) this.#documents.add({ kind: "clipboard", atUs: line.t, text: d, track: `screen-${ch}` });
    } else if (k === "data") {
      // What a program without a terminal reads: a script, or a file that the files track has.
      if (d !== undefined && enc === undefined) this.#data(ch, d, line.t);
    } else {
      const channel =
        this.#channels.get(ch) ??
        this.#channel({ name: `terminal-${ch}`, kind: "terminal", channel: ch, pty: true }, 80);
      channel?.input(line);
    }
  }

  #data(ch: number, text: string, t: number): void {
    const lines =
      this.#typedAt.get(ch) ??
      new ChannelLines(`terminal-${ch}`, plainCols, false, (found) =>
        this.#documents.add({ ...found, kind: found.kind === "output" ? "typed" : found.kind }),
      );
    this.#typedAt.set(ch, lines);
    lines.output(text, t);
  }

  #event(line: EventsLine): void {
    const { type, ch, facts, t } = line;
    const text = textOfEvent(line);
    if (text !== null) this.#documents.add({ kind: "event", atUs: t, text, track: "events" });
    if (ch === undefined) return;
    if (type === "channel-open" && facts["request"] === "exec" && typeof facts["command"] === "string") {
      this.#running.set(ch, { command: facts["command"], atUs: t });
    }
    const running = this.#running.get(ch);
    if (running === undefined) return;
    if (type === "exit" && typeof facts["status"] === "number") running.exitStatus = facts["status"];
    if (type === "channel-close") {
      this.#ran(running, t);
      this.#running.delete(ch);
    }
  }

  #ran({ command, atUs, exitStatus }: Running, endUs: number | null): void {
    const facts = { ...(endUs === null ? {} : { endUs }), ...(exitStatus === undefined ? {} : { exitStatus }) };
    this.#documents.add({ kind: "command", atUs, text: command, ...facts });
  }

  #file({ op, path, newPath, status, direction, bytes, sha256, partial, t }: FilesLine): void {
    if (partial === true || !fileOperations.has(op)) return;
    const names = [path, newPath].filter((name) => name !== undefined && name !== "").join(" → ");
    if (names === "" && sha256 === undefined) return;
    const words = [
      op === "close" ? (direction === "inbound" ? "upload" : "download") : op,
      names,
      status === "ok" ? "" : status,
    ];
    this.#documents.add({
      kind: "file",
      atUs: t,
      text: words.filter((word) => word !== undefined && word !== "").join(" "),
      track: "files",
      ...(sha256 === undefined ? {} : { digest: sha256 }),
      ...(bytes === undefined ? {} : { bytes }),
    });
  }
}

/** Those that change something, or that carried bytes. */
const fileOperations = new Set(["close", "stream", "rename", "remove", "mkdir", "rmdir", "symlink", "link", "setstat"]);
