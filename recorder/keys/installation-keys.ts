// The keys of an installation in its key directory: which sign, which signed, and the signed history of them. Fed by the
// start of the service and by `conduit keys`. Invariant: a change is in the history before it is made use of, wherever the
// root key is at hand.
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { entryTime } from "../../shared/ledger/entry.ts";
import type { KeyState } from "../../shared/ledger/key-history.ts";
import { syncDirectory, writeDurable } from "../record/durable-file.ts";
import { type HistoryVersion, readHistory, signVersion, writeVersion } from "./history-files.ts";
import { broughtUpToDate, ended, type KeyChange, type KeysHere } from "./key-life.ts";
import {
  generateRootKey,
  type PublicKey,
  publicKeyOf,
  type RootKey,
  readRootKey,
  readRootPublicKey,
  rootName,
  writeRootPublicKey,
} from "./root-key.ts";

const activeName = "signing.pem";
/** Signs from the next start on. */
const nextName = "signing-next.pem";

export interface InstallationKeysOptions {
  keyDirectory: string;
  recorderId: string;
  now?: () => number;
}

export interface KeysState {
  root: PublicKey;
  /** Whether the root's private half is on this machine. */
  rootIsHere: boolean;
  versions: HistoryVersion[];
}

export class InstallationKeys {
  readonly #options: InstallationKeysOptions;

  constructor(options: InstallationKeysOptions) {
    this.#options = options;
  }

  /** The staged key takes the place of the one that signed; of that one the public half is kept. Before it is loaded. */
  async promote(): Promise<void> {
    const { keyDirectory } = this.#options;
    const next = join(keyDirectory, nextName);
    if (!existsSync(next)) return;
    const active = await this.#publicKeyIn(activeName);
    if (active !== null) {
      const kept = join(keyDirectory, `signing-${active.keyId}.pub.pem`);
      await writeDurable(kept, Buffer.from(active.publicKeyPem));
    }
    await rename(next, join(keyDirectory, activeName));
    await syncDirectory(keyDirectory);
  }

  /**
   * At a start: root key and history are made where there is neither, and the history is brought up to date where the root
   * key is here. Answers null where there is no history and nobody to sign one.
   */
  async bringUpToDate(): Promise<{ state: KeysState; changes: KeyChange[]; namesActive: boolean } | null> {
    const { keyDirectory } = this.#options;
    let root = await readRootKey(join(keyDirectory, rootName));
    let rootPublic = await readRootPublicKey(keyDirectory);
    if (root === null && rootPublic === null) root = await generateRootKey(join(keyDirectory, rootName));
    if (root !== null && rootPublic === null) {
      rootPublic = root.public;
      await writeRootPublicKey(keyDirectory, rootPublic);
    }
    if (rootPublic === null) return null;
    if (root !== null && root.public.keyId !== rootPublic.keyId) throw twoRoots(keyDirectory);
    const versions = await readHistory(keyDirectory, rootPublic);
    const changes = await this.#sign(versions, rootPublic, root);
    const newest = versions.at(-1);
    if (newest === undefined) return null;
    const active = await this.#publicKeyIn(activeName);
    const namesActive = newest.history.keys.some(({ keyId, state }) => keyId === active?.keyId && state === "active");
    return { state: { root: rootPublic, rootIsHere: root !== null, versions }, changes, namesActive };
  }

  /** For `conduit keys`: what there is, changing nothing. */
  async read(): Promise<KeysState | null> {
    const { keyDirectory } = this.#options;
    const root = await readRootPublicKey(keyDirectory);
    if (root === null) return null;
    const versions = await readHistory(keyDirectory, root);
    return { root, rootIsHere: existsSync(join(keyDirectory, rootName)), versions };
  }

