// Who typed what stands with it in the input track, also of secrets, and nothing of two people is put together.
import { afterAll, expect, it } from "vitest";
import { splitTypist, withTypist } from "../../../recorder/record/journal/format.ts";
import { facts, readRecording, removeBases, startRecorder } from "./recorder-under-test.ts";

afterAll(removeBases);

it("a name goes before the bytes and comes off again, whatever letters it has", () => {
  for (const name of ["emil", "Zoë-Ω", "x".repeat(255)]) {
    const { by, data } = splitTypist(Buffer.from(withTypist(name, Buffer.from("ls\r"))));
    expect([by, data.toString()]).toEqual([name, "ls\r"]);
  }
});

it("stands with each line, with secrets as well, and a key begun by one is none of the other's", async () => {
  const under = await startRecorder();
  try {
    const session = await under.recorder.open(facts());
    const types = (text: string, by?: string) =>
      session.append({ type: "input", channel: 0, data: Buffer.from(text), ...(by === undefined ? {} : { by }) });
    const shows = (text: string) =>
      session.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(text) });
    session.append({ type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
    for (const key of "id") {
      types(key);
      shows(key);
    }
    // The beginning of a cursor key, and then somebody else's letter.
    types("\x1b[");
    types("A", "emil");
    shows("A");
    types("\r", "emil");
    shows("\r\nPassword: ");
    for (const key of "Hall-3-secret") types(key, "emil");
    types("\r", "emil");
    shows("\r\n$ ");
    types("\x03");
    await session.close("client-closed");
    await under.recorder.stop();
    const stored = readRecording(under.store, session.session);
    expect(stored.input().map(({ k, d, name, by }) => [k, name ?? d, by])).toEqual([
      ["text", "i", undefined],
      ["text", "d", undefined],
      ["key", "Unknown", undefined],
      ["text", "A", "emil"],
      ["key", "Enter", "emil"],
      ["secret", "[secret]", "emil"],
      ["key", "Enter", "emil"],
      ["key", "Ctrl+C", undefined],
    ]);
    expect(stored.text(stored.names.find((name) => name.startsWith("input/")) ?? "")).not.toContain("Hall-3-secret");
    // Each change of hands begins a number of its own.
    const numbers = stored.input().map(({ s, by }) => `${s} ${by ?? ""}`);
    expect(new Set(numbers.map((one) => one.split(" ")[0])).size).toBeGreaterThan(4);
  } finally {
    await under.stop();
  }
});
