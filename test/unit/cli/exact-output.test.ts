import { expect, test } from "vitest";
import { exactOutput } from "../../../recorder/cli/recordings/cat.ts";

function segment(pty: boolean, events: [number, string, string][]): string {
  const conduit = { version: 1, session: "s", track: "terminal-0", index: 0, startUs: 0, firstSeq: 0, pty };
  const lines = [{ version: 2, width: 80, height: 24, conduit }, [0, "o", "\x1bcKEYFRAME"], ...events];
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

function outputOf(text: string): { stdout: string; stderr: string } {
  const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  for (const { stream, bytes } of exactOutput(Buffer.from(text))) parts[stream].push(bytes);
  return {
    stdout: Buffer.concat(parts.stdout).toString("latin1"),
    stderr: Buffer.concat(parts.stderr).toString("latin1"),
  };
}

const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64");

test("the keyframe is no output; stdout and stderr keep apart", () => {
  const text = segment(false, [
    [1, "o", "out\n"],
    [1.5, "r", "100x30"],
    [2, "e", "err\n"],
    [3, "x", "0"],
  ]);
  expect(outputOf(text)).toEqual({ stdout: "out\n", stderr: "err\n" });
});

test("on a pty, the readable copy of exact bytes is skipped, and only that", () => {
  const text = segment(true, [
    [1, "ob", base64("\xff\xfe")],
    [1, "o", "\ufffd\ufffd"],
    [1, "o", "next"],
    [2, "ob", base64("\x80")],
    [2, "o", "\ufffd"],
    [2.5, "o", "end"],
  ]);
  expect(outputOf(text)).toEqual({ stdout: "\xff\xfenext\x80end", stderr: "" });
});

test("without a pty nothing is skipped", () => {
  const text = segment(false, [
    [1, "ob", base64("\xff")],
    [1, "o", "a"],
    [1, "eb", base64("\xfe")],
  ]);
  expect(outputOf(text)).toEqual({ stdout: "\xffa", stderr: "\xfe" });
});
