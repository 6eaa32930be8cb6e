import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { writePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { setEncodings } from "../../../recorder/tap/vnc/encodings-filter.ts";
import { fenceMessage } from "../../../recorder/tap/vnc/format-pin.ts";
import { AppError } from "../../../shared/errors.ts";
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import type { Capability, VncSettings } from "../../../shared/policy/policy.ts";
import { startQemu } from "../../support/qemu.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { startX11vnc } from "../../support/x11vnc.ts";
import { startXtigervnc, type VncTarget } from "../../support/xtigervnc.ts";
import { type MemorySession, personName, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { cutText, rawUpdate, type ScriptedTarget, startScriptedTarget, trueColour32 } from "./scripted-target.ts";
import { connectViewer, type ScriptedViewer } from "./scripted-viewer.ts";

let target: ScriptedTarget;
let gateway: VncTestGateway;
let viewer: ScriptedViewer;

beforeEach(async () => {
  target = await startScriptedTarget();
});
afterEach(async () => {
  viewer?.close();
  await gateway?.stop();
  await target.stop();
});

async function open(
  options: {
    capabilities?: Capability[];
    settings?: Partial<VncSettings>;
    target?: VncTarget;
    onSession?: (session: MemorySession) => void;
    /** Left out: for ever, so that no slow machine is taken for a quiet target. */
    targetQuietMs?: number;
  } = {},
): Promise<MemorySession> {
  gateway = await startVncGateway(vncAccess(options.target ?? target, options.settings ?? {}), {
    tap: { limits: { targetQuietMs: options.targetQuietMs ?? 600_000 } },
    ...(options.capabilities === undefined ? {} : { capabilities: options.capabilities }),
  });
  gateway.onSession = options.onSession;
  const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
  viewer = await connectViewer(gateway, { ticket });
  await waitFor(() => gateway.last().of("channel-open").length === 1, { what: "the channel" });
  return gateway.last();
}

const typesAtTarget = () => target.messages.map((message) => message.type);
const setPixelFormat = (format: PixelFormat) => Buffer.concat([Buffer.from([0, 0, 0, 0]), writePixelFormat(format)]);
const rgb565: PixelFormat = {
  ...trueColour32,
  ...{ bitsPerPixel: 16, depth: 16, redMax: 31, greenMax: 63, blueMax: 31, redShift: 11, greenShift: 5 },
};
const bgr233: PixelFormat = {
  ...trueColour32,
  ...{ bitsPerPixel: 8, depth: 8, redMax: 7, greenMax: 7, blueMax: 3, redShift: 0, greenShift: 3, blueShift: 6 },
};

/** Decodes the recording: throws when a change of format stands in the wrong place. */
function replay(session: MemorySession): { formats: number; updates: number } {
  let updates = 0;
  let formats = 0;
  const screen = session.of("channel-open")[0]?.screen;
  if (screen === undefined) throw new Error("no screen");
  const nothing = (): void => undefined;
  const decoder = new ScreenDecoder(screen, {
    ...{ changed: nothing, copied: nothing, resized: nothing, cursor: nothing, pointer: nothing, name: nothing },
    ...{ bell: nothing, clipboard: nothing, led: nothing, jpeg: nothing },
    updated: () => updates++,
  });
  for (const event of session.recorded.events) {
    if (event.type === "output") {
      decoder.push(event.data);
    } else if (event.type === "screen-format") {
      expect(decoder.atBoundary).toBe(true);
      decoder.setFormat(event.format);
      formats++;
    }
  }
  return { formats, updates };
}

describe("what the operator does", () => {
  it("is recorded, durable, and only then passed on", async () => {
    const session = await open({ onSession: (one) => Object.assign(one, { durableMs: 50 }) });
    target.onMessage = () => {
      const inputs = session.recorded.events.findIndex((event) => event.type === "input");
      expect(session.recorded.durableCount).toBeGreaterThan(inputs);
    };
    const messages = [viewer.key(0x61, true), viewer.key(0x61, false), viewer.pointer(3, 4, 1), viewer.pointer(3, 4)];
    viewer.send(...messages);
    await waitFor(() => target.messages.length === 4, { what: "the input at the target" });
    expect(typesAtTarget()).toEqual(["key", "key", "pointer", "pointer"]);
    expect(session.input().equals(Buffer.concat(messages))).toBe(true);
    expect(session.touches).toBe(4);
  });

  it("passes while the recorder is behind with the target's pictures", async () => {
    const session = await open();
    session.behind = true;
    target.send(rawUpdate(0, 0, 2, 2));
    await waitFor(() => session.of("output").length > 0, { what: "output" });
    viewer.send(viewer.key(0x61, true));
    await waitFor(() => target.messages.length === 1, { what: "the key", timeoutMs: 5000 });
    session.behind = false;
  });

  it("may not ask for a screen beyond what can be recorded", async () => {
    const session = await open();
    const size = (width: number, height: number) => {
      const message = Buffer.alloc(8);
      message[0] = 251;
      message.writeUInt16BE(width, 2);
      message.writeUInt16BE(height, 4);
      return message;
    };
    viewer.send(size(4096, 4097), size(65_535, 65_535), size(65_535, 65_535), size(4096, 4096));
    await waitFor(() => target.messages.length > 0, { what: "the size that is allowed" });
    expect(target.messages).toMatchObject([{ type: "set-desktop-size", width: 4096, height: 4096 }]);
    expect(session.notices("request-refused")).toEqual([
      { request: "set-desktop-size", width: 4096, height: 4097, reason: "too-large" },
      { request: "set-desktop-size", width: 65_535, height: 65_535, reason: "too-large" },
    ]);
  });

  it("is no sign of life when the pointer only says again where it is, or trembles", async () => {
    const session = await open();
    viewer.send(viewer.pointer(3, 4), viewer.pointer(3, 4), viewer.pointer(3, 4), viewer.pointer(3, 4, 1));
    viewer.send(viewer.pointer(3, 4, 1), viewer.pointer(3, 5, 1), viewer.pointer(3, 50, 1));
    await waitFor(() => target.messages.length === 7, { what: "the pointer" });
    expect(session.touches).toBe(3);
  });

  it.each(["frozen", "escort-lost", "stopped", "ending", "escort-awaited"] as const)(
    "is dropped and counted while held (%s), and nothing of it comes later",
    async (code) => {
      const session = await open({ capabilities: ["screen", "screen-power", "clipboard-in"] });
      session.holdCode = code;
      session.freeze();
      const acts = [viewer.key(0xff0d, true), viewer.key(0xff0d, false), viewer.pointer(3, 4, 1), viewer.pointer(3, 4)];
      acts.push(cutText(6, "staged"), Buffer.from([250, 0, 1, 3]));
      viewer.send(setEncodings([encoding.raw]), ...acts);
      for (let n = 0; n < 5000; n++) viewer.send(viewer.pointer(n % 50, 1));
      const bytes = acts.reduce((sum, { length }) => sum + length, 0) + 5000 * 6;
      const counted = (fact: string): number =>
        session.notices("input-dropped").reduce((sum, facts) => sum + Number(facts[fact]), 0);
      await waitFor(() => counted("bytes") === bytes, { what: "all of it to be counted" });
      expect(counted("messages")).toBe(acts.length + 5000);
      expect(session.notices("input-dropped").length).toBeLessThan(10);
      expect(session.notices("input-dropped")[0]).toMatchObject({ hold: code });
      session.unfreeze();
      viewer.send(viewer.key(0x62, true));
      await waitFor(() => typesAtTarget().includes("key"), { what: "the key that was pressed afterwards" });
      expect(typesAtTarget()).toEqual(["set-encodings", "key"]);
      expect(target.messages.at(-1)).toMatchObject({ sym: 0x62 });
      expect(session.input().equals(viewer.key(0x62, true))).toBe(true);
      expect(session.typedText).toBe("b");
    },
  );

  it("leaves nothing pressed at the target: a freeze lets go of it, and that is recorded before", async () => {
    const session = await open();
    const pressed = [viewer.key(0xffe1, true), viewer.key(0x41, true), viewer.pointer(7, 9, 1)];
    viewer.send(...pressed);
    await waitFor(() => target.messages.length === 3, { what: "what is pressed" });
    session.durableMs = 50;
    session.freeze();
    expect(target.messages).toHaveLength(3);
    await waitFor(() => target.messages.length === 6, { what: "it to be let go of" });
    const letGo = [viewer.pointer(7, 9), viewer.key(0x41, false), viewer.key(0xffe1, false)];
    expect(Buffer.concat(target.messages.slice(3).map(({ raw }) => raw))).toEqual(Buffer.concat(letGo));
    expect(session.input()).toEqual(Buffer.concat([...pressed, ...letGo]));
    // Still down at the viewer, repeated, and let go of after the release: none of that is for the target.
    viewer.send(viewer.key(0x41, false), viewer.key(0x42, true));
    await waitFor(() => session.notices("input-dropped").length > 0, { what: "the notice" });
    session.unfreeze();
    viewer.send(viewer.key(0x42, true), viewer.key(0x42, false), viewer.key(0xffe1, false), viewer.pointer(8, 9, 1));
    viewer.send(viewer.pointer(8, 9), viewer.key(0x42, true), viewer.pointer(8, 9, 1));
    await waitFor(() => target.messages.length >= 10, { what: "what came afterwards" });
    const after = [viewer.pointer(8, 9), viewer.pointer(8, 9), viewer.key(0x42, true), viewer.pointer(8, 9, 1)];
    expect(Buffer.concat(target.messages.slice(6).map(({ raw }) => raw))).toEqual(Buffer.concat(after));
  });

  it("does not pass when it was recorded before the freeze and had not passed; the record says so", async () => {
    const session = await open();
    session.stuck = true;
    viewer.send(viewer.key(0x61, true), viewer.key(0x61, false));
    await waitFor(() => session.input().length === 16, { what: "the record" });
    session.freeze();
    session.unfreeze();
    session.stuck = false;
    viewer.send(viewer.key(0x62, true));
    await waitFor(() => target.messages.length > 0, { what: "the key that was pressed afterwards" });
    expect(target.messages).toMatchObject([{ type: "key", sym: 0x62 }]);
    expect(session.notices("input-dropped")).toEqual([{ bytes: 16, recorded: 16, messages: 2, hold: "frozen" }]);
  });

  it("never passes when it cannot be recorded", async () => {
    const session = await open();
    session.failure = new AppError("RECORD_FAILED", "The disk is gone.", { op: "test" });
    viewer.send(viewer.key(0x61, true));
    await viewer.whenClosed();
    expect(session.endedWith).toBe("record-failed");
    expect(target.messages).toEqual([]);
  });
});

describe("what reaches the target is written anew", () => {
  const fenceAsked = fenceMessage(0x8000_0000, Buffer.from("hello"));

  /** A key in a place where nobody looks. */
  const hidden = (): Buffer => viewer.key(0x53, true);

  it("with nothing in its padding and its flags", async () => {
    const session = await open();
    viewer.send(setEncodings([encoding.fence]));
    await waitFor(() => typesAtTarget().includes("set-encodings"), { what: "the encodings" });
    target.send(fenceAsked);
    await viewer.whenReceived(fenceAsked.length);
    const before = target.messages.length;
    const key = viewer.key(0x61, true).fill(0x77, 2, 4);
    const fence = fenceMessage(0, Buffer.from("hello")).fill(0x04, 1, 8);
    const format = setPixelFormat(trueColour32).fill(4, 1, 4).fill(4, 17, 20);
    viewer.send(key, fence, format);
    const came = (): string[] => typesAtTarget().slice(before);
    await waitFor(() => came().includes("key") && came().includes("set-pixel-format"), { what: "all of it" });
    const wanted = [viewer.key(0x61, true), fenceMessage(4, Buffer.from("hello")), setPixelFormat(trueColour32)];
    const raw = target.messages.slice(before).map((message) => message.raw.toString("hex"));
    expect(raw).toEqual(expect.arrayContaining(wanted.map((bytes) => bytes.toString("hex"))));
    expect(session.input().equals(viewer.key(0x61, true))).toBe(true);
  });

  it("without the fences of a viewer to a target that has sent none", async () => {
    await open();
    viewer.send(setEncodings([encoding.fence]), fenceMessage(0x8000_0000, hidden()), viewer.key(0x61, true));
    await waitFor(() => typesAtTarget().includes("key"), { what: "the key" });
    viewer.send(viewer.updateRequest());
    await waitFor(() => typesAtTarget().includes("update-request"), { what: "the request" });
    expect(typesAtTarget()).not.toContain("fence");
  });

  // Some targets read seven bytes of a pointer from the moment that -316 is on the list, others from their announcement.
  it("and never lets a target and the gateway read a pointer differently", async () => {
    const session = await open();
    viewer.send(setEncodings([encoding.raw, encoding.extendedMouse]));
    await waitFor(() => target.messages.length === 1, { what: "the encodings" });
    expect(target.messages[0]).toMatchObject({ encodings: [encoding.raw, encoding.fence] });
    viewer.send(viewer.pointer(1, 1, 0x80), fenceMessage(0x40, Buffer.concat([hidden(), hidden()])));
    await viewer.whenClosed();
    expect(session.endedWith).toBe("protocol-malformed");
    expect(session.notices("decode-error")).toMatchObject([
      { what: "protocol", sentence: expect.stringMatching(/The viewer sent a pointer with ExtendedMouseButtons/) },
    ]);
    expect(typesAtTarget()).toEqual(["set-encodings"]);
  });

  it("also after a viewer took the extended pointer back", async () => {
    const session = await open();
    viewer.send(setEncodings([encoding.extendedMouse]), setEncodings([encoding.raw]), viewer.pointer(1, 1, 0x81));
    await viewer.whenClosed();
    expect(session.endedWith).toBe("protocol-malformed");
  });

  it("and an announcement of the extended pointer, which nobody asked for, ends the session", async () => {
    const session = await open();
    const announced = rawUpdate(0, 0, 0, 0);
    announced.writeInt32BE(encoding.extendedMouse, 12);
    target.send(announced);
    await viewer.whenClosed();
    expect(session.endedWith).toBe("protocol-malformed");
    expect(viewer.receivedBytes).toBeLessThan(announced.length);
  });

  it("but passes the eighth button of a viewer that knows plain pointers only", async () => {
    const session = await open();
    viewer.send(setEncodings([encoding.raw]), viewer.pointer(1, 1, 0x80), viewer.pointer(1, 1, 0));
    await waitFor(() => target.messages.length === 3, { what: "press and release" });
    expect(target.messages[1]).toMatchObject({ type: "pointer", buttons: 0x80 });
    expect(session.endedWith).toBeUndefined();
  });
});

describe("SetEncodings", () => {
  const asked = [
    encoding.tight,
    encoding.h264,
    encoding.zywrle,
    -26,
    encoding.extendedClipboard,
    encoding.qemuAudio,
    4711,
  ];

  it("is narrowed to what can be decoded, without loss for evidence", async () => {
    const session = await open();
    viewer.send(setEncodings(asked));
    await waitFor(() => target.messages.length === 1, { what: "the encodings" });
    expect(target.messages[0]).toMatchObject({ encodings: [encoding.tight, encoding.fence] });
    expect(session.notices("vnc-encodings")).toEqual([
      {
        asked: ["Tight", "H264", "ZYWRLE", "quality 6", "ExtendedClipboard", "QEMU audio", "encoding 4711"],
        passed: ["Tight", "Fence"],
      },
    ]);
  });

  it("leaves the quality to the viewer where the target's settings say so", async () => {
    await open({ settings: { quality: "viewer" }, capabilities: ["screen", "clipboard-in", "clipboard-out"] });
    viewer.send(setEncodings(asked));
    await waitFor(() => target.messages.length === 1, { what: "the encodings" });
    expect(target.messages[0]).toMatchObject({
      encodings: [encoding.tight, -26, encoding.extendedClipboard, encoding.fence],
    });
  });

  it("answers a target's fences for a viewer that knows none", async () => {
    await open();
    viewer.send(setEncodings([encoding.raw]));
    target.send(fenceMessage(0x8000_0003, Buffer.from("ping")), rawUpdate(0, 0, 1, 1));
    await waitFor(() => typesAtTarget().includes("fence"), { what: "the answer" });
    expect(target.messages.at(-1)).toMatchObject({ flags: 3, payload: Buffer.from("ping") });
    await viewer.whenReceived(20);
    expect(viewer.received[0]).toBe(0);
  });
});

describe("the clipboard", () => {
  it("passes neither way unless policy allows it, and is not in the record", async () => {
    const session = await open();
    viewer.send(cutText(6, "from-the-viewer"), cutText(6, "again"), viewer.key(0x61, true));
    target.send(cutText(3, "from-the-target"), rawUpdate(0, 0, 1, 1));
    await waitFor(() => target.messages.length > 0, { what: "the key" });
    await viewer.whenReceived(20);
    expect(typesAtTarget()).toEqual(["key"]);
    expect(viewer.received[0]).toBe(0);
    expect(session.notices("clipboard-refused")).toHaveLength(2);
    expect(session.input().includes("from-the-viewer")).toBe(false);
    expect(JSON.stringify(session.of("notice"))).not.toContain("from-the-");
    expect(session.of("clipboard")).toEqual([]);
  });

  it("passes what policy allows, as far as it is long enough, and is recorded", async () => {
    const settings = { clipboardBytes: 8 };
    const session = await open({ settings, capabilities: ["screen", "clipboard-in", "clipboard-out"] });
    viewer.send(cutText(6, "setpoint"), cutText(6, "setpoints"), viewer.key(0x61, true));
    target.send(cutText(3, "42.0 bar"), cutText(3, "42.00 bar"), rawUpdate(0, 0, 1, 1));
    await waitFor(() => target.messages.length >= 2, { what: "text and key" });
    await viewer.whenReceived(16 + 20);
    expect(target.messages[0]).toMatchObject({ type: "cut-text", text: "setpoint" });
    expect(target.messages[1]?.type).toBe("key");
    expect(viewer.received.subarray(8, 16).toString()).toBe("42.0 bar");
    expect(session.input().includes("setpoint")).toBe(true);
    expect(session.of("clipboard")).toEqual([{ type: "clipboard", channel: 0, text: "42.0 bar" }]);
    expect(session.notices("clipboard")).toEqual([
      { direction: "inbound", bytes: 8 },
      { direction: "outbound", bytes: 8 },
    ]);
    expect(session.notices("clipboard-refused").map(({ reason, bytes }) => [reason, bytes])).toEqual([
      ["too-long", 9],
      ["too-long", 9],
    ]);
  });
});

it("refuses file transfer, and goes on", async () => {
  const session = await open();
  viewer.send([7, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5], [1, 2, 3, 4, 5], viewer.key(0x61, true));
  await waitFor(() => target.messages.length === 1, { what: "the key" });
  expect(typesAtTarget()).toEqual(["key"]);
  expect(session.notices("file-transfer-refused")).toEqual([{ family: "ultravnc", message: 7 }]);
});

describe("what is neither key nor pointer", () => {
  const xvp = (code: number, version = 1): number[] => [250, 0, version, code];
  const size = Buffer.from("fb00010000c00100" + "00000001" + "00000000010000c0" + "00000000", "hex");

  it("does not switch the target off unless policy allows it", async () => {
    const session = await open({ capabilities: ["shell", "exec", "sftp", "screen", "clipboard-in", "clipboard-out"] });
    viewer.send(setEncodings([encoding.xvp]), xvp(3), xvp(3), viewer.key(0x61, true));
    await waitFor(() => typesAtTarget().includes("key"), { what: "the key" });
    expect(typesAtTarget()).toEqual(["set-encodings", "key"]);
    expect(target.messages[0]).toMatchObject({ encodings: [encoding.fence] });
    const refused = session.notices("request-refused");
    expect(refused).toMatchObject([{ request: "xvp", action: "reboot", reason: "capability-not-allowed" }]);
    expect(session.input().equals(viewer.key(0x61, true))).toBe(true);
  });

  it("switches it off where policy allows it, and that is durable before", async () => {
    const session = await open({ capabilities: ["screen", "screen-power"] });
    session.durableMs = 50;
    let durableBefore = 0;
    target.onMessage = ({ type }) => {
      if (type === "xvp") durableBefore = session.recorded.durableCount;
    };
    viewer.send(setEncodings([encoding.xvp]), xvp(3), xvp(9), xvp(2, 7));
    await waitFor(() => typesAtTarget().includes("xvp"), { what: "xvp" });
    expect(target.messages[0]).toMatchObject({ encodings: [encoding.xvp, encoding.fence] });
    expect(session.notices("vnc-xvp")).toMatchObject([{ code: 3, action: "reboot" }]);
    const noticeAt = session.recorded.events.findIndex(
      (event) => event.type === "notice" && event.notice === "vnc-xvp",
    );
    expect(durableBefore).toBeGreaterThan(noticeAt);
    expect(session.notices("request-refused")).toHaveLength(2);
    expect(typesAtTarget().filter((type) => type === "xvp")).toHaveLength(1);
  });

  it("is recorded when it passes, and a freeze drops it", async () => {
    const session = await open();
    session.freeze();
    viewer.send(size, viewer.updateRequest());
    await waitFor(() => typesAtTarget().includes("update-request"), { what: "the request" });
    expect(session.notices("vnc-desktop-size")).toEqual([]);
    session.unfreeze();
    viewer.send(size);
    await waitFor(() => typesAtTarget().includes("set-desktop-size"), { what: "the size" });
    const screens = [{ id: 1, x: 0, y: 0, width: 256, height: 192, flags: 0 }];
    expect(session.notices("vnc-desktop-size")).toEqual([{ width: 256, height: 192, screens }]);
    const noticeAt = session.recorded.events.findIndex(
      (event) => event.type === "notice" && event.notice === "vnc-desktop-size",
    );
    expect(session.recorded.events.findIndex((event) => event.type === "input")).toBeGreaterThan(noticeAt);
  });
});

describe("a change of the pixel format", () => {
  it("takes hold at once when nothing is outstanding", async () => {
    const session = await open();
    viewer.send(setPixelFormat(rgb565), viewer.updateRequest());
    await waitFor(() => target.messages.length === 2, { what: "both messages" });
    target.send(rawUpdate(0, 0, 64, 48, 2));
    await viewer.whenReceived(16 + 64 * 48 * 2);
    expect(replay(session)).toEqual({ formats: 1, updates: 1 });
  });

  it("waits without fences for what was asked for before, and lets input by", async () => {
    const session = await open();
    viewer.send(viewer.updateRequest());
    await waitFor(() => target.messages.length === 1, { what: "the request" });
    viewer.send(setPixelFormat(rgb565), viewer.updateRequest(), viewer.key(0x61, true));
    await waitFor(() => target.messages.length === 2, { what: "the key" });
    expect(typesAtTarget()).toEqual(["update-request", "key"]);
    target.send(rawUpdate(0, 0, 64, 48, 4).subarray(0, 5000));
    await viewer.whenReceived(5000);
    target.send(rawUpdate(0, 0, 64, 48, 4).subarray(5000));
    await waitFor(() => target.messages.length === 4, { what: "the format and what came after" });
    expect(typesAtTarget().slice(2)).toEqual(["set-pixel-format", "update-request"]);
    target.send(rawUpdate(0, 0, 64, 48, 2));
    await viewer.whenReceived(16 * 2 + 64 * 48 * 6);
    expect(replay(session)).toEqual({ formats: 1, updates: 2 });
  });

  /** What a target sends besides what it was asked for. */
  const cursorOnly = (): Buffer => {
    const update = rawUpdate(0, 0, 0, 0);
    update.writeInt32BE(encoding.cursor, 12);
    return update;
  };

  it("waits with fences too, when a cursor came and what was asked for is still on its way", async () => {
    const session = await open();
    target.send(fenceMessage(0x8000_0000, Buffer.from("hello")));
    await waitFor(() => typesAtTarget().includes("fence"), { what: "the answer to the target's fence" });
    viewer.send(viewer.updateRequest(true));
    await waitFor(() => typesAtTarget().includes("update-request"), { what: "the request" });
    target.send(cursorOnly(), rawUpdate(0, 0, 1, 1));
    await viewer.whenReceived(16 + 20);
    viewer.send(setPixelFormat(rgb565));
    await waitFor(() => typesAtTarget().includes("set-pixel-format"), { what: "the format" });
    const mark = target.messages.at(-2);
    if (mark?.type !== "fence") throw new Error("no fence before the format");
    target.send(rawUpdate(0, 0, 64, 48, 4), fenceMessage(4, mark.payload), rawUpdate(0, 0, 64, 48, 2));
    await viewer.whenReceived(16 + 20 + 16 * 2 + 64 * 48 * 6);
    expect(replay(session)).toEqual({ formats: 1, updates: 4 });
  });

  it("waits without fences for pixels, not for a cursor", async () => {
    const session = await open();
    viewer.send(viewer.updateRequest(true));
    await waitFor(() => target.messages.length === 1, { what: "the request" });
    target.send(cursorOnly());
    await viewer.whenReceived(16);
    viewer.send(setPixelFormat(rgb565), viewer.key(0x61, true));
    await waitFor(() => typesAtTarget().includes("key"), { what: "the key" });
    expect(typesAtTarget()).toEqual(["update-request", "key"]);
    target.send(rawUpdate(0, 0, 64, 48, 4));
    await waitFor(() => typesAtTarget().includes("set-pixel-format"), { what: "the format" });
    target.send(rawUpdate(0, 0, 64, 48, 2));
    await viewer.whenReceived(16 * 3 + 64 * 48 * 6);
    expect(replay(session)).toEqual({ formats: 1, updates: 3 });
  });

  it("does not wait for ever for a target that has nothing to say", async () => {
    const session = await open({ targetQuietMs: 200 });
    viewer.send(viewer.updateRequest(true), setPixelFormat(rgb565));
    await waitFor(() => target.messages.length === 2, { what: "the format" });
    expect(session.of("screen-format")).toHaveLength(1);
  });

  it("takes hold at the fence's answer, wherever the bytes are split", async () => {
    const session = await open();
    target.send(fenceMessage(0x8000_0000, Buffer.from("hello")));
    await waitFor(() => typesAtTarget().includes("fence"), { what: "the answer to the target's fence" });
    viewer.send(viewer.updateRequest(), setPixelFormat(bgr233), viewer.updateRequest());
    await waitFor(() => typesAtTarget().includes("set-pixel-format"), { what: "the format" });
    const mark = target.messages.find((message) => message.type === "fence" && message.payload.length === 8);
    if (mark?.type !== "fence") throw new Error("no fence before the format");
    expect(mark.flags).toBe(0x8000_0004);
    const bytes = Buffer.concat([
      rawUpdate(0, 0, 3, 3, 4, 7),
      fenceMessage(4, mark.payload),
      rawUpdate(0, 0, 5, 5, 1, 9),
    ]);
    for (const byte of bytes) {
      target.send([byte]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const forViewer = 16 * 2 + 36 + 25;
    await viewer.whenReceived(forViewer);
    await sleep(20);
    expect(viewer.receivedBytes).toBe(forViewer);
    expect(replay(session)).toEqual({ formats: 1, updates: 2 });
  });

  it.each([
    ["Xtigervnc, which has fences", () => startXtigervnc({ geometry: "320x200" })],
    ["x11vnc, which has none", () => startX11vnc({ geometry: "320x200x24" })],
    ["QEMU, which has none", () => startQemu()],
  ])("of %s can be replayed when it changes again and again", async (_name, start) => {
    const real = await start();
    try {
      const session = await open({ target: real, targetQuietMs: 200 });
      viewer.send(setEncodings([encoding.zrle, encoding.hextile, encoding.copyRect, encoding.desktopSize]));
      const formats = [rgb565, bgr233, trueColour32, { ...trueColour32, depth: 32 }, rgb565, trueColour32];
      for (const [round, format] of formats.entries()) {
        viewer.send(viewer.updateRequest(), viewer.updateRequest(true), setPixelFormat(format), viewer.updateRequest());
        await waitFor(() => session.of("screen-format").length === round + 1, { what: `format ${round}` });
      }
      const before = viewer.receivedBytes;
      viewer.send(viewer.updateRequest());
      await viewer.whenReceived(before + 1);
      await waitFor(() => replay(session).updates >= formats.length, { what: "updates" });
      expect(replay(session).formats).toBe(formats.length);
    } finally {
      await real.stop();
    }
  });
});

describe("the end", () => {
  it("of the target is told with a bell, and recorded", async () => {
    const session = await open();
    target.socket?.end();
    await viewer.whenClosed();
    expect(viewer.received).toEqual(Buffer.from([2]));
    expect(session.endedWith).toBe("target-closed");
    expect(session.notices("health")).toEqual([{ what: "target", code: "connection-lost" }]);
  });

  it("by termination closes both sides", async () => {
    const session = await open();
    session.terminate({ code: "limit-idle", sentence: "Nothing was typed for 15 minutes." });
    await viewer.whenClosed();
    await waitFor(() => target.connections === 0, { what: "the target's connection to end" });
    expect(session.endedWith).toBe("limit-idle");
    expect(session.recorded.events.at(-1)).toEqual({ type: "channel-close", channel: 0 });
  });

  it("of the viewer leaves what it did last to the target", async () => {
    const session = await open({ onSession: (one) => Object.assign(one, { durableMs: 100 }) });
    viewer.socket.end(viewer.key(0x61, false));
    await session.whenEnded();
    expect(session.endedWith).toBe("client-closed");
    await waitFor(() => target.messages.length === 1, { what: "the key" });
  });
});

it("stops reading a target while the recorder is behind, and goes on after", async () => {
  const session = await open();
  session.behind = true;
  const update = rawUpdate(0, 0, 64, 48);
  const flood = Buffer.concat(Array.from({ length: 2000 }, () => update));
  target.send(flood);
  await waitFor(() => session.outputBytes > 0, { what: "the first output" });
  await sleep(100);
  expect(session.outputBytes).toBeLessThan(1024 * 1024);
  session.behind = false;
  await viewer.whenReceived(flood.length, "all of it");
  expect(session.outputBytes).toBe(flood.length);
});
