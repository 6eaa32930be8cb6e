// Makes the bench's captures: an Xtigervnc screen, a program that draws the scene, a viewer that writes it down.
// `npx tsx test/bench/screen/content.ts FOLDER [SECONDS] [SCENE…]`; needs Debian's tigervnc-standalone-server, xterm,
// twm, xdotool and chromium.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { freePort } from "../../support/free-port.ts";
import { type RunningProcess, startProcess } from "../../support/process.ts";
import { encodings, watch } from "./capture.ts";

const here = dirname(fileURLToPath(import.meta.url));
const chromium = "/usr/bin/chromium";
const typing = `
words=(ls cat grep systemctl journalctl vi make git status log config pump valve level)
while true; do
  printf '\\033[32moperator@plc7\\033[0m:\\033[34m~/boiler\\033[0m$ '
  for n in 1 2 3; do w=\${words[RANDOM % 15]}; for ((i=0;i<\${#w};i++)); do printf %s "\${w:i:1}"; sleep 0.12; done; printf ' '; sleep 0.2; done
  echo; sleep 0.3
  find /usr/share/doc -maxdepth 1 2>/dev/null | shuf -n 45 | xargs ls -ld --color=always; sleep 0.5
done`;
const scrolling = `find /usr -xdev -printf '%M %6s %TY-%Tm-%Td %p\\n' 2>/dev/null | while read -r l; do echo "$l"; [ $((++n % 4)) = 0 ] && sleep 0.05; done`;

type Starter = (display: string, folder: string) => Promise<RunningProcess[]>;

export const scenes: Record<string, Starter> = {
  idle: (display, folder) => page(display, folder, "idle"),
  terminal: (display, folder) => xterm(display, folder, typing),
  smooth: (display, folder) =>
    xterm(display, folder, typing, "-fa", "DejaVu Sans Mono", "-fs", "10", "-geometry", "155x48+0+0"),
  hmi: (display, folder) => page(display, folder, "hmi"),
  scroll: (display, folder) => xterm(display, folder, scrolling),
  windows: async (display, folder) => {
    const env = { DISPLAY: display };
    const all = await page(display, folder, "idle");
    const script = join(folder, "windows.sh");
    writeFileSync(
      script,
      `sleep 1; twm & xterm -geometry 80x24+100+100 -title one -e 'ls -lR /etc | head -200; sleep 999' & sleep 2
       id=$(xdotool search --name '^one$' | tail -1)
       while true; do for i in $(seq 0 40); do xdotool windowmove $id $((100 + i * 14)) $((60 + i * 8)); sleep 0.03; done; sleep 1
       for i in $(seq 40 -1 0); do xdotool windowmove $id $((100 + i * 14)) $((60 + (40 - i) * 9)); sleep 0.03; done; sleep 1; done`,
    );
    return [...all, await startProcess("bash", [script], { env })];
  },
  browse: (display, folder) => page(display, folder, "browse"),
  video: (display, folder) => page(display, folder, "video"),
};

async function page(display: string, folder: string, scene: string): Promise<RunningProcess[]> {
  const address = `${pathToFileURL(join(here, "scenes.html")).href}#${scene}`;
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--kiosk",
    `--user-data-dir=${join(folder, "chromium")}`,
  ];
  return [
    await startProcess(chromium, [...args, "--window-size=1280,800", "--window-position=0,0", address], {
      env: { DISPLAY: display },
    }),
  ];
}

async function xterm(display: string, folder: string, script: string, ...extra: string[]): Promise<RunningProcess[]> {
  const path = join(folder, "script.sh");
  writeFileSync(path, script);
  const args = ["-geometry", "200x58+0+0", "-fn", "6x13", ...extra, "-e", "bash", path];
  return [await startProcess("xterm", args, { env: { DISPLAY: display } })];
}

async function capture(name: string, starter: Starter, out: string, seconds: number): Promise<void> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "screen-content-"));
  const display = `:${port}`;
  const args = [
    display,
    "-geometry",
    "1280x800",
    "-depth",
    "24",
    "-SecurityTypes",
    "None",
    "-rfbport",
    String(port),
    "-localhost",
    "-AlwaysShared",
  ];
  const server = await startProcess("Xtigervnc", args, {
    ready: /Listening for VNC connections/,
    readyTimeoutMs: 20_000,
  });
  const programs = await starter(display, folder);
  try {
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const untilMs = performance.now() + seconds * 1000;
    const [, tight, zrle] = await Promise.all([
      watch(port, encodings.raw, untilMs, join(out, `${name}.capture`)),
      watch(port, encodings.tight, untilMs, null),
      watch(port, encodings.zrle, untilMs, null),
    ]);
    writeFileSync(join(out, `${name}.json`), `${JSON.stringify({ seconds, tight: tight.bytes, zrle: zrle.bytes })}\n`);
    console.log(name, tight.bytes, zrle.bytes);
  } finally {
    for (const program of [...programs, server]) await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [out, seconds = "30", ...names] = process.argv.slice(2);
  if (out === undefined) throw new Error("usage: content.ts FOLDER [SECONDS] [SCENE…]");
  mkdirSync(out, { recursive: true });
  for (const [name, starter] of Object.entries(scenes)) {
    if (names.length === 0 || names.includes(name)) {
      // Twice as long: what moves is stored without loss at first.
      await capture(name, starter, out, Number(seconds) * (name === "video" ? 2 : 1));
    }
  }
}
