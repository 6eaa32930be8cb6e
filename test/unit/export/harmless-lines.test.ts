import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

test("JSON lines hold neither C1 controls nor changes of direction, and mean the same", async () => {
  const key = makeSigningKey();
  const hostile = "a\u202eb\u009b6n\u2066c\u007f\u200f";
  const builder = new RecordingBuilder(
    { person: "jane", target: "plc-reactor-01", startedAt: "2026-11-23T10:00:00.000000Z", seed: 3 },
    key,
  );
  builder.event({ t: 0, type: "session-open", facts: {} });
  builder.channel(0, { request: "shell", pty: true });
  await builder.output(0, 1_000, hostile);
  const built = await builder.finish();
  const store = new MemoryStore();
  store.addRecording(built);
  const reader = new RecordingReader({
    store,
    trustedKeys: () => new Map([[key.keyId, key.publicKeyPem]]),
    live: { live: () => undefined, spooled: async () => null },
  });
  const exporter = new RecordingExporter(reader, () => []);
  const lines = await text((await exporter.export(built.index.session, "jsonl")).body);
  expect(lines).not.toMatch(/[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
  const shown = lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { k?: string; d?: string });
  expect(shown.find(({ k }) => k === "o")?.d).toBe(hostile);
});
