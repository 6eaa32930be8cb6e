// The installation's keys: where they lie, and the secret store that the master key opens.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { loadOrCreateMasterKey } from "../access/master-key.ts";
import { SecretStore } from "../access/secrets.ts";
import type { Config } from "../config.ts";
import { openDatabase, type ServiceDatabase } from "../database.ts";
import { readPrivateKey } from "../tap/ssh/private-key.ts";

export function signingKeyPath(config: Config): string {
  return join(config.recorder.keyDirectory, "signing.pem");
}

export function masterKeyPath(config: Config): string {
  return join(config.recorder.keyDirectory, "master.key");
}

/** The secret store; with the first secret comes the master key. */
export async function openSecrets(config: Config, database: ServiceDatabase): Promise<SecretStore> {
  const path = masterKeyPath(config);
  if (!existsSync(path)) await refuseIfSecrets(path, config, database);
  return new SecretStore(database.access, await loadOrCreateMasterKey(path), {
    privateKeyReader: readPrivateKey,
  });
}

export async function refuseLostMasterKey(config: Config): Promise<void> {
  const path = masterKeyPath(config);
  if (existsSync(path) || !existsSync(config.recorder.database)) return;
  const database = await openDatabase(config.recorder.database);
  await refuseIfSecrets(path, config, database).finally(() => database.close());
}

/** A new master key beside old secrets would make them unreadable for good, and hide that the old key is missing. */
async function refuseIfSecrets(path: string, config: Config, database: ServiceDatabase): Promise<void> {
  const sealed = await database.access.selectFrom("secrets").select("name").execute();
  if (sealed.length === 0) return;
  throw new AppError(
    "CONFIG_UNREADABLE",
    `${path}: the master key is missing, but the database ${config.recorder.database} holds ${sealed.length} secrets sealed with it. Restore the key from its backup, or check recorder.keyDirectory.`,
    { op: "keys.master" },
  );
}
