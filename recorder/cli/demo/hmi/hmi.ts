// The demo HMI: an RFB server on loopback that shows a reactor's process picture and lets pumps, set points and alarms be
// operated. Started by `conduit demo` and by tests. Invariant: it controls nothing, and lets in only by password.
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Pixels } from "../../../export/video/glyph-table.ts";
import type { Controller } from "../controller.ts";
import { DirtyTiles } from "./dirty-tiles.ts";
import { Picture } from "./picture.ts";
import { HmiProcess } from "./process.ts";
import { Viewer } from "./viewer.ts";

export interface HmiOptions {
  /** Loopback unless given; 0 for any free port. */
  host?: string;
  port: number;
  /** VncAuth takes its first eight characters. */
  password?: string;
  /** The plant's controller, when a shell shows the same tags. */
  controller?: Controller;
  now?: () => number;
  /** How often the picture is painted while somebody watches. */
  frameMs?: number;
}

export interface Hmi {
  host: string;
  port: number;
  password: string;
  /** The picture as it is: what a viewer that has caught up must show. */
  readonly pixels: Pixels;
  readonly process: HmiProcess;
  readonly viewers: number;
  /** Paints once more and tells the viewers; while it is not painted by itself (`frameMs` 0), a test's own clock. */
  paint(): void;
  close(): Promise<void>;
}

const maxViewers = 16;

export async function startHmi(options: HmiOptions): Promise<Hmi> {
  const { host = "127.0.0.1", password = "reactor", now = Date.now, frameMs = 100 } = options;
  const process = new HmiProcess(options.controller, now);
  const picture = new Picture(process);
  const shown = new Uint32Array(picture.pixels.data.length);
  const tiles = new DirtyTiles(picture.pixels.width, picture.pixels.height);
  const viewers = new Map<Socket, Viewer>();
  const watching = new Set<Viewer>();
  const paint = () => {
    const moved = picture.draw();
    if (moved !== null) moveWithin(shown, picture.pixels.width, moved);
    const differences = tiles.markDifferences(shown, picture.pixels.data);
    tiles.take();
    shown.set(picture.pixels.data);
    for (const viewer of watching) viewer.changed(moved, differences);
  };
  paint();
  const server = createServer((socket) => {
    if (viewers.size >= maxViewers) return void socket.destroy();
    socket.setNoDelay(true);
    const viewer = new Viewer(socket, {
      pixels: picture.pixels,
      password,
      name: () => `hmi-reactor-01 (${process.openAlarms === 0 ? "no" : process.openAlarms} open alarms)`,
      key: (keysym) => picture.key(keysym),
      pointer: (x, y, buttons) => picture.pointer(x, y, buttons),
      ready: () => void watching.add(viewer),
    });
    viewers.set(socket, viewer);
    socket.on("close", () => {
      viewers.delete(socket);
      watching.delete(viewer);
    });
    // A peer that hangs up in mid-handshake is its own affair.
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, host, () => resolve());
  });
  const timer = frameMs > 0 ? setInterval(() => void (watching.size > 0 && paint()), frameMs) : null;
  return {
    host,
    port: (server.address() as AddressInfo).port,
    password,
    pixels: picture.pixels,
    process,
    get viewers() {
      return watching.size;
    },
    paint,
    close: () =>
      new Promise((resolve) => {
        if (timer !== null) clearInterval(timer);
        server.close(() => resolve());
        for (const socket of viewers.keys()) socket.destroy();
      }),
  };
}

/** As CopyRect does; the rows do not overlap downwards. */
function moveWithin(
  data: Uint32Array,
  stride: number,
  {
    x,
    y,
    width,
    height,
    fromX,
    fromY,
  }: { x: number; y: number; width: number; height: number; fromX: number; fromY: number },
): void {
  for (let row = 0; row < height; row++) {
    const from = (fromY + row) * stride + fromX;
    data.copyWithin((y + row) * stride + x, from, from + width);
  }
}
