// A target for the VNC bench, in a process of its own, that answers at once: a request for an update with exactly the asked
// area as one Raw rectangle, a key that goes down with a small one. Prints its port.
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { serverInit } from "../../integration/vnc/scripted-target.ts";
import { screenSize, smallUpdate } from "./update-sizes.ts";

const updates = new Map<string, Buffer>();

function update(x: number, y: number, width: number, height: number): Buffer {
  const key = [x, y, width, height].join();
  const known = updates.get(key);
  if (known !== undefined) return known;
  const made = Buffer.alloc(16 + width * height * 4);
  made.writeUInt16BE(1, 2);
  for (const [i, value] of [x, y, width, height].entries()) made.writeUInt16BE(value, 4 + 2 * i);
  // Flat areas with edges, as operator panels have.
  for (let i = 0; i < width * height; i++) {
    const [column, row] = [x + (i % width), y + Math.floor(i / width)];
    made.writeUInt32LE((((column >> 5) * 0x1f0b) ^ ((row >> 4) * 0x3a21d)) & 0xffffff, 16 + 4 * i);
  }
  updates.set(key, made);
  return made;
}

function serve(socket: Socket): void {
  const parser = new ClientParser();
  const steps = [12, 1, 1];
  let held: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.write("RFB 003.008\n");
  socket.on("data", (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let step = steps[0]; step !== undefined && held.length >= step; step = steps[0]) {
      held = held.subarray(step);
      if (steps.length === 3) socket.write(Buffer.from([1, 1]));
      else if (steps.length === 2) socket.write(Buffer.alloc(4));
      else socket.write(serverInit(screenSize, "bench"));
      steps.shift();
    }
    if (steps.length > 0) return;
    const answers: Buffer[] = [];
    for (const message of parser.push(held)) {
      if (message.type === "update-request") {
        const { x, y, width, height } = message;
        answers.push(update(x, y, width, height));
      } else if (message.type === "key" && message.down) {
        answers.push(update(0, 0, smallUpdate.width, smallUpdate.height));
      }
    }
    held = Buffer.alloc(0);
    for (const answer of answers) socket.write(answer);
  });
}

const server = createServer({ noDelay: true }, serve);
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