  /** Names every key that is here in the history. `rootPath`: where the root key is; null: in the key directory. */
  async sign(rootPath: string | null): Promise<KeyChange[]> {
    const root = await this.#rootFor(rootPath);
    const versions = await readHistory(this.#options.keyDirectory, root.public);
    return this.#sign(versions, root.public, root);
  }

  /** Makes the key that signs from the next start on, and names it in the history. */
  async rotate(rootPath: string | null): Promise<{ from: string; to: string; changes: KeyChange[] }> {
    const { keyDirectory } = this.#options;
    const root = await this.#rootFor(rootPath);
    const active = await this.#publicKeyIn(activeName);
    if (active === null) throw noKey(keyDirectory);
    if (existsSync(join(keyDirectory, nextName))) {
      const text = `${join(keyDirectory, nextName)} waits already: start the service again, and it signs with that key`;
      throw new AppError("REQUEST_CONFLICT", text, { op: "keys.rotate" });
    }
    const { privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const next = publicKeyOf(createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString());
    const versions = await readHistory(keyDirectory, root.public);
    // In the history first: a start in between would sign with a key that nobody can trust.
    const changes = await this.#sign(versions, root.public, root, next);
    await writePrivate(keyDirectory, nextName, pem);
    return { from: active.keyId, to: next.keyId, changes };
  }

  /** What a key signed before stays valid, whatever becomes of it. */
  async end(keyId: string, state: Exclude<KeyState, "active">, rootPath: string | null): Promise<KeyChange[]> {
    const { keyDirectory } = this.#options;
    const root = await this.#rootFor(rootPath);
    const newest = (await readHistory(keyDirectory, root.public)).at(-1);
    if (newest === undefined) throw noKey(keyDirectory);
    const { history, changes } = ended(newest.history, newest.sha256, keyId, state, this.#at());
    const active = await this.#publicKeyIn(activeName);
    if (changes.some((change) => change.keyId === active?.keyId)) {
      const text = `${active?.keyId} signs now: conduit keys rotate and start the service again, then end it`;
      throw new AppError("REQUEST_CONFLICT", text, { op: "keys.end" });
    }
    await writeVersion(keyDirectory, signVersion(history, root));
    return changes;
  }

  async #sign(
    versions: HistoryVersion[],
    rootPublic: PublicKey,
    root: RootKey | null,
    staged: PublicKey | null = null,
  ): Promise<KeyChange[]> {
    const { keyDirectory, recorderId } = this.#options;
    const before = versions.at(-1)?.history.recorder;
    if (before !== undefined && before !== recorderId) throw renamed(before, recorderId);
    const here = await this.#keysHere(rootPublic, staged);
    if (here === null || root === null) return [];
    const newest = versions.at(-1);
    const next = broughtUpToDate(newest?.history ?? null, newest?.sha256 ?? null, here, this.#at());
    if (next === null) return [];
    const version = signVersion(next.history, root);
    await writeVersion(keyDirectory, version);
    versions.push(version);
    return next.changes;
  }

  async #keysHere(root: PublicKey, staged: PublicKey | null): Promise<KeysHere | null> {
    const { keyDirectory, recorderId } = this.#options;
    const active = await this.#publicKeyIn(activeName);
    if (active === null) return null;
    const names = (await readdir(keyDirectory)).filter((name) => /^signing.*\.pem$/.test(name));
    const earlier: PublicKey[] = [];
    for (const name of names.sort()) {
      const key = name === activeName || name === nextName ? null : await this.#publicKeyIn(name);
      if (key !== null && key.keyId !== active.keyId) earlier.push(key);
    }
    const next = staged ?? (await this.#publicKeyIn(nextName));
    return { recorder: recorderId, root, active, next, earlier };
  }

  async #publicKeyIn(name: string): Promise<PublicKey | null> {
    const path = join(this.#options.keyDirectory, name);
    try {
      const key = createPublicKey(await readFile(path));
      return publicKeyOf(key.export({ type: "spki", format: "pem" }).toString(), path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
      if (cause instanceof AppError) throw cause;
      throw new AppError("CONFIG_UNREADABLE", `${path}: this is not a readable key in PEM form`, {
        op: "keys.read",
        cause,
      });
    }
  }

  async #rootFor(rootPath: string | null): Promise<RootKey> {
    const { keyDirectory } = this.#options;
    const path = rootPath ?? join(keyDirectory, rootName);
    const root = await readRootKey(path);
    if (root === null) {
      const text =
        rootPath === null
          ? `${path} is not here: name the root key with --root FILE`
          : `${path}: there is no such file`;
      throw new AppError("CONFIG_UNREADABLE", text, { op: "keys.root" });
    }
    const known = await readRootPublicKey(keyDirectory);
    if (known === null) await writeRootPublicKey(keyDirectory, root.public);
    else if (known.keyId !== root.public.keyId) throw twoRoots(keyDirectory);
    return root;
  }

  #at(): string {
    return entryTime((this.#options.now ?? Date.now)());
  }
}

async function writePrivate(directory: string, name: string, pem: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `${name}.new`);
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(pem);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(directory, name));
  await syncDirectory(directory);
}

function twoRoots(keyDirectory: string): AppError {
  const text = `the root key is not the one of ${join(keyDirectory, "root.pub.pem")}: the history of keys is signed by that one, and only it goes on`;
  return new AppError("CONFIG_INVALID", text, { op: "keys.root" });
}

/** Numbers, ledger and every recording stand under the first name: under another one they would seem to be missing. */
function renamed(before: string, now: string): AppError {
  const text = `recorder.id is ${now}, and this installation has recorded as ${before}: its numbers, its ledger and its recordings stand under that name. Set recorder.id (or CONDUIT_RECORDER_ID) back to ${before}; a recorder of another name has its own data directory, key directory and place in the store`;
  return new AppError("CONFIG_INVALID", text, { op: "keys.recorder" });
}

function noKey(keyDirectory: string): AppError {
  const text = `${keyDirectory} has no signing key with a history yet: start the service once`;
  return new AppError("REQUEST_CONFLICT", text, { op: "keys.rotate" });
}
