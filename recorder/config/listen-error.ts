// What to say when an address of the configuration cannot be listened on: which key named it, and what mends it.
import { AppError } from "../../shared/errors.ts";
import type { Endpoint } from "./schema.ts";

/** For the system's error code of a refused `listen`. */
export function listenMend(systemCode: string): string {
  if (systemCode === "EACCES") return "Ports below 1024 need CAP_NET_BIND_SERVICE; or listen on a higher one.";
  return systemCode === "EADDRINUSE"
    ? "Another program listens there: stop it, or choose another port."
    : "Listen on an address of this machine.";
}

const problems: Record<string, string> = {
  EADDRINUSE: "is in use",
  EACCES: "is not allowed to this account",
  EADDRNOTAVAIL: "is not an address of this machine",
  ENOTFOUND: "is not an address, nor a name that resolves to one",
};

/** Listens; a refusal of the system becomes CONFIG_INVALID that names the key. Other errors pass as they are. */
export async function atListenKey<T>(
  key: "http.listen" | "ssh.listen" | "vnc.listen" | "metrics.listen",
  { host, port }: Endpoint,
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    const { syscall, code = "" } = cause as NodeJS.ErrnoException;
    if (syscall !== "listen" && syscall !== "bind" && syscall !== "getaddrinfo") throw cause;
    const at = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    throw new AppError(
      "CONFIG_INVALID",
      `${key}: ${at} ${problems[code] ?? `cannot be used (${code})`}. ${listenMend(code)}`,
      {
        op: "service.listen",
        cause,
      },
    );
  }
}
