// The bundle as bytes: the same each time, flat in memory, honest about what is missing.
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { evidenceBundleOf } from "../../../recorder/export/evidence-bundle.ts";
import { zipOf } from "../../../recorder/export/zip-stream.ts";
import { entryName, maxCarriedBytes, piecesOf, proofSides } from "../../../shared/bundle/format.ts";
import { leafHash, MerkleTree, nodeHash } from "../../../shared/ledger/merkle.ts";
import { evidenceOf, exportSource, objectsOf } from "../../support/evidence-plant.ts";
import { type BuiltRecording, makeSigningKey } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";

const key = makeSigningKey();
const root = makeSigningKey();
const player = Buffer.from("<!doctype html>");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

const scene = () =>
  maintenanceScene({ person: "vendor", target: "plc-1", startedAt: "2026-11-23T08:00:00.000000Z", seed: 41 }, key);

async function bundleOf(recording: BuiltRecording, objects = objectsOf(recording)) {
  const source = exportSource(recording, objects);
  const evidence = evidenceOf(recording, key, root);
  const damage: string[] = [];
  const open = await source.open(recording.index.session);
  const body = evidenceBundleOf({
    source,
    index: recording.index,
    open,
    evidence: async () => evidence,
    player,
    damaged: (texts) => damage.push(...texts),
  });
  return { bytes: await read(body), damage };
}

async function read(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("an evidence bundle", () => {
  it("is the same bytes for the same recording at the same size of the ledger", async () => {
    const recording = await scene();
    const [first, second] = [await bundleOf(recording), await bundleOf(recording)];
    expect(first.bytes.equals(second.bytes)).toBe(true);
    expect(first.damage).toEqual([]);
    expect(first.bytes.includes(entryName(3))).toBe(true);
  });

  it("leaves damaged as it is, and says so", async () => {
    const recording = await scene();
    const objects = objectsOf(recording);
    const [altered, missing] = recording.index.segments.map(({ name }) => name);
    objects.set(altered!, Buffer.from("altered"));
    objects.delete(missing!);
    const { bytes, damage } = await bundleOf(recording, objects);
    expect(damage).toEqual([`${altered} does not have the hash that manifest.json names`, `${missing} is missing`]);
    const text = bytes.toString("latin1");
    expect(text).toContain("This recording is no proof of what it shows");
    expect(text).toContain(`${missing} is missing`);
  });

  it("puts nothing recorded into its page for a court but as text", async () => {
    const recording = await maintenanceScene(
      {
        person: "<img src=x onerror=alert(1)>",
        target: 'a"b\u202e&',
        startedAt: "2026-11-23T08:00:00.000000Z",
        seed: 41,
      },
      key,
    );
    const text = (await bundleOf(recording)).bytes.toString("utf8");
    const page = text.slice(text.indexOf("<title>"), text.indexOf("</html>"));
    expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(page).toContain("a&quot;b\\u202e&amp;");
    expect(page).not.toContain("<img");
  });
});

describe("a zip that is made while it is read", () => {
  it("asks for nothing before it is read, and for one entry at a time", async () => {
    let made = 0;
    async function* entries() {
      for (let i = 0; i < 300; i++) {
        made++;
        yield { name: `${i}`, content: new Uint8Array(64 * 1024) };
      }
    }
    const body = zipOf(entries(), new Date(0));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toBe(0);
    let most = 0;
    let bytes = 0;
    for await (const chunk of body) {
      bytes += (chunk as Buffer).length;
      // What is made beyond what was read waits in memory.
      most = Math.max(most, made * 64 * 1024 - bytes);
    }
    expect(made).toBe(300);
    expect(bytes).toBeGreaterThan(300 * 64 * 1024);
    expect(most).toBeLessThan(1024 * 1024);
  });

  it("ends with what its entries throw", async () => {
    async function* entries() {
      yield { name: "a", content: new Uint8Array(1) };
      throw new Error("the store does not answer");
    }
    await expect(read(zipOf(entries(), new Date(0)))).rejects.toThrow("the store does not answer");
  });

  it("ends its work when its reader leaves", async () => {
    let ended = false;
    async function* entries() {
      try {
        for (let i = 0; ; i++) yield { name: `${i}`, content: new Uint8Array(64 * 1024) };
      } finally {
        ended = true;
      }
    }
    for await (const _chunk of zipOf(entries(), new Date(0))) break;
    await expect.poll(() => ended).toBe(true);
  });
});

describe("pieces", () => {
  it("hold each segment once, in order, of about a megabyte", () => {
    const sizes = Array.from({ length: 100 }, (_, n) => 100_000 + n);
    const pieces = piecesOf(sizes);
    expect(pieces.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i))).toEqual([
      ...sizes.keys(),
    ]);
    expect(pieces.length).toBeGreaterThan(5);
  });

  it("are none of a recording that is too large", () => {
    expect(piecesOf([maxCarriedBytes, 1])).toEqual([]);
    expect(piecesOf([])).toEqual([]);
  });
});

it("the sides of every proof lead to the root", () => {
  const tree = new MerkleTree(sha256);
  for (let size = 1; size <= 33; size++) {
    tree.append(leafHash(Buffer.from(`entry ${size}`), sha256));
    for (let n = 0; n < size; n++) {
      const sides = proofSides(n, size);
      const path = tree.inclusionProof(n, size);
      expect(sides).toHaveLength(path.length);
      const reached = path.reduce(
        (hash, beside, i) => (sides[i] === "L" ? nodeHash(beside, hash, sha256) : nodeHash(hash, beside, sha256)),
        tree.leaf(n),
      );
      expect(Buffer.compare(reached, tree.root(size))).toBe(0);
    }
  }
});
