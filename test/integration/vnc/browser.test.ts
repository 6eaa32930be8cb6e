// The browser's way in: a ticket of the portal, and RFB in a WebSocket.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ApiDeps } from "../../../recorder/api/deps.ts";
import { publicKeyPin } from "../../../recorder/tap/vnc/public-key-pin.ts";
import { AppError } from "../../../shared/errors.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type ApiFixture, type Portal, startApi } from "../api/api-fixture.ts";
import { startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { rawUpdate, type ScriptedTarget, startScriptedTarget } from "./scripted-target.ts";

let target: ScriptedTarget;
let gateway: VncTestGateway;
let api: ApiFixture;
let portal: Portal;

beforeEach(async () => {
  target = await startScriptedTarget();
  gateway = await startVncGateway(vncAccess(target));
  const screens: ApiDeps["screens"] = {
    ticket: async (person, name, use) => {
      if (name !== "hmi-1")
        throw new AppError("POLICY_REFUSED", `${person.name} may not reach ${name}.`, { op: "test" });
      return { ...gateway.tickets.issue({ person: person.name, target: name }, use), target: name };
    },
    listener: () => ({
      port: gateway.port,
      fingerprint: gateway.certificate.fingerprint,
      publicKeyPin: publicKeyPin(gateway.certificate.certificate),
    }),
    upgrade: (...request) => gateway.tap.upgrade(...request),
  };
  api = await startApi({ screens });
  portal = await api.signIn("vendor");
});
afterEach(async () => {
  await gateway.stop();
  await api.close();
  await target.stop();
});

interface Ticket {
  ticket: string;
  path: string;
}

async function takeTicket(who = portal): Promise<Ticket> {
  const response = await who.post("/api/v1/targets/hmi-1/vnc-ticket");
  expect(response.status).toBe(200);
  return (await response.json()) as Ticket;
}

interface Opening {
  origin?: string | undefined;
  cookie?: string;
  protocols?: string[];
  path?: string;
}

class Browser {
  readonly socket: WebSocket;
  bytes = Buffer.alloc(0);
  closed: { code: number; reason: string } | undefined;
  refused: number | undefined;

  constructor({ ticket, path }: Ticket, options: Opening = {}) {
    const origin = "origin" in options ? options.origin : api.origin;
    this.socket = new WebSocket(
      `${api.origin.replace("http", "ws")}${options.path ?? path}`,
      options.protocols ?? ["binary", `conduit.ticket.${ticket}`],
      { headers: { cookie: options.cookie ?? portal.cookie, ...(origin === undefined ? {} : { origin }) } },
    );
    this.socket.on("message", (data: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, data]);
    });
    this.socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString("utf8") };
    });
    this.socket.on("unexpected-response", (_request, response) => {
      this.refused = response.statusCode;
      response.resume();
    });
    this.socket.on("error", () => undefined);
  }

  async read(count: number): Promise<Buffer> {
    await waitFor(() => this.bytes.length >= count, { what: `${count} bytes` });
    const read = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return read;
  }

  async begin(): Promise<void> {
    expect((await this.read(12)).toString()).toBe("RFB 003.008\n");
    this.socket.send("RFB 003.008\n");
    expect([...(await this.read(2))]).toEqual([1, 1]);
    this.socket.send(Buffer.from([1]));
  }

  async handshake(): Promise<void> {
    await this.begin();
    expect((await this.read(4)).readUInt32BE()).toBe(0);
    this.socket.send(Buffer.from([1]));
    const head = await this.read(24);
    expect((await this.read(head.readUInt32BE(20))).toString()).toBe("scripted [recorded]");
  }

  async whenRefused(): Promise<number> {
    return waitFor(() => this.refused, { what: "a refusal" });
  }
}

it("opens the screen with a ticket, and records who came by the portal", async () => {
  const browser = new Browser(await takeTicket());
  await browser.handshake();
  expect(browser.socket.protocol).toBe("binary");
  const key = Buffer.from([4, 1, 0, 0, 0, 0, 0, 0x61]);
  browser.socket.send(key.subarray(0, 3));
  browser.socket.send(key.subarray(3));
  await waitFor(() => target.messages.length === 1, { what: "the key" });
  target.send(rawUpdate(0, 0, 64, 48));
  await browser.read(16 + 64 * 48 * 4);
  const session = gateway.last();
  expect(session.notices("auth")[0]).toMatchObject({ side: "operator", method: "portal+ticket", security: "ws" });
  expect(session.input().equals(key)).toBe(true);
  browser.socket.close();
  await session.whenEnded();
  expect(session.endedWith).toBe("client-closed");
});

