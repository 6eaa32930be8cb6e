import { describe, expect, test } from "vitest";
import { canonicalJson, isHostKeyPin, parseInventory } from "../../../recorder/inventory/snapshot.ts";
import { AppError } from "../../../shared/errors.ts";

const files = { targets: "targets.yaml", conduits: "conduits.yaml", policy: "policy.yaml" };
const conduits = "version: 1\nconduits:\n  - id: reactor\n  - id: tank-farm\n";
const policy = 'version: 1\nrules:\n  - { id: vendors, people: ["role:vendor"], targets: ["conduit:reactor"] }\n';

function target(name: string, more = ""): string {
  return `  - { name: ${name}, conduit: reactor, protocol: ssh, host: 10.0.0.1, account: eng, secret: s${more} }\n`;
}

const pin = ", hostKeys: ['SHA256:ujUuxA5nYjmhAKedzfF6FuJY0fM+xMaTA+iL8A9qiJc']";

function parse(texts: { targets?: string; conduits?: string; policy?: string }, durability?: "strict" | "interval") {
  const all = { targets: "version: 1\ntargets: []\n", conduits, policy, ...texts };
  return parseInventory(files, all, { durability: durability ?? "strict" });
}

function refusal(texts: { targets?: string; conduits?: string; policy?: string }): string[] {
  try {
    parse(texts);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe("CONFIG_INVALID");
    return (error as AppError).message.split("\n");
  }
  throw new Error("it was accepted");
}

describe("a valid inventory", () => {
  test("is read with its defaults, human units in the policy's limits too", () => {
    const snapshot = parse({
      targets: `version: 1\ntargets:\n${target("plc-1", pin)}`,
      policy: `${policy}limits: { maxSessionSeconds: 2h, maxRecordedBytes: 1 GiB }\n`,
    });
    expect(snapshot.targets.map(({ name, port, failureMode }) => [name, port, failureMode])).toEqual([
      ["plc-1", 22, "strict"],
    ]);
    expect(snapshot.policy.limits).toMatchObject({ maxSessionSeconds: 7200, maxRecordedBytes: 1024 ** 3 });
    expect(snapshot.warnings).toEqual([]);
  });

  test("lets a target name its durability, and gives the others the configured one", () => {
    const texts = { targets: `version: 1\ntargets:\n${target("a", pin)}${target("b", `${pin}, durability: strict`)}` };
    expect(parse(texts, "interval").targets.map(({ durability }) => durability)).toEqual(["interval", "strict"]);
  });

  test("has a policy hash that layout and comments do not change, and every meaning does", () => {
    const { policyHash } = parse({});
    expect(policyHash).toMatch(/^[0-9a-f]{64}$/);
    const laidOut =
      'rules:\n- targets: ["conduit:reactor"] # all of it\n  id: vendors\n  people:\n  - "role:vendor"\nversion: 1\n';
    expect(parse({ policy: laidOut }).policyHash).toBe(policyHash);
    expect(parse({ policy: policy.replace("vendors", "vendors2") }).policyHash).not.toBe(policyHash);
    expect(parse({ policy: `${policy}retentionDays: 91\n` }).policyHash).not.toBe(policyHash);
    expect(parse({ policy: `${policy}retentionDays: 90\n` }).policyHash).toBe(policyHash);
  });

  test.each([
    [
      "a target without a pinned key",
      { targets: `version: 1\ntargets:\n${target("plc-1")}` },
      "targets.yaml:3:7: targets[0].name",
    ],
    ["a prohibited target", { targets: `version: 1\ntargets:\n${target("SIS-1", pin)}` }, "matches the prohibited"],
    ["a rule that reaches nothing", { policy: policy.replace("conduit:reactor", "plc-9") }, "policy.yaml:3:"],
  ])("warns of %s", (_name, texts, expected) => {
    const warnings = parse(texts).warnings.map(
      (one) => `${one.file}:${one.line}:${one.column}: ${one.key} ${one.problem}`,
    );
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(expected);
  });
});

