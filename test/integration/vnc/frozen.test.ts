// Frozen means frozen on a real X server: what its programs see of a viewer's keys and buttons, before, during and after a
// hold, and in a session that waits for its escort.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { setEncodings } from "../../../recorder/tap/vnc/encodings-filter.ts";
import { type RunningProcess, startProcess } from "../../support/process.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { startXtigervnc, type VncTarget } from "../../support/xtigervnc.ts";
import { type MemorySession, personName, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { connectViewer, type ScriptedViewer } from "./scripted-viewer.ts";

let target: VncTarget;
let events: RunningProcess;
let gateway: VncTestGateway;
let viewer: ScriptedViewer;

beforeEach(async () => {
  target = await startXtigervnc();
  events = await startProcess("xev", ["-geometry", "640x480+0+0", "-event", "keyboard", "-event", "button"], {
    env: { DISPLAY: target.display },
  });
  gateway = await startVncGateway(vncAccess(target));
});
afterEach(async () => {
  viewer?.close();
  await gateway?.stop();
  await events?.stop();
  await target?.stop();
});

async function open(onSession?: (session: MemorySession) => void): Promise<MemorySession> {
  gateway.onSession = onSession;
  const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
  viewer = await connectViewer(gateway, { ticket });
  await waitFor(() => gateway.last().of("channel-open").length === 1, { what: "the channel" });
  viewer.send(setEncodings([encoding.raw]), viewer.updateRequest());
  return gateway.last();
}

/** What an X client saw: `+a` a key that was pressed, `-a` let go of, `+1` a button. */
function seen(): string[] {
  const found = events
    .stdout()
    .matchAll(
      /^(KeyPress|KeyRelease|ButtonPress|ButtonRelease) event[\s\S]*?(?:keysym 0x[0-9a-f]+, (\w+)\)|button (\d+),)/gm,
    );
  return [...found].map(([, what, key, button]) => `${what?.endsWith("Press") ? "+" : "-"}${key ?? button}`);
}

/** A key that arrives shows that all before it has. */
async function marked(sym: number, name: string): Promise<void> {
  await waitFor(
    async () => {
      viewer.send(viewer.key(sym, true), viewer.key(sym, false));
      await sleep(100);
      return seen().includes(`-${name}`);
    },
    { what: `${name} among ${seen().join(" ")}`, timeoutMs: 20_000 },
  );
}

const isNot = (name: string) => (event: string) => event.slice(1) !== name;

describe("Xtigervnc", () => {
  it("has nothing pressed after a freeze that the viewer let go of, and never sees what was pressed during it", async () => {
    const session = await open();
    viewer.send(viewer.pointer(100, 100));
    await marked(0x6d, "m");
    viewer.send(viewer.key(0x61, true), viewer.pointer(100, 100, 1));
    await waitFor(() => seen().includes("+1") && seen().includes("+a"), { what: "what is pressed" });
    session.freeze();
    // Let go of at once: a key that stays down repeats itself at the target, a button goes on with what it does.
    await waitFor(() => seen().includes("-1") && seen().includes("-a"), { what: "it to be let go of" });
    viewer.send(viewer.key(0x61, false), viewer.pointer(120, 100), viewer.key(0x62, true), viewer.key(0x62, false));
    viewer.send(viewer.key(0x63, true), viewer.pointer(120, 100, 4));
    await waitFor(() => session.notices("input-dropped").length > 0, { what: "the notice" });
    session.unfreeze();
    viewer.send(viewer.key(0x63, true), viewer.key(0x63, false), viewer.pointer(120, 100));
    await marked(0x6e, "n");
    const all = seen().filter(isNot("m")).filter(isNot("n"));
    expect(all.filter((event) => event.startsWith("+")).toSorted()).toEqual(["+1", "+a"]);
    expect(all.filter((event) => event.startsWith("-")).toSorted()).toEqual(["-1", "-a"]);
    // Pressed anew it is a key like any other.
    await marked(0x63, "c");
  });

  it("sees nothing of what came before the escort's release", async () => {
    const session = await open((opened) => {
      opened.holdCode = "escort-awaited";
      opened.freeze();
    });
    viewer.send(viewer.pointer(100, 100), viewer.key(0x61, true), viewer.key(0x61, false), viewer.pointer(100, 100, 1));
    viewer.send(viewer.key(0x62, true));
    await waitFor(() => session.notices("input-dropped").length > 0, { what: "the notice" });
    session.unfreeze();
    viewer.send(viewer.key(0x62, false), viewer.pointer(100, 100));
    await marked(0x6e, "n");
    expect(seen().filter(isNot("n"))).toEqual([]);
    expect(session.notices("input-dropped")[0]).toMatchObject({ hold: "escort-awaited" });
  });
});
