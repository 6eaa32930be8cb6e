// A batch as WebSocket frames (RFC 6455 §5.2), made once for all lines that it goes to: unmasked, as a server's are, each
// message whole, without extensions.
import type { LiveBatch } from "./live-bus.ts";

const known = new WeakMap<LiveBatch, Buffer>();
const final = 0x80;
const [textCode, binaryCode] = [1, 2];

export function wireOf(batch: LiveBatch): Buffer {
  const made = known.get(batch);
  if (made) return made;
  const parts: Uint8Array[] = [];
  for (const message of batch.messages) {
    const isText = typeof message === "string";
    const payload = isText ? Buffer.from(message) : message;
    parts.push(header(isText ? textCode : binaryCode, payload.length), payload);
  }
  const wire = Buffer.concat(parts);
  known.set(batch, wire);
  return wire;
}

function header(code: number, length: number): Buffer {
  if (length < 126) return Buffer.from([final | code, length]);
  if (length <= 0xffff) {
    const bytes = Buffer.from([final | code, 126, 0, 0]);
    bytes.writeUInt16BE(length, 2);
    return bytes;
  }
  const bytes = Buffer.alloc(10);
  bytes[0] = final | code;
  bytes[1] = 127;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}
