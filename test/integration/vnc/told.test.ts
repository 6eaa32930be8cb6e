// What a viewer is told while its session goes on, and what it is shown before the escort has released the session.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { writePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { setEncodings } from "../../../recorder/tap/vnc/encodings-filter.ts";
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startXtigervnc, startXvfb } from "../../support/xtigervnc.ts";
import {
  type MemorySession,
  personName,
  personPassword,
  startVncGateway,
  type VncTestGateway,
  vncAccess,
} from "./gateway.ts";
import { cutText, rawUpdate, type ScriptedTarget, startScriptedTarget, trueColour32 } from "./scripted-target.ts";
import { connectViewer, type ScriptedViewer } from "./scripted-viewer.ts";

const size = { width: 400, height: 200 };
const warning = { code: "limit-duration", sentence: "This session reaches its limit in 5 minutes.", secondsLeft: 300 };

let target: ScriptedTarget;
let gateway: VncTestGateway;
let viewer: ScriptedViewer;

beforeEach(async () => {
  target = await startScriptedTarget({ size });
});
afterEach(async () => {
  viewer?.close();
  await gateway?.stop();
  await target.stop();
});

async function open(onSession?: (session: MemorySession) => void): Promise<MemorySession> {
  gateway = await startVncGateway(vncAccess(target), { capabilities: ["screen", "clipboard-out"] });
  gateway.onSession = onSession;
  const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
  viewer = await connectViewer(gateway, { ticket });
  await waitFor(() => gateway.last().of("channel-open").length === 1, { what: "the channel" });
  return gateway.last();
}

/** What the viewer shows and has been told: the stream as a viewer reads it. */
function shownTo(format: PixelFormat = trueColour32) {
  const seen = { names: [] as string[], bells: 0, amber: 0, ink: 0, other: 0, clipboards: 0, updates: 0 };
  const nothing = (): void => undefined;
  const decoder = new ScreenDecoder(
    { ...size, format },
    {
      ...{ changed: nothing, copied: nothing, resized: nothing, cursor: nothing, pointer: nothing },
      ...{ led: nothing, jpeg: nothing },
      clipboard: () => seen.clipboards++,
      name: (name) => seen.names.push(name),
      bell: () => seen.bells++,
      updated: () => seen.updates++,
    },
  );
  decoder.push(viewer.received);
  for (const pixel of decoder.framebuffer.pixels) {
    const [red, green, blue] = [pixel & 0xff, (pixel >> 8) & 0xff, (pixel >> 16) & 0xff];
    if (red > 240 && green > 150 && green < 220 && blue < 90) seen.amber++;
    else if (red > 5 && red < 40 && Math.abs(red - blue) < 20) seen.ink++;
    else if (red + green + blue > 0) seen.other++;
  }
  return seen;
}

const begin = (session: MemorySession, encodings = [encoding.raw, encoding.desktopName]) => {
  viewer.send(setEncodings(encodings), viewer.updateRequest());
  return waitFor(() => target.messages.some(({ type }) => type === "update-request"), {
    what: `the request of ${session.id}`,
  });
};

