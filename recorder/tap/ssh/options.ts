// What the SSH tap can be told, with the defaults that hold where nothing is said.
import type { FileHold } from "../file-hold.ts";
import type { GatewayHost, TapLogger } from "../tap.ts";

export interface SshTapLimits {
  /** From the connection to a successful log-in. */
  loginGraceMs: number;
  /** Failed log-ins in one connection, after which it ends. */
  maxLoginFailures: number;
  /** Connections that have not logged in yet; one address may have a quarter of them, where the newest counts. */
  maxUnauthenticated: number;
  maxConnections: number;
  /** In one connection; how many programs a session may run is policy's. */
  maxChannels: number;
  dialTimeoutMs: number;
}

export interface SshTapOptions {
  host: GatewayHost;
  /** An Ed25519 private key in OpenSSH format. */
  hostKeys: string[];
  /** Shown before the log-in. */
  banner?: string;
  logger: TapLogger;
  limits?: Partial<SshTapLimits>;
  /** Also speaks SHA-1, CBC and `ssh-rsa` to targets: for controllers that know nothing better. */
  legacyTargets?: boolean;
  /** Where files are held until they are scanned; left out: where policy asks for that, file transfer is refused. */
  fileHold?: FileHold;
}

export const defaultLimits: SshTapLimits = {
  loginGraceMs: 30_000,
  maxLoginFailures: 6,
  maxUnauthenticated: 400,
  maxConnections: 2000,
  maxChannels: 128,
  dialTimeoutMs: 15_000,
};
