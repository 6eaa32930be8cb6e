import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";
import {
  approvalsNeeded,
  checkRequest,
  exampleOf,
  mayApprove,
  mayBreakGlass,
  type RequestQuery,
} from "../../../shared/policy/request.ts";

const hourMs = 3_600_000;
const nowMs = Date.UTC(2026, 10, 23, 8);
const vera = { name: "vera", roles: ["vendor"] as const };
const olaf = { name: "olaf", roles: ["escort", "approver"] as const };
const policy = Policy.parse({
  version: 1,
  groups: { oem: ["vera"] },
  breakGlass: { people: ["group:oem"] },
  requests: { ticketPattern: "CHG-[0-9]{6}" },
  rules: [
    { id: "not-this", effect: "deny", people: ["*"], targets: ["plc-9"] },
    {
      id: "office",
      people: ["*"],
      targets: ["plc-3"],
      hours: { days: ["tue"], from: "06:00", to: "18:00" },
    },
    { id: "vendors", people: ["role:vendor"], targets: ["plc-*", "hmi"] },
  ],
});
const target = (name: string, protocol: "ssh" | "vnc" = "ssh", conduit = "cell") =>
  Target.parse({ name, conduit, protocol, host: "h", ...(protocol === "ssh" ? { account: "a", secret: "s" } : {}) });
const conduits = [
  { id: "cell", description: "", sourceZone: "", destinationZone: "", serves: [] },
  {
    id: "closed",
    description: "",
    sourceZone: "",
    destinationZone: "",
    serves: ["nobody"],
    approvers: ["anna"],
    approvals: 2,
  },
];
const compiled = compilePolicy(policy, conduits);
const good: RequestQuery = {
  requester: vera,
  people: ["Vera"],
  targets: ["plc-1"],
  protocol: "ssh",
  fromMs: nowMs + 24 * hourMs,
  toMs: nowMs + 28 * hourMs,
  purpose: "The pump's firmware",
  ticket: "CHG-123456",
  escorts: ["olaf"],
  nowMs,
  knownPeople: [vera, olaf],
  knownTargets: [
    target("plc-1"),
    target("plc-3"),
    target("plc-9"),
    target("hmi", "vnc"),
    target("plc-7", "ssh", "closed"),
  ],
};
const codes = (more: Partial<RequestQuery>) => checkRequest(compiled, { ...good, ...more }).map(({ code }) => code);

it("finds nothing wrong with a good one", () => {
  expect(checkRequest(compiled, good)).toEqual([]);
});

