// The running service behind a real balancer (HAProxy, PROXY protocol 1 and 2), its metrics and probes, certificates renewed
// while it runs, and draining.
import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect as tlsConnect } from "node:tls";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateSelfSigned } from "../../../recorder/cli/self-signed.ts";
import { freePort, waitForPort } from "../../support/free-port.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh, sshOptions } from "../ssh/clients.ts";
import { type Plant, startPlant } from "./plant.ts";

/** Where the balancer's own connections come from, and where the people behind it sit. */
const balancer = "127.0.0.2";
const person = "127.0.0.3";
const token = randomBytes(24).toString("hex");

let plant: Plant;
let haproxy: RunningProcess;
let secrets: TempDir;
let metricsPort: number;
const behind = { ssh: 0, vnc: 0, http: 0 };

beforeAll(async () => {
  metricsPort = await freePort();
  secrets = await createTempDir("credentials");
  writeFileSync(join(secrets.path, "metrics-token"), `${token}\n`, { mode: 0o600 });
  plant = await startPlant({
    config: {
      http: { listen: "127.0.0.1:0", selfSigned: true },
      proxyProtocol: { trusted: [balancer] },
      metrics: { listen: `127.0.0.1:${metricsPort}`, tokenFile: "credential:metrics-token" },
      log: { level: "debug" },
    },
    env: { CREDENTIALS_DIRECTORY: secrets.path },
  });
  const httpPort = Number(new URL(plant.service.httpUrl).port);
  const lines = ["defaults", " mode tcp", " timeout connect 5s", " timeout client 60s", " timeout server 60s"];
  for (const [name, port, send] of [
    ["ssh", plant.service.sshPort, "send-proxy"],
    ["vnc", plant.service.vncPort, "send-proxy-v2"],
    ["http", httpPort, "send-proxy-v2"],
  ] as const) {
    behind[name] = await freePort();
    lines.push(`listen ${name}`, ` bind 127.0.0.1:${behind[name]}`);
    lines.push(` server one 127.0.0.1:${port} source ${balancer} ${send}`);
  }
  const file = join(plant.directory, "haproxy.cfg");
  writeFileSync(file, `${lines.join("\n")}\n`);
  haproxy = await startProcess("/usr/sbin/haproxy", ["-db", "-f", file]);
  await waitForPort(behind.http);
});
afterAll(async () => {
  await haproxy?.stop();
  await plant?.stop();
  await secrets?.remove();
});

function get(path: string, options: { port?: number; agent?: Agent; method?: string; body?: string } = {}) {
  return new Promise<{ status: number; text: string; fingerprint: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const { port = Number(new URL(plant.service.httpUrl).port), agent, method = "GET", body } = options;
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const ask = { host: "127.0.0.1", port, path, method, headers, rejectUnauthorized: false, localAddress: person };
      const sent = httpsRequest({ ...ask, ...(agent === undefined ? { agent: false } : { agent }) }, (response) => {
        const { fingerprint256 } = (
          response.socket as unknown as { getPeerCertificate(): { fingerprint256: string } }
        ).getPeerCertificate();
        let text = "";
        response.on("data", (chunk) => {
          text += String(chunk);
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text, fingerprint: fingerprint256, headers: response.headers }),
        );
      });
      sent.on("error", reject);
      sent.end(body);
    },
  );
}

const metrics = async () => {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers })).text();
};

/** What a connection says first, or all until it ends. */
function hear(port: number, say: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", localAddress: person }, () => socket.write(say));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
      if (heard.includes("\n")) socket.destroy();
    });
    socket.on("close", () => resolve(heard));
    socket.on("error", reject);
  });
}

test("people behind a balancer are recorded under their own address, by either version of its header", async () => {
  const through = { ...plant.gateway(), port: behind.ssh };
  expect(await ssh(through, ["echo through"], ["-b", person])).toMatchObject({ code: 0, stdout: "through\n" });
  expect(await plant.newest("sealed")).toMatchObject({ clientAddress: person });
  expect((await get("/readyz", { port: behind.http })).text).toBe("ready\n");
  const wrong = JSON.stringify({ name: "vera", password: "not hers" });
  await get("/api/v1/session", { port: behind.http, method: "POST", body: wrong });
  const logged = () =>
    plant.service
      .log()
      .split("\n")
      .find((line) => line.includes('"path":"/api/v1/session"'));
  expect(JSON.parse((await waitFor(logged)) as string)).toMatchObject({ address: person });
  expect(await hear(behind.vnc, "")).toBe("RFB 003.008\n");
});

