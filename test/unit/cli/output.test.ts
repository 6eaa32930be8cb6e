import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { formatDuration, Output, printable } from "../../../recorder/cli/output.ts";

test("control and bidirectional characters of data do not reach the terminal", () => {
  expect(printable("a\x1b[31mb\nc\u202ed\u0085é漢")).toBe("a\\x1b[31mb\\x0ac\\u202ed\\x85é漢");
});

test("a table aligns, numbers to the right, and shows nothing as a dash", () => {
  const stream = new PassThrough();
  new Output(stream).table(
    ["NAME", "KEYS"],
    [
      ["a\tb", 7],
      ["longer", 123],
      ["", 0],
    ],
  );
  expect(String(stream.read())).toBe("NAME    KEYS\na\\x09b     7\nlonger   123\n           0\n");
});

test("when the reader leaves, writing ends without an error", async () => {
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
  });
  const output = new Output(stream);
  await output.write("first");
  await new Promise((resolve) => setImmediate(resolve));
  expect(output.closed).toBe(true);
  await output.write("second");
  output.line("third");
});

test("writing waits for a slow reader", async () => {
  const stream = new PassThrough({ highWaterMark: 4 });
  const output = new Output(stream);
  let written = false;
  const writing = output.write("more than four bytes").then(() => {
    written = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBe(false);
  stream.resume();
  await writing;
  expect(written).toBe(true);
});

test.each([
  [0, "0.0 s"],
  [12_340_000, "12.3 s"],
  [245_000_000, "4 min 05 s"],
  [7_380_000_000, "2 h 03 min"],
])("%d µs is %s", (us, text) => expect(formatDuration(us)).toBe(text));
