// The ledger's service with a store that goes away, anchors that fail and come back, and a real time stamp authority.
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Anchor } from "../../../recorder/ledger/anchor.ts";
import { FileAnchor } from "../../../recorder/ledger/file-anchor.ts";
import { LedgerService, type LedgerServiceOptions } from "../../../recorder/ledger/ledger-service.ts";
import { TimestampAnchor } from "../../../recorder/ledger/timestamp-anchor.ts";
import { WebhookAnchor } from "../../../recorder/ledger/webhook-anchor.ts";
import { FsStore } from "../../../recorder/store/fs-store.ts";
import { FlakyStore } from "../../support/flaky-store.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { startTimestampAuthority } from "../../support/timestamp-authority.ts";
import { waitFor } from "../../support/wait-for.ts";

const origin = "conduit-recorder/plant-a";
const pair = generateKeyPairSync("ed25519");
const rawKey = (key: KeyObject) => new Uint8Array(key.export({ type: "spki", format: "der" }).subarray(-32));

let directory: Awaited<ReturnType<typeof createTempDir>>;
let files: FsStore;
let store: FlakyStore;
let alarms: Map<string, string>;
const open: LedgerService[] = [];

beforeEach(async () => {
  directory = await createTempDir("ledger");
  files = new FsStore({ kind: "fs", directory: join(directory.path, "store") });
  store = new FlakyStore(files, { failBefore: 0, failAfter: 0, cutReads: 0 });
  alarms = new Map();
});
afterEach(async () => {
  for (const service of open.splice(0)) await service.stop();
  await directory.remove();
});

async function start(anchors: Anchor[] = [], more: Partial<LedgerServiceOptions> = {}): Promise<LedgerService> {
  const service = await LedgerService.open({
    directory: join(directory.path, "ledger"),
    recorderId: "plant-a",
    version: "0",
    signer: { publicKey: rawKey(pair.publicKey), sign: (bytes) => sign(null, bytes, pair.privateKey) },
    keys: [{ name: origin, publicKey: rawKey(pair.publicKey) }],
    store,
    isNew: true,
    checkpointSeconds: 3600,
    anchors: () => anchors,
    alarms: { raise: (code, message) => void alarms.set(code, message), clear: (code) => void alarms.delete(code) },
    logger: { info: () => {}, warn: () => {} },
    retryMinMs: 20,
    ...more,
  });
  open.push(service);
  return service;
}

const fact = (text: string) => ({ type: "alarm" as const, actor: "recorder", subject: "plant-a", facts: { text } });

async function keysIn(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of files.list(prefix)) keys.push(key);
  return keys;
}

const stored = (service: LedgerService, size: number) => waitFor(() => service.status().uploadedSize >= size);

