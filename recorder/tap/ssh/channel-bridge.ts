// One channel of a session: the operator's end, the target's end, and the recording between them. Fed by both muxes.
// Invariant: inbound passes only through the pipeline (recorded, durable, then forwarded), and nothing of it while the session
// is held but what held-input.ts lets pass; outbound is recorded, then forwarded; exit, end-of-file and close wait behind
// the bytes that came before them.
import { AppError } from "../../../shared/errors.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { AwaitedConfirmation, CommandLines, SessionControl, SessionHold, TapSession } from "../tap.ts";
import type { ChannelEnd, Stream } from "./channel-end.ts";
import { ByteRecorder, type ChannelRecorder } from "./channel-recorder.ts";
import { ConfirmGate } from "./confirm-gate.ts";
import { ConfirmStreamGate } from "./confirm-stream-gate.ts";
import { FloodPace, noteTyping } from "./flood-pace.ts";
import { BridgedHold, type SessionFiles } from "./held-files/bridged-hold.ts";
import { type MakeHold, takesFiles } from "./held-files/held-program.ts";
import { HeldInput } from "./held-input.ts";
import { dataOf, type InboundItem, InboundPipeline } from "./inbound-pipeline.ts";
import { OperatorRequests } from "./operator-requests.ts";
import { OthersInput } from "./others-input.ts";
import { retainDelivered } from "./read-memory.ts";
import { announcement, Refusal, remark } from "./refusal.ts";
import { ReplyQueue } from "./reply-queue.ts";
import { exitOf, localRequests, type Program, programOf, transparentRequests } from "./requests.ts";

/** Programs send these without their person: they are no sign of one. */
const unaskedRequests: ReadonlySet<string> = new Set(["window-change", ...transparentRequests]);

const programTypes: ReadonlySet<string> = new Set(["shell", "exec", "subsystem"]);

/** To the line's end, and empty it: readline, a terminal's own lines, and most shells of controllers. */
const clearLine = Buffer.from("\x05\x15");
const endPasteAndClear = Buffer.from("\x1b[201~\x05\x15");

/** Less is copied: a small piece must not keep a large chunk. */
const keepFromBytes = 16 * 1024;

export interface BridgeContext {
  session: TapSession;
  gate: RecordingGate;
  /** Left out: where files must be held until they are scanned, they are refused. */
  files: SessionFiles | undefined;
  /** A fault that ends the whole connection. */
  failed(error: unknown): void;
  done(bridge: ChannelBridge): void;
}

export class ChannelBridge {
  readonly number: number;
  readonly #context: BridgeContext;
  readonly #client: ChannelEnd;
  readonly #pipeline: InboundPipeline;
  readonly #replies: ReplyQueue;
  #target: ChannelEnd | undefined;
  #recorder: ChannelRecorder | undefined;
  readonly #requests: OperatorRequests;
  readonly #held: HeldInput;
  readonly #others: OthersInput;
  /** Once a program was asked for that takes lines; null: nobody has to agree to any. */
  #gate: ConfirmGate | ConfirmStreamGate | null | undefined;
  #lines: CommandLines | undefined;
  /** Programs that wait for somebody to agree, or need not any more (null). */
  readonly #agreed = new WeakMap<InboundItem, Promise<void> | null>();
  #awaited: AwaitedConfirmation | undefined;
  readonly #pace: FloodPace;
  /** Outbound that waits for the recorder. */
  #delayed: (() => void)[] = [];
  /** Who waits for the hold to change. */
  #onHold: (() => void)[] = [];
  #clientClosed = false;
  #targetClosed = false;
  #refusal: Refusal | undefined;
  /** File transfer whose files are held: it stands between the two ends. */
  #makeHold: MakeHold | undefined;
  #files: BridgedHold | undefined;
  #exited = false;
  #finished = false;
  /** Asked for, which a freeze can hold for long. */
  #ptyAsked = false;
  #isForward = false;

