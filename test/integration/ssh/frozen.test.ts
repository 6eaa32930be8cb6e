// Frozen means frozen: what people's SSH programs send while their session is held never reaches the target, neither then
// nor later; what may not be lost is closed, or waits, or is refused; and the record says how much there was.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type ClientChannel } from "ssh2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HoldCode } from "../../../recorder/tap/tap.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { type GatewayAddress, sshOptions } from "./clients.ts";
import { addressOf, type MemorySession, sha256, startGateway, type TestGateway } from "./gateway.ts";

const sentence = "The plant has stopped this session.";

let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let remote: string;
let echo: Server;
let echoed = "";
const running: RunningProcess[] = [];
const clients: Client[] = [];

beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target, { capabilities: ["shell", "exec", "sftp", "local-forward"] });
  address = addressOf(gateway);
  remote = join(target.home, `frozen-${process.pid}-${Date.now()}`);
  await mkdir(remote);
  await runProcess("chown", [target.user, remote]);
  echo = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      echoed += data.toString();
      socket.write(data);
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  echo?.close();
  await gateway?.stop();
  await target?.stop();
  if (remote) await rm(remote, { recursive: true, force: true });
});
beforeEach(() => {
  gateway.onSession = undefined;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  for (const process of running.splice(0)) await process.stop();
});

async function start(args: readonly string[], command: readonly string[] = []): Promise<RunningProcess> {
  const options = await sshOptions(address);
  const client = await startProcess("ssh", [...args, ...options, `${address.login}@${address.host}`, ...command]);
  running.push(client);
  return client;
}

