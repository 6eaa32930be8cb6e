// A plant whose people ask for access, approve it and get in in an emergency: the real API and the built UI over a real
// database, for tests and pictures of the portal's pages about access.
import type { BrowserContext } from "playwright-core";
import { WebSessions } from "../../recorder/access/web-sessions.ts";
import type { AccessRequest, RequestDraft } from "../../shared/api/access.ts";
import type { LiveSession } from "../../shared/api/types.ts";
import { makeSessionId } from "../../shared/ids.ts";
import type { Factor } from "../../shared/policy/factor.ts";
import { Conduit, type Role, Target } from "../../shared/policy/policy.ts";
import { type ApiFixture, password, startApi } from "../integration/api/api-fixture.ts";
import { builtUi } from "./replay-fixtures.ts";
import { testEvidence } from "./test-evidence.ts";
import { startTestLedger } from "./test-ledger.ts";

export interface AccessPlant {
  api: ApiFixture;
  /** Waits for anna. */
  waiting: AccessRequest;
  /** Of erika's, open now, with a session that stood on it. */
  open: AccessRequest;
  /** Of petra's, open now. */
  emergency: AccessRequest;
  /** Of erika's. */
  refused: AccessRequest;
  /** Of petra's, ended; its review is overdue. */
  unreviewed: AccessRequest;
  acting(name: keyof typeof people): { name: string; roles: Role[]; factors: Factor[]; address: string };
  /** Signs a browser in, as after a password and a code. */
  signIn(context: BrowserContext, name: keyof typeof people, factors?: Factor[]): Promise<void>;
  close(): Promise<void>;
}

export const people = {
  erika: ["vendor"],
  jonas: ["vendor"],
  petra: ["escort"],
  anna: ["approver"],
  adam: ["admin"],
  audrey: ["auditor"],
  ines: ["investigator"],
} as const satisfies Record<string, readonly Role[]>;

const hourMs = 3_600_000;
/** No window begins before it was asked for. */
const startsInMs = 1_500;
const both: Factor[] = ["password", "totp"];

const policy = {
  groups: { integrators: ["jonas", "integrator-*"] },
  requests: { noticeSeconds: 24 * 3600, ticketPattern: "CHG-[0-9]+" },
  breakGlass: { people: ["petra"], maxSeconds: 3600 },
  patterns: [
    {
      id: "firmware-erase",
      in: "input",
      match: "erase\\s+(flash|firmware)",
      action: "freeze",
      message: "Call the shift leader.",
    },
  ],
  retention: [{ targets: ["tag:plc"], days: 365 }],
  rules: [
    {
      id: "night-shift-off",
      effect: "deny",
      people: ["group:integrators"],
      targets: ["conduit:vendor-to-line"],
      reason: "The line is handed over in December",
    },
    {
      id: "vendors",
      people: ["role:vendor"],
      targets: ["conduit:vendor-to-cell", "conduit:vendor-to-line", "SIS-*"],
      limits: { maxSessionSeconds: 7200 },
      reason: "Maintenance contract 2026",
    },
    { id: "operators", people: ["petra"], targets: ["conduit:vendor-to-*"], require: { escort: "never" } },
    { id: "panels", people: ["role:escort"], targets: ["hmi-*"], require: { approval: false, escort: "never" } },
  ],
};

