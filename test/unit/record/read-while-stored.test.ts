// A recording is read while it goes from the spool to the store: at whatever step the two stand, its index, its records
// and its segments are there, also for a reader that began to look some steps before.
import { readdirSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import type { PutOptions } from "../../../recorder/store/object-store.ts";
import type { Manifest } from "../../../shared/manifest/manifest.ts";
import { KeptStore } from "./kept-store.ts";
import { facts, removeBases, startRecorder, type UnderTest } from "./recorder-under-test.ts";

const disk = vi.hoisted(() => ({ synced: async (_path: string): Promise<void> => {} }));
vi.mock("../../../recorder/record/durable-file.ts", async (original) => {
  const real = await original<typeof import("../../../recorder/record/durable-file.ts")>();
  const syncDirectory = async (path: string) => {
    await disk.synced(path);
    await real.syncDirectory(path);
  };
  return { ...real, syncDirectory };
});

/** Goes on when everybody has looked: before and after each thing that it does. */
class SteppedStore extends KeptStore {
  step: (at: string) => Promise<void> = async () => {};

  override async put(key: string, body: Uint8Array, options: PutOptions) {
    await this.step(`before ${key} is put`);
    const info = await super.put(key, body, options);
    await this.step(`when ${key} is put`);
    return info;
  }

  override async head(key: string) {
    const info = await super.head(key);
    await this.step(`when ${key} is confirmed`);
    return info;
  }
}

let under: UnderTest;
let store: SteppedStore;
let session: string;
let steps: string[];
let waiting: { until: number; go: () => void }[];
let faults: string[];
/** Nothing more is going to happen: nobody is held up. */
let over: boolean;

afterEach(async () => {
  disk.synced = async () => {};
  store.step = async () => {};
  await under.stop();
  removeBases();
});

function trustedKeys(): Map<string, string> {
  const keys = [...store.objects].filter(([key]) => key.startsWith("keys/"));
  return new Map(keys.map(([key, { body }]) => [key.slice("keys/".length, -".pub.pem".length), body.toString()]));
}

/** A reader that is held up for so many steps after each look into the spool. */
function reader(held = 0): RecordingReader {
  return new RecordingReader({
    store,
    trustedKeys,
    live: {
      live: (id) => under.recorder.live(id),
      spooled: async (id, name) => {
        const bytes = await under.recorder.spooled(id, name);
        if (held > 0 && !over) await new Promise<void>((go) => waiting.push({ until: steps.length + held, go }));
        return bytes;
      },
    },
  });
}

/** Every segment that the index names can be read, and is what it says. */
async function readAll(from: RecordingReader): Promise<number> {
  const [open, index] = [await from.open(session), await from.index(session)];
  expect(open.session).toBe(session);
  expect(index.faults ?? []).toEqual([]);
  for (const { n, name } of index.segments) {
    const { meta, intact } = await from.segment(session, n);
    expect([meta.name, intact]).toEqual([name, true]);
  }
  await from.object(session, "open.json.sig");
  return index.segments.length;
}

async function take(at: string, look: (at: string) => Promise<void>): Promise<void> {
  steps.push(at);
  // What a look finds must not be the recorder's failure.
  await look(at).catch((error: unknown) => faults.push(`${at}: ${(error as Error).message}`));
  for (const one of waiting.filter(({ until }) => until <= steps.length)) one.go();
  waiting = waiting.filter(({ until }) => until > steps.length);
}

/** Records a little, and looks at each step from the first segment's upload to the end. */
async function storeWith(look: (at: string) => Promise<void>): Promise<void> {
  steps = [];
  waiting = [];
  faults = [];
  over = false;
  store = new SteppedStore();
  under = await startRecorder({ uploadConcurrency: 1 }, { store });
  await expect.poll(() => [...store.objects.keys()].some((key) => key.startsWith("keys/"))).toBe(true);
  const recording = await under.recorder.open(facts());
  session = recording.session;
  // One step at a time, whoever comes to it.
  let turn = Promise.resolve();
  const step = (at: string) => {
    turn = turn.then(() => take(at, look));
    return turn;
  };
  store.step = step;
  disk.synced = (path) => step(`before ${path.slice(under.directory.length) || "the spool"} is synced`);
  recording.append({ type: "channel-open", channel: 0, request: "exec", command: "known" });
  for (const text of ["one", "two", "three"]) {
    recording.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(text) });
    await recording.durable();
    await under.recorder.flush(session);
  }
  await recording.close("client-closed");
  await expect.poll(() => under.told.stored, { timeout: 15_000 }).toContain(session);
  over = true;
  for (const { go } of waiting) go();
  expect(faults).toEqual([]);
}

