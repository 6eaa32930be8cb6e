// The inventory as the commands read it: from its files, whether or not a service runs.
import { AppError } from "../../shared/errors.ts";
import type { Target } from "../../shared/policy/policy.ts";
import type { Config } from "../config.ts";
import { type InventorySnapshot, loadInventory } from "../inventory.ts";
import { printable } from "./output.ts";

export function inventoryOf(config: Config): InventorySnapshot {
  return loadInventory(config.inventory, { durability: config.recording.durability });
}

/** REQUEST_NOT_FOUND when there is none of that name. */
export function findTarget(inventory: InventorySnapshot, name: string): Target {
  const found = inventory.targets.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  throw new AppError(
    "REQUEST_NOT_FOUND",
    `there is no target named ${printable(name)}; conduit target list shows them`,
    { op: "cli.target" },
  );
}
