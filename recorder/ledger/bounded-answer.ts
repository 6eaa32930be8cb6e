// An answer of a peer of which no more is read than a limit.

/** The first `maxBytes` of the body; what follows is not read. */
export async function readBounded(answer: Response, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  if (answer.body === null) return Buffer.alloc(0);
  for await (const part of answer.body) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
}
