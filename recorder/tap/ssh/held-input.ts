// What a hold of the session means for one channel's input: what is dropped, what waits, what ends the channel
// (docs/live-sessions.md has the table), and what the person and the record are told. Asked by the channel's bridge.
// Invariant: bytes of a stream are never lost from its middle without the stream's end, and nothing that a stopped session
// was sent begins anything later.
import { AppError } from "../../../shared/errors.ts";
import { type Dropped, InputDrops } from "../input-drops.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { AwaitedConfirmation, SessionHold, TapSession } from "../tap.ts";
import type { ChannelEnd } from "./channel-end.ts";
import { fileProgramOf } from "./held-files/held-program.ts";
import { statusCode, statusPacket } from "./held-files/sftp-packets.ts";
import type { HeldCourse } from "./inbound-pipeline.ts";
import { announcement, remark } from "./refusal.ts";
import type { Program } from "./requests.ts";
import { FrozenRequests, PacketBoundary } from "./sftp/frozen-requests.ts";
import type { SftpRequest } from "./sftp/requests.ts";

/** Each refused request has its event up to here; the rest is counted with what is dropped. */
const maxRequestNotices = 100;
/** Refusals that the operator's program has not read: beyond it, it never does. */
const maxUnsentAnswerBytes = 256 * 1024;

export interface HeldInputPlace {
  session: TapSession;
  gate: RecordingGate;
  channel: number;
  client: ChannelEnd;
  /** It has a terminal, or will have where its program does not run yet. */
  isTerminal(): boolean;
  /** In order with what the target says, and not before the recorder has caught up. */
  outbound(step: () => void): void;
  /** What the operator may send to the target: to the pipeline. */
  pass(bytes: Buffer): void;
  /** The gateway hands on whole packets of its own: any moment is between two. */
  isWholePackets(): boolean;
  failed(error: unknown): void;
}

export class HeldInput {
  readonly #place: HeldInputPlace;
  readonly #drops: InputDrops;
  #kind: "session" | "forward" = "session";
  #program: Program | undefined;
  #transfers = false;
  #programPassed = false;
  #isOpening = false;
  #hasOpened = false;
  #toldOf: SessionHold["code"] | undefined;
  #sftp: FrozenRequests | undefined;
  #requestNotices = 0;
  readonly #awaited = new Set<AwaitedConfirmation>();
  readonly #fromTarget = new PacketBoundary();
  /** Answers of the gateway's own that wait for the end of one of the target's. */
  #answers: Buffer[] = [];
  #unsentAnswerBytes = 0;
  #creditOwed = 0;

  constructor(place: HeldInputPlace) {
    this.#place = place;
    this.#drops = new InputDrops(place.session, place.gate, place.channel);
  }

  /** It is a forward: no program is asked for. */
  isForward(): void {
    this.#kind = "forward";
  }

  /** Whether anybody may ever read what the operator sends. */
  get hasReader(): boolean {
    return this.#kind === "forward" || this.#program !== undefined;
  }

