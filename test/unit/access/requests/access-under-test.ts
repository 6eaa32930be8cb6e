// Requests on a real database, with people, a policy and clocks of the test's own.
import { join } from "node:path";
import { AccessFeed } from "../../../../recorder/access/feed.ts";
import { People } from "../../../../recorder/access/people.ts";
import { AccessRequests, type Acting } from "../../../../recorder/access/requests/requests.ts";
import type { ServiceDatabase } from "../../../../recorder/database.ts";
import type { AccessEvent, AccessRequest, RequestDraft } from "../../../../shared/api/access.ts";
import { compilePolicy } from "../../../../shared/policy/compile.ts";
import { Conduit, Policy, type Role, Target } from "../../../../shared/policy/policy.ts";
import { openState } from "../../../support/state.ts";
import { createTempDir } from "../../../support/temp-dir.ts";

export const hourMs = 3_600_000;
export const startMs = Date.parse("2026-11-23T08:00:00Z");

const roles: Record<string, Role[]> = {
  erika: ["vendor"],
  viktor: ["vendor"],
  anna: ["approver"],
  boris: ["approver"],
  carla: ["approver"],
  olga: ["escort"],
  omar: ["escort"],
  adam: ["admin"],
  audrey: ["auditor"],
  petra: ["escort"],
};

const policyOf = (changes: Record<string, unknown>) =>
  Policy.parse({
    version: 1,
    requests: { noticeSeconds: 3600, maxWindowSeconds: 8 * 3600 },
    breakGlass: { people: ["petra"], maxSeconds: 3600, reviewWithinSeconds: 72 * 3600 },
    rules: [
      {
        id: "cells",
        people: ["role:vendor", "petra", "anna"],
        targets: ["*"],
        capabilities: ["shell", "exec", "sftp", "screen"],
      },
    ],
    ...changes,
  });

const ssh = (name: string, conduit: string) =>
  Target.parse({ name, conduit, protocol: "ssh", host: "192.0.2.1", account: "service", secret: "plc" });

export interface AccessUnderTest {
  directory: string;
  database: ServiceDatabase;
  people: People;
  requests: AccessRequests;
  feed: AccessFeed;
  /** Wall and monotonic milliseconds; both are moved by `pass`. */
  clock: { wallMs: number; monotonicMs: number };
  pass(ms: number): void;
  as(name: string): Acting;
  /** `cell2`: of the conduit cell-2. */
  setPolicy(changes: Record<string, unknown>, cell2?: Record<string, unknown>): void;
  /** A second service on the same file. */
  another(): Promise<{ requests: AccessRequests; feed: AccessFeed; close(): Promise<void> }>;
  events(): Promise<AccessEvent[]>;
  draft(changes?: Partial<RequestDraft>): RequestDraft;
  submit(changes?: Partial<RequestDraft>, by?: string): Promise<AccessRequest>;
  /** Submitted and approved, with its window from two hours on for two hours. */
  approved(changes?: Partial<RequestDraft>): Promise<AccessRequest>;
  close(): Promise<void>;
}

/** `thread`: where several services work at once. Two connections of one thread would wait for each other for ever. */
export async function accessUnderTest({ thread = false } = {}): Promise<AccessUnderTest> {
  const folder = await createTempDir("access");
  const file = join(folder.path, "conduit.db");
  const database = await openState(file, { thread });
  const people = new People(database.access);
  for (const [name, own] of Object.entries(roles)) await people.create({ name, roles: own });
  const clock = { wallMs: startMs, monotonicMs: 1000 };
  const targets = [
    ssh("plc-1", "cell-1"),
    ssh("plc-2", "cell-2"),
    ssh("SIS-1", "cell-1"),
    Target.parse({ name: "hmi-1", conduit: "cell-1", protocol: "vnc", host: "192.0.2.2" }),
  ];
  const conduits = [
    Conduit.parse({ id: "cell-1" }),
    Conduit.parse({ id: "cell-2", approvers: ["anna", "boris"], approvals: 2 }),
  ];
  let compiled = compilePolicy(policyOf({}), conduits);
  const dependencies = (feed: AccessFeed, own: People) => ({
    policy: () => ({ compiled, targets, policyHash: "f".repeat(64) }),
    people: own,
    feed,
    now: () => clock.wallMs,
    monotonic: () => clock.monotonicMs,
  });
  const feed = new AccessFeed(database.requests, { pollMs: 20, now: () => clock.wallMs });
  const requests = new AccessRequests(database.requests, dependencies(feed, people));
  await requests.start();
  let drafts = 0;
  const at = (ms: number) => new Date(clock.wallMs + ms).toISOString();
  const under: AccessUnderTest = {
    directory: folder.path,
    database,
    people,
    requests,
    feed,
    clock,
    pass: (ms) => {
      clock.wallMs += ms;
      clock.monotonicMs += ms;
    },
    as: (name) => ({ name, roles: roles[name] ?? [], factors: ["password", "totp"], address: "192.0.2.9" }),
    setPolicy: (changes, cell2 = {}) => {
      const changed = conduits.map((one) => (one.id === "cell-2" ? Conduit.parse({ ...one, ...cell2 }) : one));
      compiled = compilePolicy(policyOf(changes), changed);
    },
    another: async () => {
      const other = await openState(file, { thread });
      const otherFeed = new AccessFeed(other.requests, { pollMs: 20, now: () => clock.wallMs });
      const otherRequests = new AccessRequests(other.requests, dependencies(otherFeed, new People(other.access)));
      await otherRequests.start();
      return {
        requests: otherRequests,
        feed: otherFeed,
        close: async () => {
          await otherFeed.close();
          await other.close();
        },
      };
    },
    events: () => feed.after(0, 10_000),
    draft: (changes = {}) => ({
      // The same asked twice is one request.
      purpose: `replace the drive's firmware, ${++drafts}`,
      people: [],
      targets: ["plc-1"],
      from: at(2 * hourMs),
      to: at(4 * hourMs),
      escorts: [],
      ...changes,
    }),
    submit: (changes = {}, by = "erika") => requests.submit(under.as(by), under.draft(changes)),
    approved: async (changes = {}) => {
      const { id } = await under.submit(changes);
      return requests.decide(id, under.as("anna"), { decision: "approve", comment: "" });
    },
    close: async () => {
      await feed.close();
      await database.close();
      await folder.remove();
    },
  };
  return under;
}
