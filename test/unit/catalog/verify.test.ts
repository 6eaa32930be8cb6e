import { createHash, sign } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { decompressSegment, SegmentCompressor } from "../../../recorder/store/codec.ts";
import { AppError } from "../../../shared/errors.ts";
import { chainLink } from "../../../shared/manifest/chain.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { checksumsOf, MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const key = makeSigningKey();
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

let store: MemoryStore;
let built: BuiltRecording;
let prefix: string;

beforeEach(async () => {
  store = new MemoryStore();
  built = await record();
  prefix = store.addRecording(built);
});

async function record(): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(
    { person: "jane", target: "plc-reactor-01", startedAt: "2026-11-23T10:00:00.000000Z", seed: 7 },
    key,
  );
  builder.event({ t: 0, type: "session-open", facts: {} });
  builder.channel(0, { request: "shell", pty: true });
  for (let second = 1; second < 35; second++) {
    builder.input({ t: second * 1_000_000, ch: 0, k: "text", d: "a" });
    await builder.output(0, second * 1_000_000 + 900, "a");
  }
  await builder.exit(0, 35_000_000, 0);
  return builder.finish();
}

function verifier(
  options: { keys?: Map<string, string>; pending?: boolean; thread?: boolean } = {},
): RecordingVerifier {
  return new RecordingVerifier({
    store,
    trustedKeys: () => options.keys ?? new Map([[key.keyId, key.publicKeyPem]]),
    isPending: () => options.pending === true,
    thread: options.thread === true,
  });
}

const verify = (options = {}) => verifier(options).verify(built.index.session);

function bytesOf(name: string): Buffer {
  return Buffer.from(store.objects.get(prefix + name) ?? "");
}

function flip(name: string): void {
  const bytes = bytesOf(name);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  store.objects.set(prefix + name, bytes);
}

/** What somebody with the signing key could do: change the manifest and sign it again, sums and all. */
function resign(change: (manifest: Manifest) => void): void {
  const manifest = Manifest.parse(JSON.parse(bytesOf("manifest.json").toString()));
  change(manifest);
  const bytes = Buffer.from(JSON.stringify(manifest));
  store.objects.set(`${prefix}manifest.json`, bytes);
  store.objects.set(`${prefix}manifest.json.sig`, sign(null, bytes, key.privateKey));
  resum();
}

function resum(): void {
  const objects = new Map(
    [...store.objects]
      .map(([name, bytes]) => [name.slice(prefix.length), bytes] as const)
      .filter(([name]) => name !== "SHA256SUMS"),
  );
  store.objects.set(`${prefix}SHA256SUMS`, Buffer.from(checksumsOf(objects)));
}

function rechain(manifest: Manifest): void {
  let link = manifest.openSha256;
  for (const segment of manifest.segments) {
    segment.link = chainLink(link, segment.sha256, sha256);
    link = segment.link;
  }
}

/** Replaces a segment's text and makes hash, chain, manifest and sums agree with it. */
function rewrite(n: number, change: (text: string) => string): void {
  resign((manifest) => {
    const meta = manifest.segments[n];
    if (meta === undefined) throw new Error(`no segment ${n}`);
    const raw = Buffer.from(change(Buffer.from(decompressSegment(bytesOf(meta.name), meta.codec)).toString()));
    const compressor = new SegmentCompressor(3, meta.codec);
    compressor.add(raw);
    const stored = compressor.finish();
    store.objects.set(prefix + meta.name, stored);
    Object.assign(meta, { bytes: stored.length, rawBytes: raw.length, sha256: sha256(stored).toString("hex") });
    rechain(manifest);
  });
}

