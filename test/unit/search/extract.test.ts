import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExtractJob, extract } from "../../../recorder/search/extract.ts";
import type { SearchDocument, SearchedSession } from "../../../recorder/search/search-index.ts";
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { exportSource } from "../../support/evidence-plant.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const key = makeSigningKey();
const builder = (protocol: "ssh" | "vnc" = "ssh") =>
  new RecordingBuilder(
    { person: "erika", target: "plc-reactor-01", startedAt: "2026-11-23T02:00:00.000000Z", seed: 7, protocol },
    key,
  );

async function read(
  recording: BuiltRecording,
  more: Partial<ExtractJob> = {},
): Promise<{ documents: SearchDocument[]; about: SearchedSession }> {
  const source = exportSource(recording);
  const job = { open: await source.open(""), index: recording.index, contents: "all" as const, share: 1, ...more };
  const { documents, about } = extract(source, job);
  const all: SearchDocument[] = [];
  for await (const batch of documents) all.push(...batch);
  return { documents: all, about: about() };
}

const of = (documents: readonly SearchDocument[], kind: SearchDocument["kind"]) =>
  documents.filter((one) => one.kind === kind).map(({ session: _session, kind: _kind, ...rest }) => rest);

test("a session is found by who, where, from where and why", async () => {
  const { documents, about } = await read(builder().finish(60_000_000));
  const [session] = of(documents, "session");
  expect(session).toMatchObject({ atUs: 0, text: expect.stringMatching(/^erika · plc-reactor-01 · .*ssh/) });
  expect(about).toMatchObject({ person: "erika", target: "plc-reactor-01", protocol: "ssh", damage: [], leftOut: {} });
});

test("an exec request is a command with its end and exit status; its output and stdin are lines", async () => {
  const made = builder();
  made.channel(0, { request: "exec", command: "show config", pty: false });
  made.event({ t: 1_000_000, type: "channel-open", ch: 0, facts: { request: "exec", command: "show config" } });
  await made.output(0, 2_000_000, "setpoint=42\nmo");
  made.input({ t: 2_500_000, ch: 0, k: "data", d: "reload recipe\n" });
  await made.output(0, 3_000_000, "de=auto\n");
  made.event({ t: 4_000_000, type: "exit", ch: 0, facts: { status: 3 } });
  made.event({ t: 4_100_000, type: "channel-close", ch: 0, facts: {} });
  const { documents } = await read(made.finish(60_000_000));
  expect(of(documents, "command")).toEqual([{ atUs: 1_000_000, endUs: 4_100_000, text: "show config", exitStatus: 3 }]);
  expect(of(documents, "output")).toEqual([
    { atUs: 2_000_000, text: "setpoint=42", track: "terminal-0" },
    { atUs: 2_000_000, text: "mode=auto", track: "terminal-0" },
  ]);
  expect(of(documents, "typed")).toEqual([{ atUs: 2_500_000, text: "reload recipe", track: "terminal-0" }]);
});

test("files with names, bytes and digests; what is counted only on the way is passed over", async () => {
  const made = builder();
  const sha256 = "ab".repeat(32);
  made.file({ t: 1_000_000, ch: 2, op: "open", id: 1, path: "/recipes/a.bin", flags: ["write"] });
  made.file({
    t: 2_000_000,
    ch: 2,
    op: "close",
    id: 2,
    path: "/recipes/a.bin",
    direction: "inbound",
    bytes: 9,
    sha256,
    partial: true,
  });
  made.file({
    t: 3_000_000,
    ch: 2,
    op: "close",
    id: 2,
    path: "/recipes/a.bin",
    direction: "inbound",
    bytes: 12,
    sha256,
    status: "ok",
  });
  made.file({
    t: 4_000_000,
    ch: 2,
    op: "rename",
    id: 3,
    path: "/recipes/a.bin",
    newPath: "/recipes/b.bin",
    status: "permission_denied",
  });
  const { documents } = await read(made.finish(60_000_000));
  expect(of(documents, "file")).toEqual([
    { atUs: 3_000_000, text: "upload /recipes/a.bin", track: "files", digest: sha256, bytes: 12 },
    { atUs: 4_000_000, text: "rename /recipes/a.bin → /recipes/b.bin permission_denied", track: "files" },
  ]);
});

test("keys at a screen are words; clipboard both ways; masked keys and combinations say nothing", async () => {
  const made = builder("vnc");
  let t = 1_000_000;
  const input = (afterUs: number, line: Omit<Parameters<typeof made.input>[0], "t" | "ch">) => {
    t += afterUs;
    made.input({ t, ch: 0, ...line });
  };
  const press = (name: string, d?: string) => {
    input(100_000, { k: "vkey", down: true, name, sym: 1, ...(d === undefined ? {} : { d }) });
    input(10_000, { k: "vkey", down: false, name, sym: 1 });
  };
  for (const character of "open valvex") press(character, character);
  press("BackSpace");
  press("Return");
  input(1, { k: "vkey", down: true, name: "Control_L", sym: 2 });
  press("c", "c");
  input(1, { k: "vkey", down: false, name: "Control_L", sym: 2 });
  press("•");
  press("4", "4");
  press("2", "2");
  input(1, { k: "pointer", x: 1, y: 1, buttons: 1, what: "press" });
  input(1, { k: "clipboard", d: "batch 17" });
  input(1, { k: "clipboard", d: "alarm list", direction: "outbound" });
  const { documents } = await read(made.finish(60_000_000));
  expect(of(documents, "screen-keys").map(({ text, atUs }) => [text, atUs])).toEqual([
    ["open valve", 1_100_000],
    ["42", expect.any(Number)],
  ]);
  expect(of(documents, "clipboard").map(({ text }) => text)).toEqual(["batch 17", "alarm list"]);
});

