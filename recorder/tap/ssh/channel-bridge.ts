// One channel of a session: the operator's end, the target's end, and the recording between them. Fed by both muxes.
// Invariant: inbound passes only through the pipeline (recorded, durable, then forwarded); outbound is recorded, then
// forwarded; exit, end-of-file and close wait behind the bytes that came before them.
import { AppError } from "../../../shared/errors.ts";
import type { TapSession } from "../tap.ts";
import type { ChannelEnd, Stream } from "./channel-end.ts";
import { ByteRecorder, type ChannelRecorder } from "./channel-recorder.ts";
import { dataOf, type InboundItem, InboundPipeline } from "./inbound-pipeline.ts";
import type { RecordingGate } from "./recording-gate.ts";
import { Refusal, remark } from "./refusal.ts";
import { ReplyQueue } from "./reply-queue.ts";
import {
  envOf,
  exitOf,
  forwardNames,
  forwardRequests,
  localRequests,
  type Program,
  type Pty,
  programOf,
  ptyOf,
  refusalSentence,
  transparentRequests,
  windowChangeOf,
} from "./requests.ts";
import { SftpRecorder } from "./sftp/sftp-recorder.ts";

export interface BridgeContext {
  session: TapSession;
  gate: RecordingGate;
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
  #program: Program | undefined;
  #pty: Pty | undefined;
  /** Outbound that waits for the recorder. */
  #held: (() => void)[] = [];
  #clientClosed = false;
  #targetClosed = false;
  #refusal: Refusal | undefined;
  #finished = false;
  /** Said on the terminal once it is there. */
  #remarks: string[] = [];

