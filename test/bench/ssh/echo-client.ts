// A typist for the SSH benchmark, in a process of its own: opens sessions, types into each, and measures how long a key
// takes to come back. Prints `ready`; for each line on stdin, a number of seconds, it types so long and prints one JSON line.
// Ends with its stdin.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { Client, type ClientChannel } from "ssh2";

interface EchoJob {
  host: string;
  port: number;
  username: string;
  privateKeyFile: string;
  /** A command for each session whose streams are the connection, as ssh -J has it; null: a socket of its own. */
  proxy: string[] | null;
  sessions: number;
  keysPerSecond: number;
}

const job = JSON.parse(process.argv[2] ?? "{}") as EchoJob;
const privateKey = readFileSync(job.privateKeyFile);

function throughProxy([command, ...args]: string[]): Duplex {
  const child = spawn(command ?? "ssh", args, { stdio: ["pipe", "pipe", "inherit"] });
  return Duplex.from({ readable: child.stdout, writable: child.stdin });
}

function connect(): Promise<{ client: Client; channel: ClientChannel }> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("error", reject);
    client.on("ready", () => {
      // A raw pty with `cat` behind it: what comes back is the target's answer, not the line discipline's.
      client.exec("stty raw -echo; echo go; cat", { pty: { cols: 80, rows: 24, term: "xterm" } }, (error, channel) => {
        if (error) return reject(error);
        channel.once("data", () => resolve({ client, channel }));
      });
    });
    client.connect({
      ...(job.proxy === null ? { host: job.host, port: job.port } : { sock: throughProxy(job.proxy) }),
      username: job.username,
      privateKey,
      readyTimeout: 60_000,
      algorithms: { cipher: ["aes128-gcm@openssh.com"] },
    });
  });
}

const sessions: { client: Client; channel: ClientChannel }[] = [];
for (let opened = 0; opened < job.sessions; ) {
  const batch = await Promise.all(Array.from({ length: Math.min(8, job.sessions - opened) }, connect));
  sessions.push(...batch);
  opened += batch.length;
}
console.log("ready");

async function type(channel: ClientChannel, untilMs: number, latenciesMs: number[]): Promise<void> {
  const everyMs = 1000 / job.keysPerSecond;
  await new Promise((resolve) => setTimeout(resolve, Math.random() * everyMs));
  while (performance.now() < untilMs) {
    const sentAt = performance.now();
    const back = new Promise((resolve) => channel.once("data", resolve));
    channel.write("x");
    await back;
    latenciesMs.push(performance.now() - sentAt);
    const rest = everyMs * (0.75 + Math.random() / 2) - (performance.now() - sentAt);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }
}

for await (const line of createInterface(process.stdin)) {
  const untilMs = performance.now() + Number(line) * 1000;
  const latenciesMs: number[] = [];
  await Promise.all(sessions.map(({ channel }) => type(channel, untilMs, latenciesMs)));
  console.log(JSON.stringify({ latenciesMs: latenciesMs.map((ms) => Math.round(ms * 1000) / 1000) }));
}
for (const { client } of sessions) client.end();
setTimeout(() => process.exit(0), 200).unref();
