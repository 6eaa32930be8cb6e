// QEMU's VNC server on loopback: a PC without a disk, whose screen says that there is nothing to start from.
import { mkdir, writeFile } from "node:fs/promises";
import { freePort, waitForPort } from "./free-port.ts";
import { startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";
import type { VncTarget } from "./xtigervnc.ts";

export interface QemuOptions {
  /** VncAuth with this; left out: None. */
  password?: string;
  /** PEM texts: then it offers VeNCrypt X509 with VncAuth or None inside. */
  certificate?: { cert: string; key: string };
}

export async function startQemu(options: QemuOptions = {}): Promise<VncTarget> {
  const dir = await createTempDir("qemu");
  const port = await freePort();
  const objects: string[] = [];
  const vnc = [`127.0.0.1:${port - 5900}`];
  if (options.password !== undefined) {
    await writeFile(`${dir.path}/password`, options.password, { mode: 0o600 });
    objects.push("-object", `secret,id=password,file=${dir.path}/password`);
    vnc.push("password-secret=password");
  }
  if (options.certificate !== undefined) {
    const tls = `${dir.path}/tls`;
    await mkdir(tls);
    // It insists on a CA, and would object to one that is the server itself.
    await writeFile(`${tls}/ca-cert.pem`, options.certificate.cert);
    await writeFile(`${tls}/server-cert.pem`, options.certificate.cert);
    await writeFile(`${tls}/server-key.pem`, options.certificate.key, { mode: 0o600 });
    objects.push("-object", `tls-creds-x509,id=tls,dir=${tls},endpoint=server,verify-peer=no,sanity-check=no`);
    vnc.push("tls-creds=tls");
  }
  const server = await startProcess("qemu-system-x86_64", [
    ...["-nodefaults", "-vga", "std", "-m", "32", "-accel", "tcg", "-display", "none", "-name", "hmi"],
    ...objects,
    ...["-vnc", vnc.join(",")],
  ]);
  await waitForPort(port).catch((error: unknown) => {
    throw new Error(`QEMU said: ${server.output()}`, { cause: error });
  });
  return {
    host: "127.0.0.1",
    port,
    password: options.password ?? "",
    display: "",
    server,
    stop: async () => {
      await server.stop();
      await dir.remove();
    },
  };
}
