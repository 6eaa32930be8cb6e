import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConfigSource, loadConfig, operatingSystemUser, storeOptions } from "../../../recorder/config.ts";
import { AppError } from "../../../shared/errors.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let folder: TempDir;
beforeEach(async () => {
  folder = await createTempDir("config");
});
afterEach(() => folder.remove());

function load(text: string | null, source: ConfigSource = {}) {
  if (text !== null) writeFileSync(join(folder.path, "conduit.yaml"), text);
  return loadConfig({ env: {}, directory: folder.path, ...source });
}

/** The findings of a refusal, one a line, without the folder. */
function refusal(text: string | null, source: ConfigSource = {}): string[] {
  try {
    load(text, source);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toMatch(/^CONFIG_/);
    return (error as AppError).message.replaceAll(`${folder.path}/`, "").split("\n");
  }
  throw new Error("it was accepted");
}

describe("a valid configuration", () => {
  test("nothing at all gives safe defaults below ./data", () => {
    const config = load(null);
    expect(config.file).toBeNull();
    expect(config.recorder.dataDirectory).toBe(join(folder.path, "data"));
    expect(config.ssh.listen).toEqual({ host: "0.0.0.0", port: 2222 });
    expect(config.vnc).toEqual({
      listen: { host: "0.0.0.0", port: 5910 },
      security: ["x509-plain", "x509-vnc"],
      tls: { certificate: join(folder.path, "data/keys/vnc.crt"), key: join(folder.path, "data/keys/vnc.key") },
      ticketSeconds: 120,
    });
    expect(config.http.listen).toEqual({ host: "127.0.0.1", port: 8080 });
    expect(config.http.transport).toBe("loopback-http");
    expect(config.store).toEqual({
      kind: "fs",
      directory: join(folder.path, "data/store"),
      createDirectory: true,
      immutable: false,
    });
    expect(config.ssh.hostKeys).toEqual([join(folder.path, "data/keys/ssh_host_ed25519_key")]);
    expect(config.spool.floorBytes).toBe(1024 ** 3);
  });

  test("sizes and durations are normalised; an emptied section counts as absent", () => {
    const config = load("spool:\n  floorBytes: 10 GiB\nlimits:\n  loginGraceSeconds: 2m\nssh:\n");
    expect(config.spool.floorBytes).toBe(10 * 1024 ** 3);
    expect(config.limits.loginGraceSeconds).toBe(120);
    expect(config.ssh.listen.port).toBe(2222);
  });

  test("relative paths belong to the file they stand in; those of the environment to the working directory", () => {
    mkdirSync(join(folder.path, "etc"));
    writeFileSync(join(folder.path, "etc/c.yaml"), "recorder: { dataDirectory: var }\nspool: { directory: fast }\n");
    const config = load(null, {
      file: "etc/c.yaml",
      env: { CONDUIT_STORE_KIND: "fs", CONDUIT_STORE_DIRECTORY: "archive" },
    });
    expect(config.recorder.dataDirectory).toBe(join(folder.path, "etc/var"));
    expect(config.spool.directory).toBe(join(folder.path, "etc/fast"));
    expect(config.store).toMatchObject({ kind: "fs", directory: join(folder.path, "archive") });
  });

  test("--config wins over CONDUIT_CONFIG, which wins over ./conduit.yaml, which wins over the data directory's", () => {
    const env = { CONDUIT_CONFIG: "b.yaml" };
    mkdirSync(join(folder.path, "data"));
    for (const name of ["a.yaml", "b.yaml", "conduit.yaml", "data/conduit.yaml"]) {
      writeFileSync(join(folder.path, name), `recorder: { id: ${name.replace("/", "-")} }\n`);
    }
    expect(load(null, { file: "a.yaml", env }).recorder.id).toBe("a.yaml");
    expect(load(null, { env }).recorder.id).toBe("b.yaml");
    expect(load(null).recorder.id).toBe("conduit.yaml");
    expect(load(null, { env: { CONDUIT_RECORDER_DATA_DIRECTORY: "data" }, directory: folder.path }).file).toBe(
      join(folder.path, "conduit.yaml"),
    );
  });

  test("the environment overrides the file, and keeps texts of digits as texts", () => {
    const config = load("ssh: { listen: 127.0.0.1:22 }\n", {
      env: {
        CONDUIT_SSH_LISTEN: "[::1]:2022",
        CONDUIT_LOG_LEVEL: "debug",
        CONDUIT_HTTP_TRUST_PROXY: "10.0.0.1, 10.1.0.0/16",
        CONDUIT_STORE_KIND: "s3",
        CONDUIT_STORE_BUCKET: "recordings",
        CONDUIT_STORE_ACCESS_KEY_ID: "1234",
        CONDUIT_STORE_SECRET_ACCESS_KEY: "5678",
        CONDUIT_STORE_CREATE_BUCKET: "true",
        CONDUIT_SPOOL_FLOOR_BYTES: "2 GiB",
        CONDUIT_RECORDER_ID: "",
      },
    });
    expect(config.ssh.listen).toEqual({ host: "::1", port: 2022 });
    expect(config.log.level).toBe("debug");
    expect(config.http).toMatchObject({ trustProxy: ["10.0.0.1", "10.1.0.0/16"], transport: "https" });
    expect(config.spool.floorBytes).toBe(2 * 1024 ** 3);
    expect(storeOptions(config.store)).toMatchObject({
      kind: "s3",
      accessKeyId: "1234",
      secretAccessKey: "5678",
      createBucket: true,
    });
  });

  test("a secret from a file is read without its line break, and no way of printing the configuration shows it", () => {
    writeFileSync(join(folder.path, "key-id"), "AKIA\n");
    writeFileSync(join(folder.path, "key"), "s3cr3t-value\n");
    const config = load(
      "store: { kind: s3, bucket: recordings, accessKeyIdFile: key-id, secretAccessKeyFile: key, endpoint: 'http://s3:1' }\n",
    );
    expect(storeOptions(config.store)).toMatchObject({ secretAccessKey: "s3cr3t-value", forcePathStyle: true });
    for (const shown of [
      JSON.stringify(config),
      inspect(config, { depth: 9 }),
      Object.values(config.store).map(String).join(),
    ]) {
      expect(shown).not.toContain("s3cr3t");
    }
  });
});

