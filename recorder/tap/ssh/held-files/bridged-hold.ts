// A ChannelHold's place in the bridge of its channel: what it hands on is recorded and then written to the operator, or
// written to the target; how much waits on either side is counted here. Invariant: after `end` nothing is handed on.
import { setMaxListeners } from "node:events";
import { AppError } from "../../../../shared/errors.ts";
import type { NoticeType } from "../../../../shared/events/session-event.ts";
import type { FileHold, HeldFile } from "../../file-hold.ts";
import type { RecordingGate } from "../../recording-gate.ts";
import type { TapSession } from "../../tap.ts";
import type { ChannelEnd } from "../channel-end.ts";
import { remark } from "../refusal.ts";
import { Backlog } from "./backlog.ts";
import type { ChannelHold, HoldChannel } from "./channel-hold.ts";
import { inTurn } from "./target-turns.ts";

/** Of what waits to leave on either side, before more is made. */
const maxWaitingBytes = 1024 * 1024;

/** Where a session's files are held, and whose they are. */
export interface SessionFiles {
  hold: FileHold;
  person: string;
  target: string;
}

export interface HoldPlace {
  session: TapSession;
  gate: RecordingGate;
  channel: number;
  files: SessionFiles;
  client: ChannelEnd;
  target: ChannelEnd;
  /** In order, and not before the recorder has caught up. */
  outbound(step: () => void): void;
  record(data: Buffer): void;
  /** Resolves when the session's hold lets files pass, or the channel is over. */
  mayPass(): Promise<void>;
  failed(error: unknown): void;
}

export class BridgedHold {
  readonly #place: HoldPlace;
  readonly #hold: ChannelHold;
  readonly #abort = new AbortController();
  readonly #toClient = new Backlog(maxWaitingBytes);
  readonly #toTarget = new Backlog(maxWaitingBytes);

  constructor(place: HoldPlace, make: (channel: HoldChannel) => ChannelHold) {
    this.#place = place;
    // One a scan that waits its turn.
    setMaxListeners(0, this.#abort.signal);
    this.#hold = make(this.#channel());
  }

  fromClient(data: Buffer): void {
    if (!this.#abort.signal.aborted) this.#hold.fromClient(data);
  }

  clientEof(): void {
    if (!this.#abort.signal.aborted) this.#hold.clientEof();
  }

  fromTarget(data: Buffer): void {
    if (!this.#abort.signal.aborted) this.#hold.fromTarget(data);
  }

  /** The target says no more: resolves when all it said is handed on. */
  async targetEnded(): Promise<void> {
    if (!this.#abort.signal.aborted) await this.#hold.targetEnded();
  }

  /** What the target's program says beside the protocol was written to the operator already. */
  errorsPassed(bytes: number): void {
    this.#toClient.add(bytes);
    this.#toClient.room(this.#abort.signal).then(
      () => this.#place.target.consumed(bytes),
      () => undefined,
    );
  }

  clientSent(bytes: number): void {
    this.#toClient.sent(bytes);
  }

  targetSent(bytes: number): void {
    this.#toTarget.sent(bytes);
  }

  end(): void {
    if (this.#abort.signal.aborted) return;
    // The events of what is cut off are still written.
    this.#hold.end();
    this.#abort.abort(new AppError("PROTOCOL_LIMIT", "The file transfer is over.", { op: "ssh.hold" }));
    this.#toClient.wake();
    this.#toTarget.wake();
  }

  #channel(): HoldChannel {
    const { session, gate, channel, files, client, target } = this.#place;
    const { signal } = this.#abort;
    return {
      signal,
      hold: files.hold,
      toClient: (data) => {
        signal.throwIfAborted();
        this.#toClient.add(data.length);
        this.#place.outbound(() => {
          if (signal.aborted) return;
          this.#place.record(data);
          client.write("stdout", data);
        });
      },
      toTarget: (data) => {
        signal.throwIfAborted();
        this.#toTarget.add(data.length);
        target.write("stdout", data);
      },
      eofToTarget: () => target.eof(),
      clientRoom: () => this.#toClient.room(signal),
      targetRoom: () => this.#toTarget.room(signal),
      clientConsumed: (bytes) => client.consumed(bytes),
      targetConsumed: (bytes) => target.consumed(bytes),
      say: (sentence) => {
        if (signal.aborted || client.ended) return;
        const line = remark(sentence, false);
        this.#toClient.add(line.length);
        this.#place.outbound(() => client.write("stderr", line));
      },
      notice: (notice: NoticeType, facts) => {
        signal.throwIfAborted();
        gate.notice(notice, facts, channel);
      },
      durable: () => gate.durable(),
      mayPass: async () => {
        await this.#place.mayPass();
        signal.throwIfAborted();
      },
      open: (path, direction): Promise<HeldFile> =>
        files.hold.open({ session: session.id, person: files.person, target: files.target, path, direction }),
      alone: (step) => inTurn(files.target, signal, step),
      failed: (error) => {
        if (!signal.aborted) this.#place.failed(error);
      },
    };
  }
}