describe("a warning", () => {
  it("rings, names the window and stands over the picture; then the target's own picture is asked for again", async () => {
    const session = await open();
    await begin(session);
    target.send(rawUpdate(0, 0, size.width, size.height, 4, 0x80));
    await waitFor(() => shownTo().updates >= 1, { what: "the target's picture" });
    const asked = target.messages.length;
    session.warn(warning);
    await waitFor(() => shownTo().amber > 1000, { what: "the band" });
    const { names, bells, ink } = shownTo();
    expect(names).toEqual(["scripted [recorded] \u2014 This session reaches its limit in 5 minutes."]);
    expect(bells).toBe(1);
    expect(ink).toBeGreaterThan(200);
    expect(session.output().length).toBe(16 + size.width * size.height * 4);
    await waitFor(() => target.messages.slice(asked).some(({ type }) => type === "update-request"), {
      what: "the picture to be asked for again",
      timeoutMs: 20_000,
    });
    expect(target.messages.slice(asked).find(({ type }) => type === "update-request")).toMatchObject({
      incremental: false,
      x: 0,
      y: 0,
    });
    await waitFor(() => shownTo().names.at(-1) === "scripted [recorded]", { what: "the old name" });
  });

  it("waits for the end of the target's message", async () => {
    const session = await open();
    await begin(session);
    const picture = rawUpdate(0, 0, size.width, size.height, 4, 0x80);
    target.send(picture.subarray(0, 1000));
    await waitFor(() => viewer.receivedBytes >= 1000, { what: "the first part" });
    session.warn(warning);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(viewer.receivedBytes).toBe(1000);
    target.send(picture.subarray(1000));
    await waitFor(() => shownTo().amber > 1000, { what: "the band" });
  });

  it("is drawn in the format that the viewer asked for", async () => {
    const rgb565: PixelFormat = {
      ...trueColour32,
      ...{ bitsPerPixel: 16, depth: 16, redMax: 31, greenMax: 63, blueMax: 31, redShift: 11, greenShift: 5 },
    };
    const session = await open();
    viewer.send(Buffer.from([0, 0, 0, 0]), writePixelFormat(rgb565));
    await begin(session);
    await waitFor(() => session.of("screen-format").length === 1, { what: "the change of the format" });
    session.warn(warning);
    await waitFor(() => shownTo(rgb565).amber > 1000, { what: "the band" });
  });

  it("only rings where the viewer takes no names and has a colour map", async () => {
    const colours: PixelFormat = { ...trueColour32, bitsPerPixel: 8, depth: 8, trueColour: false };
    const session = await open();
    viewer.send(Buffer.from([0, 0, 0, 0]), writePixelFormat(colours));
    await begin(session, [encoding.raw]);
    await waitFor(() => session.of("screen-format").length === 1, { what: "the change of the format" });
    session.warn(warning);
    await waitFor(() => viewer.receivedBytes > 0, { what: "the bell" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(viewer.received).toEqual(Buffer.from([2]));
  });
});

describe("a session that waits for its escort", () => {
  it("shows nothing of the target, and says what it waits for; released, it shows all", async () => {
    const session = await open((opened) => {
      opened.holdCode = "escort-awaited";
      opened.freeze();
    });
    viewer.send(setEncodings([encoding.raw, encoding.desktopName]), viewer.updateRequest());
    viewer.send(viewer.updateRequest(true), viewer.key(0x61, true), viewer.key(0x61, false));
    await waitFor(() => shownTo().amber > 500, { what: "the band" });
    target.send(cutText(3, "from the target's clipboard"));
    await waitFor(() => session.notices("clipboard-refused").length === 1, { what: "the clipboard's refusal" });
    expect(session.notices("clipboard-refused")).toMatchObject([{ direction: "outbound", reason: "escort-awaited" }]);
    expect(target.messages.map(({ type }) => type)).toEqual(["set-encodings"]);
    expect(shownTo()).toMatchObject({ clipboards: 0, names: [expect.stringContaining("The plant has stopped")] });
    session.unfreeze();
    viewer.send(viewer.key(0x62, true));
    await waitFor(() => target.messages.length >= 3, { what: "the request and the key" });
    expect(target.messages.filter(({ type }) => type === "key")).toMatchObject([{ sym: 0x62 }]);
    expect(session.notices("input-dropped")).toMatchObject([{ messages: 2, hold: "escort-awaited" }]);
    expect(target.messages.find(({ type }) => type === "update-request")).toMatchObject({
      incremental: false,
      ...size,
    });
    target.send(rawUpdate(0, 0, size.width, size.height, 4, 0x80));
    await waitFor(() => shownTo().other > 50_000, { what: "the target's picture" });
  });
});

describe("TigerVNC's viewer", () => {
  it("shows the warning in its window's title and over the picture, and goes on", async () => {
    const xtigervnc = await startXtigervnc();
    const display = await startXvfb();
    const dir = await createTempDir("told");
    gateway = await startVncGateway(vncAccess(xtigervnc), { tap: { security: ["tls-plain", "x509-plain"] } });
    let running: RunningProcess | undefined;
    try {
      running = await startProcess(
        "xtigervncviewer",
        ["-geometry", "640x480+0+0", "-ReconnectOnError=0", "-SecurityTypes", "TLSPlain", `127.0.0.1::${gateway.port}`],
        {
          env: {
            DISPLAY: display.display,
            HOME: dir.path,
            VNC_USERNAME: `${personName}+hmi-1`,
            VNC_PASSWORD: personPassword,
          },
        },
      );
      const titled = (text: string) => async () =>
        (
          await runProcess("xdotool", ["search", "--onlyvisible", "--name", text], {
            env: { DISPLAY: display.display },
          })
        ).stdout.trim() !== "";
      await waitFor(titled("recorded"), { what: `the window; the viewer said ${running.output()}`, timeoutMs: 30_000 });
      gateway.last().warn(warning);
      await waitFor(titled("5 minutes"), { what: "the warning in the title", timeoutMs: 20_000 });
      await waitFor(async () => !(await titled("5 minutes")()), { what: "the old title", timeoutMs: 30_000 });
      expect(running.child.exitCode).toBeNull();
      expect(gateway.last().endedWith).toBeUndefined();
      expect(gateway.last().notices("decode-error")).toEqual([]);
    } finally {
      await running?.stop();
      await display.stop();
      await xtigervnc.stop();
      await dir.remove();
    }
  });
});
