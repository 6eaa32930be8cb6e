// What every real SSH server used as a target gives to a test, whichever program it is.
import type { SshKey } from "./ssh-key.ts";

export interface SshTarget {
  host: "127.0.0.1";
  port: number;
  user: string;
  /** The account's home on the target. */
  home: string;
  /** Absent when not running as root: password log-in needs an account of its own. */
  password?: string;
  /** A key that may log in. */
  userKey: SshKey;
  hostKey: SshKey;
  pid: number;
  /** The server's log so far. */
  log(): string;
  stop(): Promise<void>;
}
