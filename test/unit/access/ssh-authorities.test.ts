// Certificates as ssh-keygen makes them: which are read, and which open what.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SshAuthorities } from "../../../recorder/access/ssh-authorities.ts";
import { readCertificate } from "../../../recorder/tap/ssh/certificate.ts";
import { isAcceptableKey } from "../../../recorder/tap/ssh/public-key.ts";
import { runChecked } from "../../support/process.ts";
import { generateSshKey, type SshKey } from "../../support/ssh-key.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let folder: TempDir;
let key: SshKey;
let authority: SshKey;
let rsa: SshKey;
let stranger: SshKey;
beforeAll(async () => {
  folder = await createTempDir("authorities");
  [key, authority, rsa, stranger] = await Promise.all([
    generateSshKey(folder.path, "key"),
    generateSshKey(folder.path, "authority"),
    generateSshKey(folder.path, "rsa", "rsa"),
    generateSshKey(folder.path, "stranger"),
  ]);
});
afterAll(() => folder.remove());

async function sign(by: SshKey, ...options: string[]): Promise<Buffer> {
  await runChecked("ssh-keygen", ["-q", "-s", by.privatePath, "-I", "erika", ...options, key.publicPath]);
  const line = await readFile(key.publicPath.replace(/\.pub$/, "-cert.pub"), "utf8");
  return Buffer.from(line.split(" ")[1] ?? "", "base64");
}

const authorities = (options: { maxHours?: number; now?: () => number } = {}) =>
  new SshAuthorities(`# ours\n${authority.publicLine}\n\n${rsa.publicLine}\n`, { maxHours: 24, ...options });

async function whyNot(blob: Buffer, person = "erika", address = "192.0.2.1", options = {}) {
  const read = readCertificate(blob);
  if (read === null) throw new Error("it cannot be read");
  return authorities(options).whyNot(read.certificate, person, address);
}

const hour = ["-V", "+1h"];

it("opens the accounts that it names, by either kind of authority", async () => {
  for (const by of [authority, rsa]) {
    const blob = await sign(by, "-n", "Erika,omar", "-z", "42", ...hour);
    expect(isAcceptableKey("ssh-ed25519-cert-v01@openssh.com", blob)).toBe(true);
    expect(readCertificate(blob)?.certificate).toMatchObject({
      keyId: "erika",
      serial: "42",
      principals: ["Erika", "omar"],
    });
    expect(readCertificate(blob)?.key.toString("base64")).toBe(key.publicLine.split(" ")[1]);
    expect(await whyNot(blob)).toBeNull();
    expect(await whyNot(blob, "petra")).toMatch(/does not name/);
  }
});

it("opens nothing without names, of a stranger, too early, too late, for too long, from elsewhere, or with demands", async () => {
  expect(await whyNot(await sign(authority, ...hour))).toMatch(/does not name/);
  expect(await whyNot(await sign(stranger, "-n", "erika", ...hour))).toMatch(/not trusted/);
  const soon = await sign(authority, "-n", "erika", "-V", "+1h:+2h");
  expect(await whyNot(soon)).toMatch(/not valid yet/);
  expect(await whyNot(soon, "erika", "192.0.2.1", { now: () => Date.now() + 3 * 3_600_000 })).toMatch(/is over/);
  expect(await whyNot(await sign(authority, "-n", "erika", "-V", "+25h"))).toMatch(/longer than 24 hours/);
  expect(await whyNot(await sign(authority, "-n", "erika"))).toMatch(/longer than 24 hours/);
  const near = await sign(authority, "-n", "erika", "-O", "source-address=192.0.2.0/24,2001:db8::/32", ...hour);
  expect(await whyNot(near)).toBeNull();
  expect(await whyNot(near, "erika", "::ffff:192.0.2.9")).toBeNull();
  expect(await whyNot(near, "erika", "2001:db8::7")).toBeNull();
  for (const address of ["198.51.100.1", "2001:db9::1", "local"]) {
    expect(await whyNot(near, "erika", address)).toMatch(/other addresses/);
  }
  expect(await whyNot(await sign(authority, "-n", "erika", "-O", "force-command=id", ...hour))).toMatch(
    /force-command/,
  );
});

it("is not read when a byte of it is changed or cut off, or when it is a host's", async () => {
  const blob = await sign(authority, "-n", "erika", ...hour);
  for (let at = 0; at < blob.length; at += 3) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect([at, readCertificate(changed)]).toEqual([at, null]);
    expect(readCertificate(blob.subarray(0, at))).toBeNull();
  }
  expect(readCertificate(Buffer.concat([blob, Buffer.from([0])]))).toBeNull();
  expect(readCertificate(await sign(authority, "-h", "-n", "erika", ...hour))).toBeNull();
});

it("a line that is no key is refused by name", () => {
  expect(() => new SshAuthorities("not a key", { maxHours: 24 })).toThrow(/not a usable SSH public key/);
});
