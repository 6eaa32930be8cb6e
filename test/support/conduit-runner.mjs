// Runs lines of the built `conduit` one after the other in one process, as asked over IPC: most of a short command's time is
// the program's own start. Each line has streams and a database connection of its own, as in dist/recorder/cli/main.js.
import { Readable, Writable } from "node:stream";

const dist = new URL("../../dist/recorder/", import.meta.url);
const { environment } = await import(new URL("config.js", dist).href);
const { runCli } = await import(new URL("cli/program.js", dist).href);

process.umask(0o077);
const env = environment();
let last = Promise.resolve();

process.on("message", (line) => {
  last = last.then(() => run(line));
});

async function run({ id, args, input, directory }) {
  const stdout = new Collected();
  const stderr = new Collected();
  const code = await runCli(args, {
    stdout,
    stderr,
    stdin: Readable.from(input === undefined ? [] : [Buffer.from(input)], { objectMode: false }),
    env,
    directory,
    signal: new AbortController().signal,
  });
  process.send?.({ id, code, stdout: stdout.bytes(), stderr: stderr.bytes() });
}

class Collected extends Writable {
  #chunks = [];

  _write(chunk, _encoding, done) {
    this.#chunks.push(chunk);
    done();
  }

  bytes() {
    return Buffer.concat(this.#chunks);
  }
}
