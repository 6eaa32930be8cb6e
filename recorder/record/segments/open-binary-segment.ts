// A segment of a screen or of frames that is being filled: it is bounded by what it costs to read, so it waits whole and
// is compressed at once, which makes it a good deal smaller than pieces would.
import { OpenSegment } from "./open-segment.ts";

/** What has gathered beyond this is compressed in between. */
const mostWaitingBytes = 16 * 1024 * 1024;
/** Predicted planes hardly ever repeat: where a segment consists of them, looking for matches makes it larger. */
const photographPart = 0.75;

export class OpenBinarySegment extends OpenSegment {
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  /** Of what was added. */
  photographBytes = 0;

  override write(text: string): void {
    this.add(Buffer.from(text));
  }

  override writeAscii(text: string): void {
    this.add(Buffer.from(text, "latin1"));
  }

  /** @param bytes kept as they are until the segment is closed. */
  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#waiting += bytes.length;
    this.rawBytes += bytes.length;
    if (this.#waiting > mostWaitingBytes) this.compressor.add(this.#take());
  }

  protected override waiting(): readonly Uint8Array[] {
    return this.#pieces;
  }

  #take(): Uint8Array {
    this.onLeaving?.();
    this.left += this.#waiting;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#waiting = 0;
    return whole;
  }

  override finish(): Uint8Array[] {
    const photographs = this.photographBytes > this.rawBytes * photographPart;
    if (this.#waiting > 0 && photographs) this.compressor.add(this.#take());
    else if (this.#waiting > 0) this.compressor.addLast(this.#take());
    return this.compressor.finishPieces();
  }
}
