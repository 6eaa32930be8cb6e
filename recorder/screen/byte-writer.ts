// A growing buffer for a record's parts. `room` is asked once for an operation, so that the inner loops write without a
// check.
import { putVarint } from "../../shared/screen/format.ts";

export class ByteWriter {
  bytes: Uint8Array;
  at = 0;

  constructor(firstBytes: number) {
    this.bytes = new Uint8Array(firstBytes);
  }

  room(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + length));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  byte(value: number): void {
    this.room(1);
    this.bytes[this.at++] = value;
  }

  varint(value: number): void {
    this.room(8);
    this.at = putVarint(this.bytes, this.at, value);
  }

  append(part: Uint8Array): void {
    this.room(part.length);
    this.bytes.set(part, this.at);
    this.at += part.length;
  }

  ascii(text: string): void {
    this.room(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.at++] = text.charCodeAt(i);
  }

  written(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }
}
