#!/usr/bin/env node
// The executable: the process's own streams, signals and umask around one command line.
import { environment } from "../config.ts";
import { runCli } from "./program.ts";

// Everything this program creates holds keys, recordings or people's data: nobody else's to read.
process.umask(0o077);

const stop = new AbortController();
let signals = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    signals++;
    stop.abort(signal);
    // The third time somebody means it: sessions stay in the spool and are sealed at the next start.
    if (signals >= 3) process.exit(130);
  });
}

const code = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: environment(),
  directory: process.cwd(),
  signal: stop.signal,
});
// A finished command is not held open by a connection that somebody keeps alive.
process.exit(code);
