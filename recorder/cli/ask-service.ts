// Commands ask the running service over its admin socket.
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import { askAdmin } from "../admin-socket.ts";
import { type Cli, configOf } from "./cli.ts";
import { printable } from "./output.ts";

/** Over the admin socket of the configuration in force. */
export function askService(
  cli: Cli,
  command: Command,
  method: "GET" | "POST",
  url: string,
  body?: unknown,
): Promise<unknown> {
  return askAdmin(configOf(cli, command).recorder.adminSocket, method, url, body);
}

export function notLive(session: string): AppError {
  const message = `no live session has the id ${printable(session.slice(0, 60))}; conduit sessions list shows them`;
  return new AppError("REQUEST_NOT_FOUND", message, { op: "cli.sessions" });
}
