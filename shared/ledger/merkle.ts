// The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1) over the ledger's lines: root, inclusion and consistency proofs, and
// their verification. Environment-free: the caller brings SHA-256. Indexes and sizes are integers below 2^53.
import { bytesEqual, type Sha256 } from "./bytes.ts";

const hashBytes = 32;

/** `SHA-256(0x00 ‖ line)`; the line without its line feed. */
export function leafHash(line: Uint8Array, sha256: Sha256): Uint8Array {
  const bytes = new Uint8Array(1 + line.length);
  bytes.set(line, 1);
  return sha256(bytes);
}

/** `SHA-256(0x01 ‖ left ‖ right)`. */
export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array {
  const bytes = new Uint8Array(1 + 2 * hashBytes);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 1 + hashBytes);
  return sha256(bytes);
}

/** Hashes of one level, one after the other in one buffer that grows. */
class Level {
  #bytes: Uint8Array;
  count: number;

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#bytes = bytes.length === 0 ? new Uint8Array(64 * hashBytes) : bytes;
    this.count = bytes.length / hashBytes;
  }

  /** The first of them; they stay as they are while more come. */
  first(count: number): Uint8Array {
    return this.#bytes.subarray(0, count * hashBytes);
  }

  push(hash: Uint8Array): void {
    if (hash.length !== hashBytes) throw new RangeError("a hash has 32 bytes");
    const end = (this.count + 1) * hashBytes;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(hash, end - hashBytes);
    this.count++;
  }

  at(index: number): Uint8Array {
    if (index < 0 || index >= this.count) throw new RangeError("no such node");
    return this.#bytes.slice(index * hashBytes, (index + 1) * hashBytes);
  }
}

/** Keeps the hash of every complete subtree, 64 bytes a leaf: appending costs one hash on average, any proof O(log n). */
export class MerkleTree {
  readonly #sha256: Sha256;
  /** Level k: complete subtrees of 2^k leaves, from the left. */
  readonly #levels: Level[] = [new Level()];

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** From `levels` of another one. RangeError where these are none; that the hashes fit together is not looked at. */
  static restored(sha256: Sha256, levels: readonly Uint8Array[]): MerkleTree {
    const tree = new MerkleTree(sha256);
    const size = (levels[0]?.length ?? 0) / hashBytes;
    const wanted = size === 0 ? 0 : Math.floor(Math.log2(size)) + 1;
    if (levels.length !== wanted) throw new RangeError("a level is missing");
    for (const [k, bytes] of levels.entries()) {
      if (bytes.length !== Math.floor(size / 2 ** k) * hashBytes) throw new RangeError("a level has another length");
      tree.#levels[k] = new Level(bytes);
    }
    return tree;
  }

