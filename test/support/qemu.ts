// QEMU's VNC server on loopback: a PC without a disk, whose screen says that there is nothing to start from; or one with
// a diskette that draws coloured patterns in one resolution, and at a key in another.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { freePort, waitForPort } from "./free-port.ts";
import { startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";
import type { VncTarget } from "./xtigervnc.ts";

export interface QemuOptions {
  /** VncAuth with this; left out: None. */
  password?: string;
  /** PEM texts: then it offers VeNCrypt X509 with VncAuth or None inside. */
  certificate?: { cert: string; key: string };
  /** The resolution after the start, and the one that the first key brings. */
  screens?: [Size, Size];
}

interface Size {
  width: number;
  height: number;
}

export interface QemuTarget extends VncTarget {
  /** What the graphics card shows, as a PPM file. */
  screendump(): Promise<Buffer>;
}

/**
 * Real-mode code from 0x7c00 on: for each of the two sizes behind it, sets Bochs VBE's registers (ports 0x1ce, 0x1cf) to
 * width, height and 32 bits, fills the memory bank by bank through 0xa0000, and waits for a key in between.
 */
const drawing =
  "31c08ed8bc007cbe787ce80d0031c0cd16be7e7ce80300f4ebfdb8040031dbe84d00ad93b80100e84500ad93b80200e83d00b80300bb2000e834" +
  "00b80400bb0100e82b00ad9131dbb80500e821006800a00731ff89f8c1e803aa00d830e0aa89f8f6e3aa4709ff75eb4339cb75dac3bace01ef42" +
  "89d8efc3";
const disketteBytes = 1_474_560;

function diskette(screens: readonly Size[]): Buffer {
  const disk = Buffer.alloc(disketteBytes);
  let at = disk.write(drawing, "hex");
  for (const { width, height } of screens) {
    for (const word of [width, height, Math.ceil((width * height * 4) / 65_536)]) at = disk.writeUInt16LE(word, at);
  }
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

export async function startQemu(options: QemuOptions = {}): Promise<QemuTarget> {
  const dir = await createTempDir("qemu");
  const port = await freePort();
  const objects: string[] = [];
  const vnc = [`127.0.0.1:${port - 5900}`];
  if (options.password !== undefined) {
    await writeFile(`${dir.path}/password`, options.password, { mode: 0o600 });
    objects.push("-object", `secret,id=password,file=${dir.path}/password`);
    vnc.push("password-secret=password");
  }
  if (options.certificate !== undefined) {
    const tls = `${dir.path}/tls`;
    await mkdir(tls);
    // It insists on a CA, and would object to one that is the server itself.
    await writeFile(`${tls}/ca-cert.pem`, options.certificate.cert);
    await writeFile(`${tls}/server-cert.pem`, options.certificate.cert);
    await writeFile(`${tls}/server-key.pem`, options.certificate.key, { mode: 0o600 });
    objects.push("-object", `tls-creds-x509,id=tls,dir=${tls},endpoint=server,verify-peer=no,sanity-check=no`);
    vnc.push("tls-creds=tls");
  }
  if (options.screens !== undefined) {
    await writeFile(`${dir.path}/disk.img`, diskette(options.screens));
    objects.push("-drive", `if=floppy,format=raw,file=${dir.path}/disk.img`);
  }
  const monitor = `${dir.path}/monitor`;
  objects.push("-monitor", `unix:${monitor},server,nowait`);
  const server = await startProcess("qemu-system-x86_64", [
    ...["-nodefaults", "-vga", "std", "-m", "32", "-accel", "tcg", "-display", "none", "-name", "hmi"],
    ...objects,
    ...["-vnc", vnc.join(",")],
  ]);
  await waitForPort(port).catch((error: unknown) => {
    throw new Error(`QEMU said: ${server.output()}`, { cause: error });
  });
  return {
    host: "127.0.0.1",
    port,
    password: options.password ?? "",
    display: "",
    server,
    screendump: async () => {
      const path = `${dir.path}/screen.ppm`;
      await tellMonitor(monitor, `screendump ${path}`);
      return readFile(path);
    },
    stop: async () => {
      await server.stop();
      await dir.remove();
    },
  };
}

/** One command; resolves when the monitor asks for the next. */
function tellMonitor(path: string, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let prompts = 0;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      // The greeting ends with a prompt, and so does the answer.
      if (!text.endsWith("(qemu) ")) return;
      if (++prompts === 1) socket.write(`${command}\n`);
      else socket.end();
    });
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
}
