// Makes what a service needs and does not have yet: directories, configuration, keys, inventory, the first admin. Runs
// before every start; a second run changes nothing. Invariant: it never replaces a file, and never makes a new key where
// an old one belongs to data that is already there.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { loadOrCreateMasterKey } from "../access/master-key-source.ts";
import { People } from "../access/people.ts";
import { AuditLog } from "../catalog/audit.ts";
import { type Config, configFileName } from "../config.ts";
import { openDatabase, stateOf } from "../database.ts";
import { loadOrCreateSigningKey } from "../record/signing.ts";
import { masterKeyPath, refuseLostMasterKey, signingKeyPath } from "./key-files.ts";
import { generateEd25519 } from "./openssh-key.ts";
import { createPrivateFile } from "./private-file.ts";
import { generateSelfSigned } from "./self-signed.ts";
import * as templates from "./templates.ts";

export interface FirstStart {
  /** What was created, as paths. */
  created: string[];
  /** Returned once, to be shown once. */
  admin: { name: string; oneTimePassword: string } | null;
}

export const firstAdminName = "admin";

/** Without `admin`, the caller makes the first person itself. */
export async function prepareInstallation(config: Config, options: { admin?: boolean } = {}): Promise<FirstStart> {
  const created: string[] = [];
  await refuseLostMasterKey(config);
  for (const path of [config.recorder.dataDirectory, config.recorder.keyDirectory]) makeDirectory(path);
  if (config.file === null) {
    const path = join(config.recorder.dataDirectory, configFileName);
    create(created, path, () => templates.configuration(config.recorder.id));
  }
  createHostKeys(config, created);
  createVncCertificate(config, created);
  createPortalCertificate(config, created);
  createInventory(config, created);
  const masterKey = masterKeyPath(config);
  if (masterKey !== null) await createKey(created, masterKey, loadOrCreateMasterKey);
  await createKey(created, signingKeyPath(config), loadOrCreateSigningKey);
  return { created, admin: options.admin === false ? null : await createAdmin(config) };
}

function makeDirectory(path: string): void {
  try {
    makeWithParents(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    const reason = why === "EROFS" ? "EROFS: the file system is read-only" : why;
    throw new AppError(
      "CONFIG_UNREADABLE",
      `${path}: the directory cannot be made (${reason}). Make it, owned by the account that runs the service, or name another in recorder.dataDirectory.`,
      { op: "first-start.directory", cause },
    );
  }
}

/** One by one: `recursive` tells a read-only file system as ENOENT. */
function makeWithParents(path: string): void {
  if (!existsSync(dirname(path))) makeWithParents(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !statSync(path).isDirectory()) throw error;
  }
}

async function createKey(created: string[], path: string, make: (path: string) => Promise<unknown>): Promise<void> {
  const before = existsSync(path);
  await make(path);
  if (!before) created.push(path);
}

function create(created: string[], path: string, text: () => string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  if (createPrivateFile(path, text())) created.push(path);
}

/** Only at its default place: a key that the configuration names is somebody's, and missing by mistake. */
function createHostKeys(config: Config, created: string[]): void {
  for (const path of config.ssh.hostKeys) {
    if (path !== join(config.recorder.keyDirectory, "ssh_host_ed25519_key")) continue;
    if (existsSync(path)) continue;
    const key = generateEd25519(`conduit@${config.recorder.id}`);
    create(created, path, () => key.privateKey);
    create(created, `${path}.pub`, () => `${key.publicKey}\n`);
  }
}

/** As with host keys: only at its default place. */
function createVncCertificate({ vnc: { tls }, recorder, http }: Config, created: string[]): void {
  if (tls.key !== join(recorder.keyDirectory, "vnc.key") || existsSync(tls.key)) return;
  const names = new Set([hostname(), new URL(http.publicUrl).hostname, "localhost", "127.0.0.1", "::1"]);
  const made = generateSelfSigned(`Conduit Recorder ${recorder.id}`, [...names].filter(isPlainName));
  // The key last: with the certificate alone the next start makes both anew.
  if (existsSync(tls.certificate)) unlinkSync(tls.certificate);
  create(created, tls.certificate, () => made.certificate);
  create(created, tls.key, () => made.key);
}

/** Browsers take none that is valid for longer. */
const portalDays = 825;
const renewBeforeMs = 30 * 86_400_000;

/** Where the configuration asks for one; made anew in the last month of its time. */
function createPortalCertificate({ http, recorder }: Config, created: string[]): void {
  const { tls } = http;
  if (!http.selfSigned || tls === null) return;
  const isDue = () =>
    !existsSync(tls.certificate) ||
    Date.parse(new X509Certificate(readFileSync(tls.certificate)).validTo) < Date.now() + renewBeforeMs;
  if (existsSync(tls.key) && !isDue()) return;
  const names = new Set([new URL(http.publicUrl).hostname, hostname(), "localhost", "127.0.0.1", "::1"]);
  const plain = [...names].map((name) => name.replace(/^\[|\]$/g, "")).filter(isPlainName);
  const made = generateSelfSigned(`Conduit Recorder ${recorder.id}`, plain, new Date(), portalDays);
  // The key last: with the certificate alone the next start makes both anew.
  for (const path of [tls.key, tls.certificate]) if (existsSync(path)) unlinkSync(path);
  create(created, tls.certificate, () => made.certificate);
  create(created, tls.key, () => made.key);
}

function isPlainName(name: string): boolean {
  return isIP(name) !== 0 || /^[A-Za-z0-9.-]{1,253}$/.test(name);
}

function createInventory({ inventory, recorder }: Config, created: string[]): void {
  const defaults = join(recorder.dataDirectory, "inventory");
  const texts: [path: string, text: string][] = [
    [inventory.targets, templates.targets],
    [inventory.conduits, templates.conduits],
    [inventory.policy, templates.policy],
  ];
  for (const [path, text] of texts) {
    if (dirname(path) === defaults) create(created, path, () => text);
  }
}

async function createAdmin(config: Config): Promise<FirstStart["admin"]> {
  const database = await openDatabase(stateOf(config));
  try {
    const people = new People(database.access);
    if ((await people.list()).length > 0) return null;
    const { person, password } = await people.createWithOneTimePassword({ name: firstAdminName, roles: ["admin"] });
    await new AuditLog(database.catalog).append({
      actor: "first-start",
      action: "person.add",
      subject: person.name,
      address: "local",
      details: { roles: person.roles },
    });
    return { name: person.name, oneTimePassword: password };
  } finally {
    await database.close();
  }
}
