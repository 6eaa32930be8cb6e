// The throw-away system account that real SSH servers log in to. It is made once and left in place: several tests
// share it at the same time, so nobody may change its password or take it away while others run.
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
  // One at a time: useradd looks for the name before it takes its lock, and of two at once the second gives the account
  // another number than its home has.
  const made = await runProcess("flock", ["/run/lock/conduit-test-account", "sh", "-c", makeAccount]);
  if (made.code !== 0) throw new Error(`cannot make the test account ${ACCOUNT}: ${made.stderr}`);
  return { user: ACCOUNT, home: `/home/${ACCOUNT}`, password: PASSWORD };
}

const makeAccount = `set -e
id -u ${ACCOUNT} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash ${ACCOUNT}
grep -q '^${ACCOUNT}:[$]' /etc/shadow || echo '${ACCOUNT}:${PASSWORD}' | chpasswd -c SHA512`;