describe("a recording as it was written", () => {
  it("is VALID, every byte of it read", async () => {
    const report = await verify();
    expect(report).toEqual({
      session: built.index.session,
      verdict: "VALID",
      checkedBytes: [...store.objects.values()].reduce((sum, bytes) => sum + bytes.length, 0),
      checkedSegments: built.index.segments.length,
      keyId: key.keyId,
      findings: [],
    });
    expect(built.index.segments.length).toBeGreaterThan(6);
  });

  it("is VALID whichever order an interleaved read takes, and reports progress after each segment", async () => {
    const steps = [];
    for await (const step of verifier().run(built.index.session)) steps.push(step.checkedSegments);
    expect(steps).toEqual(built.index.segments.map((_, i) => i + 1));
  });

  it("stops when told to", async () => {
    const abort = new AbortController();
    const run = verifier().run(built.index.session, abort.signal);
    await run.next();
    abort.abort(new Error("enough"));
    await expect(
      (async () => {
        for await (const _ of run);
      })(),
    ).rejects.toThrow("enough");
  });
});

describe("one changed byte", () => {
  it("is found in every single object", async () => {
    for (const name of [...store.objects.keys()].map((k) => k.slice(prefix.length))) {
      const before = new Map(store.objects);
      flip(name);
      const report = await verify();
      expect([name, report.verdict]).toEqual([name, "TAMPERED"]);
      const places = report.findings.map((finding) => finding.place).join(" ");
      expect([name, places]).toEqual([
        name,
        expect.stringMatching(name.startsWith("SHA256SUMS") ? /SHA256SUMS/ : name.replace(/\.sig$/, "")),
      ]);
      store.objects.clear();
      for (const [k, bytes] of before) store.objects.set(k, bytes);
    }
  });

  it("in two segments is two findings with their places, and the rest is still checked", async () => {
    const [first, second] = [built.index.segments[1]!, built.index.segments[4]!];
    flip(first.name);
    flip(second.name);
    const report = await verify();
    expect(report.checkedSegments).toBe(built.index.segments.length);
    const hashes = report.findings.filter(
      (finding) => finding.code === "INTEGRITY_HASH" && finding.place !== "SHA256SUMS",
    );
    expect(hashes.map((finding) => finding.place)).toEqual([first.name, second.name]);
  });
});

describe("what is taken away", () => {
  it("is MISSING by name", async () => {
    for (const name of [
      "open.json",
      "open.json.sig",
      "manifest.json.sig",
      "SHA256SUMS",
      built.index.segments[2]!.name,
    ]) {
      const bytes = bytesOf(name);
      store.objects.delete(prefix + name);
      const report = await verify();
      expect([name, report.verdict]).toEqual([name, "MISSING"]);
      expect(
        report.findings.filter((finding) => finding.code === "STORE_NOT_FOUND").map((finding) => finding.place),
      ).toEqual([name]);
      store.objects.set(prefix + name, bytes);
    }
  });

  it("counts as MISSING, not as never sealed, when only the manifest is gone", async () => {
    store.objects.delete(`${prefix}manifest.json`);
    expect((await verify()).verdict).toBe("MISSING");
  });

  it("is the whole recording", async () => {
    store.objects.clear();
    const report = await verify();
    expect(report.verdict).toBe("MISSING");
    expect(report.findings[0]).toMatchObject({ place: "open.json", code: "STORE_NOT_FOUND" });
  });
});

describe("a recording without an end", () => {
  beforeEach(() => {
    for (const name of ["manifest.json", "manifest.json.sig", "SHA256SUMS"]) store.objects.delete(prefix + name);
  });

  it("is INCOMPLETE when it was never sealed", async () => {
    const report = await verify();
    expect(report.verdict).toBe("INCOMPLETE");
    expect(report.findings.map((finding) => finding.place)).toEqual([
      "manifest.json",
      "manifest.json.sig",
      "SHA256SUMS",
    ]);
  });

  it("is INCOMPLETE while it is in progress, and a broken OPEN record is still found", async () => {
    expect((await verify({ pending: true })).verdict).toBe("INCOMPLETE");
    flip("open.json");
    expect((await verify({ pending: true })).verdict).toBe("TAMPERED");
  });
});

