// What the service holds: store, database, people, inventory and the credentials that its targets name.
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { AppError } from "../../../shared/errors.ts";
import type { Target, VncTarget } from "../../../shared/policy/policy.ts";
import { mfaStatuses } from "../../access/mfa/status.ts";
import { People } from "../../access/people.ts";
import type { SecretStore } from "../../access/secrets.ts";
import { type Config, storeOptions } from "../../config.ts";
import { isProtected } from "../../database/postgres/place.ts";
import { hasState, openDatabase, type ServiceDatabase, stateName, stateOf } from "../../database.ts";
import { probeKey } from "../../store/keys.ts";
import { checkTarget } from "../../tap/ssh/upstream.ts";
import type { VncTargetAccess } from "../../tap/tap.ts";
import { checkVncTarget } from "../../tap/vnc/dial-target.ts";
import { formatFindings } from "../findings.ts";
import { inventoryOf } from "../inventory-of.ts";
import { masterKeyPath, masterKeySource, openSecrets } from "../key-files.ts";
import { counted } from "../output.ts";
import { exact } from "../target.ts";
import { accessOf } from "../target-vnc.ts";
import { type Check, fail, ok, warn } from "./check.ts";

export async function checkStore(config: Config): Promise<Check[]> {
  // Before a first start there is nothing to check, and the check must not be what makes the directory.
  if (config.store.kind === "fs" && !existsSync(config.recorder.dataDirectory)) return [];
  const { createStore } = await import("../../store/create-store.ts");
  const store = createStore(storeOptions(config.store));
  const where =
    config.store.kind === "fs"
      ? config.store.directory
      : `${config.store.endpoint ?? "AWS"}, bucket ${config.store.bucket}`;
  try {
    await store.check();
    const body = randomBytes(64);
    const key = probeKey(body.toString("hex").slice(0, 16));
    await store.put(key, body, { sha256: createHash("sha256").update(body).digest("hex") });
    const back = await store.get(key);
    if (!Buffer.from(back).equals(body))
      return [fail("store", `${where}: what was written does not read back`, "Do not use this store.")];
    const deleted = await store.delete(key).then(
      () => true,
      (error: unknown) => {
        if (error instanceof AppError && error.code === "STORE_REFUSED") return false;
        throw error;
      },
    );
    return [
      ok(
        "store",
        `${where}: writes, reads${deleted ? " and deletes" : "; refuses to delete, as a write-once bucket does"}`,
      ),
    ];
  } finally {
    await store.close();
  }
}

export async function checkDatabase(config: Config): Promise<Check[]> {
  const name = stateName(stateOf(config));
  if (!hasState(config))
    return [warn("database", `${name} does not exist yet`, "Run conduit serve once: it sets everything up.")];
  const database = await openDatabase(stateOf(config));
  try {
    const answer = await database.check();
    if (answer !== "ok")
      return [
        fail("database", `${name}: ${answer}`, "Stop the service, restore a backup, run conduit recordings rebuild."),
      ];
    return [
      ok("database", name),
      ...unprotected(config),
      ...(await checkPeople(database)),
      ...(await checkSecondFactors(config, database)),
    ];
  } finally {
    await database.close();
  }
}

/** Password hashes and sealed credentials go over it. */
function unprotected({ database }: Config): Check[] {
  if (database === null || isProtected(database.url.reveal())) return [];
  const mend = "Add ?sslmode=verify-full to its address, with sslrootcert=FILE for a CA of the plant's own.";
  return [
    warn("database", "the connection to it is not verified: somebody on the way could answer in its place", mend),
  ];
}

async function checkPeople(database: ServiceDatabase): Promise<Check[]> {
  const people = await new People(database.access).list();
  const admins = people.filter((person) => person.roles.includes("admin") && !person.disabled);
  if (admins.length === 0) return [fail("people", "nobody is an enabled admin", "conduit user add NAME --role admin")];
  const waiting = people.filter((person) => person.mustChangePassword && !person.disabled).map((person) => person.name);
  if (waiting.length === 0) return [ok("people", `${people.length}, of them ${counted(admins.length, "admin")}`)];
  return [
    warn(
      "people",
      `still with their one-time password: ${waiting.join(", ")}`,
      "They sign in to the portal and choose their own.",
    ),
  ];
}