  /** The first one counts: a channel runs one. */
  asked(program: Program): void {
    if (this.#program !== undefined) return;
    this.#program = program;
    const files = fileProgramOf(program);
    this.#transfers = files !== undefined && (files.kind === "sftp" || files.scp !== "unreadable");
    if (program.capability !== "sftp") return;
    this.#sftp = new FrozenRequests({
      stopped: () => (this.isStopped && this.course !== "drop") || this.#refusesEarly,
      asksUploads: () => this.#place.session.confirm?.uploads === true,
      ask: (request) => this.#askUpload(request),
      pass: (bytes) => this.#place.pass(bytes),
      refuse: (request, bytes, why) => this.#refuseRequest(request, bytes, why),
      failed: (error) => this.#place.failed(error),
    });
  }

  /** Null: nobody has to agree to it. Else resolves with why not, or null. */
  #askUpload(request: SftpRequest): Promise<string | null> | null {
    const { session, channel } = this.#place;
    const desk = session.confirm;
    if (desk === null) return null;
    const { path = "" } = request.facts;
    const ask = async (): Promise<string | null> => {
      // Before the escort's release it waits, as every request does.
      while (session.frozen && !session.signal.aborted) await session.whenUnfrozen();
      const awaited = desk.ask({ what: "upload", channel, path });
      if (awaited === null) return null;
      this.#awaited.add(awaited);
      this.tellNow(awaited.sentence);
      const { given, sentence } = await awaited.answer;
      this.#awaited.delete(awaited);
      this.tellNow(sentence);
      return given ? null : sentence;
    };
    return ask();
  }

  /** The channel is over: nobody waits any more. */
  stop(): void {
    for (const awaited of this.#awaited) awaited.cancel("channel-closed");
    this.#awaited.clear();
  }

  /** Beside what the program writes, where people look for errors. */
  tellNow(sentence: string): void {
    const terminal = this.#place.isTerminal();
    this.#place.client.write("stderr", terminal ? announcement(sentence) : remark(sentence, false));
  }

  /** Its program is file transfer, as far as its name says: it takes no lines. */
  get transfers(): boolean {
    return this.#transfers;
  }

  programPassed(): void {
    this.#programPassed = true;
  }

  /** It was asked for and does not run. */
  get programIsDue(): boolean {
    return this.#program !== undefined && !this.#programPassed;
  }

  /** Nothing new may begin; where an escort is awaited it may be asked for. */
  get isStopped(): boolean {
    const { hold } = this.#place.session;
    return hold !== null && (hold.code !== "escort-awaited" || this.#programPassed);
  }

  get course(): HeldCourse {
    const { session } = this.#place;
    if (!session.frozen) return "pass";
    if (this.#kind === "forward") return "close";
    if (this.#program === undefined || this.#place.isTerminal()) return "drop";
    if (session.hold?.code === "escort-awaited" && !this.#programPassed) {
      if (this.#program.request === "shell") return "drop";
      return this.#refusesEarly && !this.#transfersEarly ? "close" : "wait";
    }
    if (!this.#transfers) return "close";
    return session.hold?.code === "ending" ? "pass" : "wait";
  }

  /** From the operator, once a program was asked for. */
  take(data: Buffer): void {
    if (this.#sftp !== undefined) {
      this.#sftp.feed(data);
      return;
    }
    this.#isOpening = this.#transfers && data.length === 1 && data[0] === 0 && !this.#hasOpened;
    this.#hasOpened ||= this.#isOpening;
    this.#place.pass(data);
    this.#isOpening = false;
  }

  /** Nothing that was sent before the release is delivered. */
  get #refusesEarly(): boolean {
    const { session } = this.#place;
    return session.earlyInput === "refuse" && session.hold?.code === "escort-awaited" && !this.#programPassed;
  }

  /** What programs for files send by themselves before they are answered: SFTP its greeting, an scp that fetches one byte. */
  get #transfersEarly(): boolean {
    return this.#sftp !== undefined || this.#isOpening;
  }

  /** What came while somebody else had to agree to what was before it. */
  droppedWaiting(bytes: number): void {
    this.#drops.add({ bytes }, "confirmation");
    this.#place.client.consumed(bytes);
  }

  dropped(what: Dropped): void {
    this.#drops.add(what);
    if (this.#place.isTerminal()) this.tell();
  }

  /** What is counted is said: the hold ends, or the channel. */
  say(closed = false): void {
    this.#drops.say(closed);
  }

  released(): void {
    this.#toldOf = undefined;
    this.#requestNotices = 0;
    this.#drops.say();
  }

  /** Why nothing goes on, once a hold, where the person looks for it. */
  tell(): void {
    const { hold } = this.#place.session;
    if (hold === null || this.#toldOf === hold.code) return;
    this.#toldOf = hold.code;
    const terminal = this.#place.isTerminal();
    this.#place.client.write("stderr", terminal ? announcement(hold.sentence) : remark(hold.sentence, false));
  }

  /** The session's own word comes to the channel. False: it is of this hold, and was said. */
  mayTell(sentence: string): boolean {
    const { hold } = this.#place.session;
    if (hold?.sentence !== sentence) return true;
    const told = this.#toldOf === hold.code;
    this.#toldOf = hold.code;
    return !told;
  }

  /** The program that is due, or now asked for, does not begin. Answers what to say. */
  refuseProgram(): string {
    const { session, gate, channel } = this.#place;
    const { hold } = session;
    if (this.#program !== undefined) {
      const { request, command } = this.#program;
      const what = { request, ...(command === undefined ? {} : { command: command.slice(0, 1024) }) };
      gate.notice("request-refused", { ...what, reason: hold?.code ?? "frozen" }, channel);
    }
    return `Nothing new begins: ${hold?.sentence ?? "the session is stopped."}`;
  }

  /** The channel ends, since it may neither lose bytes nor keep them. Answers what to say. */
  cut(): string {
    this.#drops.say(true);
    const why = this.#place.session.hold?.sentence ?? "The session is stopped.";
    if (this.#refusesEarly) {
      return `${why} What is sent to a command before that is not kept: it was closed. Start it again after the release.`;
    }
    return `${why} This channel has no terminal and was sent more meanwhile: it was closed.`;
  }

  // --- answers of the gateway's own in a stream of SFTP ---

  #refuseRequest(request: SftpRequest, bytes: number, why?: string): void {
    const { session, gate, channel, outbound, isWholePackets, client } = this.#place;
    const { hold } = session;
    this.#drops.add({ bytes, requests: 1 }, why === undefined ? undefined : "confirmation");
    if (this.#requestNotices++ < maxRequestNotices) {
      const { path } = request.facts;
      const what = { request: `sftp ${request.op}`, ...(path === undefined ? {} : { path: path.slice(0, 1024) }) };
      const reason = why === undefined ? (hold?.code ?? "frozen") : "confirmation-needed";
      gate.notice("request-refused", { ...what, reason }, channel);
    }
    this.tell();
    const sentence = why ?? `Not while the session is stopped: ${hold?.sentence ?? ""}`;
    const answer = statusPacket(request.id, statusCode.permissionDenied, sentence);
    this.#unsentAnswerBytes += answer.length;
    this.#creditOwed += bytes;
    if (this.#unsentAnswerBytes > maxUnsentAnswerBytes) {
      throw new AppError("PROTOCOL_LIMIT", "File transfer was ended: answers are not read.", { op: "sftp.frozen" });
    }
    outbound(() => {
      if (isWholePackets() || this.#fromTarget.isHere) client.write("stdout", answer);
      else this.#answers.push(answer);
    });
  }

  /** The target's bytes of a stream of SFTP, on their way to the operator. False: write them as they are. */
  weave(data: Buffer): boolean {
    if (this.#sftp === undefined) return false;
    const end = this.#fromTarget.feed(data);
    if (this.#answers.length === 0 || end < 0) return false;
    const { client } = this.#place;
    client.write("stdout", Buffer.from(data.subarray(0, end)));
    for (const answer of this.#answers.splice(0)) client.write("stdout", answer);
    if (end < data.length) client.write("stdout", Buffer.from(data.subarray(end)));
    return true;
  }

  /** So much has left for the operator; answers how much of it was the target's. */
  sent(bytes: number): number {
    const own = Math.min(bytes, this.#unsentAnswerBytes);
    this.#unsentAnswerBytes -= own;
    if (own > 0 && this.#unsentAnswerBytes === 0) {
      this.#place.client.consumed(this.#creditOwed);
      this.#creditOwed = 0;
    }
    return bytes - own;
  }
}
