// `conduit demo` from start to Ctrl-C: the scripted session is recorded through the real gateway, a person's own ssh works
// with the line it prints, and every `recordings` command reads what came of it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProcessResult, type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { WarmConduit } from "../../support/warm-conduit.ts";
import { conduitScript } from "./built-conduit.ts";

let folder: TempDir;
let demo: RunningProcess;
let directory: string;

/** As people run it; and, for the many lines whose subject is not the program's start, in a process that stays. */
const asProgram = (...args: string[]): Promise<ProcessResult> =>
  runProcess(process.execPath, [conduitScript, "--config", join(directory, "conduit.yaml"), ...args], {
    cwd: folder.path,
  });
const warm = new WarmConduit();
const conduit = (...args: string[]): Promise<ProcessResult> =>
  warm.run(["--config", join(directory, "conduit.yaml"), ...args], { input: "", directory: folder.path });

function printed(pattern: RegExp): string {
  const found = pattern.exec(demo.stdout())?.[1];
  if (found === undefined) throw new Error(`the demo did not print ${pattern}:\n${demo.output()}`);
  return found;
}

/** The ssh line as printed, typed by sshpass. */
function ssh(...command: string[]): Promise<ProcessResult> {
  const [, ...args] = printed(/^ {7}(ssh -p .*)$/m).split(" ");
  const password = printed(/vendor\+plc-reactor-01@127\.0\.0\.1\n {7}password (\S+)/);
  return runProcess("sshpass", ["-p", password, "ssh", ...args, ...command], { timeoutMs: 30_000 });
}

beforeAll(async () => {
  folder = await createTempDir("demo");
  directory = join(folder.path, "demo");
  demo = await startProcess(
    process.execPath,
    [conduitScript, "demo", "--directory", directory, "--ssh-port", "0", "--http-port", "0"],
    {
      cwd: folder.path,
      env: { CONDUIT_SSH_LISTEN: "not for the demo" },
      ready: /scripted session is being recorded/,
      readyTimeoutMs: 30_000,
    },
  );
});

afterAll(async () => {
  await demo?.stop();
  await folder?.remove();
});

test("the scripted session is recorded and VALID, and its password is nowhere", async () => {
  await waitFor(() => demo.output().includes("scripted session is recorded") || demo.stderr() !== "", {
    timeoutMs: 90_000,
    what: "the scripted session",
  });
  expect(demo.stderr()).toBe("");
  const address = printed(/scripted session is recorded: (\S+)$/m);
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/recordings\/[0-9a-f-]{36}$/);
  expect((await conduit("recordings", "list", "--json")).stdout).toContain(address.slice(-36));
  expect((await fetch(address)).status).toBe(200);
  const session = address.slice(-36);
  const verified = await asProgram("recordings", "verify", session);
  expect(verified.stdout).toMatch(/^\S+ {2}VALID {2}/);
  expect(verified.code).toBe(0);
  const shown = JSON.parse((await conduit("recordings", "show", session, "--json")).stdout) as {
    summary: Record<string, unknown>;
    manifest: { counts: Record<string, number> };
  };
  expect(shown.summary).toMatchObject({ person: "vendor", target: "plc-reactor-01", state: "sealed" });
  expect(shown.manifest.counts["redactions"]).toBe(1);
  const all = (await asProgram("recordings", "export", session, "--format", "jsonl", "--output", "-")).stdout;
  const lines = all
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { track?: string; k?: string; d?: string });
  const typed = lines.flatMap(({ track, k, d }) => (track === "input" && k === "text" ? [d] : [])).join("");
  expect(typed).toContain("write TIC-101 145");
  expect(all).toContain("/recipe-7b.txt");
  expect(all).not.toContain("boost");
});