test("events that say something are found by their words", async () => {
  const made = builder();
  made.event({ t: 1_000_000, type: "session-open", facts: { person: "erika" } });
  made.event({ t: 2_000_000, type: "channel-refused", ch: 1, facts: { request: "x11-req", code: "POLICY_REFUSED" } });
  const { documents } = await read(made.finish(60_000_000));
  expect(of(documents, "event")).toEqual([
    { atUs: 2_000_000, text: "channel-refused x11-req POLICY_REFUSED", track: "events" },
  ]);
});

test("keys and what they show, of a channel in several segments, in the order of time", async () => {
  const made = builder();
  made.channel(0, { request: "shell", pty: true });
  await made.output(0, 1_000_000, "plc$ ");
  for (let i = 0; i < 12; i++) {
    const t = 2_000_000 + i * 5_000_000;
    for (const [n, character] of [..."step"].entries()) {
      made.input({ t: t + n * 1000, ch: 0, k: "text", d: character });
      await made.output(0, t + n * 1000, character);
    }
    made.input({ t: t + 10_000, ch: 0, k: "key", name: "Enter", d: "\r" });
    await made.output(0, t + 20_000, `\r\ndone ${i}\r\nplc$ `);
  }
  const recording = made.finish(120_000_000);
  expect(recording.index.segments.filter(({ track }) => track === "terminal-0").length).toBeGreaterThan(3);
  const { documents } = await read(recording);
  expect(of(documents, "command").map(({ atUs, endUs, text }) => [atUs, endUs, text])).toEqual(
    Array.from({ length: 12 }, (_, i) => [2_010_000 + i * 5_000_000, 2_020_000 + i * 5_000_000, "step"]),
  );
  expect(of(documents, "output").map(({ text }) => text)).toEqual(Array.from({ length: 12 }, (_, i) => `done ${i}`));
});

test("a damaged segment is said, and the rest of the recording is found", async () => {
  const made = builder();
  made.channel(0, { request: "shell", pty: true });
  for (let i = 0; i < 4; i++) await made.output(0, 1_000_000 + i * 15_000_000, `line ${i}\r\n`);
  const recording = made.finish(90_000_000);
  const second = recording.index.segments.filter(({ track }) => track === "terminal-0")[1]!;
  recording.objects.set(second.name, Buffer.from("no segment"));
  const { documents, about } = await read(recording);
  expect(about.damage).toEqual([`${second.name} is not what was recorded`]);
  expect(of(documents, "output").map(({ text }) => text)).toEqual(["line 0", "line 2", "line 3"]);
});

test("without the contents only what is in clear in the store", async () => {
  const made = builder();
  made.channel(0, { request: "shell", pty: true });
  await made.output(0, 1_000_000, "line\r\n");
  const { documents, about } = await read(made.finish(60_000_000), { contents: "session" });
  expect(documents.map(({ kind }) => kind)).toEqual(["session"]);
  expect(about.contents).toBe("session");
});

let flood: BuiltRecording;
beforeAll(async () => {
  const made = builder();
  made.channel(0, { request: "shell", pty: true });
  await made.output(0, 1_000_000, "a\r\n");
  let n = 0;
  for (let i = 0; i < 60; i++) {
    await made.output(0, 2_000_000 + i * 100_000, Array.from({ length: 1_000 }, () => `${n++} row\r\n`).join(""));
  }
  flood = made.finish(120_000_000);
});
afterAll(() => {
  flood.objects.clear();
});

test("of a flood so many lines are in the index and no more, and how many are left out is said", async () => {
  const { documents, about } = await read(flood);
  const lines = of(documents, "output").length;
  expect(lines).toBe(50_000);
  expect(about.leftOut).toEqual({ output: 60_001 - lines });
});

test("a segment that claims to be enormous is not even asked for", async () => {
  const index: RecordingIndex = {
    ...flood.index,
    segments: flood.index.segments.map((meta) => ({ ...meta, rawBytes: 10 ** 10 })),
  };
  const { documents, about } = await read(flood, { index });
  expect(of(documents, "output")).toEqual([]);
  expect(about.damage[0]).toContain("10000000000 bytes");
});

test("what a terminal takes beyond its time is left out and counted; the rest of the recording is read", async () => {
  const made = builder();
  made.channel(0, { request: "exec", command: "show config", pty: false });
  made.event({ t: 1_000_000, type: "channel-open", ch: 0, facts: { request: "exec", command: "show config" } });
  await made.output(0, 2_000_000, "setpoint=42\n");
  const { documents, about } = await read(made.finish(60_000_000), { maxWorkMs: 0 });
  expect(of(documents, "output")).toEqual([]);
  expect(about.leftOut["output"]).toBeGreaterThan(0);
  expect(of(documents, "command")).toMatchObject([{ text: "show config" }]);
});