/** The session that comes next. */
function next(prepare: (session: MemorySession) => void = () => undefined): Promise<MemorySession> {
  return new Promise((resolve) => {
    gateway.onSession = (session) => {
      prepare(session);
      resolve(session);
    };
  });
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

const sum = (session: MemorySession, fact: string): number =>
  session.notices("input-dropped").reduce((total, facts) => total + Number(facts[fact] ?? 0), 0);

/** A shell on a terminal, whose prompt has come. */
async function startShell(): Promise<{ client: RunningProcess; session: MemorySession }> {
  const coming = next();
  const client = await start(["-tt"], ["sh"]);
  const session = await coming;
  client.write("echo up-$((1+1))\n");
  await waitFor(() => client.stdout().includes("up-2"), { what: "the shell" });
  return { client, session };
}

/** Typed until the shell answers: it has all that was typed before. */
async function answers(client: RunningProcess, word: string): Promise<void> {
  client.write(`echo ${word}-$((40+2))\n`);
  await waitFor(() => client.stdout().includes(`${word}-42`), { what: `${word}: ${client.output()}` });
}

describe("a terminal", () => {
  it.each(["frozen", "escort-lost", "stopped", "ending"] as const)(
    "takes nothing while it is held (%s), and nothing of it later",
    async (code) => {
      const { client, session } = await startShell();
      const marker = join(remote, `terminal-${code}`);
      session.holdCode = code;
      session.freeze();
      const typed = `touch ${marker}\n`;
      client.write(typed);
      await waitFor(() => client.output().includes(`*** ${sentence} ***`), { what: "the sentence" });
      client.write(typed);
      await waitFor(() => sum(session, "bytes") === 2 * typed.length, { what: "the notice" });
      session.unfreeze();
      await answers(client, "afterwards");
      expect(await exists(marker)).toBe(false);
      expect(session.input().toString()).not.toContain("touch");
      expect(new Set(session.notices("input-dropped").map(({ hold }) => hold))).toEqual(new Set<HoldCode>([code]));
      expect(client.output().split(sentence)).toHaveLength(2);
    },
  );

  it("that waits for its escort takes nothing that was typed before the release", async () => {
    const marker = join(remote, "before-the-escort");
    const coming = next((session) => {
      session.holdCode = "escort-awaited";
      session.freeze();
    });
    const client = await start(["-tt"]);
    const session = await coming;
    await waitFor(() => client.output().includes(sentence), { what: "the sentence" });
    client.write(`touch ${marker}\n`);
    await waitFor(() => sum(session, "bytes") > 0, { what: "the notice" });
    expect(session.of("channel-open")).toEqual([]);
    session.unfreeze();
    await answers(client, "released");
    expect(await exists(marker)).toBe(false);
    expect(session.notices("input-dropped")).toMatchObject([{ hold: "escort-awaited" }]);
  });

  it("lives through 20 MB sent against the freeze: nothing passes, memory is flat, and typing works afterwards", async () => {
    const { client, session } = await startShell();
    const marker = join(remote, "flooded");
    session.freeze();
    const line = `touch ${marker}\n`;
    const flood = line.repeat(Math.ceil(20_000_000 / line.length));
    client.write(flood.slice(0, line.length * 1000));
    await waitFor(() => sum(session, "bytes") > 0, { what: "the first notice" });
    const before = process.memoryUsage();
    const began = session.recorded.events.length;
    client.write(flood.slice(line.length * 1000));
    await waitFor(() => sum(session, "bytes") === flood.length, { what: "all of it to be dropped", timeoutMs: 60_000 });
    const { rss, heapUsed } = process.memoryUsage();
    // What Node itself holds of the pipe to ssh is in there.
    expect(rss - before.rss).toBeLessThan(80_000_000);
    expect(heapUsed - before.heapUsed).toBeLessThan(60_000_000);
    expect(session.recorded.events.length - began).toBeLessThan(100);
    session.unfreeze();
    await answers(client, "afterwards");
    expect(await exists(marker)).toBe(false);
    expect(sum(session, "bytes")).toBe(flood.length);
  });

  it("does not have what was recorded before the freeze and had not passed; the record says so", async () => {
    const { client, session } = await startShell();
    const marker = join(remote, "under-way");
    session.stuck = true;
    const typed = `touch ${marker}\n`;
    client.write(typed);
    await waitFor(() => session.input().toString().includes("touch"), { what: "the record" });
    session.freeze();
    session.unfreeze();
    session.stuck = false;
    await answers(client, "afterwards");
    expect(await exists(marker)).toBe(false);
    expect(session.notices("input-dropped")).toEqual([{ bytes: typed.length, recorded: typed.length, hold: "frozen" }]);
  });

  it("has no signal late, and the last size of its window at the release", async () => {
    const { shell, session } = await connectShell();
    await waitFor(() => session.of("channel-open").length === 1, { what: "the shell" });
    session.freeze();
    shell.signal("TERM");
    for (const cols of [90, 100, 110]) shell.setWindow(30, cols, 0, 0);
    await waitFor(() => sum(session, "requests") === 1, { what: "the signal to be counted" });
    await sleep(200);
    expect(session.of("resize")).toEqual([]);
    session.unfreeze();
    await waitFor(() => session.of("resize").length === 1, { what: "the size" });
    expect(session.of("resize")[0]).toMatchObject({ cols: 110, rows: 30 });
    expect(session.notices("signal")).toEqual([]);
  });
});

async function connect(): Promise<{ client: Client; session: MemorySession }> {
  const coming = next();
  const client = new Client();
  clients.push(client);
  await new Promise((resolve, reject) => {
    client.once("ready", () => resolve(undefined)).once("error", reject);
    const { host, port, personKey } = gateway;
    client.connect({ host, port, username: address.login, privateKey: personKey.privatePem });
  });
  return { client, session: await coming };
}

async function connectShell(): Promise<{ client: Client; shell: ClientChannel; session: MemorySession }> {
  const { client, session } = await connect();
  const shell = await new Promise<ClientChannel>((resolve, reject) => {
    client.shell((error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
  shell.resume();
  return { client, shell, session };
}

/** All of a channel's error output, and its exit status. */
async function endOf(channel: ClientChannel): Promise<{ said: string; code: number | null }> {
  let said = "";
  channel.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  channel.resume();
  return new Promise((resolve) => channel.on("close", (code: number | null) => resolve({ said, code })));
}

describe("a stream without a terminal", () => {
  it("is closed at both sides when it is sent more while frozen, in words", async () => {
    const marker = join(remote, "piped");
    const coming = next();
    const client = await start(["-T"], ["sh"]);
    const session = await coming;
    client.write("echo up-$((1+1))\n");
    await waitFor(() => client.stdout().includes("up-2"), { what: "the shell" });
    session.freeze();
    client.write(`touch ${marker}\n`);
    expect((await client.exited).code).toBe(255);
    expect(client.stderr()).toContain(`conduit: ${sentence} This channel has no terminal`);
    expect(session.notices("input-dropped")).toMatchObject([{ hold: "frozen", closed: true }]);
    await session.whenEnded();
    expect(await exists(marker)).toBe(false);
    expect(session.input().toString()).not.toContain("touch");
  });

  it("lives where it is sent nothing, and its output goes on", async () => {
    const coming = next();
    const client = await start(["-T"], ["i=0; while [ $i -lt 400 ]; do echo tick-$i; i=$((i+1)); sleep 0.02; done"]);
    const session = await coming;
    await waitFor(() => client.stdout().includes("tick-1"), { what: "output" });
    session.freeze();
    const seen = client.stdout().length;
    await waitFor(() => client.stdout().length > seen + 30, { what: "more output" });
    session.unfreeze();
    await client.stop();
    expect(session.notices("input-dropped")).toEqual([]);
  });

  it("is closed when a command is sent something before the release, and nothing of it ever runs", async () => {
    const marker = join(remote, "staged");
    const coming = next((session) => {
      session.holdCode = "escort-awaited";
      session.freeze();
    });
    const client = await start(["-T"], ["sh"]);
    const session = await coming;
    await waitFor(() => client.output().includes(sentence), { what: "the sentence" });
    client.write(`touch ${marker}\n`);
    expect((await client.exited).code).toBe(255);
    expect(client.stderr()).toContain("What is sent to a command before that is not kept: it was closed.");
    expect(session.notices("input-dropped")).toMatchObject([{ hold: "escort-awaited", closed: true }]);
    session.unfreeze();
    await session.whenEnded();
    expect(await exists(marker)).toBe(false);
    expect(session.of("channel-open")).toEqual([]);
  });

  it("a command that is sent nothing waits for its escort, and runs with the release", async () => {
    const coming = next((session) => {
      session.holdCode = "escort-awaited";
      session.freeze();
    });
    const client = await start(["-T"], ["cat; echo ran"]);
    const session = await coming;
    await waitFor(() => client.output().includes(sentence), { what: "the sentence" });
    client.child.stdin?.end();
    await sleep(300);
    expect(client.stdout()).toBe("");
    session.unfreeze();
    expect([(await client.exited).code, client.stdout()]).toEqual([0, "ran\n"]);
    expect(session.notices("input-dropped")).toEqual([]);
  });

  it("a request of SFTP that came before the release never reaches the target; its greeting does", async () => {
    const folder = join(remote, "staged-folder");
    const packet = (type: number, body: Buffer) => {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length + 1);
      head[4] = type;
      return Buffer.concat([head, body]);
    };
    const uint32 = (value: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    };
    const mkdirRequest = (id: number) =>
      packet(14, Buffer.concat([uint32(id), uint32(folder.length), Buffer.from(folder), uint32(0)]));
    const coming = next((session) => {
      session.holdCode = "escort-awaited";
      session.freeze();
    });
    const client = await start(["-T", "-s"], ["sftp"]);
    const session = await coming;
    await waitFor(() => client.output().includes(sentence), { what: "the sentence" });
    client.child.stdin?.write(Buffer.concat([packet(1, uint32(3)), mkdirRequest(1)]));
    await waitFor(() => sum(session, "requests") === 1, { what: "the refusal to be counted" });
    session.unfreeze();
    await waitFor(() => client.stdout().includes("posix-rename"), { what: "the target's greeting" });
    expect(await exists(folder)).toBe(false);
    expect(session.notices("request-refused")).toMatchObject([{ request: "sftp mkdir", reason: "escort-awaited" }]);
    client.child.stdin?.write(mkdirRequest(2));
    await waitFor(() => exists(folder), { what: "the folder that was asked for after the release" });
  });

  it.each(["-s", "-O"])(
    "files are fetched and brought once the escort has released the session: scp %s",
    async (how) => {
      const source = join(remote, `there${how}`);
      await writeFile(source, "at the target");
      const local = join(tmpdir(), `frozen-scp-${process.pid}`);
      for (const [from, to] of [
        [`${address.login}@${address.host}:${source}`, local],
        [local, `${address.login}@${address.host}:${source}-back`],
      ] as const) {
        const coming = next((session) => {
          session.holdCode = "escort-awaited";
          session.freeze();
        });
        const options = (await sshOptions(address)).map((option) => (option === "-p" ? "-P" : option));
        const client = await startProcess("scp", [how, ...options, from, to]);
        running.push(client);
        const session = await coming;
        await waitFor(() => session.notices("program-waits").length === 1, { what: "the program" });
        await sleep(300);
        session.unfreeze();
        expect([(await client.exited).code, client.output()]).toEqual([0, expect.stringContaining(sentence)]);
        expect(session.notices("input-dropped")).toEqual([]);
      }
      expect(await readFile(local, "utf8")).toBe("at the target");
      expect(await readFile(`${source}-back`, "utf8")).toBe("at the target");
      await rm(local);
    },
  );

  it("keeps what it has as input while a command waits for its escort, where the policy says so", async () => {
    const coming = next((session) => {
      session.earlyInput = "deliver";
      session.holdCode = "escort-awaited";
      session.freeze();
    });
    const client = await start(["-T"], ["cat"]);
    const session = await coming;
    await waitFor(() => client.output().includes(sentence), { what: "the sentence" });
    // Before the release, for whoever gives it.
    expect(session.notices("program-waits")).toEqual([{ request: "exec", command: "cat", input: "kept" }]);
    client.write("for the command\n");
    client.child.stdin?.end();
    await sleep(300);
    session.unfreeze();
    expect((await client.exited).code).toBe(0);
    expect(client.stdout()).toBe("for the command\n");
    expect(session.notices("input-dropped")).toEqual([]);
  });

  it("a shell that waits for its escort loses it, terminal or not", async () => {
    const marker = join(remote, "shell-without-terminal");
    const coming = next((session) => {
      session.holdCode = "escort-awaited";
      session.freeze();
    });
    const client = await start(["-T"]);
    const session = await coming;
    await waitFor(() => client.output().includes(sentence), { what: "the sentence" });
    client.write(`touch ${marker}\n`);
    await waitFor(() => sum(session, "bytes") > 0, { what: "the notice" });
    session.unfreeze();
    await answers(client, "released");
    expect(await exists(marker)).toBe(false);
  });

  it("a forward is closed when it is sent more while frozen, and the far side has nothing of it", async () => {
    const { client, session } = await connect();
    const { port } = echo.address() as { port: number };
    const through = await new Promise<ClientChannel>((resolve, reject) => {
      client.forwardOut("127.0.0.1", 1, "127.0.0.1", port, (error, channel) =>
        error ? reject(error) : resolve(channel),
      );
    });
    let back = "";
    through.on("data", (data: Buffer) => {
      back += data.toString();
    });
    const closed = new Promise((resolve) => through.once("close", resolve));
    through.write("before;");
    await waitFor(() => back === "before;", { what: "the echo" });
    session.freeze();
    through.write("while frozen;");
    await closed;
    expect(echoed).toBe("before;");
    expect(session.notices("input-dropped")).toMatchObject([{ closed: true }]);
    session.unfreeze();
  });
});

describe("something new", () => {
  it.each(["shell", "exec"] as const)("is refused while frozen, in words, and works afterwards: %s", async (kind) => {
    const { client, session } = await connectShell();
    await waitFor(() => session.of("channel-open").length === 1, { what: "the first shell" });
    const open = (): Promise<ClientChannel> =>
      new Promise((resolve, reject) => {
        const done = (error: Error | undefined, channel: ClientChannel): void =>
          error === undefined ? resolve(channel) : reject(error);
        if (kind === "exec") client.exec("echo ran", done);
        else client.shell(false, done);
      });
    session.freeze();
    const { said, code } = await endOf(await open());
    expect([said, code]).toEqual([`conduit: Nothing new begins: ${sentence}\n`, 255]);
    expect(session.notices("channel-refused")).toMatchObject([{ reason: "frozen" }]);
    expect(session.of("channel-open")).toHaveLength(1);
    session.unfreeze();
    const channel = await open();
    await waitFor(() => session.of("channel-open").length === 2, { what: "another" });
    channel.close();
  });

  it("is refused where its channel was open, and where its record was on its way", async () => {
    const { client, session } = await connectShell();
    await waitFor(() => session.of("channel-open").length === 1, { what: "the first shell" });
    session.stuck = true;
    const marker = join(remote, "exec-under-way");
    const opening = new Promise<ClientChannel>((resolve, reject) => {
      client.exec(`touch ${marker}`, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
    });
    await waitFor(() => session.of("channel-open").length === 2, { what: "its record" });
    session.freeze();
    session.stuck = false;
    const { said, code } = await endOf(await opening);
    expect([said, code]).toEqual([`conduit: Nothing new begins: ${sentence}\n`, 255]);
    session.unfreeze();
    await sleep(300);
    expect(await exists(marker)).toBe(false);
    expect(session.notices("request-refused")).toMatchObject([{ request: "exec", reason: "frozen" }]);
  });
});

describe("files", () => {
  async function startSftp(args: readonly string[] = []): Promise<{ client: RunningProcess; session: MemorySession }> {
    const coming = next();
    const options = [...args, ...(await sshOptions(address)), "-b", "-", `${address.login}@${address.host}`];
    const client = await startProcess("sftp", options);
    running.push(client);
    const session = await coming;
    return { client, session };
  }

  it.each(["allow", "ending"] as const)("an upload by SFTP that is under way: %s", async (mode) => {
    const body = join(gateway.dir, "body");
    const bytes = randomBytes(12_000_000);
    await writeFile(body, bytes);
    const file = join(remote, `upload-${mode}`);
    // Kilobits a second.
    const { client, session } = await startSftp(["-l", "40000"]);
    client.write(`put ${body} ${file}\n`);
    const sizeOf = async () => ((await exists(file)) ? (await stat(file)).size : 0);
    await waitFor(async () => (await sizeOf()) > 500_000, { what: "the upload" });
    session.holdCode = mode === "ending" ? "ending" : "frozen";
    session.freeze();
    await sleep(300);
    const held = await sizeOf();
    if (mode === "ending") {
      await waitFor(async () => (await sizeOf()) === bytes.length, { what: "it to go on", timeoutMs: 60_000 });
    } else {
      await sleep(1200);
      expect(await sizeOf()).toBe(held);
      expect(held).toBeLessThan(bytes.length);
    }
    session.unfreeze();
    client.child.stdin?.end();
    expect((await client.exited).code, client.stderr()).toBe(0);
    expect(sha256(await readFile(file))).toBe(sha256(bytes));
    await session.whenEnded();
    expect(session.files()).toContainEqual(expect.objectContaining({ op: "close", sha256: sha256(bytes) }));
    expect(session.notices("input-dropped")).toEqual([]);
  });

  it("by SFTP nothing begins and nothing changes while frozen; the client goes on afterwards", async () => {
    const body = join(gateway.dir, "small");
    await writeFile(body, "setpoint = 7");
    const there = join(remote, "there");
    await writeFile(there, "as it was");
    const { client, session } = await startSftp();
    client.write(`ls ${remote}\n`);
    await waitFor(() => client.stdout().includes("there"), { what: "the list" });
    session.freeze();
    const late = join(remote, "late");
    client.write(`-put ${body} ${late}\n-rm ${there}\n-mkdir ${remote}/folder\n-rename ${there} ${remote}/elsewhere\n`);
    client.write(`-chmod 777 ${there}\n-get ${there} ${gateway.dir}/got\n`);
    await waitFor(() => session.notices("request-refused").length >= 6, { what: "the refusals" });
    await waitFor(() => /ermission denied/.test(client.stderr()), { what: client.stderr() });
    expect(client.stderr()).toContain(`conduit: ${sentence}`);
    session.unfreeze();
    await sleep(300);
    expect([await exists(late), await exists(join(remote, "folder")), await exists(join(remote, "elsewhere"))]).toEqual(
      [false, false, false],
    );
    expect(await readFile(there, "utf8")).toBe("as it was");
    client.write(`put ${body} ${late}\n`);
    await waitFor(() => exists(late), { what: "the upload" });
    client.child.stdin?.end();
    expect((await client.exited).code, client.stderr()).toBe(0);
    expect(session.notices("request-refused").every(({ reason }) => reason === "frozen")).toBe(true);
    expect(sum(session, "requests")).toBe(session.notices("request-refused").length);
    expect(session.files().map(({ op }) => op)).not.toContain("remove");
  });

  it("a download by SFTP pauses and comes out whole", async () => {
    const bytes = randomBytes(8_000_000);
    const file = join(remote, "download");
    await writeFile(file, bytes);
    const { client, session } = await startSftp(["-l", "40000"]);
    const got = join(gateway.dir, "downloaded");
    client.write(`get ${file} ${got}\n`);
    await waitFor(async () => (await exists(got)) && (await stat(got)).size > 200_000, { what: "the download" });
    session.freeze();
    await sleep(700);
    session.unfreeze();
    client.child.stdin?.end();
    expect((await client.exited).code, client.stderr()).toBe(0);
    expect(sha256(await readFile(got))).toBe(sha256(bytes));
  });

  it("an upload by scp's own protocol pauses and comes out whole", async () => {
    const bytes = randomBytes(8_000_000);
    const body = join(gateway.dir, "scp-body");
    await writeFile(body, bytes);
    const file = join(remote, "by-scp");
    const coming = next();
    const destination = `${address.login}@${address.host}:${file}`;
    const client = await startProcess("scp", ["-O", "-l", "40000", ...(await sshOptions(address)), body, destination]);
    running.push(client);
    const session = await coming;
    await waitFor(async () => (await exists(file)) && (await stat(file)).size > 200_000, { what: "the upload" });
    session.freeze();
    await sleep(300);
    const held = (await stat(file)).size;
    await sleep(700);
    expect((await stat(file)).size).toBe(held);
    session.unfreeze();
    expect((await client.exited).code, client.stderr()).toBe(0);
    expect(sha256(await readFile(file))).toBe(sha256(bytes));
  });
});
