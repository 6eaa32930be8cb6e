// The encrypted recording of test/golden/recording-3 stays readable: by this software, and by the commands that
// docs/recording-format.md gives to others. Nothing under recording-3 may be changed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkSegmentContent } from "../../recorder/catalog/verify-segment.ts";
import { decryptFolder } from "../../recorder/encryption/folder.ts";
import { RecordingKeys } from "../../recorder/encryption/recording-keys.ts";
import { decompressSegment } from "../../recorder/store/codec.ts";
import { InputLine } from "../../shared/events/stored.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { parseJsonSegment, parseTerminalSegment } from "../../shared/segment/parse.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";

const folder = fileURLToPath(new URL("./recording-3", import.meta.url));
const read = (name: string) => readFileSync(join(folder, name));
const identity = (name: string) => read(`${name}.key`).toString().trim();
const manifest = Manifest.parse(JSON.parse(read("manifest.json").toString()));
const open = OpenRecord.parse(JSON.parse(read("open.json").toString()));

const screen = "plc-1$ cat drehzahl.txt\r\n1450 U/min — Sollwert\r\nplc-1$ su\r\nPassword: \r\n# ";

let temporary: TempDir;
beforeAll(async () => {
  temporary = await createTempDir("golden");
});
afterAll(() => temporary.remove());

describe("an encrypted recording", () => {
  it("says in its OPEN record to whom", () => {
    expect(open.encryption).toMatchObject({ scheme: "conduit-seal/1", serviceKey: "2027-02" });
    expect(manifest.segments.map(({ name, encryption }) => `${encryption} ${name}`)).toEqual([
      "content terminal-0/000000.cast.zst.enc",
      "content events/000000.jsonl.zst.enc",
      "content terminal-0/000001.cast.zst.enc",
      "input input/000000.jsonl.zst.enc",
      "content events/000001.jsonl.zst.enc",
    ]);
  });

  it("holds, in every segment, what its manifest says", async () => {
    const keys = await RecordingKeys.of([identity("month")]).keysOf(open, ["content", "input"]);
    for (const meta of manifest.segments) {
      const key = keys[meta.encryption ?? "content"];
      expect(key).toBeDefined();
      expect(checkSegmentContent(manifest.session, meta, read(meta.name), true, key)).toEqual([]);
    }
  });

  it("is decrypted with each identity as far as it is a recipient", async () => {
    const to = join(temporary.path, "decrypted");
    const content = await decryptFolder(folder, join(to, "content"), [identity("investigator")]);
    expect(content).toMatchObject({ locked: ["input"], faults: [] });
    const events = (name: string) =>
      parseTerminalSegment(decompressSegment(readFileSync(join(to, "content", name)), "zstd")).events;
    const shown = events("terminal-0/000000.cast.zst");
    expect(shown.map(({ data }) => data).join("")).toBe(screen);
    const input = await decryptFolder(folder, join(to, "input"), [identity("keystrokes")]);
    expect(input).toMatchObject({ locked: ["content"], written: ["input/000000.jsonl.zst"] });
    const typed = decompressSegment(readFileSync(join(to, "input", "input/000000.jsonl.zst")), "zstd");
    const lines = parseJsonSegment(typed, InputLine).lines.map((line) => line.name ?? line.d);
    expect(lines).toEqual(["cat drehzahl.txt", "Enter", "su", "Enter", "[secret]", "Enter", "exit", "Enter"]);
    // What is there is not replaced.
    const again = await decryptFolder(folder, join(to, "content"), [identity("investigator")]);
    expect(again.written).toEqual([]);
    expect(again.faults.map(({ message }) => message).join()).toMatch(/EEXIST/);
  });

  it("names what is altered, cut or exchanged in a folder, and gives the rest", async () => {
    const copy = join(temporary.path, "altered");
    cpSync(folder, copy, { recursive: true });
    const [first, second] = ["terminal-0/000000.cast.zst.enc", "terminal-0/000001.cast.zst.enc"] as const;
    writeFileSync(join(copy, first), read(second));
    const result = await decryptFolder(copy, `${copy}-clear`, [identity("investigator")]);
    expect(result.faults).toEqual([
      { place: first, message: "its bytes do not have the hash that manifest.json names" },
    ]);
    expect(result.written).toHaveLength(3);
    // One who exchanges them in the manifest as well still has the place in the way.
    const forged = structuredClone(manifest);
    for (const meta of forged.segments) {
      meta.sha256 = createHash("sha256")
        .update(readFileSync(join(copy, meta.name)))
        .digest("hex");
    }
    writeFileSync(join(copy, "manifest.json"), JSON.stringify(forged));
    const exchanged = await decryptFolder(copy, `${copy}-clear-2`, [identity("investigator")]);
    expect(exchanged.faults).toHaveLength(1);
    expect(exchanged.faults[0]?.message).toMatch(/does not decrypt as segment 0 of terminal-0/);
  });
});

describe("the documented commands", () => {
  const docs = readFileSync(new URL("../../docs/recording-format.md", import.meta.url), "utf8");
  const [, commands = ""] = /<!-- A test runs these commands. -->\n```sh\n([\s\S]*?)```/.exec(docs) ?? [];
  const run = (script: string, key: string) =>
    execFileSync("bash", ["-eo", "pipefail", "-c", script], {
      cwd: folder,
      env: { PATH: process.env["PATH"], IDENTITY: `${key}.key` },
      stdio: ["ignore", "pipe", "pipe"],
    });

  it("decrypt a segment with age and openssl alone", () => {
    expect(
      parseTerminalSegment(run(commands, "investigator"))
        .events.map(({ data }) => data)
        .join(""),
    ).toBe(screen);
  });

  it("decrypt what was typed for its own recipient, and not for the other", () => {
    const typed = commands
      .replaceAll("content", "input")
      .replace("terminal-0 0 terminal-0/000000.cast.zst.enc", "input 0 input/000000.jsonl.zst.enc");
    expect(run(typed, "keystrokes").toString()).toContain('"d":"[secret]"');
    expect(() => run(typed, "investigator")).toThrow();
  });
});
