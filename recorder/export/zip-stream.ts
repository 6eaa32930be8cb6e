// A ZIP file made while it is read: one entry after the other, each as it comes, so that memory does not grow with it.
// Entries are stored uncompressed and carry one and the same time, so that the same entries make the same file.
import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import yazl from "yazl";

export interface ZipEntry {
  name: string;
  content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What is thrown while entries are made breaks the stream off. */
export function zipOf(entries: AsyncIterable<ZipEntry>, mtime: Date): Readable {
  const zip = new yazl.ZipFile();
  const output = new PassThrough();
  const inner = zip.outputStream as unknown as Readable;
  const fail = (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error)));
  zip.on("error", fail);
  inner.on("error", fail);
  output.on("close", () => inner.destroy());
  let ended = () => {};
  const gone = new Promise<void>((resolve) => {
    ended = resolve;
  });
  output.once("close", ended);
  const add = async () => {
    for await (const { name, content } of entries) {
      const body = content instanceof Uint8Array ? Readable.from([Buffer.from(content)]) : Readable.from(content);
      zip.addReadStream(body, name, { compress: false, mtime, mode: 0o100444 });
      // The next entry is not begun before this one has gone out; whoever reads no more ends it.
      await Promise.race([finished(body), gone]);
      if (output.destroyed) return;
    }
    zip.end();
  };
  add().catch(fail);
  return inner.pipe(output);
}
