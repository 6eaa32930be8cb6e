// Runs one `conduit` command line in this process, with streams of the test's.
import { PassThrough, Readable, Writable } from "node:stream";
import { runCli } from "../../../recorder/cli/program.ts";

export interface ConduitResult {
  code: number;
  stdout: string;
  stderr: string;
}

export async function runConduit(
  directory: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<ConduitResult> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const collect = (into: Buffer[]) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        into.push(Buffer.from(chunk));
        done();
      },
    });
  const stdin = options.input === undefined ? new PassThrough().end() : Readable.from([Buffer.from(options.input)]);
  const code = await runCli(args, {
    stdout: collect(out),
    stderr: collect(err),
    stdin: stdin as Readable,
    env: options.env ?? {},
    directory,
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, stdout: Buffer.concat(out).toString("utf8"), stderr: Buffer.concat(err).toString("utf8") };
}