describe("finds", () => {
  it.each([
    ["purpose-missing", { purpose: " \n" }],
    ["purpose-too-long", { purpose: "x".repeat(2001) }],
    ["people-missing", { people: [] }],
    ["too-many-people", { people: Array.from({ length: 51 }, (_, i) => `p${i}`) }],
    ["unknown-person", { people: ["vera", "ghost"], requester: olaf }],
    [
      "requester-not-allowed",
      {
        people: ["vera", "olaf"],
        escorts: [],
        targets: ["plc-1"],
        knownPeople: [vera, { name: "olaf", roles: ["vendor"] as const }],
      },
    ],
    ["targets-missing", { targets: [] }],
    ["too-many-targets", { targets: Array.from({ length: 101 }, () => "plc-1") }],
    ["no-rule", { targets: ["plc-404"] }],
    ["prohibited-target", { targets: ["SIS-1"] }],
    ["denied-by-rule", { targets: ["plc-9"] }],
    ["conduit-not-serving", { targets: ["plc-7"] }],
    ["other-protocol", { targets: ["hmi"] }],
    ["protocol-blocked", { protocol: "telnet" }],
    ["protocol-unavailable", { protocol: "rdp" }],
    ["window-invalid", { toMs: good.fromMs }],
    ["window-invalid", { toMs: Number.NaN }],
    ["notice-too-short", { fromMs: good.fromMs - 1 }],
    ["window-too-long", { toMs: good.fromMs + 24 * hourMs + 1 }],
    ["too-far-ahead", { fromMs: nowMs + 90 * 24 * hourMs + 1, toMs: nowMs + 91 * 24 * hourMs }],
    ["ticket-needed", { ticket: "" }],
    ["ticket-malformed", { ticket: "CHG-12345" }],
    ["ticket-too-long", { ticket: "CHG-1".repeat(30) }],
    ["unknown-escort", { escorts: ["ghost"] }],
    ["unknown-escort", { escorts: ["other"], knownPeople: [vera, { name: "other", roles: ["admin"] as const }] }],
    ["escort-in-request", { escorts: ["VERA"] }],
  ] as const)("%s", (code, more) => {
    expect(codes(more as Partial<RequestQuery>)).toEqual([code]);
  });

  it("a window that is over, along with its notice", () => {
    expect(codes({ fromMs: nowMs - 2 * hourMs, toMs: nowMs - hourMs })).toEqual(["window-past", "notice-too-short"]);
  });

  it("everything that is wrong at once, each said of its person and target", () => {
    const found = checkRequest(compiled, {
      ...good,
      purpose: "",
      ticket: "x",
      fromMs: nowMs + 1,
      targets: ["plc-1", "SIS-1", "plc-9"],
      escorts: ["ghost"],
    });
    expect(found.map(({ code, field, target: name }) => [code, field, name])).toEqual([
      ["purpose-missing", "purpose", undefined],
      ["ticket-malformed", "ticket", undefined],
      ["notice-too-short", "window", undefined],
      ["window-too-long", "window", undefined],
      ["unknown-escort", "escorts", undefined],
      ["prohibited-target", "targets", "SIS-1"],
      ["denied-by-rule", "targets", "plc-9"],
    ]);
    expect(found.every(({ sentence }) => sentence.endsWith("."))).toBe(true);
  });

  it("a window that leaves the rule's hours", () => {
    const tuesday = Date.UTC(2026, 10, 24, 8);
    expect(codes({ targets: ["plc-3"], fromMs: tuesday, toMs: tuesday + 10 * hourMs })).toEqual([]);
    expect(codes({ targets: ["plc-3"], fromMs: tuesday, toMs: tuesday + 10 * hourMs + 1 })).toEqual(["outside-hours"]);
    expect(codes({ targets: ["plc-3"], fromMs: tuesday + 24 * hourMs, toMs: tuesday + 25 * hourMs })).toEqual([
      "outside-hours",
    ]);
  });
});

it("says how a ticket reference should look, and which hours the rule has", () => {
  const said = (more: Partial<RequestQuery>) =>
    checkRequest(compiled, { ...good, ...more }).map(({ sentence }) => sentence);
  expect(said({ ticket: "17" })).toEqual(["The ticket reference has to look like CHG-[0-9]{6}, such as CHG-000000."]);
  const wednesday = Date.UTC(2026, 10, 25, 8);
  expect(said({ targets: ["plc-3"], fromMs: wednesday, toMs: wednesday + hourMs })).toEqual([
    "The rule that allows it holds at tue 06:00–18:00 UTC only.",
  ]);
});

it.each([
  ["CHG-[0-9]{6}", "CHG-000000"],
  ["^INC\\d{3,5}$", "INC000"],
  ["[A-Z]{2}-\\d+", "AA-0"],
  ["(CHG|INC)-[0-9]{6}", null],
  ["[^a]b", null],
])("has an example of %s where it is that plain", (pattern, example) => {
  expect(exampleOf(pattern)).toBe(example);
});

it("answers alike for a target that does not exist and one that no rule opens", () => {
  const closed = { ...good, people: ["olaf"], requester: olaf, escorts: [] };
  const [missing] = checkRequest(compiled, { ...closed, targets: ["plc-404"] });
  const [shut] = checkRequest(compiled, { ...closed, targets: ["plc-1"] });
  expect({ ...missing, target: "" }).toEqual({ ...shut, target: "" });
});

it("says who approves, how many, and who has emergency access", () => {
  expect(mayApprove(compiled, olaf, "cell")).toBe(true);
  expect(mayApprove(compiled, vera, "cell")).toBe(false);
  expect(mayApprove(compiled, olaf, "closed")).toBe(false);
  expect(mayApprove(compiled, { name: "Anna", roles: [] }, "CLOSED")).toBe(true);
  expect([approvalsNeeded(compiled, "cell"), approvalsNeeded(compiled, "closed")]).toEqual([1, 2]);
  expect([mayBreakGlass(compiled, vera), mayBreakGlass(compiled, olaf)]).toEqual([true, false]);
});
