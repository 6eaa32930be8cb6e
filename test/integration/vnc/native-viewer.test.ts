// xtigervncviewer, under an X server that nobody sees, through the gateway to a real TigerVNC server.
import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startXtigervnc, startXvfb, type VncTarget } from "../../support/xtigervnc.ts";
import { personName, personPassword, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";

let target: VncTarget;
let screen: { display: string; stop(): Promise<void> };
let dir: TempDir;
let gateway: VncTestGateway;
let viewer: RunningProcess | undefined;

beforeAll(async () => {
  target = await startXtigervnc();
  screen = await startXvfb();
  dir = await createTempDir("viewer");
});
afterAll(async () => {
  await screen.stop();
  await target.stop();
  await dir.remove();
});
beforeEach(async () => {
  gateway = await startVncGateway(vncAccess(target));
});
afterEach(async () => {
  await viewer?.stop();
  viewer = undefined;
  await gateway.stop();
});

async function view(args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  viewer = await startProcess(
    "xtigervncviewer",
    ["-geometry", "640x480+0+0", "-ReconnectOnError=0", ...args, `127.0.0.1::${gateway.port}`],
    { env: { DISPLAY: screen.display, HOME: dir.path, ...env } },
  );
  await waitFor(() => (gateway.sessions.at(-1)?.outputBytes ?? 0) > 0, {
    what: "the target's first update",
    timeoutMs: 20_000,
  }).catch((error: unknown) => {
    throw new Error(`the viewer said: ${viewer?.output()}`, { cause: error });
  });
}

const onViewer = (...args: string[]) => runProcess("xdotool", args, { env: { DISPLAY: screen.display } });
const pointerOfTarget = async () =>
  (await runProcess("xdotool", ["getmouselocation"], { env: { DISPLAY: target.display } })).stdout;

async function moveAndType(x: number): Promise<void> {
  // Nobody manages windows here: without the focus the viewer sends nothing.
  const window = await waitFor(
    async () => (await onViewer("search", "--onlyvisible", "--name", "recorded")).stdout.trim().split("\n")[0],
    { what: "the viewer's window" },
  );
  await onViewer("windowfocus", "--sync", window);
  const before = await pointerOfTarget();
  await onViewer("mousemove", String(x), "150");
  await onViewer("click", "1");
  await waitFor(async () => (await pointerOfTarget()) !== before, { what: "the target's pointer to move" });
  await onViewer("key", "p", "l", "c", "Return");
  await waitFor(() => typed().length >= 8, { what: "four keys, down and up" });
}

/** Keysyms of what was recorded as input. */
function typed(): number[] {
  const messages = new ClientParser().push(gateway.last().input());
  return messages.flatMap((message) => (message.type === "key" || message.type === "qemu-key" ? [message.sym] : []));
}

it("logs in by name and password in TLS with a certificate, and works the target", async () => {
  const ca = `${dir.path}/ca.pem`;
  await writeFile(ca, gateway.certificate.certificate);
  const login = { VNC_USERNAME: `${personName}+hmi-1`, VNC_PASSWORD: personPassword };
  await view(["-SecurityTypes", "X509Plain", `-X509CA=${ca}`], login);
  expect(gateway.attempts.map(({ name, method }) => [name, method])).toEqual([[personName, "password"]]);
  await moveAndType(200);
  expect(new Set(typed())).toEqual(new Set([0x70, 0x6c, 0x63, 0xff0d]));
  const session = gateway.last();
  expect(session.touches).toBeGreaterThan(8);
  expect(session.notices("vnc-init")[0]).toMatchObject({
    viewer: { security: "x509-plain", version: "003.008" },
    target: { security: "vnc-auth" },
    width: 640,
    height: 480,
  });
  const encodings = session.notices("vnc-encodings")[0] as { asked: string[]; passed: string[] };
  expect(encodings.asked.some((name) => name.startsWith("quality"))).toBe(true);
  expect(encodings.passed).toContain("Tight");
  expect(encodings.passed.filter((name) => name.startsWith("quality") || name === "ExtendedClipboard")).toEqual([]);
  await viewer?.stop();
  await session.whenEnded();
  expect(session.endedWith).toBe("client-closed");
});

it("logs in with a one-time ticket as the password, once", async () => {
  const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
  const passwordFile = `${dir.path}/ticket`;
  const obfuscated = await runProcess("tigervncpasswd", ["-f"], { input: `${ticket}\n` });
  await writeFile(passwordFile, obfuscated.stdoutBytes);
  await view(["-SecurityTypes", "VncAuth", `-passwd=${passwordFile}`]);
  await moveAndType(300);
  expect(gateway.last().notices("auth")[0]).toMatchObject({ side: "operator", method: "ticket", security: "vnc-auth" });
  await viewer?.stop();
  await gateway.last().whenEnded();
  const again = await startProcess(
    "xtigervncviewer",
    ["-SecurityTypes", "VncAuth", `-passwd=${passwordFile}`, "-AlertOnFatalError=0", `127.0.0.1::${gateway.port}`],
    { env: { DISPLAY: screen.display, HOME: dir.path } },
  );
  await waitFor(() => gateway.refusedTickets === 1, { what: "the used ticket to be refused" });
  await again.stop();
  expect(gateway.sessions).toHaveLength(1);
});

it("logs in as the portal says, with a ticket as the password and no setting but the certificate to trust", async () => {
  const ca = `${dir.path}/ca.pem`;
  await writeFile(ca, gateway.certificate.certificate);
  const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
  await view([`-X509CA=${ca}`], { VNC_USERNAME: `${personName}+hmi-1`, VNC_PASSWORD: ticket });
  expect(gateway.last().notices("auth")[0]).toMatchObject({ method: "ticket", security: "x509-plain" });
  expect(gateway.attempts).toEqual([]);
});

it("says why its session ended when it is terminated, and then its connection is closed in order", async () => {
  const login = { VNC_USERNAME: `${personName}+hmi-1`, VNC_PASSWORD: personPassword };
  await view(["-SecurityTypes", "TLSPlain", "-AlertOnFatalError=0"], login);
  const session = gateway.last();
  session.terminate({ code: "terminated", sentence: "The plant ended this session." });
  await session.whenEnded();
  expect(session.endedWith).toBe("terminated");
  await waitFor(
    async () => (await onViewer("search", "--onlyvisible", "--name", "The plant ended this session")).stdout !== "",
    {
      what: "the sentence in the window's title",
    },
  );
  // What is done in it now is nobody's session.
  const before = await pointerOfTarget();
  await onViewer("mousemove", "77", "177");
  await viewer?.exited;
  expect(await pointerOfTarget()).toBe(before);
  expect(viewer?.output()).not.toContain("non-properly terminated");
});
