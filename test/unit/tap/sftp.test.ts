import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { FileDigest } from "../../../recorder/tap/ssh/sftp/file-digest.ts";
import { packet } from "../../../recorder/tap/ssh/sftp/protocol.ts";
import { SftpRecorder } from "../../../recorder/tap/ssh/sftp/sftp-recorder.ts";
import { encodePart, type WirePart } from "../../../recorder/tap/ssh/wire.ts";
import { FileEvent } from "../../../shared/events/session-event.ts";
import { memoryGate } from "./fake-sink.ts";

const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

function sftp(type: number, ...parts: WirePart[]): Buffer {
  const body = Buffer.concat([Buffer.from([type]), ...parts.map(encodePart)]);
  return Buffer.concat([encodePart(body.length), body]);
}
const uint64 = (value: number): WirePart => ({
  raw: Buffer.concat([encodePart(Math.floor(value / 2 ** 32)), encodePart(value % 2 ** 32)]),
});
const handle = Buffer.from("h1");
const status = (id: number, code: number): Buffer => sftp(packet.status, id, code, "", "");

function recorder() {
  const { gate, events } = memoryGate();
  const sftpRecorder = new SftpRecorder(gate, 3);
  const files = (): FileEvent[] =>
    events.flatMap((event) => (event.type === "file" ? [FileEvent.parse(event.event)] : []));
  const open = (path = "/recipe", flags = 0x1a): void => {
    sftpRecorder.inbound(sftp(packet.open, 1, path, flags, 0));
    sftpRecorder.outbound("stdout", sftp(packet.handle, 1, handle));
  };
  return { sftpRecorder, files, events, open };
}