it("is there at every step, in one look", async () => {
  const seen: number[] = [];
  await storeWith(async (at) => {
    await expect(readAll(reader()), at).resolves.toEqual(expect.any(Number));
    seen.push((await reader().index(session)).segments.length);
  });
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBeGreaterThan(2);
  // The folder is renamed and the recorder has not yet let go of it.
  expect(steps).toContain("before the spool is synced");
  expect(await readAll(reader())).toBe(seen.at(-1));
});

it.each([1, 2, 5, 11])(
  "is there for a reader that is held up for %i steps after each look into the spool",
  async (held) => {
    const slow: Promise<unknown>[] = [];
    await storeWith(async (at) => {
      const reading = readAll(reader(held)).catch((error: unknown) => {
        throw new Error(`begun ${at}: ${(error as Error).message}`, { cause: error });
      });
      reading.catch(() => {});
      slow.push(reading);
    });
    const read = await Promise.all(slow);
    expect(read.length).toBe(steps.length);
  },
);

it("exports and verifies at every step, and what is not there yet is said to be on its way", async () => {
  const verdicts = new Set<string>();
  const archives = new Set<string>();
  await storeWith(async (at) => {
    const source = reader();
    const verifier = new RecordingVerifier({
      store,
      trustedKeys,
      isPending: (id) => under.recorder.pending(id),
    });
    const report = await verifier.verify(session);
    verdicts.add(report.verdict);
    expect(["INCOMPLETE", "VALID"], `${at}: ${JSON.stringify(report.findings)}`).toContain(report.verdict);
    const exporter = new RecordingExporter(source, () => []);
    const lines = await exporter.export(session, "jsonl");
    expect((await lines.body.toArray()).length, at).toBeGreaterThan(0);
    const zip = await exporter.export(session, "zip").catch((error: { code?: unknown }) => String(error.code));
    if (typeof zip === "string") archives.add(zip);
    else
      archives.add(Buffer.concat(await zip.body.toArray()).includes("Nothing is missing.") ? "whole" : `holes ${at}`);
  });
  expect([...verdicts].toSorted()).toEqual(["INCOMPLETE", "VALID"]);
  // Of a session that is not sealed it is refused; SHA256SUMS and signatures are in the spool once it is.
  expect([...archives].toSorted()).toEqual(["REQUEST_CONFLICT", "whole"]);
  const manifest = JSON.parse(String(store.recording(session).get("manifest.json"))) as Manifest;
  expect(manifest.gaps).toEqual([]);
});

it("has left the spool, or is wholly there, when the recorder has stopped", async () => {
  let left: () => void = () => {};
  const said: string[] = [];
  let stopping: Promise<unknown> | undefined;
  await storeWith(async (at) => {
    if (at !== "before the spool is synced") return;
    stopping = under.stop().then(() => said.push("stopped"));
    // However long the disk takes.
    setTimeout(() => {
      said.push("synced");
      left();
    }, 300);
    await new Promise<void>((go) => {
      left = go;
    });
  });
  await stopping;
  expect(said).toEqual(["synced", "stopped"]);
  expect(readdirSync(under.directory).filter((name) => name.startsWith(session))).toEqual([]);
});