test("from elsewhere no header is believed, and connections without one are taken as they are", async () => {
  expect((await ssh(plant.gateway(), ["echo direct"])).stdout).toBe("direct\n");
  expect(await plant.newest("sealed")).toMatchObject({ clientAddress: "127.0.0.1" });
  expect((await get("/healthz")).text).toBe("alive\n");
  const forged = await hear(plant.service.sshPort, "PROXY TCP4 10.9.9.9 10.0.0.1 1000 22\r\nSSH-2.0-x\r\n");
  expect(forged).not.toContain("through");
  expect(plant.service.log()).not.toContain("10.9.9.9");
});

test("a balancer that sends no header, or too much of one, gets nothing", async () => {
  const said = await new Promise<string>((resolve) => {
    const socket = connect({ port: plant.service.sshPort, host: "127.0.0.1", localAddress: balancer });
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(heard));
    socket.on("error", () => undefined);
    socket.write(`SSH-2.0-OpenSSH_9.2\r\n`);
  });
  expect(said).toBe("");
  expect(plant.service.log()).toContain("a balancer's connection was turned away");
});

test("what comes in one packet with the header is not lost", async () => {
  const heard = await new Promise<string>((resolve) => {
    const socket = connect({ port: plant.service.sshPort, host: "127.0.0.1", localAddress: balancer });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.includes("curve25519-sha256")) socket.destroy();
    });
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on("close", () => resolve(text));
    socket.write(`PROXY TCP4 ${person} 127.0.0.1 1000 22\r\nSSH-2.0-OpenSSH_9.2\r\n`);
  });
  // The gateway answers a client's first line with its algorithms.
  expect(heard).toContain("curve25519-sha256");
});

test("metrics are for who has the token, count what happened, and name nobody", async () => {
  expect((await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).status).toBe(401);
  const wrong = { headers: { authorization: `Bearer ${token}x` } };
  expect((await fetch(`http://127.0.0.1:${metricsPort}/metrics`, wrong)).status).toBe(401);
  expect(await (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).text()).toBe("ready\n");
  expect((await ssh(plant.gateway("nowhere"), ["true"])).code).not.toBe(0);
  const text = await waitFor(async () => {
    const now = await metrics();
    return /conduit_sessions_ended_total\{protocol="ssh",reason="[a-z-]+"\} 2/.test(now) ? now : undefined;
  });
  expect(text).toMatch(/conduit_sessions_opened_total\{protocol="ssh"\} 2\n/);
  expect(text).toMatch(/conduit_decisions_total\{effect="deny",reason="[a-z-]+"\} [1-9]/);
  expect(text).toMatch(/conduit_journal_commit_seconds_count [1-9]/);
  expect(text).toMatch(/conduit_store_request_seconds_count\{operation="put",outcome="ok"\} [1-9]/);
  expect(text).toMatch(/conduit_recorded_bytes_total [1-9]/);
  expect(text).toMatch(/conduit_database_up 1\n/);
  expect(text).toMatch(/conduit_ready 1\n/);
  expect(text).toMatch(/conduit_certificate_expiry_timestamp_seconds\{listener="portal"\} [1-9]/);
  expect(text).not.toMatch(/vera|plc-1|nowhere|127\.0\.0/);
});

