// `conduit verify`, `conduit ledger verify`, `conduit attest` and `conduit recordings decrypt` over a copy of a store, with
// what people do wrong.
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateX25519Identity } from "age-encryption";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ledgerCheckpointKey } from "../../../recorder/store/keys.ts";
import type { EvidenceReport } from "../../../shared/evidence/verdict.ts";
import { EvidenceStore } from "../../support/evidence-store.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../support/timestamp-authority.ts";
import { runConduit } from "./run-conduit.ts";

let folder: TempDir;
let authority: TimestampAuthority;
let plant: EvidenceStore;
const at = (name: string) => join(folder.path, name);
const conduit = (...args: string[]) => runConduit(folder.path, args);

beforeAll(async () => {
  folder = await createTempDir("evidence-commands");
  authority = await startTimestampAuthority();
  plant = new EvidenceStore(new Date(Date.now() - 10 * 60_000).toISOString());
  await plant.session();
  plant.pass(5);
  const stamped = `${ledgerCheckpointKey(plant.recorder, plant.size)}.tsr`;
  plant.put(stamped, authority.stamp(Buffer.from(plant.notes.at(-1) ?? "")));
  for (const [key, bytes] of plant.store.objects) {
    mkdirSync(dirname(at(`store/${key}`)), { recursive: true });
    writeFileSync(at(`store/${key}`), bytes);
  }
  writeFileSync(at("root.pem"), plant.root.publicKeyPem);
});
afterAll(async () => {
  await authority?.stop();
  await folder?.remove();
});

const from = () => ["--store", "store", "--root-key", "root.pem"];

describe("--tsa-ca", () => {
  test("anchors what the authority stamped, for verify and for ledger verify", async () => {
    const verified = await conduit("verify", "--all", ...from(), "--tsa-ca", authority.caFile);
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(verified.stdout).toContain(`1 of 1 time stamp proven, the newest of`);
    expect(verified.stdout).toContain(`${plant.size} entries anchored outside, `);
    expect(verified.stdout).toContain("(1 key, root ");
    expect(verified.stdout).toContain("1 recording: 1 VALID. All in all: VALID");
    const json = await conduit("verify", "--all", ...from(), "--tsa-ca", authority.caFile, "--json");
    const [ledger] = (JSON.parse(json.stdout) as EvidenceReport).ledgers;
    expect(ledger).toMatchObject({ anchored: plant.size, stamps: { count: 1, proven: 1 } });
    expect(await conduit("ledger", "verify", ...from(), "--tsa-ca", authority.caFile)).toMatchObject({ code: 0 });
  });

  test("of another authority is told, and of a file without certificates refused", async () => {
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=Another"].concat([
        "-keyout",
        at("other.key"),
        "-out",
        at("other.crt"),
      ]),
      { stdio: "ignore" },
    );
    const other = await conduit("ledger", "verify", ...from(), "--tsa-ca", "other.crt");
    expect(other.code).toBe(3);
    expect(other.stdout).toMatch(/UNTRUSTED {2}INTEGRITY_SIGNATURE {2}ledger\/recorder-1\/checkpoints\/\d{12}\.tsr/);
    const none = await conduit("verify", "--all", ...from(), "--tsa-ca", "root.pem");
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("holds no certificate in PEM");
    expect((await conduit("verify", "--all", ...from(), "--tsa-ca", "nowhere.pem")).code).toBe(2);
  });
});

