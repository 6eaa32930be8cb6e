// A policy as the commands read it: the one in force, or another file with the installation's targets and conduits.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { PersonFacts } from "../../../shared/policy/compile.ts";
import type { GrantFacts } from "../../../shared/policy/decide.ts";
import { AccessFeed } from "../../access/feed.ts";
import { People } from "../../access/people.ts";
import { AccessRequests } from "../../access/requests/requests.ts";
import { type Config, readConfigText } from "../../config.ts";
import { hasState, openDatabase, stateOf } from "../../database.ts";
import { type InventorySnapshot, parseInventory, readInventoryTexts } from "../../inventory/snapshot.ts";
import { type Cli, configOf } from "../cli.ts";
import { inventoryOf } from "../inventory-of.ts";

export interface PolicyAtHand {
  config: Config;
  inventory: InventorySnapshot;
  file: string;
  /** There is no installation here: the file stands alone, without targets and conduits. */
  alone: boolean;
}

/** CONFIG_INVALID with file, line, key and mend of everything that is wrong. */
export function policyAtHand(cli: Cli, command: Command, file: string | undefined): PolicyAtHand {
  const config = configOf(cli, command);
  if (file === undefined) {
    return { config, inventory: inventoryOf(config), file: config.inventory.policy, alone: false };
  }
  const path = resolve(cli.directory, file);
  const files = { ...config.inventory, policy: path };
  const alone = !existsSync(files.targets) && !existsSync(files.conduits);
  const empty = { targets: "version: 1\n", conduits: "version: 1\n", policy: readConfigText(path, "policy") };
  const texts = alone ? empty : readInventoryTexts(files);
  const defaults = { durability: config.recording.durability };
  return { config, inventory: parseInventory(files, texts, defaults), file: path, alone };
}

/** Of the person's own grants, what policy would be told then; null where there is none, or no database. */
export async function grantAtHand(
  { config, inventory }: PolicyAtHand,
  person: string,
  target: string,
  nowMs: number,
): Promise<GrantFacts | null> {
  if (!hasState(config)) return null;
  const database = await openDatabase(stateOf(config));
  const feed = new AccessFeed(database.requests);
  try {
    const people = new People(database.access);
    const requests = new AccessRequests(database.requests, { policy: () => inventory, people, feed });
    return await requests.grantFor(person, target, nowMs);
  } finally {
    await feed.close();
    await database.close();
  }
}

/** Of enabled accounts; undefined where there is no database yet. */
export async function knownPeople(config: Config): Promise<PersonFacts[] | undefined> {
  if (!hasState(config)) return undefined;
  const database = await openDatabase(stateOf(config));
  try {
    const people = await new People(database.access).list();
    return people.filter(({ disabled }) => !disabled).map(({ name, roles }) => ({ name, roles }));
  } finally {
    await database.close();
  }
}