  /** The hashes of the complete subtrees in the tree of the first `size` leaves, level by level. */
  levels(size: number = this.size): Uint8Array[] {
    this.#mustHold(size);
    const levels: Uint8Array[] = [];
    for (let k = 0; Math.floor(size / 2 ** k) > 0; k++)
      levels.push((this.#levels[k] as Level).first(Math.floor(size / 2 ** k)));
    return levels;
  }

  get size(): number {
    return this.#leaves.count;
  }

  get #leaves(): Level {
    return this.#levels[0] as Level;
  }

  append(leaf: Uint8Array): void {
    this.#leaves.push(leaf);
    for (let k = 0; (this.#levels[k] as Level).count % 2 === 0; k++) {
      const level = this.#levels[k] as Level;
      const above = this.#levels[k + 1] ?? new Level();
      this.#levels[k + 1] = above;
      above.push(nodeHash(level.at(level.count - 2), level.at(level.count - 1), this.#sha256));
    }
  }

  leaf(index: number): Uint8Array {
    return this.#leaves.at(index);
  }

  /** Of the first `size` leaves. */
  root(size: number = this.size): Uint8Array {
    this.#mustHold(size);
    return size === 0 ? this.#sha256(new Uint8Array()) : this.#subtree(0, size);
  }

  /** That the leaf `index` is in the tree of the first `size` leaves. */
  inclusionProof(index: number, size: number = this.size): Uint8Array[] {
    this.#mustHold(size);
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError("no such leaf");
    const path: Uint8Array[] = [];
    let [from, to] = [0, size];
    while (to - from > 1) {
      const middle = from + splitOf(to - from);
      if (index < middle) {
        path.push(this.#subtree(middle, to));
        to = middle;
      } else {
        path.push(this.#subtree(from, middle));
        from = middle;
      }
    }
    return path.reverse();
  }

  /** That the tree of the first `from` leaves is the beginning of that of the first `to`. */
  consistencyProof(from: number, to: number = this.size): Uint8Array[] {
    this.#mustHold(to);
    if (!Number.isSafeInteger(from) || from < 0 || from > to) throw new RangeError("no such earlier tree");
    if (from === 0 || from === to) return [];
    const path: Uint8Array[] = [];
    let [left, right] = [0, to];
    // The old tree is a complete subtree of the new one, whose hash the verifier has.
    let isWhole = true;
    while (from !== right) {
      const middle = left + splitOf(right - left);
      if (from <= middle) {
        path.push(this.#subtree(middle, right));
        right = middle;
      } else {
        path.push(this.#subtree(left, middle));
        left = middle;
        isWhole = false;
      }
    }
    if (!isWhole) path.push(this.#subtree(left, right));
    return path.reverse();
  }

  /** Of the leaves in [from, to); `from` is a multiple of every power of two that the range holds. */
  #subtree(from: number, to: number): Uint8Array {
    const count = to - from;
    const k = Math.log2(count);
    if (Number.isInteger(k)) return (this.#levels[k] as Level).at(from / count);
    const middle = from + splitOf(count);
    return nodeHash(this.#subtree(from, middle), this.#subtree(middle, to), this.#sha256);
  }

  #mustHold(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0 || size > this.size) throw new RangeError("the tree is not so large");
  }
}

/** The largest power of two below `count`, which is at least 2. */
function splitOf(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** RFC 9162 §2.1.3.2. False also for what is no proof at all. */
export function verifyInclusion(
  proof: { leaf: Uint8Array; index: number; size: number; root: Uint8Array; path: readonly Uint8Array[] },
  sha256: Sha256,
): boolean {
  const { leaf, index, size, root, path } = proof;
  if (!areIntegers(index, size) || index >= size || !areHashes(leaf, root, ...path)) return false;
  let [fn, sn] = [index, size - 1];
  let hash = leaf;
  for (const node of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(node, hash, sha256);
      [fn, sn] = shiftedToOdd(fn, sn);
    } else {
      hash = nodeHash(hash, node, sha256);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && bytesEqual(hash, root);
}

/** RFC 9162 §2.1.4.2. False also for what is no proof at all. Every tree begins with the empty one. */
export function verifyConsistency(
  proof: { from: number; to: number; fromRoot: Uint8Array; toRoot: Uint8Array; path: readonly Uint8Array[] },
  sha256: Sha256,
): boolean {
  const { from, to, fromRoot, toRoot, path } = proof;
  if (!areIntegers(from, to) || from > to || !areHashes(fromRoot, toRoot, ...path)) return false;
  if (from === to) return path.length === 0 && bytesEqual(fromRoot, toRoot);
  if (from === 0) return path.length === 0 && bytesEqual(fromRoot, sha256(new Uint8Array()));
  const nodes = Number.isInteger(Math.log2(from)) ? [fromRoot, ...path] : [...path];
  const first = nodes.shift();
  if (first === undefined) return false;
  let [fn, sn] = [from - 1, to - 1];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  let [before, after] = [first, first];
  for (const node of nodes) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      before = nodeHash(node, before, sha256);
      after = nodeHash(node, after, sha256);
      [fn, sn] = shiftedToOdd(fn, sn);
    } else {
      after = nodeHash(after, node, sha256);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && bytesEqual(before, fromRoot) && bytesEqual(after, toRoot);
}

/** Right-shifted until the lowest bit of `fn` is set, or `fn` is 0. */
function shiftedToOdd(fn: number, sn: number): [number, number] {
  let [a, b] = [fn, sn];
  while (a % 2 === 0 && a !== 0) [a, b] = [a / 2, Math.floor(b / 2)];
  return [a, b];
}

function areIntegers(...numbers: number[]): boolean {
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0);
}

function areHashes(...hashes: Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === hashBytes);
}