describe("the store's copy of the ledger", () => {
  it("is complete after the store was away, and its files alone bear out every link and root", async () => {
    const service = await start();
    await service.append(fact("one"));
    store.goAway();
    await service.checkpoint();
    await service.append(fact("two"));
    const { size } = await service.checkpoint();
    await waitFor(() => alarms.has("LEDGER_UPLOAD"));
    expect(await keysIn("ledger/")).toEqual([]);
    store.comeBack();
    await stored(service, size);
    expect(alarms.has("LEDGER_UPLOAD")).toBe(false);
    expect(await keysIn("ledger/")).toEqual([
      "ledger/plant-a/checkpoints/000000000002",
      "ledger/plant-a/checkpoints/000000000003",
      "ledger/plant-a/entries/000000000000.jsonl",
      "ledger/plant-a/entries/000000000002.jsonl",
    ]);
    // The commands of docs/ledger.md.
    const script = `cat entries/*.jsonl | { prev=$(printf '0%.0s' $(seq 64)); while IFS= read -r line; do
      [ "$(printf '%s' "$line" | jq -r .prev)" = "$prev" ] || { echo broken; exit 1; }
      prev=$(printf '%s' "$line" | sha256sum | cut -c1-64); done; echo "$prev"; }`;
    const cwd = join(directory.path, "store", "ledger", "plant-a");
    expect(execFileSync("bash", ["-c", script], { cwd, encoding: "utf8" }).trim()).toBe(service.ledger.head);
  });

  it("gives the ledger back where it was lost here, wholly or in part", async () => {
    const first = await start();
    for (let i = 0; i < 5; i++) {
      await first.append(fact(`${i}`));
      await first.checkpoint();
    }
    const { size, note } = await first.checkpoint();
    await stored(first, size);
    const { head } = first.ledger;
    await first.stop();
    const all = first.ledger.size;
    rmSync(join(directory.path, "ledger"), { recursive: true });
    const second = await start([], { isNew: false });
    // The stop signed once more.
    expect(second.ledger.size).toBe(all + 1);
    expect((await second.ledger.checkpointOver(size - 1))?.note).toBe(note);
    const lines = [];
    for await (const { entry } of second.ledger.entries(0, all + 1)) lines.push(entry);
    expect(lines[size]?.prev).toBe(head);
    expect(lines[all]).toMatchObject({ type: "ledger-start", facts: { restored: all } });
    await second.stop();
  });

  it("of which nobody knows whether there is one, no second one is begun", async () => {
    store.goAway();
    await expect(start([], { isNew: false })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const service = await start([], { isNew: true });
    expect(service.ledger.size).toBe(1);
  });

  it("is refused where it is not the one that is here, or nobody here signed it", async () => {
    const first = await start();
    await first.append(fact("one"));
    const { size } = await first.checkpoint();
    await stored(first, size);
    await first.stop();
    const strange = generateKeyPairSync("ed25519");
    const keys = [{ name: origin, publicKey: rawKey(strange.publicKey) }];
    await expect(start([], { keys })).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
    const elsewhere = join(directory.path, "another");
    store.goAway();
    const second = await start([], { directory: elsewhere });
    await second.append(fact("another"));
    await second.checkpoint();
    store.comeBack();
    // The two were begun apart: the store refuses, and says so.
    await waitFor(() => /other entries of this recorder's ledger/.test(alarms.get("LEDGER_UPLOAD") ?? ""));
    await second.stop();
    await expect(start([], { directory: elsewhere })).rejects.toMatchObject({ code: "INTEGRITY_LEDGER" });
    await expect(start()).resolves.toBeDefined();
  });
});

describe("anchors", () => {
  it("a file has every checkpoint, also after half a line", async () => {
    const path = join(directory.path, "anchor.jsonl");
    const service = await start([new FileAnchor(path)]);
    const first = await service.checkpoint();
    await waitFor(() => service.status().anchors[0]?.size === first.size);
    writeFileSync(path, `${readFileSync(path, "utf8")}{"half`);
    const second = await service.checkpoint();
    await waitFor(() => service.status().anchors[0]?.size === second.size);
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines.length).toBe(4);
    expect([lines[0], lines[2]].map((line) => (JSON.parse(line ?? "") as { note: string }).note)).toEqual([
      first.note,
      second.note,
    ]);
    const entries = [];
    for await (const { entry } of service.ledger.entries(0, service.ledger.size)) entries.push(entry);
    expect(entries.filter(({ type }) => type === "anchor")).toMatchObject([
      { subject: `file:${path}`, facts: { size: first.size, receiptSha256: sha256(lines[0] ?? "") } },
      { facts: { size: second.size, checkpointSha256: sha256(second.note) } },
    ]);
    // Known again after a restart.
    await service.stop();
    const again = await start([new FileAnchor(path)]);
    expect(again.status().anchors[0]?.size).toBeGreaterThanOrEqual(second.size);
  });

  it("a web address that fails is an alarm, and is given the newest when it is back", async () => {
    const got: Array<{ origin: string; size: number; note: string; token: string | undefined }> = [];
    let status = 503;
    const server: Server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        response.statusCode = status;
        if (status < 300) {
          const body = JSON.parse(Buffer.concat(parts).toString()) as (typeof got)[number];
          got.push({ ...body, token: request.headers.authorization });
        }
        response.end(`ticket ${got.length}${"x".repeat(10_000)}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchor?secret=1`;
    const headerFile = join(directory.path, "header");
    writeFileSync(headerFile, "Authorization: Bearer of it\n");
    const anchor = new WebhookAnchor({ url, origin, headerFile });
    expect(anchor.name).not.toContain("secret");
    const service = await start([anchor]);
    await service.checkpoint();
    await waitFor(() => alarms.has(`LEDGER_ANCHOR ${anchor.name}`));
    await service.checkpoint();
    const last = await service.checkpoint();
    status = 201;
    await waitFor(() => service.status().anchors[0]?.size === last.size);
    expect(alarms.size).toBe(0);
    // An attempt with the one before may have been under way; the first of all was never given.
    expect(got.at(-1)).toEqual({ origin, size: last.size, note: last.note, token: "Bearer of it" });
    expect(got.length).toBeLessThanOrEqual(2);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("a time stamp is kept as it came, and openssl verifies it", async () => {
    const authority = await startTimestampAuthority();
    try {
      let service: LedgerService | null = null;
      const anchorsWith = (caFile: string) => (keep: (size: number, answer: Uint8Array) => Promise<void>) => [
        new TimestampAnchor({ url: authority.url, caFile, everyMs: 0, keep }),
      ];
      service = await start([], { anchors: anchorsWith(authority.caFile) });
      const { size, note } = await service.checkpoint();
      const key = `ledger/plant-a/checkpoints/${String(size).padStart(12, "0")}`;
      await waitFor(async () => (await keysIn(key)).includes(`${key}.tsr`), { timeoutMs: 20_000 });
      const tsr = await service.timestamp(size);
      expect(tsr === null ? null : Buffer.from(tsr)).toEqual(Buffer.from(await files.get(`${key}.tsr`)));
      const path = join(directory.path, "store", key);
      const verify = (data: string) =>
        execFileSync("openssl", ["ts", "-verify", "-data", data, "-in", `${path}.tsr`, "-CAfile", authority.caFile], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
      expect(verify(path)).toContain("Verification: OK");
      const other = join(directory.path, "other");
      writeFileSync(other, note.replace("at ", "At "));
      expect(() => verify(other)).toThrow();
      // What is not over this checkpoint, or not by that authority, is no time stamp.
      const before = await files.get(`${key}.tsr`);
      for (const spoil of [
        () => Buffer.from(before),
        (answer: Buffer) => Buffer.concat([answer.subarray(0, -1), Buffer.from([(answer.at(-1) ?? 0) ^ 1])]),
        () => Buffer.from("no answer"),
      ]) {
        authority.spoil = spoil;
        await service.checkpoint();
        await waitFor(() => alarms.size > 0, { timeoutMs: 20_000 });
        authority.spoil = null;
        await waitFor(() => alarms.size === 0, { timeoutMs: 20_000 });
      }
      await service.stop();
      const stranger = await startTimestampAuthority();
      const second = await start([], { anchors: anchorsWith(stranger.caFile) });
      await second.checkpoint();
      await waitFor(() => [...alarms.values()].some((text) => text.includes("cannot be verified")), {
        timeoutMs: 20_000,
      });
      await stranger.stop();
    } finally {
      await authority.stop();
    }
  }, 120_000);
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