it("tells the browser why its session ended, as the close reason", async () => {
  const browser = new Browser(await takeTicket());
  await browser.handshake();
  await waitFor(() => gateway.last().of("channel-open").length === 1, { what: "the channel" });
  gateway.last().terminate({ code: "terminated", sentence: "The plant ended this session." });
  await waitFor(() => browser.closed, { what: "the end" });
  expect(browser.closed).toEqual({ code: 4000, reason: "The plant ended this session." });
});

it("tells the browser why its session does not open", async () => {
  gateway.refuseWith = new AppError("POLICY_REFUSED", "Not at this hour.", { op: "test" });
  const browser = new Browser(await takeTicket());
  await browser.begin();
  expect((await browser.read(4)).readUInt32BE()).toBe(1);
  const length = (await browser.read(4)).readUInt32BE();
  expect((await browser.read(length)).toString()).toBe("Not at this hour.");
  await waitFor(() => browser.closed, { what: "the end" });
});

it("keeps only the newest of a person's browsers that say nothing", async () => {
  const speaking = new Browser(await takeTicket());
  await speaking.handshake();
  const silent: Browser[] = [];
  for (let n = 0; n < 6; n++) {
    const browser = new Browser(await takeTicket());
    await browser.read(12);
    silent.push(browser);
  }
  await waitFor(() => silent[1]?.closed, { what: "the second oldest to be hung up on" });
  expect(silent.map(({ closed }) => closed === undefined)).toEqual([false, false, true, true, true, true]);
  expect(speaking.closed).toBeUndefined();
  // Who begins to speak is silent no more, and leaves room for another.
  silent[2]?.socket.send("RFB 003.008\n");
  await silent[2]?.read(2);
  silent[2]?.socket.send(Buffer.from([1]));
  await silent[2]?.read(4);
  await new Browser(await takeTicket()).read(12);
  expect(silent.slice(2).map(({ closed }) => closed)).toEqual([undefined, undefined, undefined, undefined]);
});

describe("is refused", () => {
  it.each([
    ["another site", 403, { origin: "https://elsewhere.example" }],
    ["a program that says no origin", 403, { origin: undefined }],
    ["who is not signed in", 401, { cookie: "" }],
    ["a ticket that does not exist", 403, { protocols: ["binary", `conduit.ticket.${"A".repeat(43)}`] }],
    ["no ticket at all", 403, { protocols: ["binary"] }],
    ["a target that the ticket is not for", 403, { path: "/api/v1/targets/hmi-2/screen" }],
  ] as const)("%s gets no screen", async (_name, status, options) => {
    const browser = new Browser(await takeTicket(), options as Opening);
    expect(await browser.whenRefused()).toBe(status);
    expect(gateway.sessions).toEqual([]);
  });

  it("a ticket the second time", async () => {
    const ticket = await takeTicket();
    await new Browser(ticket).handshake();
    expect(await new Browser(ticket).whenRefused()).toBe(403);
  });

  it("another person's ticket", async () => {
    const other = await api.signIn("escort");
    const browser = new Browser(await takeTicket(), { cookie: other.cookie });
    expect(await browser.whenRefused()).toBe(403);
  });

  it("an upgrade to any other address, with that address's answer", async () => {
    expect(await new Browser(await takeTicket(), { path: "/api/v1/session" }).whenRefused()).toBe(200);
    expect(await new Browser(await takeTicket(), { path: "/api/v1/nowhere" }).whenRefused()).toBe(404);
  });

  it("a plain request for the screen", async () => {
    const response = await portal.get("/api/v1/targets/hmi-1/screen");
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, "REQUEST_INVALID"]);
  });

  it("a ticket to a target that policy does not open", async () => {
    const response = await portal.post("/api/v1/targets/hmi-2/vnc-ticket");
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([403, "POLICY_REFUSED"]);
  });
});

it("gives native viewers a short ticket, with where to go and whose certificate to expect", async () => {
  const response = await portal.post("/api/v1/targets/hmi-1/vnc-ticket", { use: "viewer" });
  const ticket = (await response.json()) as Record<string, unknown>;
  expect(ticket).toMatchObject({
    port: gateway.port,
    fingerprint: gateway.certificate.fingerprint,
    publicKeyPin: publicKeyPin(gateway.certificate.certificate),
    target: "hmi-1",
    userName: expect.stringMatching(/^.+\+hmi-1$/),
  });
  expect(ticket["ticket"]).toMatch(/^\w{8}$/);
});