  constructor(context: BridgeContext, number: number, client: ChannelEnd) {
    this.#context = context;
    this.number = number;
    this.#client = client;
    this.#replies = new ReplyQueue(client);
    this.#pipeline = new InboundPipeline(context.session, context.gate, {
      record: (item) => this.#record(item),
      endBatch: () => this.#recorder?.endBatch() ?? false,
      pass: (item) => this.#pass(item),
      discarded: (item) => this.#discarded(item),
      failed: (error) => this.#failed(error),
    });
    client.handlers = {
      onData: (_stream, data) => {
        context.session.touch();
        this.#pipeline.data(data);
      },
      onRequest: (type, wantReply, payload) => this.#clientRequest(type, wantReply, payload),
      onEof: () => this.#pipeline.push({ kind: "eof" }),
      onClose: () => this.#clientGone(),
      onSent: (bytes) => this.#target?.consumed(bytes),
    };
  }

  /** The target's end is open: what waited may pass. */
  connect(target: ChannelEnd): void {
    this.#target = target;
    target.handlers = {
      onData: (stream, data) => this.#outbound(() => this.#fromTarget(stream, data)),
      onRequest: (type, wantReply, payload) => {
        if (wantReply) target.reply(false);
        this.#outbound(() => this.#targetRequest(type, payload));
      },
      onEof: () =>
        this.#outbound(() => {
          this.#context.gate.notice("eof", { direction: "outbound" }, this.number);
          this.#client.eof();
        }),
      onClose: () => this.#targetGone(),
      onSent: (bytes) => this.#client.consumed(bytes),
    };
    if (this.#clientClosed) target.close();
    this.#pipeline.start();
  }

  /** A forward: no program is asked for, the channel is one from the start. */
  connectForward(target: ChannelEnd, command: string): void {
    this.#program = { request: "exec", command, capability: "local-forward" };
    this.#recorder = new ByteRecorder(this.#context.gate, this.number, false);
    this.connect(target);
  }

  /** From here on the gateway speaks in place of the target. What the target said before still goes out first. */
  refuse(sentence: string): void {
    if (this.#refusal !== undefined || this.#finished) return;
    const refusal = new Refusal(this.#client, sentence, this.#pty !== undefined);
    this.#refusal = refusal;
    this.#pipeline.stop();
    this.#target?.abandon();
    if (this.#program === undefined) return;
    if (this.#context.gate.failed) refusal.say();
    else this.#outbound(() => refusal.say());
  }

  /** Nothing of what the operator sent is still on its way. */
  get settled(): boolean {
    return this.#finished || (this.#pipeline.idle && (this.#target?.queuedBytes ?? 0) === 0);
  }

  /** The connection ends: what is known is written. Idempotent. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#pipeline.stop();
    this.#target?.abandon();
    this.#client.abandon();
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
    this.#context.session.touch();
    this.#pipeline.push({ kind: "request", type, payload: Buffer.from(payload), reply });
  }

  #discarded(item: InboundItem): void {
    if (item.kind === "data") this.#client.consumed(item.filled);
    else if (item.kind !== "request") return;
    else if (this.#refusal === undefined) item.reply(false);
    else this.#refusal.request(item.type, item.payload, item.reply);
  }

  #record(item: InboundItem): boolean {
    switch (item.kind) {
      case "data":
        // Before a program runs nobody would read it; sshd drops it too.
        return this.#recorder?.inbound(dataOf(item)) ?? false;
      case "eof":
        this.#context.gate.notice("eof", { direction: "inbound" }, this.number);
        return true;
      case "close":
        return false;
      case "request":
        return this.#recordRequest(item);
    }
  }

  #pass(item: InboundItem): void {
    switch (item.kind) {
      case "data": {
        const data = dataOf(item);
        if (this.#recorder === undefined || this.#target === undefined || this.#target.ended)
          this.#client.consumed(data.length);
        else this.#target.write("stdout", data);
        return;
      }
      case "eof":
        this.#target?.eof();
        return;
      case "close":
        this.#target?.close();
        return;
      case "request":
        item.pass?.();
    }
  }

  #recordRequest(item: InboundItem & { kind: "request" }): boolean {
    const { type, payload, reply } = item;
    const program = programOf(type, payload);
    if (program !== undefined) return this.#recordProgram(item, program);
    const { gate, session } = this.#context;
    const forward = (bytes: Buffer): void => this.#target?.request(type, bytes, reply);
    switch (type) {
      case "pty-req": {
        const pty = ptyOf(payload);
        this.#pty = pty;
        gate.notice("pty-req", { term: pty.term, cols: pty.cols, rows: pty.rows, modes: pty.modes }, this.number);
        item.pass = () => forward(pty.payload);
        return true;
      }
      case "env": {
        const { name, value } = envOf(payload);
        const decision = session.decideEnv(name);
        if (decision.effect === "allow") {
          gate.notice("env", { name, value: value.slice(0, 1024) }, this.number);
          item.pass = () => forward(payload);
          return true;
        }
        gate.notice("env-refused", { name, reason: decision.reason, rule: decision.rule }, this.number);
        item.pass = () => reply(false);
        return false;
      }
      case "window-change": {
        const size = windowChangeOf(payload);
        if (this.#program !== undefined && this.#pty !== undefined) {
          gate.append({ type: "resize", channel: this.number, cols: size.cols, rows: size.rows });
        } else if (this.#pty !== undefined) {
          this.#pty = { ...this.#pty, cols: size.cols, rows: size.rows };
        }
        item.pass = () => forward(size.payload);
        return true;
      }
      case "signal":
      case "break":
        gate.notice("signal", { name: type === "break" ? "BREAK" : signalName(payload) }, this.number);
        item.pass = () => forward(payload);
        return true;
      default:
        if (transparentRequests.has(type)) {
          item.pass = () => forward(payload);
          return false;
        }
        this.#refuseRequest(type);
        item.pass = () => reply(false);
        return false;
    }
  }

  #refuseRequest(type: string): void {
    const { gate, session } = this.#context;
    const capability = forwardRequests.get(type);
    const decision = capability === undefined ? undefined : session.decide(capability);
    // Even where policy would allow it: an agent's or an X11 client's traffic runs back to the operator, unrecorded.
    const reason = decision?.effect === "deny" ? decision.reason : "unrecordable";
    gate.notice(
      "request-refused",
      { request: type.slice(0, 128), reason, ...(decision === undefined ? {} : { rule: decision.rule }) },
      this.number,
    );
    const name = forwardNames[type];
    if (name !== undefined && decision !== undefined) {
      this.#remarks.push(refusalSentence(capitalised(name), { ...decision, reason }));
    }
  }

  #recordProgram(item: InboundItem & { kind: "request" }, program: Program): boolean {
    const { gate, session } = this.#context;
    const facts = {
      request: program.request,
      ...(program.command === undefined ? {} : { command: program.command.slice(0, 1024) }),
    };
    if (this.#program !== undefined) {
      gate.notice("request-refused", { ...facts, reason: "channel-in-use" }, this.number);
      item.pass = () => item.reply(false);
      return false;
    }
    const decision = session.decide(program.capability);
    if (decision.effect === "deny") {
      gate.notice("request-refused", { ...facts, reason: decision.reason, rule: decision.rule }, this.number);
      item.pass = () => {
        this.refuse(refusalSentence(programName(program), decision));
        this.#refusal?.request(item.type, item.payload, item.reply);
      };
      return true;
    }
    this.#program = program;
    const pty =
      this.#pty === undefined ? {} : { pty: { term: this.#pty.term, cols: this.#pty.cols, rows: this.#pty.rows } };
    gate.append({
      type: "channel-open",
      channel: this.number,
      request: program.request,
      ...(program.command === undefined ? {} : { command: program.command }),
      ...pty,
    });
    this.#recorder =
      program.capability === "sftp"
        ? new SftpRecorder(gate, this.number)
        : new ByteRecorder(gate, this.number, this.#pty !== undefined);
    item.pass = () => this.#target?.request(item.type, item.payload, (ok) => this.#programAnswered(item, ok));
    return true;
  }

  #programAnswered(item: InboundItem & { kind: "request" }, ok: boolean): void {
    if (!ok && !this.#targetClosed && this.#refusal === undefined) {
      this.#attempt(() =>
        this.#context.gate.notice("request-refused", { request: item.type, reason: "refused-by-target" }, this.number),
      );
    }
    item.reply(ok);
    if (ok && this.#pty !== undefined)
      for (const line of this.#remarks) this.#client.write("stderr", remark(line, true));
    this.#remarks = [];
  }

  // --- target to operator ---

  /** In order, and not before the recorder has caught up. */
  #outbound(step: () => void): void {
    if (this.#held.length > 0 || this.#context.gate.closed) {
      this.#held.push(step);
      if (this.#held.length === 1) this.#context.gate.whenOpen(() => this.#releaseHeld());
      return;
    }
    this.#attempt(step);
  }

  #releaseHeld(): void {
    while (this.#held.length > 0) {
      if (this.#context.gate.closed) {
        this.#context.gate.whenOpen(() => this.#releaseHeld());
        return;
      }
      const step = this.#held.shift();
      if (step !== undefined) this.#attempt(step);
    }
  }

  #fromTarget(stream: Stream, data: Buffer): void {
    if (this.#recorder === undefined || this.#client.ended || this.#refusal !== undefined) {
      this.#target?.consumed(data.length);
      return;
    }
    this.#recorder.outbound(stream, data);
    this.#client.write(stream, data);
  }

  #targetRequest(type: string, payload: Buffer): void {
    const exit = exitOf(type, payload);
    if (exit !== undefined) {
      this.#context.gate.append({ type: "exit", channel: this.number, ...exit });
      this.#client.requestAfterData(type, payload);
    } else if (transparentRequests.has(type)) {
      this.#client.request(type, payload);
    }
  }

  // --- the end ---

  #clientGone(): void {
    this.#clientClosed = true;
    if (this.#target === undefined || this.#context.session.frozen || this.#refusal !== undefined) {
      this.#pipeline.stop();
      this.#target?.close();
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
    else this.#outbound(close);
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

function programName(program: Program): string {
  if (program.request === "shell") return "A shell";
  if (program.request === "exec") return "Running a command";
  return program.capability === "sftp" ? "File transfer by SFTP" : `The subsystem ${program.command ?? ""}`;
}

function signalName(payload: Buffer): string {
  if (payload.length < 4)
    throw new AppError("PROTOCOL_MALFORMED", "The client sent a malformed signal.", { op: "ssh.signal" });
  return payload.toString("utf8", 4, 4 + Math.min(payload.readUInt32BE(0), 64));
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
