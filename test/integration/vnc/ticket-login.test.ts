// What a ticket opens, in whatever field a viewer asks for it, and what wrong ones cost who tries them.
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Throttle } from "../../../recorder/access/throttle.ts";
import { veNCrypt } from "../../../recorder/tap/vnc/security-types.ts";
import { personName, personPassword, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { type ScriptedTarget, startScriptedTarget } from "./scripted-target.ts";
import { connectViewer, Refused, type ViewerOptions } from "./scripted-viewer.ts";

let target: ScriptedTarget;
let gateway: VncTestGateway;
let nowMs: number;

beforeAll(async () => {
  target = await startScriptedTarget();
});
afterAll(() => target.stop());
beforeEach(async () => {
  nowMs = 1_000_000;
  const throttle = new Throttle({}, () => nowMs);
  gateway = await startVncGateway(vncAccess(target), {
    tap: {
      security: ["x509-plain", "tls-plain", "vnc-auth", "plain"],
      beginTicket: (address) => throttle.begin("(ticket)", address),
    },
  });
});
afterEach(() => gateway.stop());

const ticket = () => gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer").ticket;
const plain = (subtype: number, user: string, password: string): ViewerOptions => ({
  veNCrypt: { subtype, user, password },
});
const login = (options: ViewerOptions): Promise<string> =>
  connectViewer(gateway, options).then(
    (viewer) => {
      viewer.close();
      return "let in";
    },
    (error: unknown) => (error instanceof Refused ? error.message : String(error)),
  );

const used =
  "The name or the password is wrong, or the account is disabled; or it is a ticket that was used or is too old. Who has an authenticator types its code after the password: PASSWORD,123456.";

it.each([
  ["X509Plain", veNCrypt.x509Plain, `${personName}+hmi-1`],
  ["X509Plain", veNCrypt.x509Plain, ""],
  ["TLSPlain", veNCrypt.tlsPlain, "whoever"],
  ["Plain", veNCrypt.plain, personName],
])("stands in for the password of %s, once", async (_name, subtype, user) => {
  const one = ticket();
  expect(await login(plain(subtype, user, one))).toBe("let in");
  expect(gateway.last().notices("auth")[0]).toMatchObject({ method: "ticket" });
  expect(gateway.attempts).toEqual([]);
  expect(await login(plain(subtype, user, one))).toBe(used);
  expect(gateway.sessions).toHaveLength(1);
});

it("of somebody else, or for another target, opens nothing and stays its holder's", async () => {
  const one = ticket();
  for (const user of ["eve+hmi-1", `${personName}+hmi-2`, "eve+hmi-2"]) {
    expect(await login(plain(veNCrypt.x509Plain, user, one))).toBe(used);
  }
  expect(gateway.sessions).toEqual([]);
  expect(gateway.attempts.map(({ name }) => name)).toEqual(["eve", personName, "eve"]);
  expect(await login(plain(veNCrypt.x509Plain, `${personName.toUpperCase()}+HMI-1`, one))).toBe("let in");
});

it("has the form of a password too, which is judged as one, and held against nobody as a ticket", async () => {
  for (let n = 0; n < 10; n++) expect(await login(plain(veNCrypt.x509Plain, personName, "Abcdefgh"))).toBe(used);
  expect(gateway.attempts).toMatchObject(Array.from({ length: 10 }, () => ({ password: "Abcdefgh" })));
  expect(gateway.refusedTickets).toBe(0);
  expect(await login({ ticket: ticket() })).toBe("let in");
});

it("that is wrong slows down who tries, in either field; passwords are judged by their own", async () => {
  const waits = "Too many failed log-ins. Wait a while, then try again.";
  for (let n = 0; n < 5; n++) expect(await login({ ticket: "Abcdefgh" })).toMatch(/^The ticket is wrong/);
  expect(await login({ ticket: ticket() })).toBe(waits);
  expect(await login(plain(veNCrypt.x509Plain, "", ticket()))).toBe(waits);
  expect(gateway.refusedTickets).toBe(5);
  expect(await login(plain(veNCrypt.x509Plain, `${personName}+hmi-1`, personPassword))).toBe("let in");
  nowMs += 2000;
  expect(await login({ ticket: ticket() })).toBe("let in");
});
