// The throw-away system account that real SSH servers log in to. It is made once and left in place: several tests
// share it at the same time, so nobody may change its password or take it away while others run.
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { runProcess } from "./process.ts";

export interface TestAccount {
  user: string;
  home: string;
  /** Absent when not running as root: then the account is one's own, and only keys can log in. */
  password?: string;
}

const ACCOUNT = "conduittest";
const PASSWORD = "plant-Floor-7-throwaway";

export async function testAccount(): Promise<TestAccount> {
  if (process.getuid?.() !== 0) {
    const { username, homedir } = userInfo();
    return { user: username, home: homedir };
  }
  if (!(await exists())) {
    const added = await runProcess("useradd", ["--create-home", "--shell", "/bin/bash", ACCOUNT]);
    // Two test files may get here together: the loser finds the account made.
    if (added.code !== 0 && !(await exists())) {
      throw new Error(`cannot create the test account ${ACCOUNT}: ${added.stderr}`);
    }
  }
  if (await withoutPassword()) {
    const set = await runProcess("chpasswd", ["-c", "SHA512"], { input: `${ACCOUNT}:${PASSWORD}\n` });
    if (set.code !== 0) throw new Error(`cannot set the password of the test account ${ACCOUNT}: ${set.stderr}`);
  }
  return { user: ACCOUNT, home: `/home/${ACCOUNT}`, password: PASSWORD };
}

async function exists(): Promise<boolean> {
  return (await runProcess("id", ["-u", ACCOUNT])).code === 0;
}

async function withoutPassword(): Promise<boolean> {
  const shadow = await readFile("/etc/shadow", "utf8");
  const hash = shadow.match(new RegExp(`^${ACCOUNT}:([^:]*):`, "m"))?.[1] ?? "";
  return !hash.startsWith("$");
}
