// Changes targets.yaml for the commands that do, keeping its comments and order. The new inventory is checked whole before
// the file is replaced, so a command can never leave an inventory that the service would refuse.
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from "yaml";
import { AppError } from "../../shared/errors.ts";
import type { SshTarget, VncTarget } from "../../shared/policy/policy.ts";
import type { Config } from "../config.ts";
import { type InventorySnapshot, parseInventory, readInventoryTexts } from "../inventory/snapshot.ts";
import { replaceFile } from "./private-file.ts";

type Document = ReturnType<typeof parseDocument>;

function edit(config: Config, change: (document: Document) => void): InventorySnapshot {
  const texts = readInventoryTexts(config.inventory);
  const defaults = { durability: config.recording.durability };
  parseInventory(config.inventory, texts, defaults);
  const document = parseDocument(texts.targets);
  change(document);
  const text = document.toString({ lineWidth: 120 });
  const next = parseInventory(config.inventory, { ...texts, targets: text }, defaults);
  replaceFile(config.inventory.targets, text);
  return next;
}

/** As written by a person: only what differs from the defaults. */
export type TargetEntry =
  | (Pick<SshTarget, "name" | "conduit" | "protocol" | "host" | "account" | "secret"> &
      Partial<Pick<SshTarget, "port" | "hostKeys" | "tags" | "description">>)
  | (Pick<VncTarget, "name" | "conduit" | "protocol" | "host"> &
      Partial<Pick<VncTarget, "port" | "account" | "secret" | "tags" | "description">> & { vnc?: VncEntry });

interface VncEntry {
  tls?: { fingerprints: string[] };
}

export function addTarget(config: Config, entry: TargetEntry): InventorySnapshot {
  return edit(config, (document) => {
    const list = document.get("targets", true);
    if (!isSeq(list)) {
      document.set("targets", document.createNode([entry]));
      return;
    }
    // `targets: []` is written in flow style, which would put the whole list on one line.
    list.flow = false;
    list.add(document.createNode(entry));
  });
}

/** Appends pins to a target's hostKeys. */
export function pinHostKeys(config: Config, name: string, lines: readonly string[]): InventorySnapshot {
  return edit(config, (document) => {
    const target = targetNode(document, name);
    const pinned = target.get("hostKeys", true);
    if (!isSeq(pinned)) {
      target.set("hostKeys", document.createNode(lines));
      return;
    }
    pinned.flow = false;
    for (const line of lines) pinned.add(document.createNode(line));
  });
}

export function pinCertificate(config: Config, name: string, fingerprint: string): InventorySnapshot {
  return edit(config, (document) => {
    const target = targetNode(document, name);
    const path = ["vnc", "tls", "fingerprints"];
    const pinned = target.getIn(path, true);
    if (isSeq(pinned)) pinned.add(document.createNode(fingerprint));
    else target.setIn(path, document.createNode([fingerprint]));
  });
}

function targetNode(document: Document, name: string): YAMLMap {
  const list = document.get("targets", true);
  const items = isSeq(list) ? list.items : [];
  const found = items.find((item) => {
    const value = isMap(item) ? item.get("name", true) : undefined;
    return isScalar(value) && String(value.value).toLowerCase() === name.toLowerCase();
  });
  if (isMap(found)) return found;
  throw new AppError("REQUEST_NOT_FOUND", `there is no target named ${name}`, { op: "cli.target" });
}
