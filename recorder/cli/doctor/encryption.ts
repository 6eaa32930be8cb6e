// Of `conduit doctor`: are recordings encrypted to people who exist, and can the service read those that it has keys to?
import { existsSync } from "node:fs";
import type { Config } from "../../config.ts";
import { hasState, openDatabase, stateOf } from "../../database.ts";
import { openEncryption, openMonthKeys } from "../../encryption-service.ts";
import { masterKeyPath, openMasterKey } from "../key-files.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const name = "encryption";

export async function checkEncryption(config: Config): Promise<Check[]> {
  const path = masterKeyPath(config);
  // Before a first start there is no key, and the check must not be what makes one.
  if (!hasState(config) || (path !== null && !existsSync(path))) return [];
  const database = await openDatabase(stateOf(config));
  try {
    const monthKeys = openMonthKeys(config, database, await openMasterKey(config, database));
    const checks: Check[] = [];
    for (const { month, destroyedAt } of await monthKeys.list()) {
      if (destroyedAt !== null) continue;
      const mend =
        "Restore the master key, or mend encryption.keyService; until then their recipients alone can read them.";
      const error = await monthKeys.identityOf(month).then(
        () => null,
        (cause: unknown) => cause,
      );
      if (error !== null)
        checks.push(fail("month keys", error instanceof Error ? error.message : "it cannot be read", mend));
    }
    if (config.encryption === null) return [ok(name, "recordings are not encrypted"), ...checks];
    await openEncryption(config, monthKeys, { raise: () => {}, clear: () => {} });
    const count = config.encryption.recipients.length;
    const said = `recordings are encrypted to ${count === 1 ? "one recipient" : `${count} recipients`} and to the service`;
    const mend = "Name a second one in encryption.recipients: without its identity recordings can be lost for good.";
    return [count > 1 ? ok(name, said) : warn(name, `${said}; none in reserve`, mend), ...checks];
  } finally {
    await database.close();
  }
}
