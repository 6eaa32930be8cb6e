// The compose file, the image and .env.example agree with each other and with the configuration that the service reads.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { variables } from "../../recorder/config/environment.ts";
import { ConfigFile } from "../../recorder/config/schema.ts";
import { whereIs } from "../support/daemon.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (name: string) => readFileSync(path.join(root, name), "utf8");
const composeText = read("docker-compose.yml");

const Service = z.strictObject({
  image: z.string(),
  build: z.literal(".").optional(),
  profiles: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  restart: z.literal("unless-stopped"),
  read_only: z.literal(true).optional(),
  cap_drop: z.tuple([z.literal("ALL")]).optional(),
  security_opt: z.tuple([z.literal("no-new-privileges:true")]).optional(),
  tmpfs: z.array(z.string()).optional(),
  healthcheck: z.strictObject({ disable: z.literal(true) }).optional(),
  stop_grace_period: z.string().optional(),
});
const Compose = z.strictObject({
  name: z.string(),
  "x-confined": z.unknown(),
  services: z.strictObject({ conduit: Service, seaweedfs: Service, "demo-target": Service }),
  networks: z.record(z.string(), z.strictObject({ internal: z.boolean() }).nullable()),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
});
const compose = Compose.parse(parse(composeText, { merge: true }));
const { conduit, seaweedfs, "demo-target": demoTarget } = compose.services;

test("every variable that compose gives the service is one that it reads", () => {
  const known = variables(ConfigFile).map(({ name }) => name);
  for (const name of Object.keys(conduit.environment)) expect(known, name).toContain(name);
});

test("no secret has a default, and .env.example names each without a value", () => {
  const example = new Map(
    read(".env.example")
      .split("\n")
      .map((line) => /^([A-Z_]+)=(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[1], match[2]]),
  );
  const required = [...composeText.matchAll(/\$\{([A-Z_]+):\?/g)].map((match) => match[1]);
  expect(new Set(required).size).toBeGreaterThanOrEqual(4);
  for (const name of required) expect(example.get(name), name).toBe("");
  const defaulted = [...composeText.matchAll(/\$\{([A-Z_]+):-/g)].map((match) => match[1] as string);
  for (const name of defaulted) expect(name).not.toMatch(/SECRET|PASSWORD|KEY|TOKEN/);
  const references = [...composeText.matchAll(/\$\{/g)].length;
  expect(references).toBe([...composeText.matchAll(/\$\{[A-Z_]+(:\?|:-)/g)].length);
});

test("only the gateways and the portal are published, by default on this machine alone", () => {
  expect(seaweedfs.ports).toBeUndefined();
  expect(demoTarget.ports).toBeUndefined();
  expect(conduit.ports).toHaveLength(3);
  for (const port of conduit.ports ?? []) expect(port).toMatch(/:-127\.0\.0\.1:\d+\}:\d+$/);
  for (const network of [...seaweedfs.networks, ...demoTarget.networks]) {
    expect(compose.networks[network]?.internal, network).toBe(true);
  }
  expect(seaweedfs.networks).not.toContain(demoTarget.networks[0]);
});

test("the services of ours run confined, and everything they name exists", () => {
  for (const service of [conduit, demoTarget]) {
    expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    expect(service.security_opt).toEqual(["no-new-privileges:true"]);
  }
  for (const service of [conduit, seaweedfs, demoTarget]) {
    for (const network of service.networks) expect(Object.keys(compose.networks)).toContain(network);
    for (const volume of service.volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(":")[0]);
    for (const secret of service.secrets) expect(Object.keys(compose.secrets)).toContain(secret);
  }
  expect(demoTarget.profiles).toEqual(["demo"]);
});

test("the image copies what exists and what .dockerignore lets through, and ends as a user without rights", () => {
  const dockerfile = read("Dockerfile");
  const allowed = read(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
    (match[1] as string).split(" "),
  );
  expect(copied.length).toBeGreaterThan(5);
  for (const name of copied) {
    expect(existsSync(path.join(root, name)), name).toBe(true);
    expect(
      allowed.some((entry) => name === entry || name.startsWith(`${entry}/`)),
      name,
    ).toBe(true);
  }
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  expect(lastStage).toMatch(/\nUSER node\n/);
  expect(lastStage).toMatch(/\nHEALTHCHECK /);
  expect(read("docker/healthcheck.mjs")).toContain("/healthz");
  for (const port of conduit.ports ?? [])
    expect(lastStage).toMatch(new RegExp(`EXPOSE.* ${port.split(":").at(-1)}\\b`));
});

const composeCommand = findCompose();

test.runIf(composeCommand !== null)("docker compose itself takes the file, and refuses it without the secrets", () => {
  const directory = mkdtempSync(path.join(tmpdir(), "compose-"));
  try {
    const filled = path.join(directory, "filled");
    writeFileSync(filled, read(".env.example").replaceAll(/^([A-Z_]+)=$/gm, "$1=something"));
    expect(composeConfig(path.join(root, ".env.example"))).toMatch(/set STORE_ACCESS_KEY_ID in \.env/);
    expect(composeConfig(filled)).toMatch(/CONDUIT_STORE_SECRET_ACCESS_KEY: something/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function findCompose(): string[] | null {
  // The stand-alone program of the first generation does not know the top-level name.
  if (whereIs("docker") === null) return null;
  try {
    execFileSync("docker", ["compose", "version"], { stdio: "ignore" });
    return ["docker", "compose"];
  } catch {
    return null;
  }
}

function composeConfig(envFile: string): string {
  const [command = "", ...args] = composeCommand ?? [];
  const all = [...args, "--env-file", envFile, "-f", path.join(root, "docker-compose.yml"), "config"];
  try {
    return execFileSync(command, all, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
}
