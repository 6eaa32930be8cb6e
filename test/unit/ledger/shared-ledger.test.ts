import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, toHex, utf8 } from "../../../shared/ledger/bytes.ts";
import {
  checkpointBody,
  ledgerOrigin,
  type NoteCrypto,
  noteKeyHash,
  parseCheckpoint,
  parseNote,
  signedNote,
  verifyNote,
} from "../../../shared/ledger/checkpoint.ts";
import { entryTime, formatEntry, genesisPrevious, maxEntryBytes, parseEntry } from "../../../shared/ledger/entry.ts";
import { ed25519KeyOf, keyIdOf } from "../../../shared/ledger/key-history.ts";
import { leafHash, MerkleTree, nodeHash, verifyConsistency, verifyInclusion } from "../../../shared/ledger/merkle.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

// The leaves and roots that implementations of RFC 6962 test against.
const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map(
  (hex) => Buffer.from(hex, "hex"),
);
const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

function treeOf(count: number): MerkleTree {
  const tree = new MerkleTree(sha256);
  for (let i = 0; i < count; i++) tree.append(leafHash(leaves[i] ?? utf8(`line ${i}`), sha256));
  return tree;
}

/** MTH as RFC 6962 §2.1 defines it. */
function plainRoot(hashes: Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return sha256(new Uint8Array());
  if (hashes.length === 1) return hashes[0] as Uint8Array;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return nodeHash(plainRoot(hashes.slice(0, k)), plainRoot(hashes.slice(k)), sha256);
}

describe("the Merkle tree", () => {
  it("has the roots of the known leaves", () => {
    expect(roots.map((_, size) => toHex(treeOf(8).root(size)))).toEqual(roots);
  });

  it("has the known proofs", () => {
    const tree = treeOf(8);
    expect(tree.inclusionProof(0, 8).map(toHex)).toEqual([
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]);
    expect(tree.consistencyProof(6, 8).map(toHex)).toEqual([
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]);
  });

  it("proves every leaf and every beginning, and no other", () => {
    const most = 40;
    const tree = treeOf(most);
    const hashes = Array.from({ length: most }, (_, i) => tree.leaf(i));
    for (let size = 0; size <= most; size++) {
      const root = tree.root(size);
      expect(toHex(root)).toBe(toHex(plainRoot(hashes.slice(0, size))));
      for (let index = 0; index < size; index++) {
        const proof = { leaf: tree.leaf(index), index, size, root, path: tree.inclusionProof(index, size) };
        expect(verifyInclusion(proof, sha256)).toBe(true);
        expect(verifyInclusion({ ...proof, index: (index + 1) % size }, sha256)).toBe(size === 1);
        expect(verifyInclusion({ ...proof, path: [...proof.path, root] }, sha256)).toBe(false);
        if (size < most) expect(verifyInclusion({ ...proof, root: tree.root(size + 1) }, sha256)).toBe(false);
      }
      for (let from = 0; from <= size; from++) {
        const path = tree.consistencyProof(from, size);
        const proof = { from, to: size, fromRoot: tree.root(from), toRoot: root, path };
        expect(verifyConsistency(proof, sha256)).toBe(true);
        expect(verifyConsistency({ ...proof, path: [...path, root] }, sha256)).toBe(false);
        expect(verifyConsistency({ ...proof, fromRoot: tree.leaf(0) }, sha256)).toBe(from === 1);
      }
    }
  });

  it("takes no flipped bit anywhere in a proof", () => {
    const tree = treeOf(21);
    const size = fc.integer({ min: 2, max: 21 });
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), fc.nat({ max: 7 }), (to, seed, place, bit) => {
        const flipped = (path: Uint8Array[]) => {
          const all = path.map((hash) => hash.slice());
          const at = place % (all.length * 32);
          const hash = all[Math.floor(at / 32)] as Uint8Array;
          hash[at % 32] = (hash[at % 32] as number) ^ (1 << bit);
          return all;
        };
        const index = seed % to;
        const inclusion = { leaf: tree.leaf(index), index, size: to, root: tree.root(to) };
        expect(verifyInclusion({ ...inclusion, path: flipped(tree.inclusionProof(index, to)) }, sha256)).toBe(false);
        const from = 1 + (seed % (to - 1));
        const consistency = { from, to, fromRoot: tree.root(from), toRoot: tree.root(to) };
        expect(verifyConsistency({ ...consistency, path: flipped(tree.consistencyProof(from, to)) }, sha256)).toBe(
          false,
        );
      }),
    );
  });
});

