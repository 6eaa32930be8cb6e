// Verification and attestation of a whole service: by its commands, over its API, by a copy on another machine, and when
// somebody was at its store.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VerificationState } from "../../../shared/api/verification.ts";
import { Attestation } from "../../../shared/evidence/attestation.ts";
import { EvidenceReport } from "../../../shared/evidence/verdict.ts";
import { waitFor } from "../../support/wait-for.ts";
import { investigator, type Plant, startPlant } from "../service/plant.ts";
import { ssh } from "../ssh/clients.ts";

let plant: Plant;
let session: string;
let root: string;
let store: string;

beforeAll(async () => {
  plant = await startPlant({
    config: { ledger: { checkpointSeconds: 1 } },
    env: { CONDUIT_RECORDER_ID: "plant-v" },
  });
  root = join(plant.directory, "root.pub.pem");
  store = join(plant.directory, "data", "store");
  await ssh(plant.gateway(), ["echo one"]);
  await plant.newest("sealed");
  await ssh(plant.gateway(), ["echo two"]);
  session = (await plant.newest("sealed")).session;
  writeFileSync(root, await plant.service.conduit(["keys", "export-root"]));
  await waitFor(() => ledgerInStore().includes(`"recording-stored","actor":"recorder","subject":"${session}"`), {
    timeoutMs: 20_000,
  });
}, 120_000);
afterAll(() => plant?.stop());

function ledgerInStore(): string {
  const folder = join(store, "ledger", "plant-v", "entries");
  if (!existsSync(folder)) return "";
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}

/** As of the newest checkpoint when it begins: the service goes on meanwhile. */
function copyStore(to: string): void {
  const sizes = readdirSync(join(store, "ledger", "plant-v", "checkpoints")).map(Number);
  const upTo = Math.max(...sizes.filter((size) => !Number.isNaN(size)));
  cpSync(store, to, {
    recursive: true,
    filter: (path) => {
      const [, folder, n] = /ledger\/plant-v\/(entries|checkpoints)\/(\d{12})/.exec(path) ?? [];
      return folder === undefined || (folder === "entries" ? Number(n) < upTo : Number(n) <= upTo);
    },
  });
}

const conduit = (...args: string[]) => plant.service.conduit(args);
const failing = (...args: string[]) =>
  plant.service.conduit(args).then(
    () => expect.unreachable("it should have failed"),
    (error: { stdout: string; code: number }) => error,
  );

async function signedIn(): Promise<(path: string) => Promise<Response>> {
  const { httpUrl } = plant.service;
  const answer = await fetch(`${httpUrl}/api/v1/session`, {
    method: "POST",
    headers: { origin: httpUrl, "content-type": "application/json" },
    body: JSON.stringify({ name: investigator.name, password: investigator.password }),
  });
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return (path) => fetch(`${httpUrl}/api/v1${path}`, { headers: { cookie } });
}

describe("a service that nobody tampered with", () => {
  it("is VALID in all its parts, by its own command and by a copy with the root key alone", async () => {
    const own = EvidenceReport.parse(JSON.parse(await conduit("verify", "--all", "--json")));
    expect(own.recordings.map(({ verdict }) => verdict)).toEqual(["VALID", "VALID"]);
    expect([own.keys.verdict, own.ledgers[0]?.verdict]).toEqual(["VALID", "VALID"]);
    // Locked in its own store: nothing to note.
    expect(own.recordings.flatMap(({ findings }) => findings)).toEqual([]);
    // Of what is named, who verified it stands in its chain of custody.
    await conduit("verify", session);
    const custody = JSON.parse(await conduit("recordings", "custody", session, "--json")) as object[];
    const verified = { action: "recording.verify", details: { verdict: "VALID", findings: 0 } };
    expect(custody).toContainEqual(expect.objectContaining(verified));
    const copy = join(plant.directory, "elsewhere");
    copyStore(copy);
    const text = await conduit("verify", session, "--store", copy, "--root-key", root);
    expect(text).toMatch(new RegExp(`^${session} {2}VALID`, "m"));
  });

  it("attests a day, and the attestation holds for an outsider", async () => {
    const day = session && new Date().toISOString().slice(0, 10);
    const file = join(plant.directory, "day.json");
    const page = join(plant.directory, "day.html");
    await conduit("attest", "--day", day, "--json", file, "--html", page).catch(
      (error: { stdout: string }) => error.stdout,
    );
    const attestation = Attestation.parse(JSON.parse(readFileSync(file, "utf8")));
    expect(attestation.recordings.map(({ state }) => state)).toEqual(["kept", "kept"]);
    expect(attestation.counts).toMatchObject({ unlockedObjects: 0, missingObjects: 0, unknownObjects: 0 });
    expect(attestation.catalogue?.differences).toEqual([]);
    expect(attestation.inOrder).toBe(true);
    expect(readFileSync(page, "utf8")).toContain(session);
    const copy = join(plant.directory, "for-the-auditor");
    copyStore(copy);
    const said = await conduit("attest", "--check", file, "--store", copy, "--root-key", root).catch(
      (error: { stdout: string }) => error.stdout,
    );
    expect(said).toMatch(/holds: 2 recordings/);
    writeFileSync(file, readFileSync(file, "utf8").replace('"sequence": 1', '"sequence": 7'));
    expect(await failing("attest", "--check", file, "--store", copy, "--root-key", root)).toMatchObject({ code: 3 });
  });

  it("shows both over the API, to those who may see it", async () => {
    const get = await signedIn();
    const state = VerificationState.parse(await (await get("/verification")).json());
    expect(state).toMatchObject({ on: true, recordings: 2, faults: [] });
    const day = new Date().toISOString().slice(0, 10);
    const answer = await get(`/attestation?day=${day}&format=file`);
    expect(answer.headers.get("x-signature")).toMatch(/^[A-Za-z0-9+/=]{88}$/);
    const text = await answer.text();
    expect(Attestation.parse(JSON.parse(text)).recordings).toHaveLength(2);
    const same = await get(`/attestation?sha256=${answer.headers.get("x-sha256")}&format=html`);
    expect(await same.text()).toContain(answer.headers.get("x-sha256") ?? "?");
    expect((await get("/attestation?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z")).status).toBe(400);
  });
});

describe("a store that somebody was at", () => {
  it("is told as what it is, at its place, with an exit code for scripts", async () => {
    const copy = join(plant.directory, "tampered");
    copyStore(copy);
    const objects = readdirSync(copy, { recursive: true }).map(String);
    const segment =
      objects.find((name) => name.includes(session) && name.includes("terminal-") && name.endsWith(".zst")) ?? "";
    const bytes = readFileSync(join(copy, segment));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    rmSync(join(copy, segment));
    writeFileSync(join(copy, segment), bytes);
    const answer = await failing("verify", "--all", "--store", copy, "--root-key", root);
    expect(answer.code).toBe(3);
    expect(answer.stdout).toContain(`TAMPERED  INTEGRITY_HASH  ${segment}`);
    rmSync(join(copy, "ledger"), { recursive: true, force: true });
    rmSync(join(copy, segment));
    cpSync(join(store, segment), join(copy, segment));
    const unanchored = await failing("verify", "--all", "--store", copy, "--root-key", root);
    // The signed history of keys is this recorder's: its ledger was there once.
    expect(unanchored).toMatchObject({ code: 3 });
    expect(unanchored.stdout).toContain("2 UNANCHORED");
    expect(unanchored.stdout).toContain("MISSING  STORE_NOT_FOUND  ledger/plant-v/");
    expect(await failing("verify", "--all", "--store", copy)).toMatchObject({ code: 2 });
  });
});
