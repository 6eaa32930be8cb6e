// What an S3 store meets in the field: wrong keys, missing buckets, servers that are away, silent or in another region
// of the protocol, and networks that change, cut or lose what passes through them.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { S3StoreConfig } from "../../../recorder/store/s3-config.ts";
import { S3Store } from "../../../recorder/store/s3-store.ts";
import { AppError } from "../../../shared/errors.ts";
import { type CephRgw, startCephRgw } from "../../support/ceph-rgw.ts";
import { startTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";
import { expectCode, keysOf, sha256 } from "./contract.ts";

let rgw: CephRgw;
let proxy: TcpProxy;
let client: S3Client;
const body = Buffer.from("evidence, CHANGE-ME if you can");
const announced = { sha256: sha256(body) };

beforeAll(async () => {
  rgw = await startCephRgw();
  proxy = await startTcpProxy(Number(new URL(rgw.endpoint).port));
  client = new S3Client({
    endpoint: rgw.endpoint,
    region: rgw.region,
    forcePathStyle: true,
    credentials: { accessKeyId: rgw.accessKeyId, secretAccessKey: rgw.secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  await client.send(new CreateBucketCommand({ Bucket: "plain" }));
  await client.send(new CreateBucketCommand({ Bucket: "locked", ObjectLockEnabledForBucket: true }));
});
afterAll(async () => {
  client?.destroy();
  await proxy?.close();
  await rgw?.stop();
});

const open = (options: Partial<S3StoreConfig> = {}) =>
  new S3Store({
    kind: "s3",
    endpoint: rgw.endpoint,
    region: rgw.region,
    bucket: "plain",
    forcePathStyle: true,
    accessKeyId: rgw.accessKeyId,
    secretAccessKey: rgw.secretAccessKey,
    ...options,
  });
const throughProxy = (options: Partial<S3StoreConfig> = {}) =>
  open({ endpoint: `http://127.0.0.1:${proxy.port}`, ...options });

const versionsOf = async (key: string) =>
  (await client.send(new ListObjectVersionsCommand({ Bucket: "locked", Prefix: key }))).Versions ?? [];

/** Each operation of the store fails so. */
async function expectEvery(
  store: S3Store,
  code: "STORE_REFUSED" | "STORE_UNAVAILABLE",
  message: RegExp,
): Promise<void> {
  const results = [
    () => store.put("k", body, announced),
    () => store.get("k"),
    () => store.stream("k"),
    () => store.head("k"),
    () => keysOf(store, ""),
    () => store.delete("k"),
    () => store.check(),
  ];
  for (const result of results) {
    const error = await expectCode(result(), code);
    expect(error.retryable).toBe(code === "STORE_UNAVAILABLE");
    expect(error.message).toMatch(message);
    const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error);
    expect(shown).not.toContain(rgw.secretAccessKey);
    expect(shown).not.toMatch(/AWS4-HMAC|Signature=/);
  }
}

test("tells the version id on a versioned bucket, and makes one version however often it is put", async () => {
  const store = open({ bucket: "locked" });
  const put = await store.put("versions/one", body, announced);
  expect(put.versionId).toMatch(/./);
  expect(await store.head("versions/one")).toMatchObject({ versionId: put.versionId, sha256: announced.sha256 });
  await Promise.all(Array.from({ length: 5 }, () => store.put("versions/one", body, announced)));
  expect((await versionsOf("versions/one")).map((version) => version.VersionId)).toEqual([put.versionId]);
  const other = Buffer.from("other");
  await expectCode(store.put("versions/one", other, { sha256: sha256(other) }), "STORE_EXISTS");
  expect((await versionsOf("versions/one")).length).toBe(1);
});

test("a hidden object (delete marker) is put again as a new version, and the older one stays", async () => {
  const store = open({ bucket: "locked" });
  const first = await store.put("hidden", body, announced);
  await client.send(new DeleteObjectCommand({ Bucket: "locked", Key: "hidden" }));
  expect(await store.head("hidden")).toBeNull();
  const second = await store.put("hidden", body, announced);
  expect(second.versionId).not.toBe(first.versionId);
  const versions = (await versionsOf("hidden")).map((version) => version.VersionId);
  expect(new Set(versions)).toEqual(new Set([first.versionId, second.versionId]));
});

test("an object that someone else put counts by its bytes", async () => {
  await client.send(new PutObjectCommand({ Bucket: "plain", Key: "foreign/same", Body: body }));
  const other = Buffer.from(body.map((byte) => byte ^ 1));
  await client.send(new PutObjectCommand({ Bucket: "plain", Key: "foreign/other", Body: other }));
  const store = open();
  expect(await store.put("foreign/same", body, announced)).toMatchObject(announced);
  await expectCode(store.put("foreign/other", body, announced), "STORE_EXISTS");
});

test("makes the bucket only when told to, with Object Lock when told to", async () => {
  await expectEvery(
    open({ bucket: "missing" }),
    "STORE_REFUSED",
    /bucket does not exist; create it, or set createBucket/,
  );
  const made = open({ bucket: "made", createBucket: true, objectLock: true });
  await made.put("a", body, announced);
  expect((await made.head("a"))?.versionId).toMatch(/./);
  await open({ bucket: "made", createBucket: true }).ensureBucket();
  await expectEvery(open({ bucket: "No_Such-Name!", createBucket: true }), "STORE_REFUSED", /bucket/i);
});

test("wrong keys are refused, and nothing secret is in the error", async () => {
  await expectEvery(open({ accessKeyId: "NOBODY" }), "STORE_REFUSED", /access key/);
  const store = open({ secretAccessKey: "wrong" });
  await expectEvery(store, "STORE_REFUSED", /access key/);
  expect((await expectCode(store.check(), "STORE_REFUSED")).message).toMatch(/secretAccessKey/);
  expect(inspect(open(), { depth: 20, showHidden: true })).not.toContain(rgw.secretAccessKey);
});

test("an address where nobody listens is an outage", async () => {
  const closed = await startTcpProxy(1);
  await closed.close();
  await expectEvery(open({ endpoint: `http://127.0.0.1:${closed.port}` }), "STORE_UNAVAILABLE", /ECONNREFUSED/);
  await expectEvery(open({ endpoint: "http://store.invalid" }), "STORE_UNAVAILABLE", /ENOTFOUND|EAI_AGAIN/);
});

test("TLS towards a server without it is refused with a hint", async () => {
  await expectEvery(open({ endpoint: rgw.endpoint.replace("http:", "https:") }), "STORE_REFUSED", /TLS|https/);
});

test("a web server that is no S3 server never makes a put look done", async () => {
  for (const status of [200, 404, 502]) {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(status, { "content-type": "text/html" }).end("<html><body>Welcome to the proxy</body></html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const store = open({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const error = await store.put("k", body, announced).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    await store.close();
    server.closeAllConnections();
    server.close();
  }
});

test("a configuration that cannot work is refused before anything is tried", () => {
  for (const bad of [
    { endpoint: "ftp://host" },
    { endpoint: "host:9000" },
    { endpoint: "http://user:secret-in-url@host" },
    { bucket: "" },
    { accessKeyId: "alone", secretAccessKey: undefined as never },
  ]) {
    let error: unknown;
    try {
      open(bad);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(String(error)).not.toContain("secret-in-url");
  }
});

test("bytes that a network changed are refused by the server", async () => {
  const store = throughProxy();
  // Same length, so that HTTP itself notices nothing.
  proxy.rules = {
    request: (chunk) => Buffer.from(chunk.toString("latin1").replace("CHANGE-ME", "changed!!"), "latin1"),
  };
  const error = await expectCode(store.put("changed", body, announced), "STORE_REFUSED");
  expect(error.message).toMatch(/bytes arrived changed|BadDigest|SHA256Mismatch/);
  proxy.rules = {};
  expect(await store.head("changed")).toBeNull();
  await store.put("changed", body, announced);
  await store.close();
});

test("a put whose answer was lost is found done", async () => {
  const store = throughProxy({ bucket: "locked" });
  let lost = 0;
  let putting = false;
  proxy.rules = {
    request: (chunk) => {
      if (chunk.subarray(0, 4).toString() === "PUT ") putting = true;
      return chunk;
    },
    response: (chunk) => {
      if (!putting) return chunk;
      putting = false;
      if (lost++ > 0) return chunk;
      return null;
    },
  };
  // Ceph ignores the condition on a versioned bucket, so the client's second attempt makes a second version: with the
  // same bytes. What matters is that the put ends well and the current version is whole.
  const put = await store.put("lost/answer", body, announced);
  proxy.rules = {};
  expect(lost).toBeGreaterThan(0);
  expect(put).toMatchObject(announced);
  expect(Buffer.from(await store.get("lost/answer"))).toEqual(body);
  await store.close();
});

test("a download that breaks off is an outage, not a short object", async () => {
  const large = randomBytes(6 * 1024 * 1024);
  await open().put("large", large, { sha256: sha256(large) });
  const store = throughProxy();
  let passed = 0;
  proxy.rules = {
    response: (chunk) => {
      passed += chunk.length;
      return passed > 1_000_000 ? null : chunk;
    },
  };
  expect((await expectCode(store.get("large"), "STORE_UNAVAILABLE")).retryable).toBe(true);
  passed = 0;
  const drain = async () => {
    for await (const _ of await store.stream("large"));
  };
  await expectCode(drain(), "STORE_UNAVAILABLE");
  proxy.rules = {};
  expect(sha256(await store.get("large"))).toBe(sha256(large));
  await store.close();
});

test("a reader slower than the idle timeout still gets the whole stream", async () => {
  const large = randomBytes(6 * 1024 * 1024);
  const store = open({ idleTimeoutMs: 400 });
  await store.put("slow", large, { sha256: sha256(large) });
  const chunks: Buffer[] = [];
  for await (const chunk of await store.stream("slow")) {
    chunks.push(chunk as Buffer);
    if (chunks.length === 1) await new Promise((resolve) => setTimeout(resolve, 900));
  }
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(large));
});

test("an object that is replaced while it is streamed ends the stream with an error", async () => {
  const first = randomBytes(9 * 1024 * 1024);
  await client.send(new PutObjectCommand({ Bucket: "plain", Key: "replaced", Body: first }));
  const stream = await open().stream("replaced");
  const drain = async () => {
    for await (const _ of stream) {
      await client.send(new PutObjectCommand({ Bucket: "plain", Key: "replaced", Body: randomBytes(first.length) }));
    }
  };
  await expectCode(drain(), "STORE_UNAVAILABLE");
});

test("a server that accepts and never answers is an outage, and useful again afterwards", async () => {
  const store = open({ idleTimeoutMs: 300 });
  await store.put("before", body, announced);
  await rgw.outage("pause");
  const error = await expectCode(store.put("during", body, announced), "STORE_UNAVAILABLE");
  expect(error.retryable).toBe(true);
  const aborter = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => aborter.abort(reason), 50);
  await expect(open().get("before", { signal: aborter.signal })).rejects.toBe(reason);
  await rgw.restore();
  await store.put("during", body, announced);
  expect(Buffer.from(await store.get("before"))).toEqual(body);
});

test("a server that was killed comes back with what it had acknowledged", async () => {
  const store = open();
  await store.put("acknowledged", body, announced);
  await rgw.outage("kill");
  await expectCode(store.put("while-away", body, announced), "STORE_UNAVAILABLE");
  await expectCode(store.check(), "STORE_UNAVAILABLE");
  await rgw.restore();
  expect(Buffer.from(await store.get("acknowledged"))).toEqual(body);
  await store.put("while-away", body, announced);
});
