// What a channel's bytes become in the recording. A shell, a command and an unknown subsystem are recorded byte for byte;
// SFTP (sftp/sftp-recorder.ts) as operations with digests. Never chosen by a command's text: `scp -t` inside a shell is a
// shell.
import { createHash } from "node:crypto";
import type { RecordingGate } from "../recording-gate.ts";
import type { Stream } from "./channel-end.ts";

export interface ChannelRecorder {
  /** True: what was appended must be durable before the bytes pass. May throw PROTOCOL_MALFORMED. */
  inbound(data: Buffer): boolean;
  /** After all that passes together was given to `inbound`. True: as there. */
  endBatch(): boolean;
  outbound(stream: Stream, data: Buffer): void;
  /** Nothing more will come: totals are written. */
  end(): void;
}

export class ByteRecorder implements ChannelRecorder {
  readonly #gate: RecordingGate;
  readonly #channel: number;
  /** Without a pty the bytes may be a file (scp, rsync, tar): their digests are kept. */
  readonly #digests: { inbound: Digest; outbound: Digest } | undefined;

  constructor(gate: RecordingGate, channel: number, pty: boolean) {
    this.#gate = gate;
    this.#channel = channel;
    this.#digests = pty ? undefined : { inbound: new Digest(), outbound: new Digest() };
  }

  inbound(data: Buffer): boolean {
    this.#gate.append({ type: "input", channel: this.#channel, data });
    this.#digests?.inbound.add(data);
    return true;
  }

  endBatch(): boolean {
    return false;
  }

  outbound(stream: Stream, data: Buffer): void {
    this.#gate.append({ type: "output", channel: this.#channel, stream, data });
    if (stream === "stdout") this.#digests?.outbound.add(data);
  }

  end(): void {
    if (this.#digests === undefined) return;
    for (const direction of ["inbound", "outbound"] as const) {
      const digest = this.#digests[direction];
      // Most commands take no input: what has no bytes was no transfer.
      if (digest.bytes === 0) continue;
      this.#gate.append({
        type: "file",
        channel: this.#channel,
        event: { op: "stream", id: 0, direction, bytes: digest.bytes, sha256: digest.hex(), sequential: true },
      });
    }
  }
}

class Digest {
  readonly #hash = createHash("sha256");
  bytes = 0;

  add(data: Buffer): void {
    this.#hash.update(data);
    this.bytes += data.length;
  }

  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}
