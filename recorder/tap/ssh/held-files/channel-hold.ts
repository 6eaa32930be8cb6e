// The gateway as the end point of a file transfer's bytes: what stands between the operator's and the target's end of a
// channel while files are held until they are scanned. The bridge feeds it with recorded, durable inbound bytes and with
// the target's; whatever leaves it for the operator is recorded on its way.
import type { NoticeType } from "../../../../shared/events/session-event.ts";
import type { FileHold, HeldFile } from "../../file-hold.ts";

export interface ChannelHold {
  /** Good during the call. May throw PROTOCOL_*. */
  fromClient(data: Buffer): void;
  /** After all that came before it is dealt with, the target's end is told. */
  clientEof(): void;
  /** Standard output alone; good during the call. May throw PROTOCOL_*. */
  fromTarget(data: Buffer): void;
  /** The target says no more: resolves when all it said is handed on, or when the channel ends. */
  targetEnded(): Promise<void>;
  /** Nothing is handed on any more; what is held goes. Idempotent. */
  end(): void;
}

/** What a ChannelHold may do; everything rejects or throws once the channel is over. */
export interface HoldChannel {
  readonly signal: AbortSignal;
  /** Records it, then sends it to the operator. The bytes must not change afterwards. */
  toClient(data: Buffer): void;
  /** Sends it to the target. The bytes must not change afterwards. */
  toTarget(data: Buffer): void;
  /** End-of-file for the target, behind what was sent. */
  eofToTarget(): void;
  /** Resolves when little of what was sent to the operator still waits. */
  clientRoom(): Promise<void>;
  targetRoom(): Promise<void>;
  /** So many bytes of `fromClient`, `fromTarget` are dealt with. */
  clientConsumed(bytes: number): void;
  targetConsumed(bytes: number): void;
  /** A line that the operator's program shows beside the transfer. Not recorded: the event that causes it is. */
  say(sentence: string): void;
  notice(notice: NoticeType, facts: Record<string, unknown>): void;
  durable(): Promise<void>;
  /** Resolves when input may pass (freeze). */
  mayPass(): Promise<void>;
  /** Quarantine for one file of this session. */
  hold: FileHold;
  open(path: string, direction: "inbound" | "outbound"): Promise<HeldFile>;
  /** One at a time of all that hand something to this target. */
  alone<T>(step: () => Promise<T>): Promise<T>;
  /** A fault that ends the channel. */
  failed(error: unknown): void;
}
