// x11vnc on loopback, which shares the screen of an Xvfb of its own: another family of servers (libvncserver).
import { freePort, waitForPort } from "./free-port.ts";
import { runProcess, startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";
import { startXvfb, type VncTarget } from "./xtigervnc.ts";

export interface X11vncOptions {
  /** Left out: no password is asked for. */
  password?: string;
  geometry?: string;
  args?: readonly string[];
}

export async function startX11vnc(options: X11vncOptions = {}): Promise<VncTarget> {
  const screen = await startXvfb(options.geometry ?? "640x480x24");
  const dir = await createTempDir("x11vnc");
  const port = await freePort();
  const passwordFile = `${dir.path}/passwd`;
  if (options.password !== undefined) await runProcess("x11vnc", ["-storepasswd", options.password, passwordFile]);
  const server = await startProcess(
    "x11vnc",
    [
      ...["-display", screen.display, "-rfbport", String(port), "-localhost", "-forever", "-shared", "-noipv6"],
      ...["-noxdamage", "-wait", "10", "-defer", "10", "-nopw", "-norc"],
      ...(options.password === undefined ? [] : ["-rfbauth", passwordFile]),
      ...(options.args ?? []),
    ],
    { ready: /PORT=\d+/ },
  );
  await waitForPort(port);
  return {
    host: "127.0.0.1",
    port,
    password: options.password ?? "",
    display: screen.display,
    server,
    stop: async () => {
      await server.stop();
      await screen.stop();
      await dir.remove();
    },
  };
}
