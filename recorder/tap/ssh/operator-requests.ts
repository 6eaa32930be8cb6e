// What the operator asks of one channel: pty, environment, program, signals, forwards. Each request becomes events and a
// step that passes it on. Invariant: a program starts once, after policy allowed it and its `channel-open` is recorded.
import { AppError } from "../../../shared/errors.ts";
import { reasonSentences } from "../../../shared/policy/decide.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";
import { type ChannelEnd, requestPayload } from "./channel-end.ts";
import { ByteRecorder, type ChannelRecorder } from "./channel-recorder.ts";
import { fileProgramOf, holdFor, type MakeHold } from "./held-files/held-program.ts";
import type { InboundItem } from "./inbound-pipeline.ts";
import {
  envOf,
  forwardNames,
  forwardRequests,
  type Program,
  type Pty,
  programOf,
  ptyOf,
  refusalSentence,
  transparentRequests,
  windowChangeOf,
} from "./requests.ts";
import { SftpRecorder } from "./sftp/sftp-recorder.ts";

/** For a target's answer to pty-req before a program starts without knowing it. */
const ptyAnswerMs = 10_000;

type RequestItem = InboundItem & { kind: "request" };

export interface OperatorRequestEvents {
  target(): ChannelEnd | undefined;
  /** There is somewhere to hold files until they are scanned. */
  canHold: boolean;
  /** The program's `channel-open` is appended: what follows is recorded by this. `hold` given: it transfers files. */
  started(recorder: ChannelRecorder, hold?: MakeHold): void;
  /** The target said whether it runs the program. */
  answered(ok: boolean): void;
  /** Policy does not allow the program. */
  refused(sentence: string, item: RequestItem): void;
}

export class OperatorRequests {
  readonly #session: TapSession;
  readonly #gate: RecordingGate;
  readonly #channel: number;
  readonly #events: OperatorRequestEvents;
  #started = false;
  #pty: Pty | undefined;
  /** Until the target said whether there is a terminal. */
  #ptyAsked: Promise<void> | null = null;
  /** Said on the terminal once it is there. */
  #remarks: string[] = [];

  constructor(session: TapSession, gate: RecordingGate, channel: number, events: OperatorRequestEvents) {
    this.#session = session;
    this.#gate = gate;
    this.#channel = channel;
    this.#events = events;
  }

  get pty(): boolean {
    return this.#pty !== undefined;
  }

  takeRemarks(): string[] {
    const remarks = this.#remarks;
    this.#remarks = [];
    return remarks;
  }

  /** Whether a program has a terminal stands in its `channel-open`, so the target's word on that comes first. */
  waitsFor(type: string, payload: Buffer): Promise<void> | null {
    return this.#ptyAsked !== null && programOf(type, payload) !== undefined ? this.#ptyAsked : null;
  }

  /** Appends what the request says; sets what it does once it may pass. True: it must be durable first. */
  record(item: RequestItem): boolean {
    const { type, payload, reply } = item;
    const program = programOf(type, payload);
    if (program !== undefined) return this.#program(item, program);
    const gate = this.#gate;
    const forward = (bytes: Buffer): void => this.#events.target()?.request(type, bytes, reply);
    switch (type) {
      case "pty-req": {
        const pty = ptyOf(payload);
        this.#pty = pty;
        gate.notice("pty-req", { term: pty.term, cols: pty.cols, rows: pty.rows, modes: pty.modes }, this.#channel);
        const answered = this.#askForPty();
        item.pass = () =>
          this.#events.target()?.request(type, pty.payload, (ok) => {
            if (!ok) this.#ptyRefused(pty);
            answered();
            reply(ok);
          });
        return true;
      }
      case "env": {
        const { name, value } = envOf(payload);
        const decision = this.#session.decideEnv(name);
        if (decision.effect === "allow") {
          gate.notice("env", { name, value: value.slice(0, 1024) }, this.#channel);
          item.pass = () => forward(payload);
          return true;
        }
        gate.notice("env-refused", { name, reason: decision.reason, rule: decision.rule }, this.#channel);
        item.pass = () => reply(false);
        return false;
      }
      case "window-change": {
        const size = windowChangeOf(payload);
        if (this.#started && this.#pty !== undefined) {
          gate.append({ type: "resize", channel: this.#channel, cols: size.cols, rows: size.rows });
        } else if (this.#pty !== undefined) {
          this.#pty = { ...this.#pty, cols: size.cols, rows: size.rows };
        }
        item.pass = () => forward(size.payload);
        return true;
      }
      case "signal":
      case "break":
        gate.notice("signal", { name: type === "break" ? "BREAK" : signalName(payload) }, this.#channel);
        item.pass = () => forward(payload);
        return true;
      default:
        if (transparentRequests.has(type)) {
          item.pass = () => forward(payload);
          return false;
        }
        this.#refuse(type);
        item.pass = () => reply(false);
        return false;
    }
  }

  /** To be called when the target has answered. One that never does keeps nobody from starting. */
  #askForPty(): () => void {
    let answered: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ptyAnswerMs);
      timer.unref();
      answered = () => {
        clearTimeout(timer);
        resolve();
      };
    }).then(() => {
      if (this.#ptyAsked === asked) this.#ptyAsked = null;
    });
    this.#ptyAsked = asked;
    return answered;
  }

