import { execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { historyDirectory, readHistory, uploadHistory } from "../../../recorder/keys/history-files.ts";
import { InstallationKeys } from "../../../recorder/keys/installation-keys.ts";
import { generateRootKey } from "../../../recorder/keys/root-key.ts";
import { loadOrCreateSigningKey } from "../../../recorder/record/signing.ts";
import { SigningKeys } from "../../../recorder/signing-keys.ts";
import { readKeyTrust } from "../../../recorder/verify/key-trust.ts";
import type { KeyHistory } from "../../../shared/ledger/key-history.ts";
import { KeptStore } from "../record/kept-store.ts";

let directory: string;
let keys: InstallationKeys;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "conduit-keys-"));
  keys = new InstallationKeys({ keyDirectory: directory, recorderId: "plant-a" });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const activePath = () => join(directory, "signing.pem");

/** A start of the service. */
async function start() {
  await keys.promote();
  const { keyId } = await loadOrCreateSigningKey(activePath());
  const found = (await keys.bringUpToDate())!;
  const newest = found.state.versions.at(-1)?.history as KeyHistory;
  return { keyId, changes: found.changes, states: statesOf(newest), namesActive: found.namesActive, ...found.state };
}

function statesOf({ keys: all }: KeyHistory): Record<string, string> {
  return Object.fromEntries(all.map(({ keyId, state }) => [keyId, state]));
}

describe("the history of keys", () => {
  it("begins at the first start, with every key that the installation has, signed by its root", async () => {
    const earlier = await loadOrCreateSigningKey(join(directory, "signing-2024.pem"));
    const first = await start();
    expect(first.states).toEqual({ [earlier.keyId]: "retired", [first.keyId]: "active" });
    expect(first.changes.map(({ type }) => type)).toEqual(["key-created", "key-created"]);
    expect(readdirSync(directory).sort()).toContain("root.pub.pem");
    for (const name of readdirSync(historyDirectory(directory)).filter((one) => one.endsWith(".json"))) {
      const said = execFileSync(
        "openssl",
        ["pkeyutl", "-verify", "-pubin", "-inkey", "../root.pub.pem", "-rawin", "-in", name, "-sigfile", `${name}.sig`],
        { cwd: historyDirectory(directory), encoding: "utf8" },
      );
      expect(said).toContain("Verified Successfully");
    }
    const again = await start();
    expect(again.changes).toEqual([]);
    expect(again.versions.length).toBe(1);
  });

  it("is of one recorder: under another name nothing starts, and no version is signed", async () => {
    const first = await start();
    keys = new InstallationKeys({ keyDirectory: directory, recorderId: "plant-b" });
    await expect(start()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(
        "recorder.id is plant-b, and this installation has recorded as plant-a",
      ) as string,
    });
    await expect(keys.rotate(null)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    keys = new InstallationKeys({ keyDirectory: directory, recorderId: "plant-a" });
    expect(await start()).toMatchObject({ keyId: first.keyId, changes: [] });
  });

  it("a rotation is named before it is used, takes effect at the next start, and retires what signed before", async () => {
    const before = await start();
    const rotation = await keys.rotate(null);
    expect(rotation.from).toBe(before.keyId);
    await expect(keys.rotate(null)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    const staged = await readHistory(directory, before.root);
    expect(statesOf(staged.at(-1)!.history)).toEqual({ [before.keyId]: "active", [rotation.to]: "active" });
    const after = await start();
    expect(after.keyId).toBe(rotation.to);
    expect(after.states).toEqual({ [before.keyId]: "retired", [after.keyId]: "active" });
    // Its private half is gone; what it signed is checked with the public one.
    expect(
      readdirSync(directory)
        .filter((name) => name.startsWith("signing"))
        .sort(),
    ).toEqual([`signing-${before.keyId}.pub.pem`, "signing.pem"]);
    expect(after.versions.map(({ history }) => history.number)).toEqual([1, 2, 3]);
  });

  it("names a key that is gone as lost, and what it signed stays trusted", async () => {
    const before = await start();
    rmSync(activePath());
    const after = await start();
    expect(after.states).toEqual({ [before.keyId]: "lost", [after.keyId]: "active" });
    expect(after.changes.map(({ type }) => type)).toEqual(["key-lost", "key-created"]);
    const store = new KeptStore();
    const service = await SigningKeys.open(
      { keyDirectory: directory, id: "plant-a", dataDirectory: directory, database: "", adminSocket: "" },
      { store, alarms: { raise: () => expect.unreachable(), clear: () => {} }, logger: { warn: () => {} } },
    );
    await service.close();
    expect(service.trusted().map(({ keyId }) => keyId)).toEqual([after.keyId, before.keyId]);
    const trust = await readKeyTrust({ store, root: createPublicKey(after.root.publicKeyPem), given: new Map() });
    expect(trust.evidence).toMatchObject({ verdict: "VALID" });
    expect([...trust.keys.values()].map(({ keyId, state }) => [keyId, state])).toEqual([
      [before.keyId, "lost"],
      [after.keyId, "active"],
    ]);
  });

  it("works with a root key that is kept elsewhere", async () => {
    const first = await start();
    const away = mkdtempSync(join(tmpdir(), "conduit-root-"));
    const root = join(away, "root.pem");
    renameSync(join(directory, "root.pem"), root);
    await expect(keys.rotate(null)).rejects.toMatchObject({ message: expect.stringContaining("--root FILE") });
    const { to } = await keys.rotate(root);
    const second = await start();
    expect(second).toMatchObject({ keyId: to, namesActive: true, rootIsHere: false, changes: [] });
    await keys.end(first.keyId.slice(0, 6), "retired", root);
    await keys.end(first.keyId, "compromised", root);
    await expect(keys.end(first.keyId, "lost", root)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    await expect(keys.end(to, "retired", root)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect((await start()).states).toEqual({ [first.keyId]: "compromised", [to]: "active" });
    // A key that nobody named is told, not taken.
    rmSync(activePath());
    const third = await start();
    expect(third.namesActive).toBe(false);
    await keys.sign(root);
    expect((await start()).states).toEqual({ [first.keyId]: "compromised", [to]: "lost", [third.keyId]: "active" });
    const other = join(away, "other.pem");
    await generateRootKey(other);
    await expect(keys.sign(other)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    rmSync(away, { recursive: true });
  });

  it("is refused where somebody changed it, and is taken from the store where it was lost here", async () => {
    const first = await start();
    await keys.rotate(null);
    const { versions, root } = await start();
    const store = new KeptStore();
    await uploadHistory(store, versions);
    rmSync(historyDirectory(directory), { recursive: true });
    const alarms: string[] = [];
    const parts = {
      store,
      alarms: { raise: (code: string) => void alarms.push(code), clear: () => {} },
      logger: { warn: () => {} },
    };
    const config = { keyDirectory: directory, id: "plant-a", dataDirectory: directory, database: "", adminSocket: "" };
    const service = await SigningKeys.open(config, parts);
    await service.close();
    expect((await readHistory(directory, root)).map(({ sha256 }) => sha256)).toEqual(
      versions.map(({ sha256 }) => sha256),
    );
    expect(alarms).toEqual([]);
    const path = join(historyDirectory(directory), "000001.json");
    writeFileSync(path, versions[0]!.bytes.toString().replace(first.keyId, "0".repeat(16)));
    await expect(readHistory(directory, root)).rejects.toMatchObject({ code: "INTEGRITY_SIGNATURE" });
    rmSync(path);
    await expect(readHistory(directory, root)).rejects.toMatchObject({ code: "INTEGRITY_SIGNATURE" });
  });
});
