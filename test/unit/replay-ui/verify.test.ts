import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { findBrokenLink } from "../../../replay-ui/verify/chain.ts";
import { Integrity, overallVerdict } from "../../../replay-ui/verify/integrity.ts";
import { fromHex, sha256, sha256Hex, toHex } from "../../../replay-ui/verify/sha256.ts";
import { checkSignatures } from "../../../replay-ui/verify/signatures.ts";
import type { SigningKey as PublicKey } from "../../../shared/api/types.ts";
import { memorySource } from "../../support/memory-source.ts";
import { type BuiltRecording, makeSigningKey, type SigningKey } from "../../support/recording-builder.ts";
import { LiveScene, maintenanceScene } from "../../support/recording-scenes.ts";

const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };
let key: SigningKey;
let recording: BuiltRecording;

beforeAll(async () => {
  key = makeSigningKey();
  recording = await maintenanceScene(facts, key);
});

function published(of: SigningKey): PublicKey[] {
  return [{ keyId: of.keyId, algorithm: "ed25519", publicKeyPem: of.publicKeyPem }];
}

function check(of: BuiltRecording, keys: PublicKey[] = published(key)) {
  const source = memorySource(of);
  return checkSignatures(of.index, { object: source.object, keys: async () => keys });
}

/** The same recording with one object replaced. */
function withObject(name: string, bytes: Buffer): BuiltRecording {
  return { ...recording, objects: new Map(recording.objects).set(name, bytes) };
}

describe("SHA-256", () => {
  it("agrees with Node's on every length around block boundaries, and on a large input", async () => {
    for (const length of [...Array(200).keys(), 4_095, 4_096, 100_003]) {
      const bytes = new Uint8Array(length).map((_, i) => (i * 31 + length) % 256);
      const expected = createHash("sha256").update(bytes).digest("hex");
      expect(toHex(sha256(bytes))).toBe(expected);
      expect(await sha256Hex(bytes)).toBe(expected);
    }
  });

  it("reads a view into a larger buffer", () => {
    const whole = new Uint8Array(100).map((_, i) => i);
    expect(toHex(sha256(whole.subarray(10, 80)))).toBe(
      createHash("sha256").update(whole.subarray(10, 80)).digest("hex"),
    );
  });

  it("reads back what it writes as hex", () => {
    expect(toHex(fromHex("00ff10a5"))).toBe("00ff10a5");
  });
});

describe("the chain", () => {
  it("holds for a whole recording, at once and continued", () => {
    const { openSha256, segments } = recording.index;
    expect(findBrokenLink(openSha256, segments)).toBeNull();
    expect(findBrokenLink(openSha256, segments, 7)).toBeNull();
  });

  it("breaks where a hash, a link or a number was changed, and with another OPEN record", () => {
    const { openSha256, segments } = recording.index;
    const other = "ab".repeat(32);
    const changed = (n: number, change: object) => segments.map((s) => (s.n === n ? { ...s, ...change } : s));
    expect(findBrokenLink(openSha256, changed(4, { sha256: other }))?.n).toBe(4);
    expect(findBrokenLink(openSha256, changed(4, { link: other }))?.n).toBe(4);
    expect(findBrokenLink(openSha256, changed(4, { n: 5 }))?.n).toBe(4);
    expect(findBrokenLink(openSha256, segments.toSpliced(3, 1))?.n).toBe(3);
    expect(findBrokenLink(other, segments)?.n).toBe(0);
  });
});

describe("signatures", () => {
  it("verifies the OPEN record and the manifest", async () => {
    expect(await check(recording)).toEqual({ state: "valid", keyId: key.keyId });
  });

  it("finds a manifest that was changed and is not signed anew", async () => {
    const manifest = JSON.parse(recording.objects.get("manifest.json")!.toString());
    const changed = Buffer.from(JSON.stringify({ ...manifest, endReason: "target-closed" }));
    expect(await check(withObject("manifest.json", changed))).toMatchObject({ state: "invalid" });
  });

  it("finds an index that differs from the signed manifest", async () => {
    const segments = recording.index.segments.map((s) => (s.n === 2 ? { ...s, endUs: s.endUs + 1 } : s));
    const verdict = await check({ ...recording, index: { ...recording.index, segments } });
    expect(verdict).toEqual({
      state: "invalid",
      message: "Segment 2 of the index differs from the manifest in “endUs”.",
    });
    const shorter = { ...recording.index, segments: recording.index.segments.slice(0, -1) };
    expect(await check({ ...recording, index: shorter })).toMatchObject({ state: "invalid" });
    const noGaps = { ...recording.index, gaps: [{ fromUs: 1, toUs: 2, reason: "x" }] };
    expect(await check({ ...recording, index: noGaps })).toMatchObject({ state: "invalid" });
  });

  it("finds an OPEN record that is not the chain's", async () => {
    const open = Buffer.concat([recording.objects.get("open.json")!, Buffer.from(" ")]);
    expect(await check(withObject("open.json", open))).toMatchObject({ state: "invalid" });
  });

  it("refuses a key that the recorder does not know, and a signature by another key", async () => {
    const stranger = makeSigningKey();
    expect(await check(recording, published(stranger))).toMatchObject({ state: "invalid" });
    const swapped = [{ ...published(key)[0]!, publicKeyPem: stranger.publicKeyPem }];
    expect(await check(recording, swapped)).toEqual({
      state: "invalid",
      message: "The signature of open.json does not verify.",
    });
  });

  it("needs only the OPEN record while the session goes on", async () => {
    const live = await new LiveScene({ ...facts, seed: 6 }, key).growTo(25);
    expect(live.objects.has("manifest.json")).toBe(false);
    expect(await check(live)).toEqual({ state: "valid", keyId: key.keyId });
  });
});

describe("the overall verdict", () => {
  it("is good only when every segment, the chain and the signatures were checked", () => {
    const integrity = new Integrity(recording.index);
    integrity.checkChain(recording.index);
    integrity.reportSignature({ state: "valid", keyId: key.keyId });
    expect(overallVerdict(integrity.state.get())).toBe("partial");
    for (const segment of recording.index.segments) integrity.reportVerified(segment.n);
    expect(overallVerdict(integrity.state.get())).toBe("good");
    integrity.reportBad(3, "changed");
    expect(overallVerdict(integrity.state.get())).toBe("bad");
    expect(integrity.state.get().verified).toBe(recording.index.segments.length - 1);
  });

  it("is bad when the recorder says that the signed records do not hold", () => {
    const integrity = new Integrity({ ...recording.index, faults: ["manifest.json does not match its signature"] });
    expect(overallVerdict(integrity.state.get())).toBe("bad");
  });

  it("is bad when what was said of a segment changes while the recording is open", async () => {
    const scene = new LiveScene({ ...facts, seed: 7 }, key);
    const early = (await scene.growTo(25)).index;
    const integrity = new Integrity(early);
    integrity.checkChain(early);
    const later = (await scene.growTo(60)).index;
    expect(later.segments.length).toBeGreaterThan(early.segments.length);
    integrity.checkChain(later);
    expect(integrity.state.get().chain.state).toBe("whole");
    const rewritten = (await new LiveScene({ ...facts, seed: 8 }, key).growTo(60)).index;
    integrity.checkChain(rewritten);
    expect(overallVerdict(integrity.state.get())).toBe("bad");
  });
});
