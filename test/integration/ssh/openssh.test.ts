import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runProcess, startProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type GatewayAddress, ssh, sshOptions } from "./clients.ts";
import {
  accessTo,
  addressOf,
  type MemorySession,
  sha256,
  sha256OfFile,
  startGateway,
  type TestGateway,
} from "./gateway.ts";

let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let session: () => MemorySession;

beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target);
  address = addressOf(gateway);
  session = () => gateway.last();
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
});
beforeEach(() => {
  gateway.onSession = undefined;
});

describe("commands", () => {
  it("keeps stdout, stderr and the exit status apart and exact", async () => {
    const result = await ssh(address, ["echo out; echo err >&2; exit 7"]);
    expect(result).toMatchObject({ code: 7, stdout: "out\n", stderr: "err\n" });
    await session().whenEnded();
    expect(session().of("channel-open")).toEqual([
      { type: "channel-open", channel: 0, request: "exec", command: "echo out; echo err >&2; exit 7" },
    ]);
    expect(session().output("stdout").toString()).toBe("out\n");
    expect(session().output("stderr").toString()).toBe("err\n");
    expect(session().of("exit")).toEqual([{ type: "exit", channel: 0, status: 7 }]);
    expect(session().of("channel-close")).toHaveLength(1);
    expect(session().endedWith).toBe("client-closed");
  });

  it("passes every exit status from 0 to 255", async () => {
    // One connection, many channels: what ControlMaster does, without its socket.
    const control = join(gateway.dir, "all-codes");
    const shared = ["-o", "ControlMaster=auto", "-o", `ControlPath=${control}`, "-o", "ControlPersist=20"];
    const opened = gateway.sessions.length;
    for (let code = 0; code <= 255; code++) {
      const result = await ssh(address, [`exit ${code}`], shared);
      expect(result.code, result.stderr).toBe(code);
    }
    expect(gateway.sessions.length).toBe(opened + 1);
    await runProcess("ssh", [...(await sshOptions(address)), ...shared, "-O", "exit", address.host]);
    await session().whenEnded();
    expect(
      session()
        .of("exit")
        .map((event) => event.status),
    ).toEqual(Array.from({ length: 256 }, (_, code) => code));
  });

  it("passes the signal that ended a program", async () => {
    const result = await ssh(address, ["kill -TERM $$"]);
    expect(result.code).toBe(255);
    await session().whenEnded();
    expect(session().of("exit")).toMatchObject([{ signal: "TERM", core: false }]);
  });

  it("passes half-close: a filter sees the end of its input and answers after it", async () => {
    const input = randomBytes(3_000_000);
    const result = await ssh(address, ["sha256sum; echo done"], [], { input });
    expect(result.stdout).toBe(`${sha256(input)}  -\ndone\n`);
    await session().whenEnded();
    expect(session().input().equals(input)).toBe(true);
    expect(session().files()).toContainEqual({
      op: "stream",
      id: 0,
      direction: "inbound",
      bytes: input.length,
      sha256: sha256(input),
      sequential: true,
    });
  });

  it("has no files of a command that took and gave nothing", async () => {
    expect((await ssh(address, ["true"], [])).code).toBe(0);
    await session().whenEnded();
    expect(session().files()).toEqual([]);
  });

  it("lets a program end while the client still sends", async () => {
    const client = spawn(
      "ssh",
      [...(await sshOptions(address)), `${address.login}@${address.host}`, "head -c 1000 >/dev/null; echo enough"],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    client.stdin.on("error", () => undefined);
    let out = "";
    client.stdout.on("data", (data: Buffer) => {
      out += data.toString();
    });
    client.stdin.write(Buffer.alloc(500_000, 0x61));
    const code = await new Promise((resolve) => client.once("exit", resolve));
    expect({ code, out }).toEqual({ code: 0, out: "enough\n" });
  });

  it("carries 100 MB each way without a wrong byte", async () => {
    const path = join(gateway.dir, "bulk");
    const bulk = randomBytes(100_000_000);
    await writeFile(path, bulk);
    gateway.onSession = (opened) => {
      opened.countOnly = true;
    };
    const up = await runProcess(
      "sh",
      [
        "-c",
        `exec ssh "$@" sha256sum <${path}`,
        "sh",
        ...(await sshOptions(address)),
        `${address.login}@${address.host}`,
      ],
      { timeoutMs: 120_000 },
    );
    expect(up.stdout).toBe(`${sha256(bulk)}  -\n`);
    await session().whenEnded();
    expect(session().inputBytes).toBe(bulk.length);

    const down = await ssh(address, [`head -c 100000000 /dev/zero | tr '\\0' 'x'`], [], { timeoutMs: 120_000 });
    const expected = createHash("sha256").update(Buffer.alloc(100_000_000, "x")).digest("hex");
    expect(sha256(down.stdoutBytes)).toBe(expected);
    await session().whenEnded();
    expect(session().files()).toContainEqual({
      op: "stream",
      id: 0,
      direction: "outbound",
      bytes: 100_000_000,
      sha256: expected,
      sequential: true,
    });
  });

  it("does not stall when stdout and stderr are both flooded, and cuts neither short", async () => {
    const flood =
      "head -c 20000000 /dev/zero | tr '\\0' 'o' & head -c 20000000 /dev/zero | tr '\\0' 'e' >&2; wait; exit 3";
    gateway.onSession = (opened) => {
      opened.countOnly = true;
    };
    const result = await ssh(address, [flood], [], { timeoutMs: 60_000 });
    expect(result.code).toBe(3);
    expect(result.stdout === "o".repeat(20_000_000)).toBe(true);
    expect(result.stderr === "e".repeat(20_000_000)).toBe(true);
  });

  it("survives a new key exchange in the middle of a transfer, many times", async () => {
    const input = randomBytes(20_000_000);
    gateway.onSession = (opened) => {
      opened.countOnly = true;
    };
    const up = await ssh(address, ["cat"], ["-o", "RekeyLimit=1M"], { input, timeoutMs: 90_000 });
    expect(sha256(up.stdoutBytes)).toBe(sha256(input));
  });
});

describe("memory that is used again", () => {
  it("keeps every byte while the client stalls, the recorder falls behind and keys change", async () => {
    const path = join(target.home, `stalls-${Date.now()}`);
    const body = randomBytes(40_000_000);
    await writeFile(path, body, { mode: 0o644 });
    const rekeying = await startSshd({ config: ["RekeyLimit 2M"] });
    gateway.targets.set("rekeying", accessTo(rekeying));
    let toggle: NodeJS.Timeout | undefined;
    gateway.onSession = (opened) => {
      opened.countOnly = true;
      toggle = setInterval(() => {
        opened.behind = !opened.behind;
      }, 37);
    };
    const slowReader = [
      "import sys,time,hashlib",
      "h=hashlib.sha256()",
      "while True:",
      "  d=sys.stdin.buffer.raw.read(1<<20)",
      "  if not d: break",
      "  h.update(d)",
      "  if h.digest()[0]<12: time.sleep(0.03)",
      "print(h.hexdigest())",
    ].join("\n");
    try {
      // Two channels of one connection, so that chunks hold bytes of both.
      const result = await runProcess(
        "sh",
        [
          "-c",
          `ssh "$@" "cat ${path} & cat ${path} >&2; wait" 2>${path}.err | /usr/bin/python3 -c '${slowReader}'; sha256sum <${path}.err`,
          "sh",
          "-o",
          "RekeyLimit=3M",
          ...(await sshOptions(address)),
          `ada+rekeying@${address.host}`,
        ],
        { timeoutMs: 120_000 },
      );
      expect(result.stdout).toBe(`${sha256(body)}\n${sha256(body)}  -\n`);
      await session().whenEnded();
      expect(session().files()).toContainEqual(
        expect.objectContaining({ direction: "outbound", bytes: body.length, sha256: sha256(body) }),
      );
    } finally {
      clearInterval(toggle);
      await rekeying.stop();
      await rm(path, { force: true });
      await rm(`${path}.err`, { force: true });
    }
  });
});

describe("memory that is used again, on the way up", () => {
  it("keeps every byte while records are slow and keys change", async () => {
    const path = join(gateway.dir, "up");
    const body = randomBytes(40_000_000);
    await writeFile(path, body);
    let toggle: NodeJS.Timeout | undefined;
    gateway.onSession = (opened) => {
      opened.countOnly = true;
      opened.durableMs = 3;
      let beat = 0;
      toggle = setInterval(() => {
        opened.behind = ++beat % 3 === 0;
      }, 41);
    };
    const reader = join(target.home, `slow-reader-${Date.now()}.py`);
    const lines = [
      "import sys,time,hashlib",
      "h=hashlib.sha256()",
      "while True:",
      "  d=sys.stdin.buffer.raw.read(1<<20)",
      "  if not d: break",
      "  h.update(d)",
      "  if d[0]<20: time.sleep(0.02)",
      "print(h.hexdigest())",
    ];
    await writeFile(reader, lines.join("\n"), { mode: 0o644 });
    try {
      const result = await runProcess(
        "sh",
        [
          "-c",
          `exec ssh "$@" <${path}`,
          "sh",
          "-o",
          "RekeyLimit=3M",
          ...(await sshOptions(address)),
          `${address.login}@${address.host}`,
          `/usr/bin/python3 ${reader}`,
        ],
        { timeoutMs: 120_000 },
      );
      expect(result.stdout, result.stderr).toBe(`${sha256(body)}\n`);
      await session().whenEnded();
      expect(session().inputBytes).toBe(body.length);
      expect(session().files()).toContainEqual(
        expect.objectContaining({ direction: "inbound", bytes: body.length, sha256: sha256(body) }),
      );
    } finally {
      clearInterval(toggle);
      await rm(reader, { force: true });
    }
  });
});

describe("terminals", () => {
  it("gives a pty its type, size and modes, and follows a resize", async () => {
    const script = [
      "import os,pty,sys,time,fcntl,termios,struct,signal",
      "pid,fd=pty.fork()",
      "if pid==0: os.execvp(sys.argv[1],sys.argv[1:])",
      "fcntl.ioctl(fd,termios.TIOCSWINSZ,struct.pack('HHHH',40,100,0,0))",
      "out=b''",
      "def until(what):",
      "  global out",
      "  end=time.time()+20",
      "  while what not in out and time.time()<end: out+=os.read(fd,65536)",
      "os.write(fd,b'echo READY-$((1+1)); stty size; echo T=$TERM\\r')",
      "until(b'T=')",
      "until(b'READY-2')",
      "fcntl.ioctl(fd,termios.TIOCSWINSZ,struct.pack('HHHH',33,111,0,0))",
      "os.kill(pid,signal.SIGWINCH)",
      "time.sleep(0.7)",
      "os.write(fd,b'stty size; stty -a | grep -c iutf8; exit 5\\r')",
      "until(b'33 111')",
      "try:",
      "  while True:",
      "    data=os.read(fd,65536)",
      "    if not data: break",
      "    out+=data",
      "except OSError: pass",
      "_,status=os.waitpid(pid,0)",
      "sys.stdout.buffer.write(out)",
      "sys.exit(os.waitstatus_to_exitcode(status))",
    ].join("\n");
    const command = ["ssh", ...(await sshOptions(address)), "-tt", `${address.login}@${address.host}`];
    const result = await runProcess("/usr/bin/python3", ["-c", script, ...command], {
      env: { TERM: "xterm-256color" },
    });
    expect(result.code, result.stdout + result.stderr).toBe(5);
    await session().whenEnded();
    const [pty] = session().notices("pty-req");
    expect(pty).toMatchObject({ term: "xterm-256color" });
    expect(Object.keys((pty?.["modes"] ?? {}) as object)).toContain("VINTR");
    expect(session().of("channel-open")).toMatchObject([{ request: "shell", pty: { term: "xterm-256color" } }]);
    expect(session().of("resize").at(-1)).toMatchObject({ cols: 111, rows: 33 });
    expect(session().output().toString()).toContain("33 111");
    expect(session().output().toString()).toContain("T=xterm-256color");
    expect(session().input().toString()).toContain("stty size");
    expect(session().of("exit")).toMatchObject([{ status: 5 }]);
  });

  it("records a shell as a shell, whatever its command is called", async () => {
    const result = await ssh(address, ["scp -t /tmp/nothing-here; echo AFTER; bash -c 'echo typed; exit 4'"], ["-tt"], {
      input: "\u0004",
    });
    expect(result.code).toBe(4);
    await session().whenEnded();
    expect(session().output().toString()).toContain("AFTER");
    expect(session().output().toString()).toContain("typed");
    // A pty: keystrokes, not a stream with a digest.
    expect(session().files()).toEqual([]);
  });

  it("sends a signal request to the target", async () => {
    // OpenSSH's client sends `signal` for an interrupted command without a pty.
    const client = await startProcess(
      "ssh",
      [
        ...(await sshOptions(address)),
        `${address.login}@${address.host}`,
        "trap 'echo caught; exit 9' INT; echo ready; for i in $(seq 300); do sleep 0.1; done",
      ],
      { ready: /ready/ },
    );
    client.child.kill("SIGINT");
    await client.exited;
    await session().whenEnded();
    expect(session().of("channel-close")).toHaveLength(1);
  });
});

describe("requests", () => {
  it("passes listed environment variables and drops the others, by name", async () => {
    const result = await ssh(
      address,
      ["echo [$CONDUIT_TEST_A] [$SECRET_B]"],
      ["-o", "SendEnv=CONDUIT_TEST_A SECRET_B"],
      {
        env: { CONDUIT_TEST_A: "passed", SECRET_B: "hidden" },
      } as never,
    );
    expect(result.stdout).toBe("[passed] []\n");
    await session().whenEnded();
    expect(session().notices("env")).toContainEqual({ name: "CONDUIT_TEST_A", value: "passed" });
    expect(session().notices("env-refused")).toEqual([{ name: "SECRET_B", reason: "env-not-listed", rule: "test" }]);
    expect(JSON.stringify(session().recorded.events)).not.toContain("hidden");
  });

  it("keeps idle connections alive in both directions", async () => {
    const result = await ssh(
      address,
      ["sleep 3; echo alive"],
      ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"],
    );
    expect(result).toMatchObject({ code: 0, stdout: "alive\n" });
  });

  it("serves many channels of one connection at once", async () => {
    const control = join(gateway.dir, "many");
    const shared = ["-o", "ControlMaster=auto", "-o", `ControlPath=${control}`, "-o", "ControlPersist=20"];
    await ssh(address, ["true"], shared);
    const opened = gateway.sessions.length;
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        ssh(address, [`cat; echo end-${i}; exit ${i}`], shared, { input: `body-${i}\n` }),
      ),
    );
    results.forEach((result, i) => {
      expect(result).toMatchObject({ code: i, stdout: `body-${i}\nend-${i}\n` });
    });
    expect(gateway.sessions.length).toBe(opened);
    await runProcess("ssh", [...(await sshOptions(address)), ...shared, "-O", "exit", address.host]);
    await session().whenEnded();
    const opens = session().of("channel-open");
    expect(new Set(opens.map((event) => event.channel)).size).toBe(opens.length);
    for (const open of opens.slice(1)) {
      const i = /end-(\d+)/.exec(open.command ?? "")?.[1];
      expect(session().input(open.channel).toString()).toBe(`body-${i}\n`);
      expect(session().output("stdout", open.channel).toString()).toBe(`body-${i}\nend-${i}\n`);
    }
  });

  it("shows the banner before the log-in", async () => {
    const withBanner = await startGateway(target, { tap: { banner: "Recorded. Plant 3." } });
    try {
      const result = await ssh(addressOf(withBanner), ["true"], ["-o", "LogLevel=INFO"]);
      expect(result.stderr).toContain("Recorded. Plant 3.");
    } finally {
      await withBanner.stop();
    }
  });

  it("ends the session when the client is killed, and passes on what was recorded", async () => {
    const path = join(target.home, `killed-${Date.now()}`);
    const body = randomBytes(200_000);
    const client = await startProcess("ssh", [
      ...(await sshOptions(address)),
      `${address.login}@${address.host}`,
      `cat > ${path}`,
    ]);
    client.write(body);
    await waitFor(() => gateway.sessions.length > 0 && session().inputBytes === body.length, {
      what: "the recording of the input",
    });
    client.child.kill("SIGKILL");
    await session().whenEnded();
    await waitFor(async () => (await sha256OfFile(path).catch(() => "")) === sha256(body), { what: "the whole file" });
    await rm(path);
  });
});