describe("a refusal names file, line, column, key, problem and mend", () => {
  test.each([
    [
      "a mistyped key",
      "ssh:\n  lisen: 1.2.3.4:22\n",
      'conduit.yaml:2:3: ssh.lisen is not a known key. Did you mean "listen"? Known here: listen, hostKeys, banner, legacyTargets.',
    ],
    [
      "an unknown section",
      "foo: 1\n",
      /^conduit\.yaml:1:1: foo is not a known key\. Remove it\. Known here: recorder, /,
    ],
    [
      "a bad value",
      "ssh:\n  listen: nonsense\n",
      'conduit.yaml:2:3: ssh.listen is not valid ("nonsense"). Expected: host:port, such as "127.0.0.1:2222" or "[::]:2222".',
    ],
    [
      "a mistyped choice",
      "log:\n  level: wran\n",
      'conduit.yaml:2:3: log.level is not one of the allowed values ("wran"). Did you mean "warn"? Allowed: trace, debug, info, warn, error, fatal, silent.',
    ],
    [
      "an unreadable size",
      "\n\nspool: { floorBytes: lots }\n",
      'conduit.yaml:3:10: spool.floorBytes cannot be read ("lots"). Write a size such as 268435456 or "256 MiB".',
    ],
    ["a missing key", "store: { kind: s3 }\n", "conduit.yaml:1:1: store.bucket is missing. Add it: a text."],
    [
      "an unknown kind",
      "store:\n  kind: s4\n",
      'conduit.yaml:2:3: store.kind is not one of the allowed values ("s4"). Did you mean "s3"? Allowed: fs, s3.',
    ],
    [
      "a bracket that is open",
      "ssh:\n  x: [1, 2\nhttp: {}\n",
      "conduit.yaml:3:1: this line comes after a bracket that was never closed. Look above for a [ without its ], or a { without its }.",
    ],
    ["a tab", "ssh:\n\tlisten: a\n", "conduit.yaml:2:1: this line is indented with a tab. Use spaces."],
    [
      "a key given twice",
      "log: {}\nlog: {}\n",
      "conduit.yaml:2:1: this line names the same key twice. Remove one of the two.",
    ],
    [
      "a list where a section belongs",
      "ssh: []\n",
      "conduit.yaml:1:1: ssh is not a section of keys. Give a section of keys.",
    ],
  ])("%s", (_name, text, expected) => {
    const lines = refusal(text);
    expect(lines).toHaveLength(1);
    if (typeof expected === "string") expect(lines[0]).toBe(expected);
    else expect(lines[0]).toMatch(expected);
  });

  test("all faults at once, in the order of their lines, a mistyped key not counted as missing too", () => {
    const lines = refusal("limits:\n  loginAttempts: 0\nstore:\n  kind: s3\n  buckt: recordings\nlog: { level: 7 }\n");
    expect(lines.map((line) => line.split(" ")[1])).toEqual(["limits.loginAttempts", "store.buckt", "log.level"]);
  });

  test("a number beyond all bounds once, with the bound of its key", () => {
    expect(refusal("limits:\n  loginAttempts: 1e99\n")).toEqual([
      expect.stringMatching(/:2:3: limits\.loginAttempts is too large \(1e\+99\)\. Give at most 20\.$/),
    ]);
  });

  test("a variable of the environment by its name", () => {
    expect(refusal(null, { env: { CONDUIT_LIMITS_LOGIN_ATTEMPTS: "many" } })).toEqual([
      'environment: CONDUIT_LIMITS_LOGIN_ATTEMPTS is not a number ("many"). Give a number.',
    ]);
    expect(refusal(null, { env: { CONDUIT_SSH_LISTN: "x" } })).toEqual([
      "environment: CONDUIT_SSH_LISTN is not a known variable. Did you mean CONDUIT_SSH_LISTEN? Else unset it.",
    ]);
  });

  test("a named file that does not exist", () => {
    expect(refusal(null, { file: "nowhere.yaml" })[0]).toMatch(
      /^nowhere\.yaml: the configuration file cannot be read\. There is no/,
    );
  });

  test("no message repeats a secret", () => {
    const texts = [
      "store: { kind: s3, bucket: recordings, secretAccessKey: hunter2hunter2 }\n",
      "store: { kind: s3, bucket: recordings, secretAccessKey: [hunter2hunter2] }\n",
      "store:\n  kind: s3\n  secretAccessKey: 'hunter2hunter2\n",
      "store:\n\tsecretAccessKey: hunter2hunter2\n",
      "store: { kind: fs, secretAccesKey: hunter2hunter2 }\n",
    ];
    for (const text of texts) expect(refusal(text).join("\n")).not.toContain("hunter2");
    const env = { CONDUIT_STORE_KIND: "s3", CONDUIT_STORE_SECRET_ACCESS_KEY: "hunter2hunter2" };
    expect(refusal(null, { env }).join("\n")).not.toContain("hunter2");
  });
});

