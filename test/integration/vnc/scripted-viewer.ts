// A viewer that does what a test says: log-in by any type, then messages one by one. Speaks to the gateway, and to real
// servers to see what they say without it.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { readPixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { vncAuthResponse } from "../../../recorder/tap/vnc/vnc-auth.ts";
import type { ScreenInit } from "../../../shared/events/session-event.ts";
import { waitFor } from "../../support/wait-for.ts";

export interface ViewerOptions {
  version?: "3.3" | "3.7" | "3.8";
  /** VncAuth with this; else VeNCrypt. */
  ticket?: string;
  veNCrypt?: { subtype: number; user?: string; password?: string };
  none?: boolean;
}

export class Refused extends Error {}

export class ScriptedViewer {
  readonly socket: Socket;
  readonly init: ScreenInit;
  #received: Buffer[] = [];
  receivedBytes = 0;
  closed = false;

  constructor(socket: Socket, init: ScreenInit, rest: Buffer) {
    this.socket = socket;
    this.init = init;
    if (rest.length > 0) this.#take(rest);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("close", () => {
      this.closed = true;
    });
    socket.on("error", () => undefined);
    socket.resume();
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.receivedBytes += chunk.length;
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  send(...bytes: (Buffer | number[])[]): void {
    this.socket.write(Buffer.concat(bytes.map((part) => Buffer.from(part))));
  }

  key(sym: number, down: boolean): Buffer {
    const message = Buffer.alloc(8);
    message[0] = 4;
    message[1] = down ? 1 : 0;
    message.writeUInt32BE(sym, 4);
    return message;
  }

  pointer(x: number, y: number, buttons = 0): Buffer {
    const message = Buffer.alloc(6);
    message[0] = 5;
    message[1] = buttons;
    message.writeUInt16BE(x, 2);
    message.writeUInt16BE(y, 4);
    return message;
  }

  updateRequest(incremental = false): Buffer {
    const message = Buffer.alloc(10);
    message[0] = 3;
    message[1] = incremental ? 1 : 0;
    message.writeUInt16BE(this.init.width, 6);
    message.writeUInt16BE(this.init.height, 8);
    return message;
  }

  async whenReceived(bytes: number, what = "output"): Promise<void> {
    await waitFor(() => this.receivedBytes >= bytes, { what, timeoutMs: 15_000 });
  }

  async whenClosed(): Promise<void> {
    await waitFor(() => this.closed, { what: "the gateway to hang up", timeoutMs: 15_000 });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Rejects with Refused and the reason, where the protocol has one. */
export async function connectViewer(
  address: { host: string; port: number },
  options: ViewerOptions,
): Promise<ScriptedViewer> {
  let socket: Socket = connect(address);
  let reader = readerOf(socket);
  const { version = "3.8" } = options;
  await reader(12);
  socket.write(`RFB 003.00${version.slice(2)}\n`);
  const type = options.none === true ? 1 : options.ticket !== undefined ? 2 : 19;
  if (version === "3.3") {
    const dictated = (await reader(4)).readUInt32BE();
    if (dictated === 0) throw new Refused(await reasonOf(reader));
    if (dictated !== type) throw new Refused(`type ${dictated}`);
  } else {
    const count = (await reader(1)).readUInt8();
    if (count === 0) throw new Refused(await reasonOf(reader));
    const offered = [...(await reader(count))];
    if (!offered.includes(type)) throw new Refused(`offered ${offered.join(", ")}`);
    socket.write(Buffer.from([type]));
  }
  let hasResult = true;
  if (type === 2) {
    socket.write(vncAuthResponse(options.ticket ?? "", await reader(16)));
  } else if (type === 19) {
    const { subtype, user = "", password = "" } = options.veNCrypt ?? { subtype: 262 };
    await reader(2);
    socket.write(Buffer.from([0, 2]));
    await reader(1);
    const subtypes = await reader(4 * (await reader(1)).readUInt8());
    const offered = Array.from({ length: subtypes.length / 4 }, (_, at) => subtypes.readUInt32BE(4 * at));
    if (!offered.includes(subtype)) throw new Refused(`offered ${offered.join(", ")}`);
    const chosen = Buffer.alloc(4);
    chosen.writeUInt32BE(subtype);
    socket.write(chosen);
    if (subtype !== 256) {
      await reader(1);
      socket = await secure(socket, subtype < 260);
      reader = readerOf(socket);
    }
    if (subtype === 256 || subtype === 259 || subtype === 262) {
      const [name, secret] = [Buffer.from(user), Buffer.from(password)];
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32BE(name.length, 0);
      lengths.writeUInt32BE(secret.length, 4);
      socket.write(Buffer.concat([lengths, name, secret]));
    } else if (subtype === 258 || subtype === 261) {
      socket.write(vncAuthResponse(password, await reader(16)));
    }
  } else {
    hasResult = version === "3.8";
  }
  if (hasResult && (await reader(4)).readUInt32BE() !== 0) {
    throw new Refused(version === "3.8" ? await reasonOf(reader) : "refused");
  }
  socket.write(Buffer.from([0]));
  const head = await reader(24);
  const name = (await reader(head.readUInt32BE(20))).toString("utf8");
  const init = { width: head.readUInt16BE(0), height: head.readUInt16BE(2), format: readPixelFormat(head, 4), name };
  return new ScriptedViewer(socket, init, reader.release());
}

type Reader = ((count: number) => Promise<Buffer>) & { release(): Buffer };

function readerOf(socket: Socket): Reader {
  let held = Buffer.alloc(0);
  let over = false;
  const take = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
  };
  socket.on("data", take);
  socket.on("close", () => {
    over = true;
  });
  socket.on("error", () => undefined);
  const read = async (count: number): Promise<Buffer> => {
    await waitFor(() => held.length >= count || over, { what: `${count} bytes`, timeoutMs: 20_000, intervalMs: 2 });
    if (held.length < count) throw new Refused("hung up");
    const bytes = held.subarray(0, count);
    held = held.subarray(count);
    return bytes;
  };
  return Object.assign(read, {
    release: () => {
      socket.removeListener("data", take);
      return held;
    },
  });
}

function secure(socket: Socket, anonymous: boolean): Promise<Socket> {
  socket.removeAllListeners("data");
  return new Promise((resolve, reject) => {
    const secured = connectTls({
      socket,
      rejectUnauthorized: false,
      ...(anonymous ? { ciphers: "aNULL:@SECLEVEL=0", maxVersion: "TLSv1.2" as const } : {}),
    });
    secured.once("secureConnect", () => resolve(secured));
    secured.once("error", reject);
  });
}

async function reasonOf(reader: Reader): Promise<string> {
  return (await reader((await reader(4)).readUInt32BE())).toString("utf8");
}
