// What becomes of live sessions when the policy or a person's roles are changed under them: OpenSSH and TigerVNC's viewer.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { ssh } from "../ssh/clients.ts";
import { type EnforcedPlant, startEnforcedPlant } from "./enforced-plant.ts";

let plant: EnforcedPlant;
beforeAll(async () => {
  plant = await startEnforcedPlant();
});
afterEach(() => plant.closeViewers());
afterAll(() => plant?.stop());

const shows = ["while :; do echo shown; sleep 0.2; done"];
const prohibiting = { prohibitedTargets: ["SIS-*", "*-OPEN"] };
const prohibited = "The policy was changed: This target is prohibited for everybody, whatever a rule says.";

it("a target that is prohibited now: its sessions end, and the person is told why", async () => {
  const client = await plant.startSsh("plc-open", ["-tt"], shows);
  await waitFor(() => client.stdout().includes("shown"), { what: "the session to be open" });
  const viewer = await plant.startViewer("hmi-open");
  await plant.setPolicy(prohibiting);
  await Promise.all([client.exited, viewer.exited]);
  expect(client.output()).toContain(prohibited);
  expect((await plant.sealed("plc-open")).endReason).toBe("policy-changed");
  expect((await plant.sealed("hmi-open")).endReason).toBe("policy-changed");
  // Nothing is blocked: with the policy put right, it opens again.
  await plant.setPolicy({});
  expect((await ssh(plant.ssh("plc-open"), ["echo in"])).stdout).toBe("in\n");
});

it("what the policy would merely not open anew goes on, with an alarm and a notice in the record", async () => {
  const client = await plant.startSsh("plc-open", ["-T"], ["cat"]);
  client.write("here\n");
  await waitFor(() => client.stdout().includes("here"), { what: "the session to be open" });
  await plant.setPolicy({ rules: [] });
  const said = "the policy now in force would not open it: No rule of the policy allows it.";
  await waitFor(async () => (await plant.live("plc-open")).alarms.includes(said), { what: "the alarm" });
  client.write("still here\n");
  await waitFor(() => client.stdout().includes("still here"), { what: "the session to go on" });
  expect((await ssh(plant.ssh("plc-open"), ["true"])).stderr).toContain("No rule of the policy allows it.");
  client.child.stdin?.end();
  await client.exited;
  const { session, endReason } = await plant.sealed("plc-open");
  expect(endReason).toBe("client-closed");
  const { events, open } = await plant.read(session);
  const decisions = events.filter(({ type }) => type === "decision").map(({ facts }) => facts);
  expect(decisions).toHaveLength(2);
  expect(decisions[1]).toMatchObject({ effect: "deny", reason: "no-rule", sentence: said });
  expect(decisions[1]?.["policy"]).not.toBe(open.policy.hash);
  await plant.setPolicy({});
});

it("roles that are taken away end what they opened, and the next is decided without them", async () => {
  const client = await plant.startSsh("plc-open", ["-tt"], shows);
  await waitFor(() => client.stdout().includes("shown"), { what: "the session to be open" });
  await plant.conduit("user", "roles", "vera", "auditor");
  await client.exited;
  expect(client.output()).toContain("The access to this target was withdrawn, since your roles were changed:");
  expect((await plant.sealed("plc-open")).endReason).toBe("access-withdrawn");
  expect((await ssh(plant.ssh("plc-open"), ["true"])).stderr).toContain("No rule of the policy allows it.");
  await plant.conduit("user", "roles", "vera", "vendor");
  expect((await ssh(plant.ssh("plc-open"), ["echo in"])).stdout).toBe("in\n");
});