describe("what fits each key but not together is refused", () => {
  test("a portal for other hosts without TLS", () => {
    expect(refusal("http:\n  listen: 0.0.0.0:8080\n")[0]).toMatch(
      /^conduit\.yaml:2:3: http\.listen would take sign-ins/,
    );
    expect(load("http: { listen: '0.0.0.0:8080', trustProxy: [10.0.0.1] }\n").http.transport).toBe("https");
  });

  test("half of the store's credentials", () => {
    expect(refusal("store: { kind: s3, bucket: recordings, accessKeyId: A }\n")[0]).toContain("Give secretAccessKey");
  });

  test("an identity provider that lets nobody in, or that anybody on the wire could be; its secret stays out of the file", () => {
    const oidc = (more: string) => `identity:\n  oidc: { clientId: c, ${more} }\n`;
    const roles = "roles: [{ group: ot, roles: [engineer] }]";
    expect(refusal(oidc(`issuer: 'http://login.example', ${roles}`))[0]).toMatch(
      /:2:.*identity\.oidc\.issuer has no TLS/,
    );
    expect(refusal(oidc(`issuer: 'http://127.0.0.1.evil.example', ${roles}`))[0]).toContain("has no TLS");
    expect(refusal(oidc("issuer: 'https://login.example'"))[0]).toContain("nobody could come in");
    expect(refusal(oidc(roles))[0]).toContain("without identity.oidc.issuer");
    const whole = oidc(`issuer: 'https://login.example', ${roles}`);
    expect(refusal(whole.replace("clientId: c", "clientId: c, clientSecret: s3cr3t-value"))[0]).toContain(
      "identity.oidc.clientSecret must not stand in the file",
    );
    const { oidc: found } = load(whole, { env: { CONDUIT_IDENTITY_OIDC_CLIENT_SECRET: "s3cr3t-value" } }).identity;
    expect(found?.clientSecret?.reveal()).toBe("s3cr3t-value");
    expect(JSON.stringify(found)).not.toContain("s3cr3t");
    expect(load("").identity.oidc).toBeNull();
  });

  test("a secret in the file itself", () => {
    const text = "store: { kind: s3, bucket: recordings, accessKeyId: A, secretAccessKey: B }\n";
    expect(refusal(text)[0]).toContain("must not stand in the file");
  });

  test("two lists in one file", () => {
    expect(refusal("inventory: { targets: a.yaml, policy: a.yaml }\n")[0]).toContain("names the file of another list");
  });
});

test("audit entries name the caller of sudo, never a variable that anybody can set", () => {
  const user = operatingSystemUser({});
  expect(operatingSystemUser({ USER: "somebody-else", LOGNAME: "somebody-else" })).toBe(user);
  const asRoot = process.getuid?.() === 0;
  expect(operatingSystemUser({ SUDO_USER: "erika" })).toBe(asRoot ? "erika (sudo)" : user);
});
