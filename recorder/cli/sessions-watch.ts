// `conduit sessions watch`: a live session in this terminal, as it goes on. Fed by the running service over its admin socket,
// as a watch like the portal's. Invariants: only for a person who proves who they are; nothing that the target sends acts on
// this terminal; what counts as seen was taken by it.
import { createHash } from "node:crypto";
import type { Writable } from "node:stream";
import type { Command } from "commander";
import { z } from "zod";
import { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { WatchEnded } from "../../shared/live/messages.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { operatingSystemUser } from "../config.ts";
import { decompressSegment } from "../store/codec.ts";
import { askService, notLive } from "./ask-service.ts";
import type { Cli } from "./cli.ts";
import { proveToService, type ServiceProof } from "./prove-to-service.ts";
import { type Archive, inArchive } from "./recordings/archive.ts";
import { channelOption } from "./recordings/common-options.ts";
import { isTerminal } from "./terminal-input.ts";
import { takeKeys } from "./watch/keys.ts";
import { ShownTerminal } from "./watch/shown-terminal.ts";
import { isTerminalOutput } from "./watch/terminal-size.ts";
import type { WatchLine } from "./watch/watch-line.ts";
import { WatchedSession } from "./watch/watch-session.ts";
import { WatchWords } from "./watch/watch-words.ts";

interface WatchOptions {
  as?: string;
  escort?: boolean;
  channel?: number;
  json?: boolean;
}

const beatMs = 1000;
/** Characters in one message: half of them may take two units. */
const mostTyped = 500;
const op = "cli.watch";

export function registerWatch(sessions: Command, cli: Cli): void {
  sessions
    .command("watch")
    .description("watch a live session in this terminal; it is recorded who watched")
    .argument("<session>", "the session's id")
    .option(
      "--as <person>",
      "who watches: asked for password and code (default: who is called as this machine's account)",
    )
    .option("--escort", "count as the session's escort: Enter answers whether you are there")
    .addOption(channelOption().default(undefined, "the newest shell"))
    .option("--json", "print every event as a line of JSON, and no terminal")
    .addHelpText(
      "after",
      `
The session's terminal is drawn on standard output, from what it shows now; what happens to it (freeze, message, gap, end) is
told on standard error. Of a screen (VNC) the events alone are told: the portal shows it. Ctrl-C or q leaves.

Where the policy allows it, t takes control of the terminal: what is typed reaches the target, recorded as yours, until Ctrl-]
hands it back. y and n answer what has waited longest to be agreed to.

Examples:
  $ conduit sessions watch 0198… --as emil
  $ conduit sessions watch 0198… --as emil --escort      # then, elsewhere: conduit sessions unfreeze 0198… --as emil
  $ conduit sessions watch 0198… --as ida --json > events.jsonl < proof`,
    )
    .action(async (session: string, options: WatchOptions, command: Command) => {
      if (!sessionIdPattern.test(session)) throw notLive(session);
      const list = z.array(LiveSession).parse(await askService(cli, command, "GET", "/sessions"));
      const live = list.find((one) => one.session === session);
      if (live === undefined) throw notLive(session);
      checkEscort(cli, live, options);
      const person = await proveToService(cli, command, options.as ?? operatingSystemUser(cli.env));
      await inArchive(cli, command, (archive) => watch(cli, archive, live, { ...options, person }));
    });
}

/** Who escorts has to see the session, and to be asked. */
function checkEscort(cli: Cli, { protocol }: LiveSession, { escort, json }: WatchOptions): void {
  if (escort !== true) return;
  const refused = (message: string) => new AppError("REQUEST_CONFLICT", message, { op });
  if (json === true) throw refused("with --json nothing is shown, so nobody escorts; leave out --json or --escort");
  if (protocol === "vnc") throw refused("a screen is not shown in a terminal; escort this session in the portal");
  if (isTerminal(cli.stdin) && isTerminalOutput(cli.out)) return;
  throw refused("an escort sees the session and is asked whether they are there; run this in a terminal");
}

async function watch(
  cli: Cli,
  archive: Archive,
  live: LiveSession,
  options: WatchOptions & { person: ServiceProof },
): Promise<void> {
  const { session, protocol } = live;
  // Loaded when it is needed, as everything that is of one command alone.
  const { openWatchLine } = await import("./watch/watch-line.ts");
  const asked = { session, proof: options.person.proof, escort: options.escort === true };
  const line = await openWatchLine(archive.config.recorder.adminSocket, asked);
  const asJson = options.json === true;
  const words = new WatchWords(cli, asJson);
  if (protocol === "vnc") words.tell("This session is a screen: the portal shows it, under Live sessions.");
  const terminal = protocol === "ssh" && !asJson ? new ShownTerminal(cli.out, (size) => words.resized(size)) : null;
  let prompt: string | null = null;
  let control = false;
  const watched = new WatchedSession({
    line,
    terminal,
    channel: options.channel,
    read: (meta) => closedSegment(archive, session, meta),
    tell: (text) => words.tell(text),
    event: (event) => words.event(event),
    answered: (answer) => {
      words.tell(answer.sentence);
      if (answer.to !== "control") return;
      control = answer.ok;
      if (answer.ok) words.tell("Ctrl-] hands it back.");
    },
    asked: (id, leftMs) => {
      prompt = id;
      words.ask(leftMs);
    },
  });
  let left = false;
  const leave = () => {
    left = true;
    void line.close();
  };
  const enter = () => {
    if (prompt !== null) line.send({ type: "present", id: prompt });
    prompt = null;
  };
  const type = (text: string) => {
    const { channel } = watched;
    const characters = [...text];
    for (let at = 0; channel !== null && at < characters.length; at += mostTyped) {
      line.send({ type: "text", channel, text: characters.slice(at, at + mostTyped).join("") });
    }
  };
  const agree = (given: boolean) => {
    const waiting = watched.live?.confirmations?.[0];
    if (waiting !== undefined) line.send({ type: "confirm", n: waiting.n, given, reason: "" });
  };
  const takeControl = () => {
    if (terminal === null) words.tell("Control of a screen is taken in the portal.");
    else line.send({ type: "control", want: true });
  };
  const giveBack = () => line.send({ type: "control", want: false });
  const keys = { leave, enter, hasControl: () => control, type, giveBack, takeControl, agree };
  const release = isTerminal(cli.stdin) ? takeKeys(cli.stdin, keys) : () => {};
  // Who types is heard each second as well as who escorts.
  const beats = asked.escort || (terminal !== null && isTerminal(cli.stdin) && isTerminalOutput(cli.out));
  const stopBeating = beats ? beat(cli.out.stream, line, watched) : () => {};
  for (const event of ["close", "error"]) cli.out.stream.once(event, leave);
  const fit = () => void terminal?.fit();
  cli.out.stream.on("resize", fit);
  cli.signal.addEventListener("abort", leave);
  if (cli.signal.aborted) leave();
  let ended: WatchEnded | null;
  try {
    ended = await watched.follow();
  } finally {
    stopBeating();
    release();
    for (const event of ["close", "error"]) cli.out.stream.off(event, leave);
    cli.out.stream.off("resize", fit);
    cli.signal.removeEventListener("abort", leave);
    await line.close();
    await terminal?.close();
  }
  if (ended === null && left) return;
  if (ended?.reason === "session-ended") return words.tell(ended.sentence);
  throw endedBy(ended);
}

function endedBy(ended: WatchEnded | null): AppError {
  if (ended === null) return new AppError("SERVICE_UNREACHABLE", "the line to the service is lost", { op });
  const { reason, sentence } = ended;
  if (reason === "service-stopped") return new AppError("SERVICE_UNREACHABLE", sentence, { op });
  const isRefusal = reason === "signed-out" || reason === "not-allowed";
  return new AppError(isRefusal ? "AUTH_FORBIDDEN" : "REQUEST_CONFLICT", sentence, { op });
}

/** From the spool or the store, as the service told its hash. */
async function closedSegment({ reader, opened }: Archive, session: string, meta: SegmentMeta): Promise<Uint8Array> {
  const bytes = await reader.object(session, meta.name);
  if (createHash("sha256").update(bytes).digest("hex") !== meta.sha256) {
    const message = `${meta.name} is not what was recorded; run conduit recordings verify ${session} when the session is over`;
    throw new AppError("INTEGRITY_HASH", message, { op });
  }
  return decompressSegment(await opened.decrypted(session, meta, bytes), meta.codec);
}

/**
 * Says each second what the terminal shows, once it has taken it: a NUL is drawn as nothing by every terminal, and is not
 * taken by one that stands still.
 */
function beat(terminal: Writable, line: WatchLine, watched: WatchedSession): () => void {
  let isWriting = false;
  const timer = setInterval(() => {
    const us = watched.seenUs;
    if (us === null || isWriting) return;
    isWriting = true;
    terminal.write("\0", (error) => {
      isWriting = error != null;
      if (error == null) line.send({ type: "seen", us: Math.round(us), visible: true });
    });
  }, beatMs);
  return () => clearInterval(timer);
}
