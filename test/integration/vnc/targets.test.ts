import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startX11vnc } from "../../support/x11vnc.ts";
import { startXtigervnc, type VncTarget } from "../../support/xtigervnc.ts";
import { personName, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { connectViewer } from "./scripted-viewer.ts";

let gateway: VncTestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});

describe("Xtigervnc with VncAuth", () => {
  let target: VncTarget;
  beforeAll(async () => {
    target = await startXtigervnc();
  });
  afterAll(() => target.stop());

  it("is reached with a ticket, and its bytes are recorded as the viewer got them", async () => {
    gateway = await startVncGateway(vncAccess(target));
    const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
    const viewer = await connectViewer(gateway, { ticket });
    expect(viewer.init).toMatchObject({ width: 640, height: 480 });
    expect(viewer.init.name).toMatch(/ \[recorded\]$/);
    viewer.send(viewer.updateRequest());
    await viewer.whenReceived(640 * 480 * 4, "the whole screen");
    const session = gateway.last();
    expect(session.of("channel-open")[0]).toMatchObject({ request: "vnc", screen: { width: 640, height: 480 } });
    expect(session.output().equals(viewer.received)).toBe(true);
    viewer.close();
    await session.whenEnded();
    expect(session.endedWith).toBe("client-closed");
    expect(session.recorded.events.at(-1)).toEqual({ type: "channel-close", channel: 0 });
    expect(gateway.errors).toEqual([]);
  });
});

describe("x11vnc", () => {
  it("is reached without a password", async () => {
    const target = await startX11vnc();
    try {
      gateway = await startVncGateway(vncAccess(target));
      const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
      const viewer = await connectViewer(gateway, { ticket });
      viewer.send(viewer.updateRequest());
      await viewer.whenReceived(640 * 480 * 4, "the whole screen");
      viewer.close();
      await gateway.last().whenEnded();
    } finally {
      await target.stop();
    }
  });
});
