// The alarm over a database that would have let recordings go: somebody with a name says what it was, and then it is over.
import { expect, it } from "vitest";
import { localKeeping } from "../../../recorder/local-keeping.ts";
import type { Retention } from "../../../recorder/retention/retention.ts";
import type { Role } from "../../../shared/policy/policy.ts";

it("ends once an investigator has said why, with the ledger's entry before it", async () => {
  const done: string[] = [];
  let open = ["a", "b"];
  const keeping = localKeeping({
    retention: {
      corrected: () => open,
      acknowledge: (sessions: string[]) => {
        done.push(`acknowledged ${sessions.join()}`);
        open = [];
      },
    } as unknown as Retention,
    people: {
      get: async (name) => ({ name, roles: [name === "ines" ? "investigator" : "vendor"] as Role[], disabled: false }),
    },
    audit: {
      append: async ({ actor, action, details }) => void done.push(`${actor} ${action} ${JSON.stringify(details)}`),
    },
  });
  await expect(keeping.acknowledge("vera", "r")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
  expect(await keeping.acknowledge("ines", "a back-up")).toEqual({ acknowledged: ["a", "b"] });
  expect(done).toEqual([
    'ines retention.acknowledge {"reason":"a back-up","sessions":["a","b"],"count":2}',
    "acknowledged a,b",
  ]);
  await expect(keeping.acknowledge("ines", "again")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
});