const crypto: NoteCrypto = {
  sha256,
  verifyEd25519: (publicKey, message, signature) => {
    const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
    return verify(null, message, { key: spki, format: "der", type: "spki" }, signature);
  },
};

describe("a signed note", () => {
  // The example of the format's first implementation and of its specification.
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const note = `${text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
  const key = {
    name: "PeterNeumann",
    publicKey: fromBase64("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")?.slice(1) as Uint8Array,
  };

  it("verifies as elsewhere, and only as it was signed", async () => {
    expect(toHex(noteKeyHash(key, sha256))).toBe("c74f20a3");
    const parsed = parseNote(note);
    expect(parsed?.body).toBe(text);
    expect(await verifyNote(parsed!, [key], crypto)).toBe(key);
    expect(await verifyNote({ ...parsed!, body: text.replace("your", "my") }, [key], crypto)).toBeNull();
    expect(await verifyNote(parsed!, [{ ...key, name: "Somebody" }], crypto)).toBeNull();
  });

  it("carries a checkpoint there and back", async () => {
    const pair = generateKeyPairSync("ed25519");
    const pem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
    const { spki, publicKey } = ed25519KeyOf(pem)!;
    expect(keyIdOf(spki, sha256)).toMatch(/^[0-9a-f]{16}$/);
    const origin = ledgerOrigin("plant-a");
    const checkpoint = { origin, size: 8, root: treeOf(8).root(), at: "2026-11-23T08:00:00.000000Z" };
    const body = checkpointBody(checkpoint);
    const signature = sign(null, Buffer.from(body), pair.privateKey);
    const made = signedNote(body, { name: origin, publicKey }, signature, sha256);
    const read = parseCheckpoint(made);
    expect(read).toMatchObject({ ...checkpoint, body });
    expect(await verifyNote(read!, [key, { name: origin, publicKey }], crypto)).toEqual({ name: origin, publicKey });
    const forged = parseCheckpoint(made.replace("\n8\n", "\n7\n"));
    expect(await verifyNote(forged!, [{ name: origin, publicKey }], crypto)).toBeNull();
  });

  it.each([
    ["nothing", ""],
    ["no signature", "a/b\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"],
    ["no size", `a/b\nx\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— a/b ${"A".repeat(92)}\n`],
    [
      "a size with a zero before it",
      `a/b\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— a/b ${"A".repeat(92)}\n`,
    ],
    ["a short root", `a/b\n1\nAAAA\n\n— a/b ${"A".repeat(92)}\n`],
    ["a dash of another kind", `a/b\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n- a/b ${"A".repeat(92)}\n`],
  ])("is no checkpoint with %s", (_, note) => {
    expect(parseCheckpoint(note)).toBeNull();
  });
});

describe("an entry", () => {
  const entry = {
    n: 0,
    at: entryTime(Date.UTC(2026, 10, 23, 8)),
    prev: genesisPrevious,
    type: "recording-open",
    actor: "recorder",
    subject: "019d1a7e-0000-7000-8000-000000000000",
    facts: { text: "a line feed \n and an umlaut ü" },
  };

  it("is one line that reads back", () => {
    const line = formatEntry(entry);
    expect(line).not.toContain("\n");
    expect(parseEntry(line)).toEqual(entry);
    expect(entry.at).toBe("2026-11-23T08:00:00.000000Z");
  });

  it("has a most of bytes, and an order", () => {
    expect(() => formatEntry({ ...entry, facts: { text: "ü".repeat(maxEntryBytes / 2) } })).toThrow(RangeError);
    expect(Object.keys(JSON.parse(formatEntry({ ...entry, address: "local" })))).toEqual([
      "n",
      "at",
      "prev",
      "type",
      "actor",
      "subject",
      "address",
      "facts",
    ]);
    expect(parseEntry("{}")).toBeNull();
    expect(parseEntry("[")).toBeNull();
  });
});
