// The installation's keys: where they lie, and what the master key opens.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { MasterKey } from "../access/master-key.ts";
import {
  type MasterKeySource,
  masterKeyFromCommand,
  masterKeyFromFile,
  masterKeyFromText,
} from "../access/master-key-source.ts";
import { SecretStore } from "../access/secrets.ts";
import type { Config } from "../config.ts";
import { hasState, openDatabase, type ServiceDatabase, stateName, stateOf } from "../database.ts";
import { readPrivateKey } from "../tap/ssh/private-key.ts";

export function signingKeyPath(config: Config): string {
  return join(config.recorder.keyDirectory, "signing.pem");
}

/** Null where the key does not lie in a file. */
export function masterKeyPath({ masterKey }: Config): string | null {
  return masterKey.kind === "file" ? masterKey.path : null;
}

export function masterKeySource({ masterKey }: Config): MasterKeySource {
  switch (masterKey.kind) {
    case "file":
      return masterKeyFromFile(masterKey.path);
    case "command":
      return masterKeyFromCommand(masterKey.command, masterKey.timeoutMs);
    case "environment":
      return masterKeyFromText(masterKey.key.reveal(), masterKey.variable);
  }
}

/** The key that the database is sealed under; where there is no file yet, it is made. */
export async function openMasterKey(config: Config, database: ServiceDatabase): Promise<MasterKey> {
  const path = masterKeyPath(config);
  if (path !== null && !existsSync(path)) await refuseIfSealed(path, config, database);
  return MasterKey.open(database.access, masterKeySource(config));
}

export async function openSecrets(config: Config, database: ServiceDatabase): Promise<SecretStore> {
  const masterKey = await openMasterKey(config, database);
  return new SecretStore(database.access, masterKey, { privateKeyReader: readPrivateKey });
}

export async function refuseLostMasterKey(config: Config): Promise<void> {
  const path = masterKeyPath(config);
  if (path === null || existsSync(path) || !hasState(config)) return;
  const database = await openDatabase(stateOf(config));
  await refuseIfSealed(path, config, database).finally(() => database.close());
}

/** A new master key beside old secrets would make them unreadable for good, and hide that the old key is missing. */
async function refuseIfSealed(path: string, config: Config, { access }: ServiceDatabase): Promise<void> {
  const secrets = await access.selectFrom("secrets").select("name").execute();
  const totp = await access.selectFrom("person_totp").select("person").execute();
  const months = await access
    .selectFrom("month_keys")
    .select("month")
    .where("sealed_by", "=", "master-key")
    .where("sealed", "is not", null)
    .execute();
  const sealed = secrets.length + totp.length + months.length;
  if (sealed === 0) return;
  throw new AppError(
    "CONFIG_UNREADABLE",
    `${path}: the master key is missing, but the database ${stateName(stateOf(config))} holds ${sealed} secrets sealed with it. Restore the key from its backup, or check recorder.keyDirectory.`,
    { op: "keys.master" },
  );
}