/** Where policy wants a second factor, who has none signs in to nothing but its enrolment. */
async function checkSecondFactors(config: Config, database: ServiceDatabase): Promise<Check[]> {
  if (soundInventory(config)?.policy.signIn.mfa !== "required") return [];
  const enrolled = await mfaStatuses(database.access);
  const without = (await new People(database.access).list())
    .filter(({ name, disabled }) => !disabled && !enrolled.has(name.toLowerCase()))
    .map(({ name }) => name);
  if (without.length === 0) return [ok("second factor", "everybody who may sign in has one")];
  const mend = "They set it up at their next sign-in to the portal.";
  return [warn("second factor", `without one: ${without.join(", ")}`, mend)];
}

export async function checkSecrets(config: Config): Promise<Check[]> {
  // What is missing has a check of its own.
  const keyFile = masterKeyPath(config);
  if (!hasState(config) || (keyFile !== null && !existsSync(keyFile))) return [];
  const targets = soundInventory(config)?.targets ?? null;
  if (targets === null) return [warn("secrets", "not checked: the inventory is at fault", "Mend the inventory first.")];
  const database = await openDatabase(stateOf(config));
  try {
    const secrets = await openSecrets(config, database);
    return [...(await checkRotation(config)), ...(await secretsOf(targets, secrets))];
  } finally {
    await database.close();
  }
}

/** The key fits, or opening the secrets had failed; what a cut-off rotation left beside it is of no use to anybody. */
async function checkRotation(config: Config): Promise<Check[]> {
  const left = (await masterKeySource(config).file?.leftOver()) ?? [];
  if (left.length === 0) return [];
  const mend = "Rotate again (conduit secret rotate-master-key), which removes it; or delete the file.";
  return [warn("master key", `a rotation was cut off before it took effect; it left ${left.join(", ")}`, mend)];
}

/** Null when the inventory is refused, which has a check of its own. */
function soundInventory(config: Config): ReturnType<typeof inventoryOf> | null {
  try {
    return inventoryOf(config);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

async function secretsOf(targets: readonly Target[], secrets: SecretStore): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name, secret } of targets) {
    if (secret === undefined) continue;
    const problem = await secrets.get(secret).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (problem !== null) checks.push(fail("secrets", `target ${name}: ${problem}`, `conduit secret set ${secret}`));
  }
  return checks.length > 0 ? checks : [ok("secrets", `every target's credential is there (${targets.length} targets)`)];
}

export function checkInventory(config: Config): Check[] {
  if (!existsSync(config.inventory.policy)) {
    return [
      warn(
        "inventory",
        `${config.inventory.policy} does not exist yet`,
        "Run conduit serve once: it sets everything up.",
      ),
    ];
  }
  const { targets, conduits, policy, policyHash, warnings } = inventoryOf(config);
  const message = [
    counted(targets.length, "target"),
    counted(conduits.length, "conduit"),
    counted(policy.rules.length, "rule"),
    `policy ${policyHash.slice(0, 16)}…`,
  ].join(", ");
  const odd = formatFindings(warnings).map((line) => warn("inventory", line, ""));
  return [ok("inventory", message), ...odd];
}

/** Signs in to every target and hangs up; only when asked for, since it touches the plant. */
export async function checkTargets(config: Config): Promise<Check[]> {
  const database = await openDatabase(stateOf(config));
  try {
    const secrets = await openSecrets(config, database);
    const checks: Check[] = [];
    for (const target of inventoryOf(config).targets) {
      const name = `target ${target.name}`;
      try {
        if (target.protocol === "vnc") {
          checks.push(await checkScreen(config, target, await accessOf(target, secrets)));
          continue;
        }
        const credential = exact(await secrets.get(target.secret));
        const timeoutMs = config.limits.targetConnectSeconds * 1000;
        await checkTarget({ ...target, credential }, { timeoutMs, legacy: config.ssh.legacyTargets });
        checks.push(ok(name, `signed in as ${target.account} at ${target.host}:${target.port}`));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        checks.push(fail(name, error.message, `See ${error.code} in the README.`));
      }
    }
    return checks;
  } finally {
    await database.close();
  }
}

async function checkScreen(config: Config, target: VncTarget, access: VncTargetAccess): Promise<Check> {
  const timeoutMs = config.limits.targetConnectSeconds * 1000;
  const { facts, init } = await checkVncTarget(access, { timeoutMs });
  const message = `logged in by ${facts.security} at ${target.host}:${target.port}, ${init.width}×${init.height}`;
  return ok(`target ${target.name}`, message);
}
