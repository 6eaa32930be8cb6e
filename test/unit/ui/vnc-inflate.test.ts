// Decompression beside the page: which segment comes first, and what happens where there is no worker.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compress } from "zstd-napi";
import { type InflateAnswer, type InflateRequest, unzstd } from "../../../replay-ui/player/zstd.ts";

const SIZE = 300_000;

function stored(fill: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(compress(Buffer.alloc(SIZE, fill)));
}

class FakeWorker {
  static made: FakeWorker[] = [];
  onmessage: (event: { data: unknown }) => void = () => {};
  onerror: (event: { preventDefault(): void }) => void = () => {};
  readonly asked: InflateRequest[] = [];

  constructor() {
    FakeWorker.made.push(this);
  }

  postMessage(request: InflateRequest): void {
    this.asked.push(request);
  }

  /** Does the job that it was given last. */
  finish(): void {
    const { id, stored: bytes } = this.asked.at(-1)!;
    this.onmessage({ data: { id, raw: unzstd(bytes) } satisfies InflateAnswer });
  }
}

beforeEach(() => {
  FakeWorker.made = [];
  vi.resetModules();
  vi.stubGlobal("Worker", FakeWorker);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const load = () => import("../../../replay-ui/player/inflate.ts");

async function started() {
  const module = await load();
  module.inflateWorker();
  const worker = FakeWorker.made[0]!;
  worker.onmessage({ data: "ready" });
  return { ...module, worker };
}

describe("decompressing in a worker", () => {
  it("takes one segment at a time, the one that was asked for last first", async () => {
    const { inflate, worker } = await started();
    const order: number[] = [];
    const jobs = [1, 2, 3].map((fill) =>
      inflate(stored(fill), "zstd", SIZE).then((raw) => {
        order.push(raw[0]!);
      }),
    );
    await Promise.resolve();
    expect(worker.asked).toHaveLength(1);
    for (let i = 0; i < 3; i++) worker.finish();
    await Promise.all(jobs);
    expect(order).toEqual([1, 3, 2]);
  });

  it("does small segments here, and all of them until the worker runs", async () => {
    const { inflate, inflateWorker } = await load();
    inflateWorker();
    expect((await inflate(stored(4), "zstd", SIZE))[0]).toBe(4);
    FakeWorker.made[0]!.onmessage({ data: "ready" });
    const small = new Uint8Array(compress(Buffer.from("small")));
    expect(Buffer.from(await inflate(small, "zstd", 5)).toString()).toBe("small");
    expect(FakeWorker.made[0]!.asked).toEqual([]);
  });

  it("goes on here when the worker fails", async () => {
    const { inflate, worker } = await started();
    const jobs = [5, 6].map((fill) => inflate(stored(fill), "zstd", SIZE));
    const damaged = inflate(new Uint8Array([1, 2, 3]), "zstd", SIZE);
    await Promise.resolve();
    worker.onerror({ preventDefault() {} });
    expect((await Promise.all(jobs)).map((raw) => raw[0])).toEqual([5, 6]);
    await expect(damaged).rejects.toThrow();
    expect((await inflate(stored(7), "zstd", SIZE))[0]).toBe(7);
    expect(worker.asked).toHaveLength(1);
  });

  it("passes on what the worker says of damaged bytes", async () => {
    const { inflate, worker } = await started();
    const job = inflate(stored(8), "zstd", SIZE);
    await Promise.resolve();
    worker.onmessage({ data: { id: worker.asked[0]!.id, error: "invalid zstd data" } satisfies InflateAnswer });
    await expect(job).rejects.toThrow("invalid zstd data");
  });
});