describe("is refused with file, line and column", () => {
  test.each([
    [
      "an unknown conduit",
      { targets: `version: 1\ntargets:\n${target("a").replace("reactor", "reactro")}` },
      'targets.yaml:3:16: targets[0].conduit names an unknown conduit ("reactro"). Did you mean "reactor"?',
    ],
    [
      "a conduit like none there is",
      { targets: `version: 1\ntargets:\n${target("a").replace("reactor", "boiler-house")}` },
      'names an unknown conduit ("boiler-house"). Add it to conduits.yaml, or name one that is there: reactor,',
    ],
    [
      "a conduit while there is none",
      { targets: `version: 1\ntargets:\n${target("a")}`, conduits: "version: 1\nconduits: []\n" },
      'names an unknown conduit ("reactor"). Add it to conduits.yaml, which has none yet.',
    ],
    [
      "a name given twice, whatever its case",
      { targets: `version: 1\ntargets:\n${target("plc-1")}${target("PLC-1")}` },
      'targets.yaml:4:7: targets[1].name repeats the name "PLC-1" of line 3. Rename or remove one of the two.',
    ],
    [
      "a conduit given twice",
      { conduits: `${conduits}  - id: Reactor\n` },
      'conduits.yaml:5:5: conduits[2].id repeats the name "Reactor" of line 3. Rename or remove one of the two.',
    ],
    [
      "a mistyped capability",
      { policy: policy.replace(" }\n", ", capabilities: [shel] }\n") },
      'policy.yaml:3:90: rules[0].capabilities[0] is not one of the allowed values ("shel"). Did you mean "shell"? Allowed: ',
    ],
    [
      "a host key that nothing could match",
      { targets: `version: 1\ntargets:\n${target("a", ", hostKeys: [ssh-ed25519]")}` },
      "targets.yaml:3:101: targets[0].hostKeys[0] is not a host key. ",
    ],
    [
      "a mistyped key",
      { targets: "version: 1\ntarget: []\n" },
      'targets.yaml:2:1: target is not a known key. Did you mean "targets"?',
    ],
    ["a file emptied by half a save", { conduits: "" }, "conduits.yaml:1:1: version is missing. Add it: 1."],
    [
      "retention below 90 days",
      { policy: `${policy}retentionDays: 30\n` },
      "policy.yaml:4:1: retentionDays is too small (30). Give at least 90.",
    ],
  ])("%s", (_name, texts, expected) => {
    const lines = refusal(texts);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
  });

  test("every fault of all three files at once", () => {
    const lines = refusal({
      targets: "version: 2\n",
      conduits: "version: 1\nconduit: []\n",
      policy: "version: 1\nrule: []\n",
    });
    expect(lines.map((line) => line.split(":")[0])).toEqual(["targets.yaml", "conduits.yaml", "policy.yaml"]);
  });
});

test.each([
  ["SHA256:ujUuxA5nYjmhAKedzfF6FuJY0fM+xMaTA+iL8A9qiJc", true],
  ["ssh-ed25519 SHA256:ujUuxA5nYjmhAKedzfF6FuJY0fM+xMaTA+iL8A9qiJc", true],
  ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJnKMNcz72fTV887ti55QT5zzeyGVzsQSrXK3fipUCXK", true],
  ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJnKMNcz72fTV887ti55QT5zzeyGVzsQSrXK3fipUCXK root@plc", true],
  ["SHA256:short", false],
  ["MD5:aa:bb", false],
  ["AAAAC3NzaC1lZDI1NTE5AAAAIJnKMNcz72fTV887ti55QT5zzeyGVzsQSrXK3fipUCXK", false],
])("%s is a pin: %s", (text, expected) => expect(isHostKeyPin(text)).toBe(expected));

test("canonical JSON sorts keys at every depth, and leaves lists in their order", () => {
  expect(canonicalJson({ b: [2, { d: null, c: "ü" }], a: true, z: undefined })).toBe(
    '{"a":true,"b":[2,{"c":"ü","d":null}]}',
  );
});

describe("targets of VNC", () => {
  const screen = (more: string): { targets: string } => ({
    targets: `version: 1\ntargets:\n  - { name: hmi, conduit: reactor, protocol: vnc, host: h${more} }\n`,
  });
  const hex = Array.from({ length: 32 }, () => "aB").join(":");

  test("need a host alone, and have safe defaults", () => {
    const [target] = parse(screen("")).targets;
    expect(target).toMatchObject({ port: 5900, account: "", vnc: { quality: "evidence", maskKeys: true } });
    expect(parse(screen("")).warnings).toEqual([]);
  });

  test("take a certificate's fingerprint in either form, and sizes as people write them", () => {
    const base64 = "SHA256:ujUuxA5nYjmhAKedzfF6FuJY0fM+xMaTA+iL8A9qiJc";
    const vnc = `, vnc: { tls: { fingerprints: ["${base64}", "${hex}"] }, clipboardBytes: 1 KiB, security: [x509-vnc] }`;
    expect(parse(screen(vnc)).targets[0]).toMatchObject({ vnc: { clipboardBytes: 1024, security: ["x509-vnc"] } });
  });

  test.each([
    [
      ", vnc: { tls: { fingerprints: [abc] } }",
      /vnc\.tls\.fingerprints\[0\] is not a certificate's fingerprint\. Write/,
    ],
    [", vnc: { tls: { ca: abc } }", /vnc\.tls\.ca holds no certificate in PEM/],
    [", vnc: { security: [vnc-auth, x509-vnc] }", /vnc\.security lists x509-vnc, but no certificate is pinned/],
    [", hostKeys: []", /hostKeys is not a known key/],
    [", vnc: { qualty: viewer }", /qualty is not a known key\. Did you mean "quality"\?/],
  ])("are refused with%s", (more, sentence) => {
    expect(refusal(screen(more)).join("\n")).toMatch(sentence);
  });
});
