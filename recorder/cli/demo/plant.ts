// The demo plant: an SSH target on loopback with a controller's toy shell. Only `conduit demo` and `conduit demo-target`
// start it, on loopback unless told otherwise. Invariant: it controls nothing, and lets in only by password.
import { timingSafeEqual } from "node:crypto";
import type { AddressInfo } from "node:net";
import ssh2, { type Connection, type ServerChannel, type Session } from "ssh2";
import { generateEd25519, type SshKeyPair } from "../openssh-key.ts";
import { run } from "./commands.ts";
import { Controller } from "./controller.ts";
import { MemoryFiles } from "./memory-files.ts";
import { serveSftp } from "./sftp.ts";
import { Shell } from "./shell.ts";

export interface PlantOptions {
  account: string;
  password: string;
  enablePassword: string;
  /** Loopback and any free port unless given. */
  listen?: { host: string; port: number };
  hostKey?: SshKeyPair;
  /** One that other views show too. */
  controller?: Controller;
}

export interface Plant {
  host: string;
  port: number;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
  close(): Promise<void>;
}

interface Site {
  options: PlantOptions;
  controller: Controller;
  files: MemoryFiles;
}

export async function startPlant(options: PlantOptions): Promise<Plant> {
  const hostKey = options.hostKey ?? generateEd25519("demo-plant");
  const site: Site = { options, controller: options.controller ?? new Controller(), files: new MemoryFiles() };
  const connections = new Set<Connection>();
  const { host, port } = options.listen ?? { host: "127.0.0.1", port: 0 };
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey], ident: "DemoPLC" }, (connection) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    // A peer that hangs up in mid-handshake is its own affair.
    connection.on("error", () => connection.end());
    serve(connection, site);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    hostKey: hostKey.publicKey.split(" ").slice(0, 2).join(" "),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.end();
      }),
  };
}

function same(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

function serve(connection: Connection, site: Site): void {
  const { account, password } = site.options;
  connection.on("authentication", (context) => {
    if (context.method === "password" && same(context.username, account) && same(context.password, password))
      context.accept();
    else context.reject(["password"]);
  });
  connection.on("ready", () => {
    connection.on("session", (accept) => serveSession(accept(), site));
  });
}

function serveSession(session: Session, site: Site): void {
  let size: { columns: number; rows: number } | null = null;
  let shell: Shell | null = null;
  session.on("pty", (accept, _reject, info) => {
    size = { columns: info.cols || 80, rows: info.rows || 24 };
    accept?.();
  });
  session.on("window-change", (accept, _reject, info) => {
    shell?.resize(info.cols, info.rows);
    accept?.();
  });
  session.on("env", (accept) => accept?.());
  session.on("shell", (accept) => {
    const channel = accept();
    if (size === null) return serveLines(channel, site);
    shell = serveTerminal(channel, site, size);
  });
  session.on("exec", (accept, _reject, { command }) => {
    const channel = accept();
    const answer = run(command, context(site));
    const out = answer.lines.map((line) => `${plain(line)}\n`).join("");
    if (answer.code === 0) channel.write(out);
    else channel.stderr.write(out);
    finish(channel, answer.code);
  });
  session.on("sftp", (accept) => serveSftp(accept(), site.files));
}

function context({ controller, files }: Site) {
  return { controller, files, privileged: false, columns: 80 };
}

/** Colours belong to terminals. */
function plain(text: string): string {
  return text.replaceAll(/\x1b\[[0-9;]*m/g, "");
}

function finish(channel: ServerChannel, code: number): void {
  channel.exit(code);
  channel.end();
}

function serveTerminal(channel: ServerChannel, site: Site, size: { columns: number; rows: number }): Shell {
  const shell = new Shell({
    controller: site.controller,
    files: site.files,
    enablePassword: site.options.enablePassword,
    ...size,
    write: (text) => void channel.write(text),
    exit: (code) => finish(channel, code),
  });
  channel.on("data", (data: Buffer) => shell.feed(data));
  channel.on("close", () => shell.close());
  void shell.start();
  return shell;
}

const maxLineBytes = 4096;

/** `ssh -T`: commands by line, plain answers. */
function serveLines(channel: ServerChannel, site: Site): void {
  let pending = "";
  let code = 0;
  const answer = (line: string) => {
    const result = run(line, context(site));
    code = result.code;
    channel.write(result.lines.map((text) => `${plain(text)}\n`).join(""));
  };
  channel.on("data", (data: Buffer) => {
    const lines = (pending + data.toString("utf8")).split("\n");
    pending = (lines.pop() ?? "").slice(0, maxLineBytes);
    for (const line of lines) {
      if (line.trim() === "exit") return finish(channel, code);
      answer(line);
    }
  });
  channel.on("end", () => {
    if (pending.trim() !== "") answer(pending);
    finish(channel, code);
  });
}