describe("an SFTP recorder", () => {
  it("records an open before its answer, with flags and attributes, and asks for durability", () => {
    const { sftpRecorder, files } = recorder();
    const durable = sftpRecorder.inbound(sftp(packet.open, 7, "/etc/plc.conf", 0x1a, 4, 0o100640));
    expect(durable).toBe(true);
    expect(files()).toEqual([
      { op: "open", id: 7, path: "/etc/plc.conf", flags: ["write", "creat", "trunc"], attrs: { mode: "0640" } },
    ]);
    sftpRecorder.outbound("stdout", sftp(packet.handle, 7, handle));
    expect(files().at(-1)).toMatchObject({ op: "open", id: 7, status: "ok", handle: handle.toString("hex") });
  });

  it("sums up what was written: one running record a batch, and the total before the close passes", () => {
    const { sftpRecorder, files, open } = recorder();
    open();
    const body = Buffer.from("the quick brown fox jumps over the lazy plc");
    expect(sftpRecorder.inbound(sftp(packet.write, 2, handle, uint64(0), body.subarray(0, 10)))).toBe(false);
    sftpRecorder.inbound(sftp(packet.write, 3, handle, uint64(10), body.subarray(10)));
    expect(sftpRecorder.endBatch()).toBe(true);
    expect(sftpRecorder.endBatch()).toBe(false);
    const running = files().filter((event) => event.partial);
    expect(running).toMatchObject([{ op: "write", direction: "inbound", bytes: body.length, sha256: sha256(body) }]);
    expect(sftpRecorder.inbound(sftp(packet.close, 4, handle))).toBe(true);
    expect(files().at(-1)).toMatchObject({
      op: "close",
      id: 4,
      path: "/recipe",
      bytes: body.length,
      sha256: sha256(body),
      sequential: true,
    });
    sftpRecorder.outbound("stdout", status(4, 4));
    expect(files().at(-1)).toMatchObject({ op: "close", id: 4, status: "failure" });
  });

  it("puts reads that are answered out of order into the file's order", () => {
    const { sftpRecorder, files, open } = recorder();
    open("/log", 1);
    const body = Buffer.from("0123456789abcdefghij");
    [0, 5, 10, 15].forEach((offset, i) => {
      sftpRecorder.inbound(sftp(packet.read, 10 + i, handle, uint64(offset), 5));
    });
    for (const i of [2, 0, 3, 1])
      sftpRecorder.outbound("stdout", sftp(packet.data, 10 + i, body.subarray(5 * i, 5 * i + 5)));
    sftpRecorder.inbound(sftp(packet.close, 20, handle));
    sftpRecorder.outbound("stdout", status(20, 0));
    expect(files().at(-1)).toMatchObject({
      op: "close",
      direction: "outbound",
      bytes: 20,
      sha256: sha256(body),
      sequential: true,
      status: "ok",
    });
  });

  it("counts data that arrives after the close was asked for", () => {
    const { sftpRecorder, files, open } = recorder();
    open("/log", 1);
    sftpRecorder.inbound(Buffer.concat([sftp(packet.read, 5, handle, uint64(0), 4), sftp(packet.close, 6, handle)]));
    sftpRecorder.outbound("stdout", Buffer.concat([sftp(packet.data, 5, Buffer.from("late")), status(6, 0)]));
    expect(files().at(-1)).toMatchObject({ op: "close", bytes: 4, sha256: sha256(Buffer.from("late")) });
  });

  it("records what changes something before, and what looks after", () => {
    const { sftpRecorder, files } = recorder();
    expect(sftpRecorder.inbound(sftp(packet.remove, 1, "/a"))).toBe(true);
    expect(sftpRecorder.inbound(sftp(packet.stat, 2, "/b"))).toBe(false);
    expect(sftpRecorder.inbound(sftp(packet.extended, 3, "posix-rename@openssh.com", "/c", "/d"))).toBe(true);
    expect(sftpRecorder.inbound(sftp(packet.extended, 4, "statvfs@openssh.com", "/e"))).toBe(false);
    expect(sftpRecorder.inbound(sftp(packet.extended, 5, "brand-new@example.com", "/f"))).toBe(true);
    expect(sftpRecorder.inbound(sftp(21, 6, "/g"))).toBe(true);
    expect(files().map((event) => [event.op, event.path ?? null])).toEqual([
      ["remove", "/a"],
      ["rename", "/c"],
      ["extended", null],
      ["extended", null],
    ]);
    sftpRecorder.outbound("stdout", Buffer.concat([status(1, 2), sftp(packet.attrs, 2, 1, uint64(12)), status(3, 0)]));
    expect(files().slice(-3)).toMatchObject([
      { op: "remove", path: "/a", status: "no_such_file" },
      { op: "stat", path: "/b", status: "ok", attrs: { size: 12 } },
      { op: "rename", path: "/c", newPath: "/d", status: "ok" },
    ]);
  });

  it("records copy-data, which moves bytes without their passing here", () => {
    const { sftpRecorder, files, open } = recorder();
    open("/from", 1);
    sftpRecorder.inbound(
      sftp(packet.extended, 2, "copy-data", handle, uint64(5), uint64(100), Buffer.from("h2"), uint64(7)),
    );
    expect(files().at(-1)).toMatchObject({
      op: "extended",
      path: "/from",
      attrs: { request: "copy-data", fromOffset: 5, length: 100, toHandle: "6832", toOffset: 7 },
    });
  });

  it("keeps the exact bytes of a name that is not UTF-8", () => {
    const { sftpRecorder, files } = recorder();
    const name = Buffer.from([0x2f, 0xff, 0x61]);
    sftpRecorder.inbound(sftp(packet.mkdir, 1, name, 0));
    expect(files()[0]?.attrs?.["pathBase64"]).toBe(name.toString("base64"));
  });

  it("lowers the version that is asked for to the one that is parsed, however the bytes are split", () => {
    for (let cut = 0; cut <= 9; cut++) {
      const { sftpRecorder } = recorder();
      const init = Buffer.concat([encodePart(5), Buffer.from([packet.init]), encodePart(6)]);
      const pieces = [init.subarray(0, cut), init.subarray(cut)];
      for (const piece of pieces) sftpRecorder.inbound(piece);
      expect(init.readUInt32BE(5)).toBe(3);
    }
    const { sftpRecorder } = recorder();
    expect(() => sftpRecorder.outbound("stdout", sftp(packet.version, 6))).toThrow(/insists on SFTP version 6/);
  });

  it("tells at the channel's end what was never closed", () => {
    const { sftpRecorder, files, open } = recorder();
    open();
    sftpRecorder.inbound(sftp(packet.write, 2, handle, uint64(0), Buffer.from("half")));
    sftpRecorder.end();
    expect(files().at(-1)).toMatchObject({ op: "close", direction: "inbound", bytes: 4, status: "no_connection" });
  });

  it("records a write to a handle that was never given out", () => {
    const { sftpRecorder, files } = recorder();
    sftpRecorder.inbound(sftp(packet.write, 2, Buffer.from("??"), uint64(0), Buffer.from("data")));
    expect(sftpRecorder.endBatch()).toBe(true);
    expect(files()).toMatchObject([{ op: "write", handle: "3f3f", bytes: 4 }]);
    sftpRecorder.outbound("stdout", status(2, 4));
    expect(files().at(-1)).toMatchObject({ op: "write", status: "failure" });
  });

  it.each([
    ["a huge packet", Buffer.from([0x7f, 0xff, 0xff, 0xff, 3])],
    ["an empty packet", Buffer.from([0, 0, 0, 0, 3])],
    [
      "a write whose data is longer than its packet",
      sftp(packet.write, 1, handle, uint64(0), { raw: Buffer.from([0, 0, 1, 0, 1]) }),
    ],
    ["a write with a huge handle", sftp(packet.write, 1, Buffer.alloc(300), uint64(0), "x")],
    ["a path longer than its packet", sftp(packet.remove, 1, { raw: Buffer.from([0, 1, 0, 0, 0x61]) })],
    ["an answer from the operator", sftp(packet.data, 1, "x")],
  ])("refuses %s", (_what, bytes) => {
    const { sftpRecorder } = recorder();
    expect(() => sftpRecorder.inbound(bytes)).toThrow(expect.objectContaining({ code: "PROTOCOL_MALFORMED" }));
  });

  it("bounds requests that are never answered, and open files", () => {
    const many = recorder();
    expect(() => {
      for (let id = 0; id < 20_000; id++) many.sftpRecorder.inbound(sftp(packet.read, id, handle, uint64(0), 1));
    }).toThrow(expect.objectContaining({ code: "PROTOCOL_LIMIT" }));
    const files = recorder();
    expect(() => {
      for (let id = 0; id < 5000; id++) {
        files.sftpRecorder.inbound(sftp(packet.open, id, "/f", 1, 0));
        files.sftpRecorder.outbound("stdout", sftp(packet.handle, id, Buffer.from(`h${id}`)));
      }
    }).toThrow(expect.objectContaining({ code: "PROTOCOL_LIMIT" }));
  });
});

