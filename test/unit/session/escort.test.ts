// Who may release a session, by what the policy says of approvers.
import { expect, it } from "vitest";
import { whyNotReleasedBy } from "../../../recorder/session/escort.ts";
import type { SessionFacts } from "../../../recorder/session/session-facts.ts";
import type { SessionHold } from "../../../recorder/tap/tap.ts";
import { Policy } from "../../../shared/policy/policy.ts";

const facts = (requests: Record<string, unknown>) =>
  ({
    person: { name: "erika" },
    grant: { approvers: ["Anna"], escorts: [] },
    policy: Policy.parse({ version: 1, requests }),
  }) as unknown as SessionFacts;
const waits: SessionHold = { code: "escort-awaited", sentence: "" };
const anna = { name: "anna", roles: ["approver", "escort"] } as const;

it("an approver escorts what they approved unless the policy says otherwise, and ends any other hold in any case", () => {
  expect(whyNotReleasedBy(anna, facts({}), waits)).toBeNull();
  const strict = facts({ approverMayEscort: false });
  expect(whyNotReleasedBy(anna, strict, waits)).toContain("another escort");
  expect(whyNotReleasedBy({ ...anna, name: "olga" }, strict, waits)).toBeNull();
  expect(whyNotReleasedBy(anna, strict, { code: "frozen", sentence: "" })).toBeNull();
});