  /** What runs has no terminal: keystrokes are bytes then, and a window has no size. */
  #ptyRefused(pty: Pty): void {
    if (this.#pty === undefined) return;
    this.#pty = undefined;
    this.#gate.notice(
      "request-refused",
      { request: "pty-req", term: pty.term, reason: "refused-by-target", started: this.#started },
      this.#channel,
    );
  }

  #refuse(type: string): void {
    const gate = this.#gate;
    const session = this.#session;
    const capability = forwardRequests.get(type);
    const decision = capability === undefined ? undefined : session.decide(capability);
    // Even where policy would allow it: an agent's or an X11 client's traffic runs back to the operator, unrecorded.
    const reason = decision?.effect === "deny" ? decision.reason : "unrecordable";
    gate.notice(
      "request-refused",
      { request: type.slice(0, 128), reason, ...(decision === undefined ? {} : { rule: decision.rule }) },
      this.#channel,
    );
    const name = forwardNames[type];
    if (name !== undefined && decision !== undefined) {
      this.#remarks.push(refusalSentence(capitalised(name), { ...decision, reason }));
    }
  }

  #program(item: RequestItem, program: Program): boolean {
    const gate = this.#gate;
    const session = this.#session;
    const facts = {
      request: program.request,
      ...(program.command === undefined ? {} : { command: program.command.slice(0, 1024) }),
    };
    if (this.#started) {
      gate.notice("request-refused", { ...facts, reason: "channel-in-use" }, this.#channel);
      item.pass = () => item.reply(false);
      return false;
    }
    const files = fileProgramOf(program);
    const mode = files === undefined ? "allow" : session.fileTransfer;
    if (mode === "deny")
      return this.#refuseFiles(item, facts, "file-transfer-denied", reasonSentences["file-transfer-denied"]);
    if (mode === "scan_required" && !this.#events.canHold) {
      return this.#refuseFiles(
        item,
        facts,
        "cannot-be-held",
        "It must be scanned, and this gateway has no quarantine.",
      );
    }
    const held = mode === "scan_required" && files !== undefined ? holdFor(files) : undefined;
    if (mode === "scan_required" && (held === undefined || this.pty)) {
      return this.#refuseFiles(
        item,
        facts,
        "cannot-be-held",
        "Called in this way, its files cannot be held until they are scanned.",
      );
    }
    let decision = session.decide(program.capability);
    // scp whose command is written anew runs nothing but scp: it is file transfer, as SFTP is.
    if (decision.effect === "deny" && held !== undefined && program.capability === "exec") {
      const asFiles = session.decide("sftp");
      if (asFiles.effect === "allow") decision = asFiles;
    }
    if (decision.effect === "deny") {
      gate.notice("request-refused", { ...facts, reason: decision.reason, rule: decision.rule }, this.#channel);
      item.pass = () => this.#events.refused(refusalSentence(programName(program), decision), item);
      return true;
    }
    this.#started = true;
    const pty =
      this.#pty === undefined ? {} : { pty: { term: this.#pty.term, cols: this.#pty.cols, rows: this.#pty.rows } };
    gate.append({
      type: "channel-open",
      channel: this.#channel,
      request: program.request,
      ...(program.command === undefined ? {} : { command: program.command }),
      ...pty,
    });
    // What the target runs is said too, where it is not letter for letter what was asked.
    if (held?.command !== undefined && held.command !== program.command) {
      gate.notice("channel-open", { request: "exec", command: held.command }, this.#channel);
    }
    this.#events.started(
      program.capability === "sftp"
        ? new SftpRecorder(gate, this.#channel)
        : new ByteRecorder(gate, this.#channel, this.pty),
      held?.make,
    );
    const payload = held?.command === undefined ? item.payload : requestPayload(held.command);
    item.pass = () =>
      this.#events.target()?.request(item.type, payload, (ok) => {
        item.reply(ok);
        this.#events.answered(ok);
      });
    return true;
  }

  #refuseFiles(item: RequestItem, facts: Record<string, unknown>, reason: string, why: string): boolean {
    this.#gate.notice("request-refused", { ...facts, reason }, this.#channel);
    item.pass = () => this.#events.refused(`File transfer is refused: ${why}`, item);
    return true;
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
