// The whole path of a screen: a viewer, the built service, a real TigerVNC server, the file store, and the reading back.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { setEncodings } from "../../../recorder/tap/vnc/encodings-filter.ts";
import { publicKeyPin } from "../../../recorder/tap/vnc/public-key-pin.ts";
import { veNCrypt } from "../../../recorder/tap/vnc/security-types.ts";
import type { RecordingSummary, VncTicket } from "../../../shared/api/types.ts";
import { openRules } from "../../support/open-rules.ts";
import { prepareService, type RunningService, startPrepared } from "../../support/service.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startXtigervnc, type VncTarget } from "../../support/xtigervnc.ts";
import { connectViewer, Refused, type ScriptedViewer } from "./scripted-viewer.ts";

const password = "a vendor's long password";
let directory: TempDir;
let target: VncTarget;
let service: RunningService;

beforeAll(async () => {
  directory = await createTempDir("screens");
  target = await startXtigervnc();
  const screen = { protocol: "vnc", host: target.host, port: target.port };
  const { configFile } = await prepareService({
    directory: directory.path,
    people: [{ name: "vera", roles: ["vendor"], password }],
    secrets: [
      { name: "hmi-1", password: target.password },
      { name: "plc-1", password: "x" },
    ],
    targets: [
      { ...screen, name: "hmi-1", secret: "hmi-1" },
      { ...screen, name: "hmi-2", secret: "plc-1" },
      { name: "plc-1", host: "127.0.0.1", port: 1, account: "a", secret: "plc-1" },
    ],
    policy: openRules(
      { id: "blind", people: ["*"], targets: ["hmi-3"], capabilities: ["shell"] },
      { id: "vendors", people: ["role:vendor"], targets: ["*"] },
    ),
  });
  service = await startPrepared(configFile, directory.path);
});
afterAll(async () => {
  await service?.stop();
  await target?.stop();
  await directory?.remove();
});

const open = (name: string): Promise<ScriptedViewer> =>
  connectViewer(
    { host: "127.0.0.1", port: service.vncPort },
    { veNCrypt: { subtype: veNCrypt.x509Plain, user: `vera+${name}`, password } },
  );

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "let in",
    (error: unknown) => (error instanceof Refused ? error.message : String(error)),
  );

async function newest(): Promise<RecordingSummary> {
  const list = JSON.parse(await service.conduit(["recordings", "list", "--json"])) as { items?: RecordingSummary[] };
  const items = Array.isArray(list) ? (list as RecordingSummary[]) : (list.items ?? []);
  const [first] = items.toSorted((a, b) => b.sequence - a.sequence);
  if (first === undefined) throw new Error("there is no recording");
  return first;
}

describe("a session with a screen through the service", () => {
  it("is recorded whole, sealed, and verifies", async () => {
    const viewer = await open("hmi-1");
    viewer.send(setEncodings([encoding.tight, encoding.copyRect, -26]), viewer.updateRequest());
    await viewer.whenReceived(20, "an update");
    viewer.send(viewer.pointer(100, 100, 1), viewer.pointer(100, 100));
    viewer.send(viewer.key(0xff0d, true), viewer.key(0xff0d, false), viewer.updateRequest(true));
    await waitFor(async () => (await service.conduit(["sessions", "list"])).includes("hmi-1"), {
      what: "the session",
      timeoutMs: 60_000,
    });
    viewer.close();
    const recording = await waitFor(
      async () => {
        const found = await newest();
        return found.state === "sealed" && found;
      },
      { what: "the recording to be sealed", timeoutMs: 60_000 },
    );
    expect(recording).toMatchObject({ person: "vera", target: "hmi-1", protocol: "vnc", endReason: "client-closed" });
    const report = await service.conduit(["recordings", "verify", recording.session, "--json"]);
    expect(report).toContain('"VALID"');
    const shown = await service.conduit(["recordings", "show", recording.session, "--json"]);
    expect(shown).toContain("screen-0");
  });

  it("is refused in words the viewer shows, and in the audit", async () => {
    expect(await refusal(open("plc-1"))).toBe("plc-1 is reached by SSH, not by VNC.");
    expect(await refusal(open("nowhere"))).toMatch(/^vera may not reach nowhere: No rule of the policy allows it\./);
    expect(await refusal(open("hmi-2"))).toMatch(/^Target hmi-2 refused the stored credential/);
  });

  it("opens with a ticket of the command line", async () => {
    const issued = JSON.parse(
      await service.conduit(["target", "ticket", "hmi-1", "--person", "vera", "--json"]),
    ) as VncTicket;
    const { port, userName: user, ticket } = issued;
    expect(port).toBe(service.vncPort);
    const login = { subtype: veNCrypt.x509Plain, user, password: ticket };
    const viewer = await connectViewer({ host: "127.0.0.1", port }, { veNCrypt: login });
    viewer.close();
    const told = await service.conduit(["target", "ticket", "hmi-1", "--person", "vera"]);
    expect(told).toMatch(/^User name +vera\+hmi-1 .*\nPassword +[A-Za-z2-9]{8} +# works once, until /m);
    const certificate = readFileSync(join(directory.path, "data", "keys", "vnc.crt"), "utf8");
    expect(told).toContain(`pin-sha256="${publicKeyPin(certificate)}"`);
    expect(issued.publicKeyPin).toBe(publicKeyPin(certificate));
    await expect(service.conduit(["target", "ticket", "hmi-1", "--person", "nobody"])).rejects.toThrow();
  });

  it("can be tried and its target looked at from the command line", async () => {
    expect(await service.conduit(["target", "test", "hmi-1"])).toMatch(/^hmi-1: logged in by vnc-auth at 127/);
    expect(await service.conduit(["target", "scan", "hmi-1"])).toBe("No certificate. Offered: VncAuth\n");
    expect(await service.conduit(["doctor", "--targets"]).catch((error: { stdout: string }) => error.stdout)).toMatch(
      /target hmi-1\s+logged in by vnc-auth/,
    );
  });

  it("begins with a certificate of its own, kept from others", () => {
    const keys = join(directory.path, "data", "keys");
    expect(readFileSync(join(keys, "vnc.crt"), "utf8")).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });
});