export async function startAccessPlant(options: { staticDirectory?: string } = {}): Promise<AccessPlant> {
  const ledger = await startTestLedger();
  const api = await startApi({
    staticDirectory: options.staticDirectory ?? builtUi,
    ledger: ledger.desk,
    evidence: await testEvidence(),
  });
  for (const [name, roles] of Object.entries(people)) await api.people.create({ name, roles: [...roles], password });
  api.access.setInventory({ targets: targets(), conduits: conduits() });
  // Without notice at first: what is open now was asked for just now.
  api.access.setPolicy({ ...policy, requests: { noticeSeconds: 0 } });
  const acting = (name: keyof typeof people) => ({
    name,
    roles: [...people[name]],
    factors: both,
    address: "10.20.0.14",
  });
  const { requests } = api.access;
  const now = Date.now();
  const ask = (
    name: "erika" | "jonas",
    draft: Partial<RequestDraft> & Pick<RequestDraft, "purpose" | "targets">,
    fromMs: number,
    hours: number,
  ) =>
    requests.submit(acting(name), {
      people: [],
      escorts: [],
      ticket: "CHG-1042",
      from: new Date(fromMs).toISOString(),
      to: new Date(fromMs + hours * hourMs).toISOString(),
      ...draft,
    });
  const approve = { decision: "approve", comment: "Permit 17", conditions: {} } as const;
  const shift = Math.ceil(now / hourMs) * hourMs;
  const refused = await ask(
    "erika",
    { purpose: "Read out the historian", targets: ["plc-utility-3"] },
    shift + 2 * hourMs,
    1,
  );
  await requests.decide(refused.id, acting("anna"), {
    decision: "refuse",
    comment: "The line is running",
    conditions: {},
  });
  const asked = await ask(
    "erika",
    { purpose: "Replace the firmware of drive 4", targets: ["plc-reactor-01"] },
    Date.now() + startsInMs,
    2,
  );
  await requests.decide(asked.id, acting("anna"), approve);
  const screen = await ask(
    "erika",
    { purpose: "Look at the reactor's panel", targets: ["hmi-reactor-01"], ticket: "CHG-1043" },
    Date.now() + startsInMs,
    3,
  );
  await requests.decide(screen.id, acting("anna"), approve);
  const ended = await requests.breakGlass(acting("petra"), {
    target: "plc-utility-3",
    reason: "The cooling pump does not stop",
    seconds: 1800,
  });
  await requests.revoke(ended.id, acting("adam"), "the pump is off");
  await api.database.requests
    .updateTable("access_requests")
    .set({ review_due_ms: now - 5 * hourMs })
    .where("id", "=", ended.id)
    .execute();
  const emergency = await requests.breakGlass(acting("petra"), {
    target: "plc-reactor-02",
    reason: "Valve 12 does not answer, the level rises",
    seconds: 3600,
  });
  await requests.block(acting("petra"), {
    person: "jonas",
    target: "plc-utility-3",
    reason: "Typed a command that was not in the permit",
  });
  await api.database.catalog
    .updateTable("recordings")
    .set({ request: asked.id })
    .where("session", "=", api.recording.index.session)
    .execute();
  await new Promise((resolve) => setTimeout(resolve, startsInMs));
  api.access.setPolicy(policy);
  const waiting = await ask(
    "erika",
    {
      purpose: "Yearly calibration of the reactor's level probes",
      targets: ["plc-reactor-01", "plc-reactor-02"],
      ticket: "CHG-1051",
      escorts: ["petra"],
    },
    shift + 26 * hourMs,
    2,
  );
  api.liveSessions.push(...liveSessions(now, asked.id));
  const find = async (id: string) => {
    const found = await requests.find(id);
    if (found === null) throw new Error(`request ${id} is gone`);
    return found;
  };
  return {
    api,
    waiting,
    open: await find(asked.id),
    refused: await find(refused.id),
    emergency,
    unreviewed: await find(ended.id),
    acting,
    signIn: async (context, name, factors = both) => {
      const sessions = new WebSessions(api.database.access);
      const { token } = await sessions.create(name, { address: "127.0.0.1", userAgent: "test" }, factors);
      await context.addCookies([{ name: "conduit-session", value: token, url: api.origin, httpOnly: true }]);
    },
    close: async () => {
      await api.close();
      await ledger.close();
    },
  };
}

function targets(): Target[] {
  const ssh = (name: string, conduit: string, description: string, tags: string[]) =>
    Target.parse({
      name,
      conduit,
      protocol: "ssh",
      host: "192.0.2.10",
      account: "service",
      secret: "plc",
      description,
      tags,
    });
  const vnc = (name: string, conduit: string, description: string) =>
    Target.parse({
      name,
      conduit,
      protocol: "vnc",
      host: "192.0.2.20",
      description,
      tags: ["hmi"],
    });
  return [
    ssh("plc-reactor-01", "vendor-to-cell", "Controller of the reactor section", ["plc", "reactor"]),
    ssh("plc-reactor-02", "vendor-to-cell", "Controller of the second reactor", ["plc", "reactor"]),
    vnc("hmi-reactor-01", "vendor-to-cell", "Operator panel of the reactor section"),
    ssh("plc-utility-3", "vendor-to-line", "Compressed air and cooling", ["plc"]),
    vnc("hmi-line-2", "vendor-to-line", "Panel of line 2"),
    ssh("SIS-reactor-01", "vendor-to-cell", "Safety controller of the reactor", ["plc"]),
    ssh("historian-1", "plant-services", "Process historian", []),
  ];
}

function conduits(): Conduit[] {
  return [
    Conduit.parse({
      id: "vendor-to-cell",
      description: "Maintenance of the reactor cell",
      sourceZone: "vendor access",
      destinationZone: "reactor cell",
      securityLevel: 3,
    }),
    Conduit.parse({
      id: "vendor-to-line",
      description: "Maintenance of the lines",
      sourceZone: "vendor access",
      destinationZone: "production line",
      securityLevel: 2,
    }),
    Conduit.parse({ id: "plant-services", sourceZone: "plant", destinationZone: "services" }),
  ];
}

function liveSessions(now: number, request: string): LiveSession[] {
  const session = (random: number) => makeSessionId(new Uint8Array(10).fill(random), now - 60_000 * random);
  const base = {
    conduit: "vendor-to-cell",
    clientAddress: "10.20.0.31",
    endsAt: new Date(now + 2 * hourMs).toISOString(),
    channels: 1,
    recordedBytes: 182_000,
    durableBehindMs: 0.4,
    alarms: [],
  };
  return [
    {
      ...base,
      session: session(4),
      person: "erika",
      target: "plc-reactor-01",
      protocol: "ssh",
      startedAt: new Date(now - 4 * 60_000).toISOString(),
      state: "frozen",
      hold: "escort-awaited",
      request,
      rule: "vendors",
      idleSeconds: 32,
    },
    {
      ...base,
      session: session(11),
      person: "jonas",
      target: "hmi-reactor-01",
      protocol: "vnc",
      startedAt: new Date(now - 11 * 60_000).toISOString(),
      state: "active",
      hold: null,
      request: null,
      rule: "panels",
      idleSeconds: 2,
      confirmations: [
        {
          n: 1,
          rule: "no-reboot",
          what: "keys",
          channel: 0,
          text: "Ctrl+Alt+Delete",
          needs: "escort",
          askedAt: new Date(now).toISOString(),
          endsAt: new Date(now + 30 * 60_000).toISOString(),
        },
      ],
    },
  ];
}
