// Events and checkpoints to a real rsyslog over TLS that asks for a certificate, looks at its name, is killed and comes back.
import { copyFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { Ledger } from "../../../recorder/ledger/ledger.ts";
import { SyslogAnchor } from "../../../recorder/ledger/syslog-anchor.ts";
import { Forwarder, type ForwarderOptions } from "../../../recorder/siem/forwarder.ts";
import { SiemPositions } from "../../../recorder/siem/tables.ts";
import { notesIn } from "../../../recorder/verify/anchor-file.ts";
import { TestCertificates } from "../../support/certificates.ts";
import { TestRsyslog } from "../../support/rsyslog.ts";
import { openState } from "../../support/state.ts";
import { startTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let directory: Awaited<ReturnType<typeof createTempDir>>;
let certificates: TestCertificates;
let rsyslog: TestRsyslog;
let database: ServiceDatabase;
let ledger: Ledger;
let alarms: Map<string, string>;
const running: Array<{ close(): Promise<unknown> }> = [];

const quick = {
  patienceMs: 1500,
  settleMs: 100,
  pollMs: 10,
  lingerMs: 100,
  connectionMs: 1000,
  connectionEvents: 50,
  retryMinMs: 20,
  retryMaxMs: 200,
  backlogLookMs: 3_600_000,
  farewellMs: 1500,
};

beforeAll(async () => {
  directory = await createTempDir("siem");
  certificates = new TestCertificates(directory.path);
  certificates.authority("ca");
  certificates.authority("stranger");
  certificates.certificate("siem", "siem.example", "ca");
  certificates.certificate("recorder", "recorder.example", "ca");
  certificates.certificate("unknown", "recorder.example", "stranger");
  certificates.certificate("expired", "recorder.example", "ca", { expired: true });
  rsyslog = await TestRsyslog.prepare(certificates);
  await rsyslog.start();
});
afterAll(async () => {
  await rsyslog?.stop();
  await directory?.remove();
});
let made = 0;
beforeEach(async () => {
  database = await openState(":memory:");
  alarms = new Map();
  ledger = await Ledger.open({
    directory: certificates.at(`ledger-${++made}`),
    recorderId: "plant-a",
    signer: { publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) },
  });
});
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
  await ledger.close();
  await database.close();
});

async function happen(from: number, to: number): Promise<void> {
  const all = Array.from({ length: to - from }, (_, i) =>
    ledger.append({
      type: "audit:sign-in",
      actor: `erika ${made}`,
      subject: "portal",
      address: "10.0.5.7",
      facts: { action: "sign-in", details: { method: "password", reason: `"]\n${from + i} ü` } },
    }),
  );
  await Promise.all(all);
}

function receiver(more: { serverName?: string; show?: string; caFile?: string; port?: number } = {}) {
  const { show = "recorder", serverName = "siem.example", caFile = "ca.crt", port = rsyslog.port } = more;
  const own = { certificateFile: certificates.at(`${show}.crt`), keyFile: certificates.at(`${show}.key`) };
  return { host: "127.0.0.1", port, serverName, caFile: certificates.at(caFile), ...own };
}

function forward(more: Partial<ForwarderOptions> = {}): Forwarder {
  const forwarder = new Forwarder({
    name: "soc",
    receiver: receiver(),
    message: { format: "ocsf", maxMessageBytes: 8192, hostname: "gateway", version: "0" },
    recorder: "plant-a",
    ledger,
    positions: new SiemPositions(database.siem),
    from: "beginning",
    lostFrom: null,
    backlog: { events: 100, seconds: 3600 },
    alarms: { raise: (code, message) => void alarms.set(code, message), clear: (code) => void alarms.delete(code) },
    times: quick,
    ...more,
  });
  forwarder.start();
  running.push(forwarder);
  return forwarder;
}