describe("a file's digest", () => {
  const body = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

  it("is in the order of arrival, and says so, when bytes are read twice", () => {
    const digest = new FileDigest();
    digest.add(0, body.subarray(0, 100));
    digest.add(50, body.subarray(50, 150));
    expect(digest.result()).toMatchObject({
      bytes: 200,
      sequential: false,
      sha256: sha256(Buffer.concat([body.subarray(0, 100), body.subarray(50, 150)])),
    });
  });

  it("is in the order of arrival when a hole stays open", () => {
    const digest = new FileDigest();
    digest.add(0, body.subarray(0, 10));
    digest.add(500, body.subarray(500, 510));
    expect(digest.result()).toMatchObject({ sequential: false, bytes: 20 });
  });

  it("gives up the file's order rather than hold more than a bound", () => {
    const digest = new FileDigest();
    const piece = Buffer.alloc(1024 * 1024, 1);
    digest.expect(0);
    for (let i = 1; i <= 6; i++) digest.add(i * piece.length, piece);
    digest.add(0, piece);
    expect(digest.result()).toMatchObject({
      sequential: false,
      bytes: 7 * piece.length,
      sha256: sha256(Buffer.alloc(7 * piece.length, 1)),
    });
  });

  it("begins where the reading began", () => {
    const digest = new FileDigest();
    digest.add(700, body.subarray(700));
    expect(digest.result()).toEqual({
      bytes: 300,
      sequential: true,
      firstOffset: 700,
      sha256: sha256(body.subarray(700)),
    });
  });
});
