import { describe, expect, it } from "vitest";
import { describeHostKey, isPinned, parsePin } from "../../../recorder/tap/ssh/host-keys.ts";
import { exitOf, programOf, ptyOf, windowChangeOf } from "../../../recorder/tap/ssh/requests.ts";
import { encodePart, type WirePart } from "../../../recorder/tap/ssh/wire.ts";
import { splitUserName } from "../../../recorder/tap/user-name.ts";

const payload = (...parts: WirePart[]): Buffer => Buffer.concat(parts.map(encodePart));

describe("a user name", () => {
  it.each([
    ["vendor+plc-1", { name: "vendor", target: "plc-1" }],
    ["a+b+plc-1", { name: "a+b", target: "plc-1" }],
    ["vendor", { name: "vendor", target: "" }],
    ["vendor+", { name: "vendor", target: "" }],
    ["+plc-1", { name: "", target: "plc-1" }],
  ])("%s", (userName, expected) => {
    expect(splitUserName(userName)).toEqual(expected);
  });
});

describe("a pty request", () => {
  it("keeps every mode, which ssh2's own parser loses", () => {
    const modes = Buffer.concat([
      Buffer.from([1]),
      encodePart(3),
      Buffer.from([53]),
      encodePart(1),
      Buffer.from([128]),
      encodePart(38400),
      Buffer.from([0]),
    ]);
    const pty = ptyOf(payload("xterm", 120, 40, 960, 800, modes));
    expect(pty).toMatchObject({
      term: "xterm",
      cols: 120,
      rows: 40,
      modes: { VINTR: 3, ECHO: 1, TTY_OP_ISPEED: 38400 },
    });
    expect(pty.payload).toEqual(payload("xterm", 120, 40, 960, 800, modes));
  });

  it("takes zero for unknown, and cuts sizes that no replay could draw", () => {
    expect(ptyOf(payload("vt100", 0, 0, 0, 0, ""))).toMatchObject({ cols: 80, rows: 24 });
    const size = windowChangeOf(payload(0xffffffff, 50_000, 1, 2));
    expect(size).toMatchObject({ cols: 2000, rows: 1000 });
    expect(size.payload).toEqual(payload(2000, 1000, 1, 2));
  });

  it.each([
    ["empty", payload()],
    ["cut short", payload("xterm", 80)],
  ])("%s is malformed", (_what, bytes) => {
    expect(() => ptyOf(bytes)).toThrow(expect.objectContaining({ code: "PROTOCOL_MALFORMED" }));
  });
});

describe("a program", () => {
  it("is what its request says, never what its command says", () => {
    expect(programOf("exec", payload("scp -t /tmp"))).toEqual({
      request: "exec",
      command: "scp -t /tmp",
      capability: "exec",
    });
    expect(programOf("subsystem", payload("sftp"))).toEqual({
      request: "subsystem",
      command: "sftp",
      capability: "sftp",
    });
    expect(programOf("subsystem", payload("netconf"))).toEqual({
      request: "subsystem",
      command: "netconf",
      capability: "subsystem",
    });
    expect(programOf("shell", payload())).toEqual({ request: "shell", capability: "shell" });
    expect(programOf("env", payload("A", "B"))).toBeUndefined();
  });

  it("ends with a status or a signal", () => {
    expect(exitOf("exit-status", payload(255))).toEqual({ status: 255 });
    expect(exitOf("exit-signal", payload("SEGV", true, "dumped", ""))).toEqual({
      signal: "SEGV",
      core: true,
      message: "dumped",
    });
    expect(exitOf("eow@openssh.com", payload())).toBeUndefined();
  });
});

describe("a pinned host key", () => {
  const blob = payload("ssh-ed25519", Buffer.alloc(32, 7));
  const key = describeHostKey(blob);

  it("is a line, a line with a comment, or a fingerprint", () => {
    expect(key.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    for (const entry of [
      key.line,
      `${key.line} plc@hall-3`,
      key.fingerprint,
      `ssh-ed25519 ${key.fingerprint}`,
      `  ${key.line}\n`,
    ]) {
      const pin = parsePin(entry);
      expect(pin?.fingerprint, entry).toBe(key.fingerprint);
      expect(isPinned(blob, pin === undefined ? [] : [pin])).toBe(true);
    }
  });

  it("is nothing else", () => {
    for (const entry of [
      "",
      "ssh-ed25519",
      "ssh-ed25519 !!!",
      `ssh-rsa ${blob.toString("base64")}`,
      "SHA256:short",
      "MD5:aa:bb",
      key.fingerprint.slice(0, -2),
    ]) {
      expect(parsePin(entry), entry).toBeUndefined();
    }
    expect(isPinned(payload("ssh-ed25519", Buffer.alloc(32, 8)), [{ fingerprint: key.fingerprint }])).toBe(false);
    expect(isPinned(blob, [])).toBe(false);
  });
});