/** Numbers of this test's events that the receiver has, in the order of their coming. */
function arrived(): number[] {
  const mine = rsyslog
    .kept()
    .split("\n")
    .filter((line) => line.includes(`"erika ${made}"`));
  return mine.map((line) => (JSON.parse(line) as { metadata: { sequence: number } }).metadata.sequence);
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const distinct = () => [...new Set(arrived())].sort((a, b) => a - b);

describe("events", () => {
  it("come whole, in order and once while all is well, over many connections, and go on from where they were", async () => {
    await happen(0, 120);
    const first = forward();
    await waitFor(() => first.state.next === 120);
    await happen(120, 130);
    await first.close();
    await waitFor(() => arrived().length >= 130);
    expect(arrived()).toEqual(upTo(130));
    const second = forward();
    await happen(130, 131);
    await waitFor(() => second.state.next === 131);
    await waitFor(() => arrived().length >= 131);
    expect(arrived()).toEqual(upTo(131));
    expect(rsyslog.heads().at(-1)).toMatch(
      /^110 conduit-recorder sign-in \[meta sequenceId="131"\]\[conduit@32473 id="plant-a\/130\/[0-9a-f]{16}" n="130" format="ocsf"\]$/,
    );
  });

  it("are none missing after the receiver was stopped, killed and paused in the middle of it; alarms begin and end", async () => {
    const forwarder = forward();
    let n = 0;
    const more = async (count: number) => {
      await happen(n, n + count);
      n += count;
    };
    await more(60);
    await waitFor(() => arrived().length > 0);
    await rsyslog.stop();
    await more(60);
    await waitFor(() => alarms.has("SIEM_DESTINATION soc"));
    await forwarder.look();
    expect(alarms.get("SIEM_DESTINATION soc")).toMatch(/127\.0\.0\.1:\d+ cannot be sent to \(.*\): check its address/);
    await rsyslog.start();
    await more(150);
    await waitFor(() => (forwarder.state.next ?? 0) > 130);
    await rsyslog.kill();
    await more(150);
    await waitFor(() => forwarder.state.behind > 100 && alarms.has("SIEM_DESTINATION soc"));
    await forwarder.look();
    expect(alarms.get("SIEM_BACKLOG soc")).toMatch(/more than 100, or one for longer than 3600 s/);
    await rsyslog.start();
    rsyslog.pause();
    await more(20);
    await waitFor(() => /handshake within 1.5 s/.test(forwarder.state.failing ?? ""));
    rsyslog.resume();
    await waitFor(() => forwarder.state.next === n);
    await waitFor(() => distinct().length === n);
    expect(distinct()).toEqual(upTo(n));
    await forwarder.look();
    expect(alarms).toEqual(new Map());
    expect(forwarder.state).toMatchObject({ behind: 0, ageSeconds: 0, failing: null });
  });

  it("are sent again after a connection that broke, though all of them had come", async () => {
    const proxy: TcpProxy = await startTcpProxy(rsyslog.port);
    running.push(proxy);
    await happen(0, 40);
    const forwarder = forward({ receiver: receiver({ port: proxy.port }), times: { ...quick, lingerMs: 800 } });
    await waitFor(() => arrived().length === 40);
    let wasCut = false;
    proxy.rules.request = () => {
      wasCut = true;
      return null;
    };
    await happen(40, 41);
    await waitFor(() => wasCut);
    expect(forwarder.state.next).toBe(0);
    proxy.rules = {};
    await waitFor(() => forwarder.state.next === 41);
    await waitFor(() => arrived().length === 81);
    expect(arrived()).toEqual([...upTo(40), ...upTo(41)]);
  });

  it("begin with what happens from now on, where that is wanted, and at what was lost of the ledger", async () => {
    await happen(0, 5);
    const forwarder = forward({ from: "now" });
    await waitFor(() => forwarder.state.next === 5);
    await happen(5, 7);
    await waitFor(() => forwarder.state.next === 7);
    await forwarder.close();
    await waitFor(() => arrived().length === 2);
    const anew = forward({ lostFrom: 6 });
    await waitFor(() => arrived().length === 3);
    await anew.close();
    expect(arrived()).toEqual([5, 6, 6]);
  });

  it("wait for no stop of the service, whatever the receiver does", async () => {
    const sockets = new Set<Socket>();
    const silent: Server = createServer((socket) => void sockets.add(socket.on("error", () => {})));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    running.push({
      close: async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => silent.close(resolve));
      },
    });
    await happen(0, 3);
    const { port } = silent.address() as AddressInfo;
    const forwarder = forward({
      receiver: receiver({ port }),
      times: { ...quick, patienceMs: 60_000, farewellMs: 50 },
    });
    await waitFor(() => sockets.size > 0);
    await forwarder.close();
    expect(forwarder.state).toMatchObject({ next: 0, behind: 3 });
  });

  it("go out under certificates that were renewed meanwhile", async () => {
    copyFileSync(certificates.at("expired.crt"), certificates.at("changing.crt"));
    copyFileSync(certificates.at("expired.key"), certificates.at("changing.key"));
    await happen(0, 2);
    const forwarder = forward({ receiver: receiver({ show: "changing" }) });
    await waitFor(() => forwarder.state.failing !== null);
    copyFileSync(certificates.at("recorder.crt"), certificates.at("changing.crt"));
    await waitFor(() => /do not belong together/.test(forwarder.state.failing ?? ""));
    copyFileSync(certificates.at("recorder.key"), certificates.at("changing.key"));
    await waitFor(() => forwarder.state.next === 2);
    await waitFor(() => arrived().length === 2);
  });
});

describe("a checkpoint", () => {
  const origin = "conduit-recorder/plant-a";
  const note = (size: number) =>
    `${origin}\n${size}\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\nat 2026-11-23T08:05:00.000000Z\n\n— ${origin} ${Buffer.alloc(68, 7).toString("base64")}\n`;
  const give = (size: number, to: Parameters<typeof receiver>[0] = {}) =>
    new SyslogAnchor({ origin, ...receiver(to) }).anchor({ size, note: note(size) }, AbortSignal.timeout(10_000));

  it("comes byte for byte, to where `--anchors` finds it", async () => {
    expect(await give(17)).toMatchObject({ receipt: `sent to syslog:127.0.0.1:${rsyslog.port}` });
    await waitFor(() => notesIn(rsyslog.kept()).length === 1);
    expect(notesIn(rsyslog.kept())).toEqual([note(17)]);
    expect(rsyslog.heads().at(-1)).toBe("109 conduit-recorder ledger-checkpoint -");
  });

  it("goes to no receiver of another name or authority, and to none that does not take this one's certificate", async () => {
    const before = notesIn(rsyslog.kept());
    await Promise.all([
      expect(give(19, { serverName: "siem.elsewhere" })).rejects.toThrow(/another name: check address and serverName/),
      expect(give(19, { caFile: "stranger.crt" })).rejects.toThrow(/not of an authority in caFile/),
      expect(give(19, { show: "unknown" })).rejects.toThrow(/may refuse this service's certificate/),
      expect(give(19, { show: "expired" })).rejects.toThrow(/may refuse this service's certificate/),
      expect(give(19, { show: "nobody" })).rejects.toThrow(/check caFile, certificateFile and keyFile/),
    ]);
    await give(20);
    await waitFor(() => notesIn(rsyslog.kept()).length > before.length);
    expect(notesIn(rsyslog.kept())).toEqual([...before, note(20)]);
  });
});
