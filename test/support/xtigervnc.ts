// A real TigerVNC server on loopback: an X server whose screen is VNC. Things can be drawn on its `display`.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, waitForPort } from "./free-port.ts";
import { type RunningProcess, runProcess, startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";

export interface XtigervncOptions {
  /** `SecurityTypes` of the server, e.g. `VncAuth` or `X509Plain,TLSVnc`. */
  security?: string;
  /** At most eight characters; default `plant-7!`. */
  password?: string;
  geometry?: string;
  depth?: 8 | 16 | 24;
  /** PEM files. */
  certificate?: { cert: string; key: string };
  args?: readonly string[];
}

export interface VncTarget {
  host: string;
  port: number;
  password: string;
  /** `:7`, for X clients that draw or look at its screen. */
  display: string;
  server: RunningProcess;
  stop(): Promise<void>;
}

export async function startXtigervnc(options: XtigervncOptions = {}): Promise<VncTarget> {
  const { password = "plant-7!", security = "VncAuth", geometry = "640x480", depth = 24 } = options;
  const dir = await createTempDir("xtigervnc");
  const passwordFile = join(dir.path, "passwd");
  const obfuscated = await runProcess("tigervncpasswd", ["-f"], { input: `${password}\n` });
  await writeFile(passwordFile, obfuscated.stdoutBytes);
  const port = await freePort();
  const server = await startProcess(
    "Xtigervnc",
    [
      ...["-displayfd", "1", "-rfbport", String(port), "-interface", "127.0.0.1", "-nolisten", "tcp"],
      ...["-geometry", geometry, "-depth", String(depth), "-SecurityTypes", security, "-rfbauth", passwordFile],
      ...["-BlacklistThreshold", "1000000", "-ac", "-br"],
      ...(options.certificate === undefined
        ? []
        : ["-X509Cert", options.certificate.cert, "-X509Key", options.certificate.key]),
      ...(options.args ?? []),
    ],
    { ready: displayNumber },
  );
  await waitForPort(port);
  return {
    host: "127.0.0.1",
    port,
    password,
    display: displayOf(server),
    server,
    stop: async () => {
      await server.stop();
      await dir.remove();
    },
  };
}

const displayNumber = /^\d+$/m;

function displayOf(server: RunningProcess): string {
  return `:${displayNumber.exec(server.stdout())?.[0] ?? ""}`;
}

/** An X server without a screen anybody sees, for programs that need one. */
export async function startXvfb(geometry = "1024x768x24"): Promise<{ display: string; stop(): Promise<void> }> {
  const server = await startProcess(
    "Xvfb",
    ["-displayfd", "1", "-screen", "0", geometry, "-nolisten", "tcp", "-ac", "-br"],
    { ready: displayNumber },
  );
  return { display: displayOf(server), stop: () => server.stop() };
}
