// Targets, conduits and policy in force. Reads them at start, watches their files, and swaps to a new snapshot whole or
// not at all: an invalid change is refused and said, while the old snapshot stays in force.
import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { AppError } from "../shared/errors.ts";
import {
  type InventoryDefaults,
  type InventoryFiles,
  type InventorySnapshot,
  type InventoryTexts,
  parseInventory,
  readInventoryTexts,
} from "./inventory/snapshot.ts";

export { type InventoryFiles, type InventorySnapshot, loadInventory } from "./inventory/snapshot.ts";

export interface InventoryOptions {
  defaults?: InventoryDefaults;
  /** A save is several file events; wait for the last of them. */
  debounceMs?: number;
  /** For file systems that send no events (NFS, some container mounts). */
  pollMs?: number;
}

type ReloadListener = (next: InventorySnapshot, previous: InventorySnapshot) => void;
type RefusalListener = (error: AppError) => void;

export class Inventory {
  readonly #files: InventoryFiles;
  readonly #options: Required<InventoryOptions>;
  readonly #reloadListeners = new Set<ReloadListener>();
  readonly #refusalListeners = new Set<RefusalListener>();
  #current: InventorySnapshot;
  #texts: InventoryTexts;
  /** The last text that was refused, so that one mistake is told once. */
  #refused: string | null = null;
  #stamp: string;
  #watchers: FSWatcher[] = [];
  #debounce: NodeJS.Timeout | null = null;
  #poll: NodeJS.Timeout | null = null;

  private constructor(files: InventoryFiles, options: Required<InventoryOptions>) {
    this.#files = files;
    this.#options = options;
    this.#stamp = this.#stat();
    this.#texts = readInventoryTexts(files);
    this.#current = parseInventory(files, this.#texts, options.defaults);
  }

  /** Throws CONFIG_INVALID or CONFIG_UNREADABLE: a service does not start on a bad inventory. */
  static open(files: InventoryFiles, options: InventoryOptions = {}): Inventory {
    const inventory = new Inventory(files, {
      defaults: options.defaults ?? { durability: "strict" },
      debounceMs: options.debounceMs ?? 200,
      pollMs: options.pollMs ?? 5000,
    });
    inventory.#watch();
    return inventory;
  }

  get current(): InventorySnapshot {
    return this.#current;
  }

  /** Called after the swap. Returns the call that ends the subscription. */
  onReload(listener: ReloadListener): () => void {
    this.#reloadListeners.add(listener);
    return () => this.#reloadListeners.delete(listener);
  }

  /** Called when a change was refused and the old snapshot stays in force. */
  onRefused(listener: RefusalListener): () => void {
    this.#refusalListeners.add(listener);
    return () => this.#refusalListeners.delete(listener);
  }

  /** Reads the files now. True when a new snapshot came into force. */
  reload(): boolean {
    this.#stamp = this.#stat();
    let texts: InventoryTexts | null = null;
    try {
      texts = readInventoryTexts(this.#files);
      if (sameTexts(texts, this.#texts)) {
        this.#refused = null;
        return false;
      }
      const next = parseInventory(this.#files, texts, this.#options.defaults);
      const previous = this.#current;
      this.#texts = texts;
      this.#current = next;
      this.#refused = null;
      for (const listener of this.#reloadListeners) listener(next, previous);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const told = texts === null ? error.message : JSON.stringify(texts);
      if (this.#refused !== told) for (const listener of this.#refusalListeners) listener(error);
      this.#refused = told;
      return false;
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    if (this.#debounce !== null) clearTimeout(this.#debounce);
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#reloadListeners.clear();
    this.#refusalListeners.clear();
  }

  /** Directories rather than files: editors write a new file and rename it over the old one. */
  #watch(): void {
    const paths = Object.values(this.#files) as string[];
    const names = new Set(paths.map((path) => basename(path)));
    for (const directory of new Set(paths.map((path) => dirname(path)))) {
      try {
        const watcher = watch(directory, { persistent: false }, (_event, name) => {
          // `..data` is how mounted configuration volumes swap all their files at once.
          if (name === null || names.has(name) || name === "..data") this.#soon();
        });
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // No events to be had here (e.g. out of inotify watches): polling alone finds the change.
      }
    }
    this.#poll = setInterval(() => {
      if (this.#stat() !== this.#stamp) this.reload();
    }, this.#options.pollMs);
    this.#poll.unref();
  }

  #soon(): void {
    if (this.#debounce !== null) clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => {
      this.#debounce = null;
      this.reload();
    }, this.#options.debounceMs);
    this.#debounce.unref();
  }

  #stat(): string {
    return (Object.values(this.#files) as string[])
      .map((path) => {
        const stat = statSync(path, { throwIfNoEntry: false });
        return stat === undefined ? "none" : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
      })
      .join(" ");
  }
}

function sameTexts(a: InventoryTexts, b: InventoryTexts): boolean {
  return a.targets === b.targets && a.conduits === b.conduits && a.policy === b.policy;
}
