// The ledger of a whole service: an entry stands before the target sees a byte, and every close, view, export, verification
// and change of policy has its own; what is taken away is seen.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { LedgerEntry } from "../../../shared/ledger/entry.ts";
import { waitFor } from "../../support/wait-for.ts";
import { investigator, type Plant, startPlant } from "../service/plant.ts";
import { ssh } from "../ssh/clients.ts";

/** Between the recorder and the real target: looks at the ledger's file when the first byte comes by. */
let middle: { server: Server; seen: string[]; port: number };
let plant: Plant;

function ledgerText(): string {
  const folder = join(plant.directory, "data", "ledger", "plant-l", "entries");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}

function entries(): LedgerEntry[] {
  return ledgerText()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LedgerEntry);
}

async function startMiddle(): Promise<typeof middle> {
  const seen: string[] = [];
  const server = createServer((socket) => {
    // What the ledger holds when the target's connection begins.
    seen.push(ledgerText());
    const onward = connect(plant.target.port, plant.target.host);
    socket.pipe(onward).pipe(socket);
    for (const one of [socket, onward]) one.on("error", () => [socket, onward].map((other) => other.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, seen, port: (server.address() as AddressInfo).port };
}

beforeAll(async () => {
  plant = await startPlant({ config: { ledger: { checkpointSeconds: 1 } }, env: { CONDUIT_RECORDER_ID: "plant-l" } });
  middle = await startMiddle();
  const path = join(plant.directory, "targets.yaml");
  const file = parse(readFileSync(path, "utf8")) as { targets: Array<Record<string, unknown>> };
  file.targets.push({ ...file.targets[0], name: "plc-behind", host: "127.0.0.1", port: middle.port });
  await plant.service.stop();
  writeFileSync(path, stringify(file));
  await plant.restart();
});
afterAll(async () => {
  middle?.server.close();
  await plant?.stop();
});

const of = (session: string) => entries().filter(({ subject }) => subject === session);
const conduit = (...args: string[]) => plant.service.conduit(args);
const failing = (...args: string[]) =>
  plant.service.conduit(args).then(
    () => expect.unreachable("it should have failed"),
    (error: { stdout: string; code: number }) => error,
  );

describe("the ledger of a service", () => {
  it("has the recording's opening before the target sees a byte, and then its close", async () => {
    expect((await ssh(plant.gateway("plc-behind"), ["echo through"])).stdout).toBe("through\n");
    const { session } = await plant.newest("sealed");
    expect(middle.seen.at(-1)).toContain(`"type":"recording-open","actor":"recorder","subject":"${session}"`);
    const close = await waitFor(() => of(session).find(({ type }) => type === "recording-close"));
    const open = of(session)[0]!;
    expect(open).toMatchObject({ type: "recording-open", facts: { person: "vera", target: "plc-behind" } });
    const manifest = await waitFor(() => fileUnder("manifest.json", session));
    expect(close.facts).toMatchObject({
      manifestSha256: sha256Of(manifest),
      sumsSha256: sha256Of(await waitFor(() => fileUnder("SHA256SUMS", session))),
      openSha256: open.facts["openSha256"],
      state: "sealed",
    });
    await waitFor(() => of(session).some(({ type }) => type === "recording-stored"));
  });

  it("has every view, export, verification and change of policy, by whom", async () => {
    const { session } = await plant.newest("sealed");
    const { httpUrl } = plant.service;
    const origin = { origin: httpUrl, "content-type": "application/json" };
    const signIn = await fetch(`${httpUrl}/api/v1/session`, {
      method: "POST",
      headers: origin,
      body: JSON.stringify({ name: investigator.name, password: investigator.password }),
    });
    const cookie = signIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const { csrfToken } = (await signIn.json()) as { csrfToken: string };
    const headers = { ...origin, cookie, "x-csrf-token": csrfToken };
    const call = async (method: string, path: string) => {
      const answer = await fetch(`${httpUrl}/api/v1/recordings/${session}${path}`, { method, headers });
      expect(answer.status).toBeLessThan(300);
      await answer.arrayBuffer();
    };
    await call("GET", "/index");
    await call("GET", "/export?format=zip");
    await fetch(`${httpUrl}/api/v1/recordings/${session}/verify`, { method: "POST", headers, body: "{}" });
    // Before the answers: nothing is waited for here.
    const mine = of(session).filter(({ actor }) => actor === investigator.name);
    expect(mine.map(({ type }) => type)).toEqual(expect.arrayContaining(["view", "export", "verify"]));
    // What the command line does stands there within moments.
    await conduit("recordings", "verify", session);
    await waitFor(() => of(session).some(({ type, actor }) => type === "verify" && actor.startsWith("os:")));
    const path = join(plant.directory, "policy.yaml");
    const policy = parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    writeFileSync(path, stringify({ ...policy, requests: { noticeSeconds: 60 } }));
    const before = entries().filter(({ type }) => type === "policy-changed").length;
    await waitFor(() => entries().filter(({ type }) => type === "policy-changed").length > before, {
      timeoutMs: 20_000,
    });
  });

  it("is vouched for by checkpoints in the store, which an outsider checks with the root's public key alone", async () => {
    const root = join(plant.directory, "root.pub.pem");
    writeFileSync(root, await conduit("keys", "export-root"));
    await conduit("ledger", "checkpoint", "--now");
    const size = entries().length;
    await waitFor(() => stored("checkpoints").some((name) => Number(name) >= size - 1), { timeoutMs: 20_000 });
    const store = join(plant.directory, "data", "store");
    const said = await conduit("ledger", "verify", "--store", store, "--root-key", root);
    expect(said).toMatch(/^ledger of plant-l {2}VALID/m);
    const proof = JSON.parse(await conduit("ledger", "prove", "1")) as { line: string; path: string[] };
    expect(ledgerText()).toContain(proof.line);
  });

  it("shows a deleted session, a changed line and a cut end", async () => {
    const { session } = await plant.newest("sealed");
    await plant.service.stop();
    const root = join(plant.directory, "root.pub.pem");
    const store = join(plant.directory, "data", "store");
    const copy = join(plant.directory, "copy");
    const changed = async (change: () => void, ...args: string[]) => {
      rmSync(copy, { recursive: true, force: true });
      cpSync(store, copy, { recursive: true });
      change();
      return (await failing(...args, "--store", copy, "--root-key", root)).stdout;
    };
    const under = (folder: string) => join(copy, "ledger", "plant-l", folder);
    const recordingFolder = (await waitFor(() => fileUnder("manifest.json", session))).slice(store.length + 1, -14);
    const gone = await changed(
      () => rmSync(join(copy, recordingFolder), { recursive: true, force: true }),
      "verify",
      "--all",
    );
    expect(gone).toMatch(new RegExp(`${session} {2}(?:MISSING|DELETED-EARLY)`));
    const lines = readdirSync(join(store, "ledger", "plant-l", "entries")).sort();
    const edited = await changed(
      () => {
        const path = join(under("entries"), lines[0]!);
        const text = readFileSync(path, "utf8").replace('"actor":"recorder"', '"actor":"recordex"');
        rmSync(path);
        writeFileSync(path, text);
      },
      "ledger",
      "verify",
    );
    expect(edited).toContain("TAMPERED");
    const checkpoints = readdirSync(join(store, "ledger", "plant-l", "checkpoints")).sort();
    // An end that is cut off whole shows only against what stands outside, or by what is missing in between.
    const hole = await changed(() => rmSync(join(under("entries"), lines[1]!)), "ledger", "verify");
    expect(hole).toMatch(/MISSING|TAMPERED/);
    const unsigned = await changed(
      () => {
        const path = join(under("checkpoints"), checkpoints[0]!);
        const text = readFileSync(path, "utf8").replace(/\nat .*/, "\nat 2020-01-01T00:00:00.000000Z");
        rmSync(path);
        writeFileSync(path, text);
      },
      "ledger",
      "verify",
    );
    expect(unsigned).toContain("TAMPERED");
    await plant.restart();
  });

  it("is the audit log's source: what was lost in the database is there again after a start", async () => {
    const before = auditLines();
    await plant.service.stop();
    onDatabase(`for (const change of ["drop trigger audit_no_delete", "delete from audit where id > 5",
      "delete from audit_ledger where audit_id > 5"]) database.exec(change);`);
    await plant.restart();
    const after = auditLines();
    expect(after.slice(0, before.length)).toEqual(before);
    // None of it twice in the ledger.
    const rows = entries().flatMap(({ facts }) => (typeof facts["row"] === "number" ? [facts["row"]] : []));
    expect(new Set(rows).size).toBe(rows.length);
  });

  it("does not start on a ledger that somebody changed here", async () => {
    await plant.service.stop();
    const size = entries().length;
    const folder = join(plant.directory, "data", "ledger", "plant-l");
    const kept = readFileSync(join(folder, "entries", "000000000000.jsonl"));
    writeFileSync(join(folder, "entries", "000000000000.jsonl"), kept.toString().replace("plant-l", "plant-m"));
    await expect(plant.restart()).rejects.toThrow();
    writeFileSync(join(folder, "entries", "000000000000.jsonl"), kept);
    await plant.restart();
    expect(entries().length).toBeGreaterThan(size);
  });
});

/** In a process of its own: this one would keep what it has mapped of a file that the service makes anew. */
function onDatabase(script: string): string {
  const path = join(plant.directory, "data", "conduit.db");
  const program = `const database = new (require("libsql"))(${JSON.stringify(path)}); ${script} database.close();`;
  return execFileSync(process.execPath, ["-e", program], { encoding: "utf8" });
}

function auditLines(): string[] {
  const rows = "select action, actor, subject, at from audit order by at, action";
  const script = `for (const row of database.prepare(${JSON.stringify(rows)}).all()) console.log(JSON.stringify(row));`;
  return onDatabase(script).trim().split("\n");
}

function stored(folder: string): string[] {
  return readdirSync(join(plant.directory, "data", "store", "ledger", "plant-l", folder)).filter(
    (name) => !name.endsWith(".tsr"),
  );
}

function fileUnder(name: string, session: string): string | undefined {
  const root = join(plant.directory, "data", "store", "recordings");
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => join(root, path))
    .find((path) => path.includes(session) && path.endsWith(`/${name}`));
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