describe("SHA256SUMS in other words", () => {
  const first = () => String(bytesOf("SHA256SUMS")).split("\n")[0] ?? "";
  const ways: [string, (text: string) => string][] = [
    ["a blank line", (text) => `${text}\n`],
    ["a line twice", (text) => `${text}${first()}\n`],
    ["a mark of binary", (text) => text.replaceAll("  ", " *")],
    ["a wrong line before the right one", (text) => `${"0".repeat(64)}${first().slice(64)}\n${text}`],
    ["another order", (text) => `${text.split("\n").filter(Boolean).reverse().join("\n")}\n`],
    ["no end of the last line", (text) => text.trimEnd()],
    ["line ends of another system", (text) => text.replaceAll("\n", "\r\n")],
  ];
  it.each(ways)("is found: %s", async (_what, change) => {
    store.objects.set(`${prefix}SHA256SUMS`, Buffer.from(change(String(bytesOf("SHA256SUMS")))));
    const report = await verify();
    expect(report.verdict).toBe("TAMPERED");
    expect(new Set(report.findings.map((finding) => finding.place))).toContain("SHA256SUMS");
  });
});

describe("what cannot be read as an object", () => {
  it("is a finding with its place, and the rest is checked", async () => {
    const { name } = built.index.segments[1]!;
    const get = store.get.bind(store);
    store.get = (asked, options) => {
      if (asked !== prefix + name) return get(asked, options);
      throw new AppError("STORE_REFUSED", "a link", { op: "store.get", details: { errno: "ELOOP" } });
    };
    const report = await verify();
    expect(report).toMatchObject({ verdict: "TAMPERED", checkedSegments: built.index.segments.length - 1 });
    expect(report.findings).toEqual([expect.objectContaining({ place: name, code: "STORE_REFUSED" })]);
  });

  it("is none when the store refuses everything", async () => {
    store.get = () => Promise.reject(new AppError("STORE_REFUSED", "bad credentials", { op: "store.get" }));
    await expect(verify()).rejects.toMatchObject({ code: "STORE_REFUSED" });
  });
});

describe("a recording in two places", () => {
  it("is not VALID", async () => {
    const builder = new RecordingBuilder(
      { person: "jane", target: "plc-reactor-01", startedAt: "2026-11-23T00:10:00.000000Z", seed: 8 },
      key,
    );
    builder.event({ t: 0, type: "session-open", facts: {} });
    const other = await builder.finish();
    const place = store.addRecording(other);
    expect((await verifier().verify(other.index.session)).verdict).toBe("VALID");
    const second = place.replace("2026/11/23", "2026/11/22");
    for (const [name, bytes] of [...store.objects])
      if (name.startsWith(place)) store.objects.set(name.replace(place, second), bytes);
    const copied = await verifier().verify(other.index.session);
    expect([copied.verdict, copied.findings.map((finding) => finding.place)]).toEqual(["TAMPERED", [second]]);
    for (const name of [...store.objects.keys()]) if (name.startsWith(place)) store.objects.delete(name);
    expect((await verifier().verify(other.index.session)).verdict).toBe("TAMPERED");
  });
});

describe("what is added", () => {
  it("is found", async () => {
    store.objects.set(`${prefix}terminal-0/000099.cast.zst`, Buffer.from("x"));
    const report = await verify();
    expect(report.verdict).toBe("TAMPERED");
    expect(report.findings[0]).toMatchObject({ place: "terminal-0/000099.cast.zst" });
  });
});

describe("keys", () => {
  it("that are not trusted prove nothing, though every signature holds", async () => {
    const other = makeSigningKey();
    const report = await verify({ keys: new Map([[other.keyId, other.publicKeyPem]]) });
    expect(report.verdict).toBe("TAMPERED");
    expect(report.findings.map((finding) => finding.code)).toEqual(["INTEGRITY_SIGNATURE", "INTEGRITY_SIGNATURE"]);
    expect(report.findings[0]?.message).toContain(key.keyId);
  });

  it("do not lend their name to another key", async () => {
    const other = makeSigningKey();
    expect((await verify({ keys: new Map([[key.keyId, other.publicKeyPem]]) })).verdict).toBe("TAMPERED");
  });
});

