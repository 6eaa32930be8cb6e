// The built service with a SIEM and an anchor of syslog in its configuration, and the commands beside it.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestCertificates } from "../../support/certificates.ts";
import { TestRsyslog } from "../../support/rsyslog.ts";
import { prepareService, type RunningService, startPrepared } from "../../support/service.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let directory: Awaited<ReturnType<typeof createTempDir>>;
let rsyslog: TestRsyslog;
let service: RunningService | undefined;

beforeAll(async () => {
  directory = await createTempDir("siem-service");
  const certificates = new TestCertificates(directory.path);
  certificates.authority("ca");
  certificates.certificate("siem", "siem.example", "ca");
  certificates.certificate("recorder", "recorder.example", "ca");
  rsyslog = await TestRsyslog.prepare(certificates);
  await rsyslog.start();
});
afterAll(async () => {
  await service?.stop();
  await rsyslog?.stop();
  await directory?.remove();
});

test("events, checkpoints and a test message go to the SIEM, from the start to the last word", async () => {
  const at = (name: string) => join(directory.path, name);
  const receiver = {
    address: `127.0.0.1:${rsyslog.port}`,
    serverName: "siem.example",
    caFile: at("ca.crt"),
    certificateFile: at("recorder.crt"),
    keyFile: at("recorder.key"),
  };
  const home = at("service");
  const { configFile, conduit } = await prepareService({
    directory: home,
    people: [{ name: "erika", roles: ["vendor"] }],
    secrets: [],
    targets: [],
    policy: { rules: [] },
    config: {
      siem: { destinations: [{ name: "soc", ...receiver, from: "beginning" }] },
      ledger: { anchors: [{ kind: "syslog", ...receiver }] },
    },
  });
  service = await startPrepared(configFile, home);
  await conduit(["user", "disable", "erika"]);
  const has = (text: string) => waitFor(() => rsyslog.kept().includes(text), { what: text });
  await has('"type_name":"Account Change: Disable"');
  await has('"app":{"vendor_name":"Conduit"');
  await conduit(["ledger", "checkpoint", "--now"]);
  await waitFor(() => rsyslog.heads().some((head) => head.includes(" ledger-checkpoint ")));
  expect(await conduit(["siem", "test"])).toMatch(
    /^soc: a test message was sent to 127\.0\.0\.1:\d+; whether it is kept/,
  );
  await waitFor(() => rsyslog.heads().some((head) => head.includes(" test [conduit@32473 test=")));
  expect(await conduit(["siem", "status"])).toMatch(/^soc {2}127\.0\.0\.1:\d+ {2}sent up to entry /);
  // It has other things to say of this installation, too.
  const said = await conduit(["doctor", "--json"]).catch((error: { stdout: string }) => error.stdout);
  const checks = JSON.parse(said) as Array<{ name: string; verdict: string; message: string }>;
  expect(checks.find(({ name }) => name === "siem")).toMatchObject({
    verdict: "ok",
    message: expect.stringMatching(
      /^soc \(127\.0\.0\.1:\d+\) takes this service's certificate, which expires in \d\d days$/,
    ),
  });
  expect(checks.some(({ message }) => /^syslog:127\.0\.0\.1:\d+ was sent \d+ entries/.test(message))).toBe(true);
  await service.stop();
  await has('"type_name":"Application Lifecycle: Stop"');
  const numbers = rsyslog
    .kept()
    .split("\n")
    .filter((line) => line.includes('"class_uid"'))
    .map((line) => (JSON.parse(line) as { metadata: { sequence: number } }).metadata.sequence);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i));
});