  constructor(context: BridgeContext, number: number, client: ChannelEnd) {
    this.#context = context;
    this.number = number;
    this.#client = client;
    this.#replies = new ReplyQueue(client);
    this.#pace = new FloodPace(context.session.id, (bytes, paced) => this.#target?.consumed(bytes, paced));
    this.#requests = new OperatorRequests(context.session, context.gate, number, {
      canHold: context.files !== undefined,
      target: () => this.#target,
      started: (recorder, hold) => {
        this.#recorder = recorder;
        this.#makeHold = hold;
      },
      answered: (ok) => this.#programAnswered(ok),
      refused: (sentence, item) => {
        this.refuse(sentence);
        this.#refusal?.request(item.type, item.payload, item.reply);
      },
    });
    this.#held = new HeldInput({
      session: context.session,
      gate: context.gate,
      channel: number,
      client,
      isTerminal: () => (this.#recorder === undefined ? this.#ptyAsked : this.#requests.pty),
      outbound: (step) => this.#outbound(step),
      pass: (bytes) => this.#pipeline.data(bytes),
      isWholePackets: () => this.#files !== undefined,
      failed: (error) => this.#failed(error),
    });
    this.#others = new OthersInput({
      session: context.session,
      gate: context.gate,
      channel: number,
      write: (bytes) => this.#target?.write("stdout", bytes),
      failed: (error) => this.#failed(error),
    });
    this.#pipeline = new InboundPipeline(context.session, context.gate, {
      heldCourse: () => this.#held.course,
      dropped: (what) => this.#held.dropped(what),
      cut: () => this.#cut(),
      waitsFor: (item) =>
        item.kind === "request" ? (this.#requests.waitsFor(item.type, item.payload) ?? this.#agreement(item)) : null,
      record: (item) => this.#record(item),
      endBatch: () => this.#recorder?.endBatch() ?? false,
      pass: (item) => this.#pass(item),
      discarded: (item) => this.#discarded(item),
      failed: (error) => this.#failed(error),
    });
    client.handlers = {
      onData: (_stream, data) => this.#clientData(data),
      onRequest: (type, wantReply, payload) => this.#clientRequest(type, wantReply, payload),
      onEof: () => {
        const end = (): void => this.#pipeline.push({ kind: "eof" });
        if (this.#gate == null) end();
        else this.#gate.end(end);
      },
      onClose: () => this.#clientGone(),
      onSent: (all) => {
        const bytes = this.#held.sent(all);
        if (this.#files !== undefined) this.#files.clientSent(bytes);
        else if (this.#requests.pty) this.#pace.sent(bytes);
        else this.#target?.consumed(bytes);
      },
    };
  }

  /** The target's end is open: what waited may pass. */
  connect(target: ChannelEnd): void {
    this.#target = target;
    target.handlers = {
      onData: (stream, data) => {
        if (!this.#mustHold) {
          this.#outbound(() => this.#fromTarget(stream, data));
          return;
        }
        // What waits for the recorder outlives this call: bulk keeps the memory that it was read into.
        const release = data.length >= keepFromBytes ? retainDelivered() : undefined;
        const bytes = release === undefined ? Buffer.from(data) : data;
        this.#outbound(() => this.#fromTarget(stream, bytes, release));
      },
      onRequest: (type, wantReply, payload) => {
        if (wantReply) target.reply(false);
        const copy = Buffer.from(payload);
        this.#outbound(() => this.#targetRequest(type, copy));
      },
      onEof: () =>
        this.#afterFiles(() =>
          this.#outbound(() => {
            this.#context.gate.notice("eof", { direction: "outbound" }, this.number);
            this.#client.eof();
          }),
        ),
      onClose: () => this.#targetGone(),
      onSent: (bytes) => {
        if (this.#files === undefined) this.#client.consumed(bytes);
        else this.#files.targetSent(bytes);
      },
    };
    if (this.#held.course !== "pass") target.pause();
    if (this.#clientClosed) target.close();
    this.#pipeline.start();
  }

  /** The session is held, for another reason than before, or (null) no more. When it returns nothing passes that may not. */
  hold(hold: SessionHold | null): void {
    if (this.#finished) return;
    this.#attempt(() => {
      if (hold === null) this.#held.released();
      else if (this.#refusal === undefined) this.#holdTarget();
      // Whoever has control types at terminals; of the person's own nothing is left there.
      const isTyped = hold?.code === "controlled" && this.#requests.pty;
      if (hold === null || isTyped || this.#held.course === "pass") this.#target?.resume();
      this.#pipeline.holdChanged();
      this.#others.changed();
    });
    for (const wake of this.#onHold.splice(0)) wake();
  }

  /** When it returns, nothing more passes of whoever had control. */
  controlChanged(before: SessionControl | null): void {
    if (this.#finished) return;
    this.#attempt(() => {
      this.#others.changed();
      // Beside the person's own it cannot be told apart, and has passed.
      if (before?.exclusive === true && this.#requests.pty) {
        this.#others.notSent(this.#target?.dropQueued() ?? 0, before.by);
      }
    });
  }

  /** False: there is no terminal that takes it. */
  controlInput(text: string): boolean {
    const isReady = this.#requests.pty && this.#recorder !== undefined && this.#target?.ended === false;
    if (!isReady || this.#finished || this.#refusal !== undefined || this.#files !== undefined) return false;
    this.#gateOf();
    const bytes = Buffer.from(text, "utf8");
    if (!this.#others.type(bytes)) return false;
    // What somebody else typed stands on the same line.
    for (let at = 0; this.#lines !== undefined && at < bytes.length; ) {
      at += this.#lines.typed(bytes.subarray(at));
      if (at >= bytes.length) break;
      this.#lines.ended(true);
      at++;
    }
    return true;
  }

  #holdTarget(): void {
    this.#target?.pause();
    if (this.#clientClosed) {
      // Nobody is there for whom what it sent could wait.
      this.#pipeline.stop();
      this.#target?.abandon();
      return;
    }
    if (this.#held.programIsDue && this.#held.isStopped) {
      this.refuse(this.#held.refuseProgram());
      return;
    }
    const { course } = this.#held;
    if (course !== "drop" && course !== "close") return;
    const bytes = this.#target?.dropQueued() ?? 0;
    if (bytes === 0) return;
    this.#held.dropped({ bytes, recorded: bytes });
    if (course === "close") this.#cut();
  }

  /** It may neither lose bytes nor keep them. */
  #cut(): void {
    const sentence = this.#held.cut();
    if (!this.#isForward) {
      this.refuse(sentence);
      return;
    }
    this.#pipeline.stop();
    this.#target?.abandon();
    this.#client.abandon();
  }

  /** Resolves when the session's hold lets this channel's files pass, or the channel is over. */
  async #mayPass(): Promise<void> {
    while (this.#held.course !== "pass" && !this.#finished && this.#refusal === undefined) {
      await new Promise<void>((resolve) => this.#onHold.push(resolve));
    }
  }

  /** What the target said before still goes through quarantine first. */
  #afterFiles(step: () => void): void {
    if (this.#files === undefined) step();
    else
      this.#files
        .targetEnded()
        .then(step)
        .catch((error: unknown) => this.#failed(error));
  }

  /** A forward: no program is asked for, the channel is one from the start. */
  connectForward(target: ChannelEnd): void {
    this.#isForward = true;
    this.#held.isForward();
    this.#recorder = new ByteRecorder(this.#context.gate, this.number, false);
    this.connect(target);
  }

  /** From here on the gateway speaks in place of the target. What the target said before still goes out first. */
  refuse(sentence: string): void {
    if (this.#refusal !== undefined || this.#finished) return;
    const refusal = new Refusal(this.#client, sentence, this.#requests.pty);
    this.#refusal = refusal;
    this.#files?.end();
    this.#pipeline.stop();
    this.#stopWaiting();
    this.#target?.abandon();
    for (const wake of this.#onHold.splice(0)) wake();
    if (this.#recorder === undefined) return;
    if (this.#context.gate.failed) refusal.say();
    else this.#outbound(() => refusal.say());
  }

  #stopWaiting(): void {
    this.#others.stop();
    this.#gate?.stop();
    this.#held.stop();
    this.#awaited?.cancel("channel-closed");
  }

  /** Said on a terminal alone: elsewhere it would stand among a program's bytes. */
  announce(sentence: string): void {
    if (this.#finished || this.#refusal !== undefined || this.#client.ended) return;
    if ((this.#requests.pty || this.#ptyAsked) && this.#held.mayTell(sentence)) {
      this.#client.write("stderr", announcement(sentence));
    }
  }

  /** The connection ends: what is known is written. Idempotent. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#files?.end();
    this.#pipeline.stop();
    this.#stopWaiting();
    this.#pace.stop();
    this.#target?.abandon();
    this.#client.abandon();
    for (const wake of this.#onHold.splice(0)) wake();
    this.#held.say();
    try {
      this.#recorder?.end();
      if (this.#recorder !== undefined) this.#context.gate.append({ type: "channel-close", channel: this.number });
    } catch {
      // The recorder has failed already and the connection knows it.
    }
    this.#context.done(this);
  }

  // --- operator to target ---

  #clientRequest(type: string, wantReply: boolean, payload: Buffer): void {
    const reply = this.#replies.reserve(wantReply);
    if (localRequests.has(type)) {
      reply(false);
      return;
    }
    const { session } = this.#context;
    if (!unaskedRequests.has(type) && !session.frozen) session.touch();
    if (type === "pty-req") this.#ptyAsked = true;
    let program: Program | undefined;
    this.#attempt(() => {
      program = programOf(type, payload);
      if (program === undefined || this.#refusal !== undefined) return;
      const isFirst = !this.#held.hasReader;
      this.#held.asked(program);
      if (!session.frozen) return;
      // A program that does not begin says why, where its person looks for errors.
      if (!this.#held.isStopped) {
        this.#held.tell();
        if (isFirst) this.#sayWaits(program);
      } else if (this.#held.programIsDue) this.refuse(this.#held.refuseProgram());
    });
    this.#pipeline.push({ kind: "request", type, payload: Buffer.from(payload), reply });
  }

  /** Whoever releases the session is to know beforehand what begins by that. */
  #sayWaits({ request, command }: Program): void {
    const what = command === undefined ? {} : { command: command.slice(0, 1024) };
    const early = this.#context.session.earlyInput === "deliver" ? { input: "kept" } : {};
    this.#context.gate.notice("program-waits", { request, ...what, ...early }, this.number);
  }

  #clientData(data: Buffer): void {
    const { session } = this.#context;
    if (!session.frozen) {
      session.touch();
      if (this.#requests.pty) noteTyping(session.id);
    }
    if (this.#held.hasReader) {
      this.#attempt(() => {
        const gate = session.frozen && this.#held.course !== "wait" ? null : this.#gateOf();
        if (gate === null) this.#held.take(data);
        else gate.take(data);
      });
      return;
    }
    // Before a program is asked for nobody would read it; sshd drops it too.
    if (session.frozen) this.#held.dropped({ bytes: data.length });
    this.#client.consumed(data.length);
  }

  /** Of channels that take lines: terminals, and programs that read commands. */
  #gateOf(): ConfirmGate | ConfirmStreamGate | null {
    if (this.#gate !== undefined) return this.#gate;
    const { session } = this.#context;
    this.#gate = null;
    if (session.confirm?.commands !== true || this.#isForward || this.#held.transfers) return null;
    const isTerminal = (): boolean => (this.#recorder === undefined ? this.#ptyAsked : this.#requests.pty);
    const place = {
      pass: (bytes: Buffer) => this.#held.take(bytes),
      dropped: (bytes: number) => this.#held.droppedWaiting(bytes),
      tell: (sentence: string) => this.#held.tellNow(sentence),
      cut: (sentence: string) => this.refuse(sentence),
      failed: (error: unknown) => this.#failed(error),
    };
    if (!isTerminal()) {
      const stream = session.confirm.stream(this.number);
      this.#gate = new ConfirmStreamGate({ ...place, stream, opens: () => this.#opens() });
      return this.#gate;
    }
    const lines = session.confirm.lines(this.number);
    this.#lines = lines;
    this.#gate = new ConfirmGate({
      ...place,
      session,
      lines,
      isTerminal,
      clear: (pasting, done) => this.#others.own(pasting ? endPasteAndClear : clearLine, done),
    });
    return this.#gate;
  }

  /** Where an escort is awaited, what was sent before the release is asked about after it. */
  #opens(): Promise<void> | null {
    const { session } = this.#context;
    if (!session.frozen) return null;
    const opened = async (): Promise<void> => {
      while (session.frozen && !session.signal.aborted) await session.whenUnfrozen();
    };
    return opened();
  }

  /** Null: nobody has to agree to this program, or somebody has. It and all behind it wait else. */
  #agreement(item: InboundItem & { kind: "request" }): Promise<void> | null {
    const known = this.#agreed.get(item);
    if (known !== undefined) return known;
    const awaited = this.#askFor(item);
    if (awaited === null) {
      this.#agreed.set(item, null);
      return null;
    }
    this.#awaited = awaited;
    this.#held.tellNow(awaited.sentence);
    const answered = awaited.answer.then(({ given, sentence }) => {
      this.#awaited = undefined;
      if (given) {
        this.#agreed.set(item, null);
        this.#held.tellNow(sentence);
      } else this.refuse(sentence);
    });
    this.#agreed.set(item, answered);
    return answered;
  }

  #askFor({ type, payload }: InboundItem & { kind: "request" }): AwaitedConfirmation | null {
    const { session } = this.#context;
    const desk = session.confirm;
    const program = desk === null ? undefined : programOf(type, payload);
    if (desk === null || program?.request !== "exec" || program.command === undefined) return null;
    // Nobody is asked about what is refused anyway.
    if (session.decide("exec").effect === "deny" && session.decide("sftp").effect === "deny") return null;
    const { command } = program;
    return desk.ask({ what: "command", channel: this.number, command, writes: takesFiles(program) });
  }

  #discarded(item: InboundItem): void {
    if (item.kind === "data") {
      item.release();
      this.#client.consumed(item.filled);
    } else if (item.kind !== "request") return;
    else if (this.#refusal === undefined) item.reply(false);
    else this.#refusal.request(item.type, item.payload, item.reply);
  }

  #record(item: InboundItem): boolean {
    switch (item.kind) {
      case "data":
        return this.#recorder?.inbound(dataOf(item)) ?? false;
      case "eof":
        this.#context.gate.notice("eof", { direction: "inbound" }, this.number);
        return true;
      case "close":
        return false;
      case "request":
        return this.#requests.record(item);
    }
  }

  #pass(item: InboundItem): void {
    switch (item.kind) {
      case "data": {
        const data = dataOf(item);
        if (this.#files !== undefined) {
          this.#files.fromClient(data);
          item.release();
          return;
        }
        if (this.#recorder !== undefined && this.#target !== undefined && !this.#target.ended) {
          this.#target.write("stdout", data, item.release);
        } else {
          item.release();
          this.#client.consumed(data.length);
        }
        return;
      }
      case "eof":
        if (this.#files === undefined) this.#target?.eof();
        else this.#files.clientEof();
        return;
      case "close":
        this.#files?.end();
        this.#target?.close();
        return;
      case "request":
        this.#holdFiles();
        if (programTypes.has(item.type)) this.#held.programPassed();
        item.pass?.();
    }
  }

  /** From the program's start on: before the target can have said anything. */
  #holdFiles(): void {
    const make = this.#makeHold;
    const { files, session, gate } = this.#context;
    if (make === undefined) return;
    this.#makeHold = undefined;
    if (files === undefined || this.#target === undefined) throw new Error("files cannot be held here");
    this.#files = new BridgedHold(
      {
        session,
        gate,
        channel: this.number,
        files,
        client: this.#client,
        target: this.#target,
        outbound: (step) => this.#outbound(step),
        mayPass: () => this.#mayPass(),
        record: (data) => this.#recorder?.outbound("stdout", data),
        failed: (error) => this.#failed(error),
      },
      make,
    );
  }

  #programAnswered(ok: boolean): void {
    if (!ok && !this.#targetClosed && this.#refusal === undefined) {
      this.#attempt(() =>
        this.#context.gate.notice("request-refused", { request: "program", reason: "refused-by-target" }, this.number),
      );
    }
    for (const line of this.#requests.takeRemarks()) {
      if (ok && this.#requests.pty) this.#client.write("stderr", remark(line, true));
    }
  }

  // --- target to operator ---

  get #mustHold(): boolean {
    return this.#delayed.length > 0 || this.#context.gate.closed;
  }

  /** In order, and not before the recorder has caught up. */
  #outbound(step: () => void): void {
    if (this.#mustHold) {
      this.#delayed.push(step);
      if (this.#delayed.length === 1) this.#context.gate.whenOpen(() => this.#releaseHeld());
      return;
    }
    this.#attempt(step);
  }

  #releaseHeld(): void {
    while (this.#delayed.length > 0) {
      if (this.#context.gate.closed) {
        this.#context.gate.whenOpen(() => this.#releaseHeld());
        return;
      }
      const step = this.#delayed.shift();
      if (step !== undefined) this.#attempt(step);
    }
  }

  #fromTarget(stream: Stream, data: Buffer, release?: () => void): void {
    if (this.#recorder === undefined || this.#client.ended || this.#refusal !== undefined) {
      release?.();
      this.#target?.consumed(data.length);
      return;
    }
    if (this.#files !== undefined && stream === "stdout") {
      this.#files.fromTarget(release === undefined ? data : Buffer.from(data));
      release?.();
      return;
    }
    this.#recorder.outbound(stream, data);
    this.#showLines(data);
    if (stream === "stdout" && this.#held.weave(data)) release?.();
    else this.#client.write(stream, data, release);
    this.#files?.errorsPassed(data.length);
  }

  /** From its first prompt on: what stands on a line is reckoned from there. */
  #showLines(data: Buffer): void {
    if (this.#gate === undefined && this.#context.session.confirm?.commands === true) this.#gateOf();
    this.#lines?.shown(data);
    if (this.#gate instanceof ConfirmGate) this.#gate.shown();
  }

  #targetRequest(type: string, payload: Buffer): void {
    const exit = exitOf(type, payload);
    if (exit !== undefined) {
      if (this.#exited) return;
      this.#exited = true;
      this.#context.gate.append({ type: "exit", channel: this.number, ...exit });
      this.#client.requestAfterData(type, payload);
    } else if (transparentRequests.has(type)) {
      this.#client.request(type, payload);
    }
  }

  // --- the end ---

  #clientGone(): void {
    this.#clientClosed = true;
    // Nobody waits for its scan any more, nor for anybody's agreement.
    this.#files?.end();
    if (this.#gate instanceof ConfirmStreamGate) this.#gate.flush();
    this.#stopWaiting();
    if (this.#target === undefined || this.#context.session.frozen || this.#refusal !== undefined) {
      this.#pipeline.stop();
      this.#target?.abandon();
      if (this.#target === undefined || this.#refusal !== undefined) this.#client.close();
    } else {
      // What was sent before the close still reaches the target, as it would without a gateway.
      this.#pipeline.push({ kind: "close" });
    }
    this.#finishIfClosed();
  }

  #targetGone(): void {
    this.#targetClosed = true;
    this.#pipeline.stop();
    this.#target?.close();
    const close = (): void => {
      this.#client.close();
      this.#finishIfClosed();
    };
    if (this.#context.gate.failed) close();
    else this.#afterFiles(() => this.#outbound(close));
  }

  #finishIfClosed(): void {
    if (this.#clientClosed && (this.#targetClosed || this.#target === undefined)) this.finish();
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What cannot be parsed cannot be recorded: that ends this channel; a failed recording ends the connection. */
  #failed(error: unknown): void {
    if (!(error instanceof AppError && error.code.startsWith("PROTOCOL_"))) {
      this.#context.failed(error);
      return;
    }
    try {
      this.#context.gate.notice("health", { what: "channel", code: error.code, sentence: error.message }, this.number);
      this.refuse(error.message);
    } catch (second) {
      this.#context.failed(second);
    }
  }
}
