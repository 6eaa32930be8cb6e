// A store that was put back to an older state, key in nobody's hand: in order by itself, and behind what the recorder has.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type OwnCheckpoints, ownCheckpoints } from "../../../recorder/verify/own-ledger.ts";
import type { EvidenceOptions } from "../../../recorder/verify/verify-evidence.ts";
import type { EvidenceReport } from "../../../shared/evidence/verdict.ts";
import { EvidenceStore, verifyPlant } from "../../support/evidence-store.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let plant: EvidenceStore;
let directory: TempDir;
let older: Map<string, Uint8Array>;

beforeEach(async () => {
  directory = await createTempDir("own-ledger");
  plant = new EvidenceStore();
  await plant.session();
  plant.pass(10);
  older = new Map(plant.store.objects);
  await plant.session();
  plant.pass(60);
});
afterEach(() => directory.remove());

/** As the service keeps them, with the line that it is writing. */
async function own(notes = plant.notes): Promise<OwnCheckpoints> {
  const folder = join(directory.path, plant.recorder, "checkpoints");
  await mkdir(folder, { recursive: true });
  const lines = notes.map((note) => JSON.stringify({ size: Number(note.split("\n")[1]), note }));
  await writeFile(join(folder, "000000000000.jsonl"), `${lines.join("\n")}\n{"size":9`);
  const found = await ownCheckpoints(directory.path, plant.recorder);
  if (found === null) throw new Error("no checkpoint was found");
  return found;
}

function putBack(): void {
  plant.store.objects.clear();
  for (const [key, bytes] of older) plant.store.objects.set(key, bytes);
}

const verify = (options: Partial<EvidenceOptions> = {}) => verifyPlant(plant, options);

const told = ({ ledgers, findings }: EvidenceReport) => [...ledgers.flatMap((one) => one.findings), ...findings];

it("is MISSING what the recorder's own ledger has, with the place", async () => {
  expect(told(await verify({ own: await own() }))).toEqual([]);
  putBack();
  const report = await verify({ own: await own() });
  expect(report.verdict).toBe("MISSING");
  expect(told(report).filter(({ weight }) => weight !== "NOTICE")).toMatchObject([
    {
      place: expect.stringMatching(/^ledger\/recorder-1\/checkpoints\/\d{12}$/),
      message: expect.stringContaining(`${join(directory.path, plant.recorder)} was signed over ${plant.size} entries`),
    },
  ]);
});

it("is MISSING all of it where nothing of the ledger is left but the keys", async () => {
  const has = await own();
  for (const key of plant.keys("ledger/")) plant.store.objects.delete(key);
  expect(told(await verify({ own: has }))).toContainEqual(
    expect.objectContaining({ weight: "MISSING", message: expect.stringContaining("the store has 0") }),
  );
});

it("waits for what was signed a moment ago", async () => {
  const before = new Map(plant.store.objects);
  plant.nowMs += 60_000;
  plant.checkpoint();
  const has = await own();
  plant.store.objects.clear();
  for (const [key, bytes] of before) plant.store.objects.set(key, bytes);
  const report = await verify({ own: has });
  expect(report.verdict).toBe("VALID");
  expect(told(report)).toMatchObject([{ weight: "NOTICE", message: expect.stringContaining("on its way") }]);
});

it("is TAMPERED where the two are not one ledger", async () => {
  const there = new Map(plant.store.objects);
  putBack();
  const [root, key] = [plant.root, plant.key];
  const other = new EvidenceStore();
  Object.assign(other, { root, key });
  other.pass(90);
  const has = await own(other.notes);
  plant.store.objects.clear();
  for (const [name, bytes] of there) plant.store.objects.set(name, bytes);
  expect(told(await verify({ own: has }))).toContainEqual(
    expect.objectContaining({ weight: "TAMPERED", message: expect.stringContaining("written anew") }),
  );
});

it("anywhere else is a notice, where it ends although the recorder had not stopped", async () => {
  putBack();
  const ended = (await verify()).ledgers[0];
  expect(ended).toMatchObject({ verdict: "VALID", findings: [{ weight: "NOTICE" }] });
  expect(ended?.findings[0]?.message).toContain(`was signed at ${ended?.checkpoint?.at}`);
  const stopped = new EvidenceStore();
  stopped.pass(5);
  stopped.append({ type: "recorder-stop", actor: "recorder", subject: plant.recorder, facts: {} });
  stopped.checkpoint();
  const now = () => stopped.nowMs + 86_400_000;
  expect((await verify({ store: stopped.store, root: stopped.rootPublic, now })).ledgers[0]).toMatchObject({
    verdict: "VALID",
    findings: [],
  });
});
