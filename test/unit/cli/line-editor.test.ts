import { expect, test } from "vitest";
import { completions } from "../../../recorder/cli/demo/commands.ts";
import { KeyDecoder } from "../../../recorder/cli/demo/keys.ts";
import { LineEditor } from "../../../recorder/cli/demo/line-editor.ts";

async function typed(input: string, echo = true) {
  let screen = "";
  const editor = new LineEditor(
    (text) => {
      screen += text;
    },
    (text) => completions.filter((word) => word.startsWith(text)).map((word) => word.trimEnd()),
  );
  const decoder = new KeyDecoder();
  const lines: { kind: string; text: string }[] = [];
  let done = editor.read("> ", echo);
  for (const byte of Buffer.from(input, "utf8")) {
    for (const key of decoder.feed(Buffer.from([byte]))) {
      let finished: { kind: string; text: string } | null = null;
      void done.then((line) => {
        finished = line;
      });
      editor.key(key);
      await Promise.resolve();
      await Promise.resolve();
      if (finished !== null) {
        lines.push(finished);
        done = editor.read("> ", echo);
      }
    }
  }
  return { lines, screen };
}

const texts = async (input: string) => (await typed(input)).lines.map(({ text }) => text);

test.each([
  ["plain", "show status\r", "show status"],
  ["backspace", "shwo\x7f\x7fow\r", "show"],
  ["backspace of an umlaut", "ü\x7fu\r", "u"],
  ["cursor left and insert", "ac\x1b[Db\r", "abc"],
  ["application cursor keys", "ac\x1bODb\r", "abc"],
  ["home and delete", "xab\x1b[H\x1b[3~\r", "ab"],
  ["Ctrl-A, Ctrl-E", "b\x01a\x05c\r", "abc"],
  ["Ctrl-U", "wrong\x15right\r", "right"],
  ["Ctrl-W", "read TIC-101 x\x17\x17TIC-102\r", "read TIC-102"],
  ["unknown sequences change nothing", "a\x1b[99~\x1b[5;3Rb\r", "ab"],
  ["tab completes", "hel\t\r", "help "],
  ["a paste does not run by itself", "\x1b[200~one\rtwo\x1b[201~\r", "one two"],
])("%s", async (_name, input, expected) => expect(await texts(input)).toEqual([expected]));

test("history goes up and down, and repeats nothing twice", async () => {
  expect(await texts("one\rtwo\rtwo\r\x1b[A\x1b[A\r\x1b[A\x1b[B\r")).toEqual(["one", "two", "two", "one", ""]);
});

test("Ctrl-C drops the line, Ctrl-D ends only on an empty one", async () => {
  expect((await typed("abc\x03\x04")).lines).toEqual([
    { kind: "interrupt", text: "abc" },
    { kind: "end", text: "" },
  ]);
  expect((await typed("a\x04b\r")).lines).toEqual([{ kind: "line", text: "ab" }]);
});

test("without echo nothing of the line shows, and history does not keep it", async () => {
  const { lines, screen } = await typed("hunter2\x7f2\x1b[A\t\x0c\r", false);
  expect(lines).toEqual([{ kind: "line", text: "hunter2" }]);
  expect(screen).not.toMatch(/h|u|n|t|e(?!s)|2(?!J)/);
});
