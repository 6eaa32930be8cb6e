// A ZIP file made while it is read: one entry after the other, each as it comes, so that memory does not grow with it.
// Entries are stored uncompressed and carry one and the same time, so that the same entries make the same file.
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import yazl from "yazl";

export interface ZipEntry {
  name: string;
  content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Nothing is asked of the entries before the first byte is read. What they throw breaks the stream off. */
export function zipOf(entries: AsyncIterable<ZipEntry>, mtime: Date): Readable {
  return Readable.from(zipped(entries, mtime), { objectMode: false });
}

async function* zipped(entries: AsyncIterable<ZipEntry>, mtime: Date): AsyncGenerator<Buffer> {
  const zip = new yazl.ZipFile();
  const output = zip.outputStream as unknown as Readable;
  const fail = (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error)));
  let leave = () => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  zip.on("error", fail);
  const add = async () => {
    for await (const { name, content } of entries) {
      const body = content instanceof Uint8Array ? Readable.from([Buffer.from(content)]) : Readable.from(content);
      zip.addReadStream(body, name, { compress: false, mtime, mode: 0o100444 });
      // The next entry is not begun before this one has gone out; whoever reads no more ends it.
      await Promise.race([finished(body), left]);
      if (output.destroyed) return;
    }
    zip.end();
  };
  void add().catch(fail);
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } finally {
    output.destroy();
    leave();
  }
}