test("the HMI's session is recorded through the VNC listener, its picture is there, and what was typed is not", async () => {
  await waitFor(() => demo.output().includes("screen's session is recorded") || demo.stderr() !== "", {
    timeoutMs: 120_000,
    what: "the screen's session",
  });
  expect(demo.stderr()).toBe("");
  const session = printed(/screen's session is recorded: \S+\/([0-9a-f-]{36})$/m);
  const verified = await conduit("recordings", "verify", session);
  expect(verified.stdout).toMatch(/^\S+ {2}VALID {2}/);
  const all = (await conduit("recordings", "export", session, "--format", "jsonl", "--output", "-")).stdout;
  expect(all).toContain('"k":"pointer"');
  expect(all).toContain('"name":"Return"');
  expect(all).not.toContain('"d":"1"');
  const png = join(folder.path, "hmi.png");
  expect(await conduit("recordings", "export", session, "-f", "png", "--at", "5", "-o", png)).toMatchObject({
    code: 0,
    stdout: `${png}\n`,
    stderr: "",
  });
  expect(await sharp(png).metadata()).toMatchObject({ width: 1280, height: 800 });
  const mp4 = join(folder.path, "hmi.mp4");
  const made = await asProgram(
    "recordings",
    "export",
    session,
    "-f",
    "mp4",
    "--to",
    "6",
    "--burn-in",
    "all",
    "-o",
    mp4,
  );
  expect(made).toMatchObject({ code: 0, stdout: `${mp4}\n` });
  expect(made.stderr).toContain("100 %");
  const probed = await runProcess("ffprobe", [
    ...["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", mp4],
  ]);
  expect(probed.stdout.trim()).toBe("h264,1280,826");
});

test("a person's own ssh goes through with the printed line, exit codes and all", async () => {
  const answer = await ssh("show", "version");
  expect(answer.stderr).toContain("this session is recorded");
  expect(answer).toMatchObject({
    code: 0,
    stdout: "PLC-REACTOR-01 demo firmware 4.2.0\nSerial 0000-DEMO, no field bus attached\n",
  });
  expect((await ssh("nonsense")).code).toBe(127);
  await waitFor(async () => (await conduit("sessions", "list", "--json")).stdout.trim() === "[]", {
    what: "the sessions' end",
  });
  const list = JSON.parse((await conduit("recordings", "list", "--person", "vend*", "--json")).stdout) as {
    state: string;
  }[];
  expect(list.map(({ state }) => state)).toEqual(["sealed", "sealed", "sealed", "sealed"]);
});

describe("recordings", () => {
  /** The scripted session: the oldest. */
  async function scripted(): Promise<string> {
    const list = JSON.parse((await conduit("recordings", "list", "--json")).stdout) as { session: string }[];
    return list.at(-1)?.session ?? "";
  }

  test("cat gives the exact output, again and again", async () => {
    const id = await scripted();
    const once = await asProgram("recordings", "cat", id);
    expect(once.code).toBe(0);
    expect(once.stdout).toContain("TIC-101 setpoint is now 145 degC.\r\n");
    expect(once.stdout.endsWith("exit\r\n\x1b[?2004l\r")).toBe(true);
    expect((await conduit("recordings", "cat", id.slice(-8))).stdoutBytes.equals(once.stdoutBytes)).toBe(true);
  });

  test("cat of a command keeps stdout and stderr apart", async () => {
    const list = JSON.parse((await conduit("recordings", "list", "--json")).stdout) as { session: string }[];
    const failed = await conduit("recordings", "cat", list[0]?.session ?? "");
    expect(failed).toMatchObject({ code: 0, stdout: "", stderr: '% Unknown command "nonsense". Type help.\n' });
  });

  test("play shows the session at the asked speed and leaves the terminal clean", async () => {
    const id = await scripted();
    const startMs = performance.now();
    const played = await asProgram("recordings", "play", id, "--speed", "100", "--idle-limit", "0.5");
    expect(played.code).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(15_000);
    expect(played.stdout).toContain("TIC-101 setpoint is now 145 degC.");
    expect(played.stdout).toMatch(/\x1b\[\?1049l.*\x1b\(B\x1b\)B\x0f\x1b\[0m$/s);
    const late = await conduit("recordings", "play", id, "--at", "0:16", "--speed", "100");
    expect(late.stdout.length).toBeGreaterThan(0);
    expect(late.stderr).toContain(`End of ${id}`);
  });

  test("export makes each format, and never replaces a file unasked", async () => {
    const id = await scripted();
    for (const format of ["cast", "txt", "jsonl", "zip", "png", "webm"]) {
      const path = join(folder.path, `out.${format}`);
      expect(await conduit("recordings", "export", id, "-f", format, "-o", path)).toMatchObject({
        code: 0,
        stdout: `${path}\n`,
      });
      const again = await conduit("recordings", "export", id, "-f", format, "-o", path);
      expect(again.code).toBe(1);
      expect(again.stderr).toContain("exists already");
    }
    const header = JSON.parse(readFileSync(join(folder.path, "out.cast"), "utf8").split("\n")[0] ?? "") as object;
    expect(header).toMatchObject({ version: 2, width: 100, height: 30 });
    expect(readFileSync(join(folder.path, "out.txt"), "utf8")).toContain("PLC-REACTOR-01> tags");
    expect(readFileSync(join(folder.path, "out.zip")).subarray(0, 2).toString()).toBe("PK");
  });

  test("verify names a changed byte and ends with 3", async () => {
    const id = await scripted();
    const store = join(directory, "store");
    const name = readdirSync(store, { recursive: true })
      .map(String)
      .find((path) => path.includes(id) && path.includes("terminal-1/000000"));
    const path = join(store, name ?? "");
    const bytes = readFileSync(path);
    const { chmodSync } = await import("node:fs");
    chmodSync(path, 0o600);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]));
    const verified = await asProgram("recordings", "verify", id);
    expect(verified.code).toBe(3);
    expect(verified.stdout).toContain("TAMPERED");
    expect(verified.stdout).toMatch(/INTEGRITY_HASH {2}terminal-1\/000000/);
    expect((await conduit("recordings", "cat", id)).stderr).toContain("[INTEGRITY_HASH]");
    const played = await conduit("recordings", "play", id, "--speed", "100", "--idle-limit", "0.1");
    expect(played.stderr).toContain("WARNING: terminal-1/000000");
    writeFileSync(path, bytes);
    expect((await conduit("recordings", "verify", id)).code).toBe(0);
  });

  test("the index is rebuilt from the store alone", async () => {
    const rebuilt = await asProgram("recordings", "rebuild");
    expect(rebuilt).toMatchObject({ code: 0, stdout: "4 recordings in the index.\n" });
  });

  test.each([
    [["recordings", "show", "ffffffff"], 4, "no recording has this id"],
    [
      ["recordings", "export", "latest", "-f", "avi"],
      2,
      "Allowed choices are cast, txt, jsonl, zip, bundle, mp4, webm, gif, png",
    ],
    [["recordings", "export", "latest", "-f", "mp4", "--at", "3"], 2, "--at means nothing for mp4"],
    [
      ["recordings", "export", "latest", "-f", "mp4", "--from", "9", "--to", "2"],
      1,
      "the end, 0:00:02.0, is before the beginning",
    ],
    [["recordings", "play", "latest", "--at", "99:99"], 1, "give --at a time within"],
    [["recordings", "export", "latest", "-f", "zip", "--speed", "3"], 2, "--speed means nothing for zip"],
    [["recordings", "export", "latest", "-f", "mp4", "--burn-in", "weather"], 2, "Name any of time, person"],
    [["recordings", "cat", "latest", "--channel", "9"], 4, "no terminal of channel 9; give --channel one of "],
    [["recordings", "verify"], 2, "name a recording, or give --all"],
    [["recordings", "play", "latest", "--at", "noon"], 2, "A time is written 90"],
  ])("%j ends with %d", async (args, code, message) => {
    const result = await conduit(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });
});

test("a live session is listed and terminated with its reason, which the person is told", async () => {
  const session = ssh("-tt");
  await waitFor(async () => (await conduit("sessions", "list")).stdout.includes("active"), {
    what: "the live session",
  });
  const [live] = JSON.parse((await conduit("sessions", "list", "--json")).stdout) as { session: string }[];
  const ended = await conduit("sessions", "terminate", live?.session ?? "", "--reason", "work permit withdrawn");
  expect(ended.code).toBe(0);
  expect((await session).stdout + (await session).stderr).toContain("work permit withdrawn");
  await waitFor(async () => (await conduit("sessions", "list", "--json")).stdout.trim() === "[]", { what: "its end" });
  const shown = await conduit("recordings", "show", live?.session ?? "");
  expect(shown.stdout).toContain("terminated");
  const again = await conduit("sessions", "terminate", live?.session ?? "");
  expect(again.code).toBe(4);
});

test("Ctrl-C ends everything at once with 0, and nothing is left running", async () => {
  const sshPort = Number(printed(/ssh -p (\d+)/));
  await demo.stop("SIGINT");
  expect(await demo.exited).toEqual({ code: 0, signal: null });
  expect(demo.stderr()).toBe("");
  await expect(fetch(`http://127.0.0.1:${sshPort}`)).rejects.toThrow();
  const after = await asProgram("sessions", "list");
  expect(after.code).toBe(5);
  expect(after.stderr).toContain("no service answers");
});

test("without --directory, Ctrl-C in mid-script leaves no file behind", async () => {
  const temporary = join(folder.path, "tmp");
  const { mkdirSync } = await import("node:fs");
  mkdirSync(temporary);
  const short = await startProcess(process.execPath, [conduitScript, "demo", "--ssh-port", "0", "--http-port", "0"], {
    cwd: folder.path,
    env: { TMPDIR: temporary },
    ready: /scripted session is being recorded/,
    readyTimeoutMs: 30_000,
  });
  expect(readdirSync(temporary)).toHaveLength(1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await short.stop("SIGINT");
  expect(await short.exited).toEqual({ code: 0, signal: null });
  expect(short.stderr()).toBe("");
  expect(readdirSync(temporary)).toEqual([]);
  expect(existsSync(join(folder.path, "data"))).toBe(false);
});