test("a renewed certificate is taken by itself, and connections that are open go on; a wrong one is not", async () => {
  const keys = join(plant.directory, "data", "keys");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = await get("/healthz", { agent });
  expect(before.headers["strict-transport-security"]).toMatch(/max-age=\d{7,}/);
  const put = (name: string, text: string) => {
    writeFileSync(join(keys, `${name}.new`), text, { mode: 0o600 });
    renameSync(join(keys, `${name}.new`), join(keys, name));
  };
  const made = generateSelfSigned("renewed", ["127.0.0.1"]);
  put("http.crt", made.certificate);
  put("http.key", made.key);
  await waitFor(async () => (await get("/healthz")).fingerprint === made.fingerprint, { intervalMs: 300 });
  const after = await get("/healthz", { agent });
  expect(after).toMatchObject({ status: 200, fingerprint: before.fingerprint });
  agent.destroy();
  put("http.key", generateSelfSigned("other", []).key);
  await waitFor(async () => (await metrics()).includes('conduit_alarms{code="TLS_CERTIFICATE"} 1'), {
    intervalMs: 500,
  });
  expect((await get("/healthz")).fingerprint).toBe(made.fingerprint);
  put("http.key", made.key);
  await waitFor(async () => !(await metrics()).includes("TLS_CERTIFICATE"), { intervalMs: 500 });
});

test("TLS below 1.2 is refused", async () => {
  const { port } = new URL(plant.service.httpUrl);
  const old = {
    port: Number(port),
    host: "127.0.0.1",
    rejectUnauthorized: false,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
  };
  const error = await new Promise((resolve) => {
    const socket = tlsConnect({ ...old, ciphers: "ALL:@SECLEVEL=0" } as unknown as ConnectionOptions);
    socket.on("secureConnect", () => resolve(null));
    socket.on("error", resolve);
  });
  expect(error).toMatchObject({ code: expect.stringMatching(/SSL|ECONNRESET/) as unknown as string });
});

test("draining refuses in clear words, tells who is there, ends them at the deadline, and can be called off", async () => {
  const gateway = plant.gateway();
  const open = await startProcess("ssh", [...(await sshOptions(gateway)), "-tt", "vera+plc-1@127.0.0.1", "cat"]);
  await waitFor(async () => (await plant.service.conduit(["sessions", "list"])).includes("plc-1"));
  expect(await plant.service.conduit(["drain", "--deadline", "1h"])).toMatch(/No new sessions; 1 session is live/);
  expect(await get("/readyz")).toMatchObject({ status: 503, text: "not ready\n" });
  const probe = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
  expect(await probe.text()).toBe("not ready: draining\n");
  expect((await get("/healthz")).status).toBe(200);
  const refused = await ssh(gateway, ["true"]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("The recorder goes into maintenance and takes no new sessions");
  await waitFor(() => open.output().includes("this session ends in 60 minutes at the latest"));
  expect(await plant.service.conduit(["drain", "--cancel"])).toContain("Called off");
  expect((await get("/readyz")).status).toBe(200);
  await waitFor(() => open.output().includes("called off: this session goes on"));
  expect((await ssh(gateway, ["echo again"])).stdout).toBe("again\n");
  expect(await plant.service.conduit(["drain", "--deadline", "1s", "--wait"])).toContain("No session is live.");
  expect((await open.exited).code).not.toBe(0);
  expect(open.output()).toContain("the time for that has come");
  expect(await plant.service.conduit(["drain", "--cancel"])).toContain("Called off");
});

test("a backup of the running service becomes another installation, which reads and verifies the recordings", async () => {
  const identity = await generateIdentity();
  const at = (name: string) => join(secrets.path, name);
  writeFileSync(at("id.txt"), `${identity}\n`, { mode: 0o600 });
  await plant.newest("sealed");
  const recipient = await identityToRecipient(identity);
  expect(await plant.service.conduit(["backup", at("state.age"), "--recipient", recipient])).toContain("1 recipients");
  const said = await plant.service.conduit(["restore", at("state.age"), "--identity", at("id.txt"), "--to", at("new")]);
  expect(said).toContain("1 secrets of targets open");
  const env = { CREDENTIALS_DIRECTORY: secrets.path };
  const conduit = (args: string[]) =>
    runProcess("node", ["dist/recorder/cli/main.js", "--config", join(at("new"), "conduit.yaml"), ...args], { env });
  const verified = await conduit(["recordings", "verify", "latest", "--json"]);
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.stdout).toContain('"VALID"');
  expect((await conduit(["user", "list"])).stdout).toContain("vera");
});