describe("verify, where something else was given than was meant", () => {
  test("a folder inside a store is refused, and the store named", async () => {
    const { code, stderr } = await conduit("verify", "--all", "--store", "store/recordings", "--root-key", "root.pem");
    expect(code).toBe(2);
    expect(stderr).toContain(`it is inside a store: give ${at("store")}`);
  });

  test("many objects that are nobody's are counted after the first twenty", async () => {
    mkdirSync(at("store/other"));
    for (let i = 0; i < 30; i++) writeFileSync(at(`store/other/${i}`), "x");
    const { code, stdout } = await conduit("verify", "--all", ...from());
    expect(code).toBe(0);
    expect(stdout.split("belongs to no recording")).toHaveLength(1 + 20 + 1);
    expect(stdout).toContain("… and 10 more");
    rmSync(at("store/other"), { recursive: true });
  });

  test("a time that is to come, and a private root key, are told as such", async () => {
    const to = new Date(Date.now() + 86_400_000).toISOString();
    expect((await conduit("verify", "--from", to, ...from())).stderr).toContain("--from is in the future");
    writeFileSync(at("private.pem"), plant.root.privateKey.export({ type: "pkcs8", format: "pem" }));
    const { code, stdout, stderr } = await conduit(
      ...["verify", "--all", "--store", "store", "--root-key", "private.pem"],
    );
    expect({ code, told: stdout.includes("VALID") }).toEqual({ code: 0, told: true });
    expect(stderr).toContain("is a PRIVATE key");
  });

  test("a symbolic link in the place of a recording is named, and up to when the ledger is signed", async () => {
    const place = at(`store/${plant.sessions[0]?.prefix.slice(0, -1)}`);
    renameSync(place, at("elsewhere"));
    symlinkSync(at("elsewhere"), place);
    const { code, stdout } = await conduit("verify", "--all", ...from());
    unlinkSync(place);
    renameSync(at("elsewhere"), place);
    expect(code).toBe(3);
    expect(stdout).toContain(`is a symbolic link to ${at("elsewhere")}, which is never followed`);
    expect(stdout).toMatch(/signed to entry \d+ up to 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
  });
});

describe("attest", () => {
  const day = () => ["--from", new Date(Date.now() - 86_400_000).toISOString()];

  test.each(["--html", "--json"])(
    "%s into a folder that is not there is refused before anything is made",
    async (option) => {
      const before = readdirSync(folder.path);
      const { code, stderr, stdout } = await conduit("attest", ...day(), ...from(), option, "nowhere/day");
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain(`cannot be written to (ENOENT); name another place with ${option}`);
      expect(readdirSync(folder.path)).toEqual(before);
    },
  );

  test("that exists already stays, and so does an older signature", async () => {
    writeFileSync(at("old.json.sig"), "old");
    const { code, stderr } = await conduit("attest", ...day(), ...from(), "--json", "old.json");
    expect(code).toBe(2);
    expect(stderr).toContain("old.json.sig exists already; name another with --json, or give --force");
    expect(readdirSync(folder.path)).not.toContain("old.json");
  });

  test.runIf(process.getuid?.() === 0)("on a full disk keeps nothing of it", async () => {
    mkdirSync(at("small"));
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", at("small")]);
    try {
      writeFileSync(at("small/filler"), Buffer.alloc(4096));
      const { code, stderr } = await conduit("attest", ...day(), ...from(), "--json", "small/day.json");
      expect(code).toBe(1);
      expect(stderr).toContain("the disk is full (ENOSPC). Nothing of it was kept.");
      expect(readdirSync(at("small"))).toEqual(["filler"]);
    } finally {
      execFileSync("/bin/umount", [at("small")]);
    }
  });

  test("is written whole", async () => {
    const { code, stdout } = await conduit("attest", ...day(), ...from(), "--json", "day.json", "--html", "day.html");
    expect(code).toBe(0);
    expect(stdout).toContain("Everything is in order.");
    expect(JSON.parse(readFileSync(at("day.json"), "utf8"))).toMatchObject({ inOrder: true });
    expect(readFileSync(at("day.html"), "utf8")).toContain("</html>");
  });
});

test("an age identity with a wrong character is named by its file and line, and not shown", async () => {
  const identity = await generateX25519Identity();
  const wrong = `${identity.slice(0, -1)}${identity.endsWith("Q") ? "P" : "Q"}`;
  writeFileSync(at("bad.key"), `# made today\n${wrong}\n`);
  const recording = fileURLToPath(new URL("../../golden/recording-3", import.meta.url));
  const { code, stderr } = await conduit(
    ...["recordings", "decrypt", recording, "--identity", "bad.key", "--output", "clear"],
  );
  expect(code).toBe(2);
  expect(stderr).toContain(`${at("bad.key")}, line 2, is no age identity`);
  expect(stderr).not.toContain("AGE-SECRET-KEY-1");
});
