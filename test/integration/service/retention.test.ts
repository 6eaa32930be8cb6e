// The whole service on a real Ceph: it makes its bucket with Object Lock and its lifecycle, locks what it records, and people
// at the command line hold and release, two of them for a release.
import { GetBucketLifecycleConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStore } from "../../../recorder/store/create-store.ts";
import type { ObjectStore } from "../../../recorder/store/object-store.ts";
import { type CephRgw, startCephRgw } from "../../support/ceph-rgw.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh } from "../ssh/clients.ts";
import { investigator, type Plant, startPlant } from "./plant.ts";

const admin = { name: "adam", password: "an administrator's password" };
const dayMs = 86_400_000;
let rgw: CephRgw;
let plant: Plant;
let store: ObjectStore;
let session: string;

beforeAll(async () => {
  rgw = await startCephRgw();
  const place = { kind: "s3", endpoint: rgw.endpoint, region: rgw.region, bucket: "plant", prefix: "a/" } as const;
  const keys = { accessKeyId: rgw.accessKeyId, secretAccessKey: rgw.secretAccessKey };
  plant = await startPlant({
    config: { store: { ...place, createBucket: true, accessKeyId: keys.accessKeyId } },
    env: { CONDUIT_STORE_SECRET_ACCESS_KEY: keys.secretAccessKey },
  });
  store = createStore({ ...place, ...keys, forcePathStyle: true });
  await plant.service.conduit(
    ["user", "add", admin.name, "--role", "admin", "--password-stdin"],
    `${admin.password}\n`,
  );
});
afterAll(async () => {
  await plant?.stop();
  await store?.close();
  await rgw?.stop();
});

async function locksOf(prefix: string) {
  const all = [];
  for await (const { key, versionId } of store.retention.versions(prefix))
    all.push({ key, ...(await store.retention.lock(key, versionId)) });
  return all;
}

const ownPassword = "a password that its owner chose\n";

/** In the portal, as its owner. */
async function changePassword({ name, password }: { name: string; password: string }): Promise<void> {
  const { httpUrl } = plant.service;
  const json = { "content-type": "application/json", origin: new URL(httpUrl).origin };
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(new URL(path, httpUrl), { method: "POST", headers: { ...json, ...headers }, body: JSON.stringify(body) });
  const signedIn = await post("/api/v1/session", { name, password });
  const { csrfToken } = (await signedIn.json()) as { csrfToken: string };
  const cookie = signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const next = ownPassword.trim();
  const changed = await post("/api/v1/me/password", { current: password, next }, { cookie, "x-csrf-token": csrfToken });
  expect(changed.status).toBe(200);
}

const recordingLocks = async () =>
  (await locksOf("recordings/")).filter(({ key }) => key.includes(`/${session}/`)).map(({ hold }) => hold);

describe("a service on Ceph", () => {
  it("makes a bucket that locks, gives it its rules, and finds by trying that they hold", async () => {
    const client = new S3Client({
      endpoint: rgw.endpoint,
      region: rgw.region,
      forcePathStyle: true,
      credentials: { accessKeyId: rgw.accessKeyId, secretAccessKey: rgw.secretAccessKey },
    });
    const status = await waitFor(async () => {
      const seen = JSON.parse(await plant.service.conduit(["retention", "status", "--json"])) as {
        probe: { ok: boolean } | null;
      };
      return seen.probe === null ? null : seen;
    });
    expect(status).toMatchObject({ ok: true, promise: { enforcedBy: "server" }, probe: { ok: true }, fault: null });
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: "plant" }));
    client.destroy();
    expect(Rules?.find(({ ID }) => ID === "conduit:a/retain-90")).toMatchObject({
      Expiration: { Days: 93 },
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    });
    const doctor = JSON.parse(
      await plant.service.conduit(["doctor", "--json"]).catch((e: { stdout: string }) => e.stdout),
    );
    expect(doctor).toContainEqual(expect.objectContaining({ name: "retention", verdict: "ok" }));
  });

  it("locks every object of a recording, and the ledger and the keys for years", async () => {
    const run = await ssh(plant.gateway(), ["echo", "hello"]);
    expect(run.code, run.stderr).toBe(0);
    ({ session } = await plant.newest("sealed"));
    const kept = await waitFor(async () => {
      const answer = JSON.parse(await plant.service.conduit(["holds", "list", session, "--json"])) as {
        retainUntil: string | null;
      };
      return answer.retainUntil;
    });
    const locks = (await locksOf("recordings/")).filter(({ key }) => key.includes(`/${session}/`));
    expect(locks.length).toBeGreaterThanOrEqual(7);
    for (const lock of locks) {
      expect(lock).toMatchObject({ mode: "compliance", hold: false });
      expect(Date.parse(lock.retainUntil ?? "")).toBeGreaterThanOrEqual(Date.parse(kept) + dayMs);
    }
    await plant.service.conduit(["ledger", "checkpoint", "--now"]);
    for (const prefix of ["keys/", "ledger/"]) {
      const found = await waitFor(async () => {
        const all = await locksOf(prefix);
        return all.length > 0 ? all : null;
      });
      for (const lock of found)
        expect(Date.parse(lock.retainUntil ?? "")).toBeGreaterThan(Date.now() + 7 * 365 * dayMs);
    }
  });

  it("is told to hold by who proves to be an investigator, and lets go when another one confirms", async () => {
    const { conduit } = plant.service;
    const place = ["holds", "place", session, "--case", "C-17", "--reason", "a valve opened", "--as"];
    await expect(conduit([...place, investigator.name], "wrong\n")).rejects.toThrow("AUTH_FAILED");
    await expect(conduit([...place, "vera"], "a vendor's long password\n")).rejects.toThrow("AUTH_FORBIDDEN");
    await conduit([...place, investigator.name], `${investigator.password}\n`);
    expect(new Set(await recordingLocks())).toEqual(new Set([true]));
    const release = ["holds", "release", session];
    const as = ({ name }: { name: string }) => ["--as", name];
    const ask = [...release, "--reason", "closed", ...as(investigator)];
    // Whoever added them knows their passwords.
    await expect(conduit(ask, `${investigator.password}\n`)).rejects.toThrow("was last set by os:");
    for (const person of [investigator, admin]) await changePassword(person);
    await conduit(ask, ownPassword);
    await expect(conduit([...release, "--confirm", ...as(investigator)], ownPassword)).rejects.toThrow(
      "POLICY_REFUSED",
    );
    await plant.service.stop();
    await plant.restart();
    expect(await plant.service.conduit(["holds", "list"])).toContain("release-asked");
    await plant.service.conduit([...release, "--confirm", ...as(admin)], ownPassword);
    expect(new Set(await recordingLocks())).toEqual(new Set([false]));
    expect(JSON.parse(await plant.service.conduit(["retention", "sweep", "--whole", "--json"]))).toMatchObject({
      expired: [],
      unknown: [],
      failed: [],
    });
    const ledger = await plant.service.conduit(["ledger", "show", "--subject", session]);
    for (const type of ["hold ", "hold-release-asked", "hold-release "]) expect(ledger).toContain(type);
  });
});
