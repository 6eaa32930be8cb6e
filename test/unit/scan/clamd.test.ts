// ClamAV's daemon as it may answer: what it says is understood, and what it does not say is never clean.
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { Clamd } from "../../../recorder/scan/clamd.ts";

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

/** A daemon that does as the test says with each connection. */
async function daemon(serve: (socket: Socket) => void, timeoutMs = 5000): Promise<Clamd> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return new Clamd({ address: { host: "127.0.0.1", port }, timeoutMs, maxScans: 2 });
}

/** Answers once all has come. */
function answering(answer: string | Buffer): (socket: Socket) => void {
  return (socket) => {
    const received: Buffer[] = [];
    socket.on("data", (data) => {
      received.push(data);
      if (Buffer.concat(received).subarray(-4).equals(Buffer.alloc(4))) socket.end(answer);
    });
  };
}

const never = new AbortController().signal;
async function* contents(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

it("sends what the protocol asks for, piece by piece", async () => {
  const received: Buffer[] = [];
  const clamd = await daemon((socket) => {
    socket.on("data", (data) => received.push(data));
    answering("stream: OK\0")(socket);
  });
  expect(await clamd.scan(contents("abc", "", "de"), never)).toEqual({ outcome: "clean" });
  expect(Buffer.concat(received)).toEqual(
    Buffer.from("zINSTREAM\0\x00\x00\x00\x03abc\x00\x00\x00\x02de\x00\x00\x00\x00", "latin1"),
  );
});

it.each([
  ["stream: Win.Test.EICAR_HDB-1 FOUND\0", { outcome: "infected", signature: "Win.Test.EICAR_HDB-1" }],
  ["stream: Bad\x1b[2J FOUND\0", { outcome: "infected", signature: "Bad?[2J" }],
  ["stream: Heuristics.Encrypted.Zip FOUND\0", { outcome: "unscannable", reason: "encrypted" }],
  ["stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", { outcome: "unscannable", reason: "too-large" }],
  ["INSTREAM size limit exceeded. ERROR\0", { outcome: "unscannable", reason: "too-large" }],
  ["stream: Can't allocate memory ERROR\0", { outcome: "unscannable", reason: "scanner-failed" }],
  ["stream: OK FOUND\0", { outcome: "infected", signature: "OK" }],
  ["stream: OKAY\0", { outcome: "unscannable", reason: "scanner-failed" }],
  // Cut off: it may have gone on.
  ["stream: OK", { outcome: "unscannable", reason: "scanner-failed" }],
  ["", { outcome: "unscannable", reason: "scanner-failed" }],
  ["\0stream: OK\0", { outcome: "unscannable", reason: "scanner-failed" }],
  ["x".repeat(100_000), { outcome: "unscannable", reason: "scanner-failed" }],
])("takes %j for what it is", async (answer, expected) => {
  const clamd = await daemon(answering(answer));
  expect(await clamd.scan(contents("abc"), never)).toMatchObject(expected);
});

it("understands an answer in the middle of what is being sent", async () => {
  const clamd = await daemon((socket) => {
    socket.once("data", () => socket.end("INSTREAM size limit exceeded. ERROR\0"));
  });
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 10_000; i++) yield Buffer.alloc(256 * 1024);
  };
  expect(await clamd.scan(endless(), never)).toMatchObject({ outcome: "unscannable", reason: "too-large" });
});

it("gives up in time, and when nobody is there", async () => {
  const silent = await daemon(() => undefined, 200);
  expect(await silent.scan(contents("abc"), never)).toMatchObject({ outcome: "unscannable", reason: "timed-out" });
  const absent = new Clamd({ address: { socket: "/nonexistent/clamd.sock" }, timeoutMs: 1000 });
  expect(await absent.scan(contents("abc"), never)).toMatchObject({
    outcome: "unscannable",
    reason: "scanner-unreachable",
  });
  await expect(absent.version()).rejects.toMatchObject({ code: "SCAN_UNAVAILABLE" });
});

it("scans so many at a time, and one that is given up leaves its turn to the next", async () => {
  let open = 0;
  let most = 0;
  const answers: (() => void)[] = [];
  const clamd = await daemon((socket) => {
    most = Math.max(most, ++open);
    answers.push(() => {
      open--;
      socket.end("stream: OK\0");
    });
  });
  const abort = new AbortController();
  const all = [0, 1, 2, 3, 4].map((n) => clamd.scan(contents("abc"), n === 2 ? abort.signal : never));
  const settled = Promise.allSettled(all);
  await expect.poll(() => answers.length).toBe(2);
  abort.abort(new Error("given up"));
  for (let n = 0; n < 4; n++) {
    await expect.poll(() => answers.length).toBeGreaterThan(0);
    answers.shift()?.();
  }
  const results = await settled;
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(most).toBe(2);
});

it("asks for its version, and believes nothing else that answers", async () => {
  const clamd = await daemon((socket) => {
    socket.on("data", (data) => socket.end(data.toString() === "zPING\0" ? "PONG\0" : "ClamAV 1.4.6\0"));
  });
  expect(await clamd.version()).toBe("ClamAV 1.4.6");
  server?.close();
  const other = await daemon((socket) => socket.end("220 mail.example ESMTP\r\n\0"));
  await expect(other.version()).rejects.toMatchObject({ code: "SCAN_UNAVAILABLE" });
});
