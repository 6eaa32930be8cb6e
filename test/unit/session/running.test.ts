import { describe, expect, it } from "vitest";
import { Running } from "../../../recorder/session/running.ts";
import type { FileEvent, SessionEvent } from "../../../shared/events/session-event.ts";

const exec = (channel: number, command: string): SessionEvent => ({
  type: "channel-open",
  channel,
  request: "exec",
  command,
});
const file = (channel: number, event: Partial<FileEvent>): SessionEvent => ({
  type: "file",
  channel,
  event: { op: "open", id: 1, handle: "00", path: "/fw.bin", ...event } as FileEvent,
});
function having(...events: SessionEvent[]): Running {
  const running = new Running();
  for (const event of events) running.seen(event);
  return running;
}

describe("commands and forwards", () => {
  it("run from their channel's opening to their exit or its end; a shell and a subsystem are none", () => {
    const shell: SessionEvent = { type: "channel-open", channel: 1, request: "shell" };
    const sftp: SessionEvent = { type: "channel-open", channel: 2, request: "subsystem", command: "sftp" };
    expect(having(shell, sftp, exec(3, "make all")).list()).toEqual([
      { kind: "command", channel: 3, what: "make all" },
    ]);
    expect(having(exec(3, "make"), { type: "exit", channel: 3, status: 0 }).list()).toEqual([]);
    expect(having(exec(3, "make"), { type: "channel-close", channel: 3 }).list()).toEqual([]);
  });

  it("a forward is told by its address", () => {
    const facts = { request: "direct-tcpip", address: "10.0.0.9", port: 502 };
    const told: SessionEvent = { type: "notice", notice: "forward-open", channel: 4, facts };
    expect(having(told, exec(4, "direct-tcpip 10.0.0.9:502")).list()).toEqual([
      { kind: "forward", channel: 4, what: "10.0.0.9:502" },
    ]);
  });

  it.each([
    ["scp -t /tmp/x", "inbound"],
    ["scp -v -f /etc/motd", "outbound"],
    ["/usr/bin/scp -rpt /tmp", "inbound"],
    ["rsync --server -logDtprze.iLsfxCIvu . /tmp", "inbound"],
    ["rsync --server --sender -logDtpr . /var/log", "outbound"],
  ])("%s is a transfer", (command, direction) => {
    const running = having(exec(1, command));
    expect(running.list()).toMatchObject([{ kind: "file", what: command, direction }]);
    expect(running.hasFiles).toBe(true);
  });

  it.each(["scpx -t /tmp", "echo scp -t", "rsync --daemon"])("%s is a command", (command) => {
    expect(having(exec(1, command)).list()).toMatchObject([{ kind: "command" }]);
  });
});

describe("files", () => {
  it("are open from the target's answer to its answer to their close, with what went through", () => {
    const opened = [file(1, { flags: ["write", "creat"] }), file(1, { flags: ["write", "creat"], status: "ok" })];
    const written = file(1, { op: "write", id: 0, bytes: 4096, direction: "inbound", partial: true });
    expect(having(...opened, written).list()).toEqual([
      { kind: "file", channel: 1, what: "/fw.bin", direction: "inbound", bytes: 4096 },
    ]);
    const asked = file(1, { op: "close", bytes: 5000, direction: "inbound" });
    expect(having(...opened, asked).hasFiles).toBe(true);
    const closed = file(1, { op: "close", bytes: 5000, direction: "inbound", status: "ok" });
    expect(having(...opened, asked, closed).hasFiles).toBe(false);
    expect(having(file(1, { status: "permission_denied" })).hasFiles).toBe(false);
  });

  it("of a channel are gone with it, and of another one not", () => {
    const two = [file(1, { status: "ok" }), file(11, { status: "ok", handle: "01" })];
    expect(having(...two, { type: "channel-close", channel: 1 }).list()).toMatchObject([{ channel: 11 }]);
  });

  it("more than are kept: some are listed, and the session has open files until all are gone", () => {
    const running = new Running();
    for (let i = 0; i < 3000; i++) running.seen(file(1, { status: "ok", handle: `${i}` }));
    expect(running.list()).toHaveLength(100);
    for (let i = 0; i < 1000; i++) running.seen(file(1, { op: "close", status: "ok", handle: `${i}` }));
    expect(running.hasFiles).toBe(true);
    running.seen({ type: "channel-close", channel: 1 });
    expect(running.hasFiles).toBe(false);
  });
});