describe("a manifest signed by the right key that does not agree with itself", () => {
  const place = async () => (await verify()).findings.map((finding) => finding.message).join("\n");

  it("a chain that was not carried on", async () => {
    resign((manifest) => {
      manifest.segments[3]!.link = "0".repeat(64);
    });
    const report = await verify();
    expect(report.findings.map((finding) => finding.message)).toEqual([
      expect.stringContaining("breaks at segment 3"),
      expect.stringContaining("breaks at segment 4"),
    ]);
  });

  it("another OPEN record", async () => {
    resign((manifest) => {
      manifest.openSha256 = "1".repeat(64);
      rechain(manifest);
    });
    expect((await verify()).findings).toEqual([
      expect.objectContaining({ place: "open.json", code: "INTEGRITY_HASH" }),
    ]);
  });

  it("a segment left out, chain and all", async () => {
    const dropped = built.index.segments.find((segment) => segment.track === "input" && segment.index === 1)!;
    resign((manifest) => {
      manifest.segments.splice(dropped.n, 1);
      for (const [n, segment] of manifest.segments.entries()) segment.n = n;
      rechain(manifest);
    });
    const report = await verify();
    expect(report.verdict).toBe("TAMPERED");
    expect(report.findings.map((finding) => finding.place)).toContain(dropped.name);
    store.objects.delete(prefix + dropped.name);
    resum();
    expect(await place()).toMatch(/of input; 1 was due/);
  });

  it("a name that points elsewhere", async () => {
    resign((manifest) => {
      manifest.segments[0]!.name = "../../../keys/secret.pem";
    });
    expect(await place()).toContain('segment 0 has the name "../../../keys/secret.pem"');
  });

  it("a line taken out of a segment", async () => {
    const n = built.index.segments.findIndex((segment) => segment.track === "input" && segment.events > 3);
    rewrite(n, (text) => text.split("\n").toSpliced(2, 1).join("\n"));
    expect(await place()).toMatch(/number of events is/);
  });

  it("numbers of events that no segment covers", async () => {
    resign((manifest) => {
      for (const segment of manifest.segments)
        if (segment.firstSeq > 30) segment.firstSeq = Math.min(segment.firstSeq + 9, segment.lastSeq);
    });
    expect(await place()).toMatch(/events \d+ to \d+ are in no track/);
  });

  it("but not numbers that were lost where a gap is stated", async () => {
    const first = built.index.segments.filter((segment) => segment.firstSeq > 30);
    const hole = (gap: { fromUs: number; toUs: number }) =>
      resign((manifest) => {
        for (const segment of manifest.segments)
          if (segment.firstSeq > 30) segment.firstSeq = Math.min(segment.firstSeq + 9, segment.lastSeq);
        manifest.gaps = [{ ...gap, reason: "journal-hole" }];
      });
    const startUs = Math.min(...first.map((segment) => segment.startUs));
    hole({ fromUs: startUs, toUs: 35_000_000 });
    expect(await place()).not.toMatch(/are in no track/);
    hole({ fromUs: 0, toUs: 10 });
    expect(await place()).toMatch(/are in no track, and no gap is stated/);
  });

  it("a segment of another session", async () => {
    rewrite(0, (text) => text.replace(built.index.session, "01912345-0000-7000-8000-000000000000"));
    expect(await place()).toContain("says that its session is");
  });

  it("time that runs backwards", async () => {
    const n = built.index.segments.findIndex((segment) => segment.track === "input");
    rewrite(n, (text) => text.replace('"t":3000000', '"t":1500000'));
    expect(await place()).toContain("goes back in time at event 2");
  });
});

it("comes to the same in a thread of its own", async () => {
  expect(await verify({ thread: true })).toEqual(await verify());
  rewrite(1, (text) => text.replace(built.index.session, "01912345-0000-7000-8000-000000000000"));
  flip(built.index.segments[2]!.name);
  const report = await verify({ thread: true });
  expect(report.findings.length).toBeGreaterThan(2);
  expect(report).toEqual(await verify());
});

it("passes on that the store does not answer, instead of calling the recording damaged", async () => {
  store.get = async () => {
    throw Object.assign(new Error("the store does not answer"), { code: "STORE_UNAVAILABLE" });
  };
  await expect(verify()).rejects.toThrow("the store does not answer");
});
