// The whole path: a person's own ssh, the built service, a real sshd, the file store, and the reading back.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { runProcess, startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { scp, sftp, ssh, sshOptions } from "../ssh/clients.ts";
import { investigator, type Plant, startPlant, vendorPassword } from "./plant.ts";

let plant: Plant;
beforeAll(async () => {
  plant = await startPlant({
    targets: (target) => [
      {
        name: "SIS-1",
        host: target.host,
        port: target.port,
        account: target.user,
        secret: "plc-1",
        hostKeys: [target.hostKey.publicLine],
      },
      { name: "plc-unpinned", host: target.host, port: target.port, account: target.user, secret: "plc-1" },
    ],
  });
});
afterAll(() => plant.stop());

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

interface Line {
  track: string;
  [key: string]: unknown;
}

async function mergedLines(session: string): Promise<Line[]> {
  const text = await plant.service.conduit(["recordings", "export", session, "--format", "jsonl", "--output", "-"]);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

describe("a session through the service", () => {
  it("is recorded whole, sealed, and verifies", async () => {
    const answer = await ssh(plant.gateway(), ["echo out; echo err >&2; exit 7"]);
    expect(answer).toMatchObject({ code: 7, stdout: "out\n", stderr: "err\n" });
    const recording = await plant.newest("sealed");
    expect(recording).toMatchObject({ person: "vera", target: "plc-1", conduit: "cell-1", gaps: 0 });
    const report = JSON.parse(
      await plant.service.conduit(["recordings", "verify", recording.session, "--json"]),
    ) as unknown;
    expect(JSON.stringify(report)).toContain('"VALID"');
    expect(await plant.service.conduit(["recordings", "cat", recording.session])).toContain("out\n");
  });

  it("can be checked with sha256sum and openssl alone", async () => {
    await ssh(plant.gateway(), ["true"]);
    const { session } = await plant.newest("sealed");
    const store = join(plant.directory, "data", "store");
    const manifest = await waitFor(() =>
      filesUnder(store).find((path) => path.includes(session) && path.endsWith("/manifest.json")),
    );
    const folder = manifest.slice(0, -"/manifest.json".length);
    expect(execFileSync("sha256sum", ["-c", "--strict", "SHA256SUMS"], { cwd: folder, encoding: "utf8" })).toContain(
      "manifest.json: OK",
    );
    const { recorder } = JSON.parse(readFileSync(manifest, "utf8")) as { recorder: { keyId: string } };
    const publicKey = filesUnder(store).find((path) => path.endsWith(`${recorder.keyId}.pub.pem`)) ?? "";
    for (const name of ["open.json", "manifest.json"]) {
      const said = execFileSync(
        "openssl",
        ["pkeyutl", "-verify", "-pubin", "-inkey", publicKey, "-rawin", "-in", name, "-sigfile", `${name}.sig`],
        { cwd: folder, encoding: "utf8" },
      );
      expect(said).toContain("Signature Verified Successfully");
    }
  });

  it("records keystrokes with their names, and seals a password that was asked for", async () => {
    const secret = `hunter2-${randomBytes(6).toString("hex")}`;
    const address = plant.gateway();
    const client = await startProcess("script", [
      "-qec",
      `ssh -tt ${(await sshOptions(address)).map((word) => `'${word}'`).join(" ")} ${address.login}@${address.host} 'bash --norc -i'`,
      "/dev/null",
    ]);
    const type = async (text: string, until: RegExp) => {
      client.write(text);
      await waitFor(() => until.test(client.stdout()), { what: `${until} in ${JSON.stringify(client.stdout())}` });
    };
    await waitFor(() => /[$#] /.test(client.stdout()), { what: "a prompt" });
    await type("read -s -p 'Password: ' answer; echo thanks-$((40+2))\r", /Password: (?!')/);
    for (const letter of secret) client.write(letter);
    await type("\r", /thanks-42/);
    await type("echo seen-$((1+1))\r", /seen-2/);
    client.write("exit\r");
    await client.exited;
    const recording = await plant.newest("sealed");
    expect(recording.redactions).toBe(1);
    const lines = await mergedLines(recording.session);
    const typed = lines.filter((line) => line.track === "input");
    expect(typed.some((line) => line["k"] === "secret")).toBe(true);
    expect(typed.some((line) => line["k"] === "key" && line["name"] === "Enter")).toBe(true);
    expect(
      typed
        .filter((line) => line["k"] === "text")
        .map((line) => line["d"])
        .join(""),
    ).toContain("echo seen-");
    expect(lines.some((line) => line.track === "events" && line["type"] === "redacted")).toBe(true);
    await plant.service.stop();
    const everything = filesUnder(join(plant.directory, "data")).filter((path) => !path.endsWith(".db-wal"));
    for (const path of everything) {
      const bytes = path.endsWith(".zst")
        ? execFileSync("zstdcat", [path], { maxBuffer: 1 << 30 })
        : readFileSync(path);
      expect(bytes.includes(secret), `the password stands in ${path}`).toBe(false);
    }
    expect(plant.service.log()).not.toContain(secret);
    expect(plant.service.log()).not.toContain(vendorPassword);
    await plant.restart();
  });

  it("records files by SFTP and scp with their digests", async () => {
    const bytes = randomBytes(3_000_000);
    const local = join(plant.directory, "recipe.bin");
    writeFileSync(local, bytes);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const put = await sftp(plant.gateway(), [
      `put ${local} recipe.bin`,
      `get recipe.bin ${local}.back`,
      "rm recipe.bin",
    ]);
    expect(put.code, put.stderr).toBe(0);
    expect(readFileSync(`${local}.back`).equals(bytes)).toBe(true);
    const { session } = await plant.newest("sealed");
    const files = (await mergedLines(session)).filter((line) => line.track === "files");
    const closed = files.filter((line) => line["op"] === "close" && line["sha256"] !== undefined);
    expect(closed.map((line) => line["sha256"])).toEqual([digest, digest]);
    expect(closed.map((line) => line["direction"]).sort()).toEqual(["inbound", "outbound"]);
    expect(files.some((line) => line["op"] === "remove" && line["status"] === "ok")).toBe(true);
    const copied = await scp(plant.gateway(), [local, "remote:copied.bin"], ["-O"]);
    expect(copied.code, copied.stderr).toBe(0);
    const legacy = (await mergedLines((await plant.newest("sealed")).session)).filter((line) => line.track === "files");
    expect(legacy.some((line) => line["op"] === "stream" && Number(line["bytes"]) > bytes.length)).toBe(true);
  });

  it.each([
    ["SIS-1", /prohibited/i],
    ["no-such-target", /may not reach/i],
    ["plc-unpinned", /host key/i],
  ])("refuses %s with a plain sentence", async (target, sentence) => {
    const answer = await ssh(plant.gateway(target), ["true"]);
    expect(answer.code).not.toBe(0);
    expect(answer.stderr + answer.stdout).toMatch(sentence);
  });

  it("takes a password, and gives nothing away for a wrong one", async () => {
    const address = plant.gateway();
    const options = (await sshOptions(address)).filter(
      (word) => !/^(BatchMode|IdentityFile|IdentitiesOnly)=/.test(word),
    );
    const withPassword = (password: string) =>
      runProcess(
        "sshpass",
        [
          "-e",
          "ssh",
          ...options.filter((word, i) => word !== "-o" || /=/.test(options[i + 1] ?? "")),
          "-o",
          "PubkeyAuthentication=no",
          "-o",
          "NumberOfPasswordPrompts=1",
          `${address.login}@${address.host}`,
          "echo in",
        ],
        { env: { SSHPASS: password } },
      );
    expect((await withPassword(vendorPassword)).stdout).toBe("in\n");
    const wrong = await withPassword("not the password");
    expect(wrong.code).not.toBe(0);
    expect(wrong.stdout).toBe("");
  });
});

describe("the service in trouble", () => {
  it("kill -9 in mid-session: what the client saw is in a sealed, interrupted recording", async () => {
    const address = plant.gateway();
    const client = await startProcess("ssh", [
      ...(await sshOptions(address)),
      "-tt",
      `${address.login}@${address.host}`,
      "for i in $(seq 1 100000); do echo line-$i; sleep 0.01; done",
    ]);
    await waitFor(() => client.stdout().includes("line-150\r\n"));
    await plant.service.kill();
    await client.exited;
    const seen = /line-(\d+)\r\n(?!.*line-\d+\r\n)/s.exec(client.stdout());
    await plant.restart();
    const recording = await plant.newest("interrupted");
    expect(recording.gaps).toBeGreaterThan(0);
    const output = await plant.service.conduit(["recordings", "cat", recording.session]);
    // Output is durable before the next key is forwarded; with nothing typed, within 100 ms: some ten lines here.
    expect(output).toContain(`line-${Number(seen?.[1]) - 30}\r\n`);
    const report = await plant.service.conduit(["recordings", "verify", recording.session, "--json"]);
    expect(report).toContain('"VALID"');
  });

  it("a changed host key of the target ends the session before anything is sent", async () => {
    const targets = join(plant.directory, "targets.yaml");
    const before = readFileSync(targets, "utf8");
    const other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const list = parse(before) as { targets: { hostKeys?: string[] }[] };
    for (const target of list.targets) target.hostKeys = [other];
    writeFileSync(targets, stringify(list));
    await waitFor(() => plant.service.log().includes("inventory reloaded"));
    const answer = await ssh(plant.gateway(), ["true"]);
    expect(answer.code).not.toBe(0);
    expect(answer.stderr + answer.stdout).toMatch(/host key/i);
    writeFileSync(targets, "targets: [nonsense");
    await waitFor(() => plant.service.log().includes("inventory change refused"));
    writeFileSync(targets, before);
    await waitFor(async () => (await ssh(plant.gateway(), ["echo back"])).stdout === "back\n", { intervalMs: 300 });
  });
});

describe("the portal", () => {
  it("shows the recordings to an investigator and keeps who looked", async () => {
    const { httpUrl } = plant.service;
    const signIn = await fetch(`${httpUrl}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: httpUrl },
      body: JSON.stringify(investigator),
    });
    expect(signIn.status).toBe(200);
    const cookie = signIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const get = async (path: string) => {
      const response = await fetch(`${httpUrl}/api/v1${path}`, { headers: { cookie } });
      expect(response.status).toBe(200);
      return response;
    };
    const page = (await (await get("/recordings")).json()) as { items: { session: string }[] };
    const session = page.items[0]?.session ?? "";
    const index = (await (await get(`/recordings/${session}/index`)).json()) as {
      segments: { n: number; sha256: string }[];
    };
    const [segment] = index.segments;
    const bytes = Buffer.from(await (await get(`/recordings/${session}/segments/${segment?.n}`)).arrayBuffer());
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(segment?.sha256);
    expect((await fetch(`${httpUrl}/api/v1/recordings`)).status).toBe(401);
  });
});
