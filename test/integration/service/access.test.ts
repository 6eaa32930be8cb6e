// An approval at the command line opens the gateway of the running service for its window alone, and what ends it ends what
// is live: real ssh, a real sshd, the built service, and an audit log that has each step once, whatever was killed.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../../recorder/database.ts";
import type { AccessRequest, IssuedCredential } from "../../../shared/api/access.ts";
import { runProcess, startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh, sshOptions } from "../ssh/clients.ts";
import { type Plant, startPlant, vendorPassword } from "./plant.ts";

const staffPassword = "a member of staff's password";
let plant: Plant;

beforeAll(async () => {
  plant = await startPlant({
    policy: {
      requests: { noticeSeconds: 0 },
      rules: [
        {
          id: "vendors",
          people: ["role:vendor"],
          targets: ["*"],
          capabilities: ["shell", "exec"],
          require: { approval: true, mfa: false, escort: "never" },
        },
      ],
    },
  });
  for (const [name, role] of [
    ["anna", "approver"],
    ["adam", "admin"],
  ] as const) {
    await plant.service.conduit(["user", "add", name, "--role", role, "--password-stdin"], `${staffPassword}\n`);
  }
});
afterAll(() => plant?.stop());

const as = (name: string, args: string[]) =>
  plant.service.conduit(["request", ...args, "--as", name], `${name === "vera" ? vendorPassword : staffPassword}\n`);

async function approved(seconds: number): Promise<AccessRequest> {
  const asked = await as("vera", [
    ...["create", "--target", "plc-1", "--purpose", "drive firmware", "--from", "+1s"],
    ...["--for", `${seconds}s`, "--json"],
  ]);
  const { id } = JSON.parse(asked) as AccessRequest;
  await as("anna", ["approve", id]);
  return JSON.parse(await plant.service.conduit(["request", "show", id, "--json"])) as AccessRequest;
}

async function withPassword(password: string, command: string) {
  const [options, { login, host }] = [await sshOptions(plant.gateway()), plant.gateway()];
  const plain = options.filter((option, i) => option !== "BatchMode=yes" && options[i + 1] !== "BatchMode=yes");
  return runProcess("sshpass", [
    ...["-p", password, "ssh", "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"],
    ...plain,
    `${login}@${host}`,
    command,
  ]);
}

const state = async (id: string) =>
  (JSON.parse(await plant.service.conduit(["request", "show", id, "--json"])) as AccessRequest).state;

async function auditOf(subject: string): Promise<string[]> {
  const database = await openDatabase(join(plant.directory, "data", "conduit.db"));
  try {
    const rows = await database.catalog
      .selectFrom("audit")
      .select(["actor", "action"])
      .where("subject", "=", subject)
      .orderBy("id")
      .execute();
    return rows.map(({ actor, action }) => `${actor} ${action}`);
  } finally {
    await database.close();
  }
}

describe("approved access", () => {
  it("opens with the key and with the time-limited password, and ends with its revocation", async () => {
    const refused = await ssh(plant.gateway(), ["true"]);
    expect([refused.code, refused.stderr]).toEqual([
      255,
      expect.stringContaining("An approved access request is needed first"),
    ]);
    const request = await approved(3600);
    const issued = JSON.parse(await as("vera", ["credential", request.id, "--json"])) as IssuedCredential;
    const password = issued.password ?? "";
    await waitFor(() => Date.now() >= Date.parse(request.from));
    expect(await ssh(plant.gateway(), ["echo inside"])).toMatchObject({ code: 0, stdout: "inside\n", stderr: "" });
    expect(await withPassword(password, "echo inside")).toMatchObject({ code: 0, stdout: "inside\n" });
    expect((await withPassword(`${password}x`, "echo inside")).code).not.toBe(0);
    expect(await plant.newest("sealed")).toMatchObject({ person: "vera", target: "plc-1" });

    const options = await sshOptions(plant.gateway());
    const live = await startProcess("ssh", [...options, `vera+plc-1@127.0.0.1`, "echo working; sleep 600"], {
      ready: /working/,
    });
    expect(await state(request.id)).toBe("active");
    await as("adam", ["revoke", request.id, "--reason", "permit taken back"]);
    const ended = await live.exited;
    expect(ended.code).not.toBe(0);
    expect((await withPassword(password, "true")).code).not.toBe(0);
    expect((await ssh(plant.gateway(), ["true"])).stderr).toContain("The approved access was revoked.");
    const grant = request.grants[0]?.id ?? "";
    await waitFor(async () => (await auditOf(grant)).includes("adam grant.revoked"));
    expect(await auditOf(request.id)).toEqual([
      "vera request.submitted",
      "anna request.approved",
      "vera request.activated",
      "adam request.revoked",
    ]);
  });

  it("ends with its window, in mid-session, and after a crash it is in the audit once", async () => {
    const request = await approved(8);
    await waitFor(() => Date.now() >= Date.parse(request.from));
    const options = await sshOptions(plant.gateway());
    const live = await startProcess("ssh", [...options, `vera+plc-1@127.0.0.1`, "echo working; sleep 600"], {
      ready: /working/,
    });
    expect((await live.exited).code).not.toBe(0);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(request.to));
    await waitFor(async () => (await state(request.id)) === "expired");
    expect((await ssh(plant.gateway(), ["true"])).code).toBe(255);
    const later = await approved(3600);
    await plant.service.kill();
    await as("vera", ["withdraw", later.id]);
    await plant.restart();
    expect(await auditOf(request.id)).toEqual([
      "vera request.submitted",
      "anna request.approved",
      "vera request.activated",
      "recorder request.expired",
    ]);
    expect(await auditOf(later.id)).toEqual([
      "vera request.submitted",
      "anna request.approved",
      "vera request.withdrawn",
    ]);
  });
});
