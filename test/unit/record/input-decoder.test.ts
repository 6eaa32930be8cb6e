import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputDecoder, type InputItem } from "../../../recorder/record/input/decoder.ts";

function decode(...packets: string[]): string[] {
  const decoder = new InputDecoder();
  return packets.flatMap((packet) => decoder.push(Buffer.from(packet, "latin1"))).map(said);
}

function said(item: InputItem): string {
  return item.kind === "key" ? `<${item.name}>` : `${item.kind}:${item.bytes.toString("utf8")}`;
}

describe("keystrokes", () => {
  it.each([
    ["\r", "Enter"],
    ["\n", "Ctrl+J"],
    ["\t", "Tab"],
    ["\x7f", "Backspace"],
    ["\x03", "Ctrl+C"],
    ["\x1a", "Ctrl+Z"],
    ["\x1c", "Ctrl+\\"],
    ["\x00", "Ctrl+Space"],
    ["\x1b", "Escape"],
    ["\x1b[A", "Up"],
    ["\x1bOA", "Up"],
    ["\x1b[1;5C", "Ctrl+Right"],
    ["\x1b[1;2D", "Shift+Left"],
    ["\x1b[H", "Home"],
    ["\x1b[4~", "End"],
    ["\x1b[3~", "Delete"],
    ["\x1b[3;5~", "Ctrl+Delete"],
    ["\x1b[Z", "Shift+Tab"],
    ["\x1bOP", "F1"],
    ["\x1b[15~", "F5"],
    ["\x1b[24;3~", "Alt+F12"],
    ["\x1bOM", "KeypadEnter"],
    ["\x1bOp", "Keypad0"],
    ["\x1bx", "Alt+x"],
    ["\x1b\x7f", "Alt+Backspace"],
    ["\x1b\x1b[A", "Alt+Up"],
    ["\x1b[27;5;9~", "Ctrl+Tab"],
    ["\x1b[97;5u", "Ctrl+a"],
    ["\x1b[13;2u", "Shift+Enter"],
    ["\x1b[M !!", "Mouse"],
    ["\x1b[<0;10;5M", "Mouse"],
    ["\x1b[<0;10;5m", "Mouse"],
    ["\x1b[I", "FocusIn"],
    ["\x1b[12;40R", "Report"],
    ["\x1b[?1;2c", "Report"],
  ])("%j is %s", (bytes, name) => {
    expect(decode(bytes)).toEqual([`<${name}>`]);
  });

  it("keep runs of characters together, and name what is between them", () => {
    expect(decode("ls -l\rcd ..\t")).toEqual(["text:ls -l", "<Enter>", "text:cd ..", "<Tab>"]);
  });

  it("take a character and a sequence that packets cut apart as one", () => {
    expect(decode("\xe2\x82", "\xac")).toEqual(["text:€"]);
    expect(decode("\x1b[1;", "5C")).toEqual(["<Ctrl+Right>"]);
  });

  it("take Escape alone in its packet as the key", () => {
    expect(decode("\x1b", "[A")).toEqual(["<Escape>", "text:[A"]);
  });
});

describe("pastes", () => {
  it("are recognised by their marks, over packets, whatever they hold", () => {
    expect(decode("\x1b[200~rm -rf\r\x03", "more\x1b[20", "1~x")).toEqual([
      "<PasteStart>",
      "paste:rm -rf\r\x03",
      "paste:more",
      "<PasteEnd>",
      "text:x",
    ]);
  });

  it("are recognised by the size of a packet", () => {
    const block = "configure terminal\rinterface vlan 20\rno shutdown\rexit\r";
    expect(decode(block)).toEqual([`paste:${block}`]);
    expect(decode("short\r")).toEqual(["text:short", "<Enter>"]);
  });
});

it("loses no byte and invents none", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc
      .constantFrom(
        "\x1b",
        "\x1b[",
        "\x1b[200~",
        "\x1b[201~",
        "\x1b[1;5C",
        "\x1bO",
        "é",
        "日本",
        "ls -l\r",
        "x".repeat(60),
      )
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (packets) => {
      const decoder = new InputDecoder();
      const items = packets.flatMap((packet) => decoder.push(Buffer.from(packet)));
      items.push(...decoder.flush());
      expect(Buffer.concat(items.map((item) => item.bytes)).toString("hex")).toBe(
        Buffer.concat(packets).toString("hex"),
      );
      expect(decoder.pending).toBe(false);
    }),
    { numRuns: 2000 },
  );
});
