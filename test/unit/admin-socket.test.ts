import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LocalKeeping } from "../../recorder/admin-keeping.ts";
import { LocalProofs } from "../../recorder/admin-proofs.ts";
import { type AdminSocket, askAdmin, type LocalAdministration, openAdminSocket } from "../../recorder/admin-socket.ts";
import type { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { Factor } from "../../shared/policy/factor.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";

const session = "01a2061a-33bf-7a59-915f-1aeaf229edbe";

const live: LiveSession = {
  session,
  person: "erika",
  target: "plc-1",
  conduit: "reactor",
  protocol: "ssh",
  clientAddress: "127.0.0.1",
  startedAt: "2026-11-23T10:00:00.000Z",
  state: "active",
  channels: 1,
  idleSeconds: 0,
  endsAt: "2026-11-23T18:00:00.000Z",
  recordedBytes: 0,
  durableBehindMs: 0,
  alarms: [],
};

let folder: TempDir;
let path: string;
let socket: AdminSocket | null = null;
let done: string[];
let nowMs = 0;

/** In the place of a name; what it left in the audit is taken out. */
async function proven(name: string, more: { code?: string } = {}): Promise<{ proof: string }> {
  const before = done.length;
  const ask = (route: string, body: object) => askAdmin(path, "POST", route, { operator: "os:erika", ...body });
  let step = (await ask("/prove", { name, password: "right" })) as Record<string, string>;
  if (step["pending"] !== undefined) step = (await ask("/prove-code", { ...step, ...more })) as Record<string, string>;
  done.length = before;
  return { proof: step["proof"] ?? "" };
}

const administration: LocalAdministration = {
  sessions: () => [live],
  terminate: async (id, by, reason) => {
    done.push(`terminate ${id} ${by} ${reason}`);
    return id === session;
  },
  freeze: async (id, by, reason) => {
    done.push(`freeze ${id} ${by} ${reason}`);
    return id === session;
  },
  unfreeze: async (id, person) => {
    done.push(`unfreeze ${id} ${person}`);
    if (person === "ada")
      throw new AppError("POLICY_REFUSED", "Nobody releases a session of their own.", { op: "test" });
    return true;
  },
  controls: {
    message: async (id, by, text) => {
      done.push(`message ${id} ${by} ${text}`);
      return id === session;
    },
    mark: async (id, by, { kind, text }) => {
      done.push(`${kind} ${id} ${by} ${text}`);
      return id === session;
    },
    endSafely: async (id, by, reason, whenFinished) => {
      done.push(`end safely ${id} ${by} ${reason} ${whenFinished}`);
      return id === session ? [{ kind: "command", channel: 0, what: "make" }] : null;
    },
    stops: () => [],
    stop: async (scope, { action, reason }, by) => {
      done.push(`stop ${scope} ${action} ${reason} ${by}`);
      return { stop: { scope, action, reason, by, at: "2026-11-23T10:00:00.000Z" }, sessions: 3 };
    },
    liftStop: async (scope, reason, person) => {
      done.push(`lift ${scope} ${reason} ${person}`);
    },
    confirm: async (id, n, person, { given, reason }) => {
      done.push(`confirm ${id} ${n} ${person} ${given} ${reason}`);
      return n === 1;
    },
  },
  watches: {
    upgrade: async (asked, _request, socket) => {
      done.push(`watch ${JSON.stringify(asked)}`);
      if (asked.person === "ada") throw new AppError("AUTH_FORBIDDEN", "ada may not watch sessions", { op: "test" });
      socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    },
    close: () => {
      done.push("watches closed");
    },
  },
  proofs: new LocalProofs({
    signIn: {
      password: async (name, password) => {
        const roles: Role[] = name === "emil" ? ["escort"] : ["engineer"];
        const factors: Factor[] = ["password", "totp"];
        const person = { name, roles, mustChangePassword: name === "olga", authMethod: "password+totp", factors };
        if (name === "cora") {
          const verify = async (code: string) => (code === "123456" ? person : null);
          return { outcome: "second-step", mayRepeat: false, person: name, verify };
        }
        return password === "right" ? { outcome: "accepted", person } : { outcome: "refused" };
      },
    },
    findPerson: async (name) => (name === "nobody" ? null : { name }),
    audit: async ({ actor, action, details }) => void done.push(`audit ${actor} ${action} ${JSON.stringify(details)}`),
    nowMs: () => nowMs,
  }),
  audit: async ({ actor, action, subject, details }) => {
    done.push(`audit ${actor} ${action} ${subject} ${JSON.stringify(details)}`);
  },
  vncTicket: async (person, target) => {
    done.push(`ticket ${person} ${target}`);
    return {
      ...{ ticket: "abcdefgh", target, expiresAt: "2026-11-23T10:00:00.000Z", userName: `${person}+${target}` },
      ...{ port: 5910, fingerprint: "AA", publicKeyPin: "AA=" },
    };
  },
  ledgerCheckpoint: async () => ({ size: 1, note: "" }),
  status: async () => ({ version: "1" }),
};

beforeEach(async () => {
  folder = await createTempDir("admin");
  path = join(folder.path, "admin.sock");
  done = [];
});
afterEach(async () => {
  await socket?.close();
  socket = null;
  await folder.remove();
});

async function open(over: Partial<LocalAdministration> = {}): Promise<void> {
  socket = await openAdminSocket(path, { ...administration, ...over });
}

test("only the service's account may open it", async () => {
  await open();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a termination is in the audit before it happens, with who and why", async () => {
  await open();
  const answer = await askAdmin(path, "POST", "/terminate", { session, operator: "os:erika", reason: "permit" });
  expect(answer).toEqual({ terminated: true });
  expect(done).toEqual([
    `audit os:erika session.terminate ${session} {"reason":"permit"}`,
    `terminate ${session} os:erika permit`,
  ]);
});

test("freezes, and releases in the name of who was proven, with the audit's line before it", async () => {
  socket = await openAdminSocket(path, administration);
  const frozen = await askAdmin(path, "POST", "/freeze", { session, operator: "os:erika", reason: "look" });
  expect(frozen).toEqual({ frozen: true });
  expect(await askAdmin(path, "POST", "/unfreeze", { session, person: await proven("emil") })).toEqual({
    released: true,
  });
  expect(done).toEqual([
    `freeze ${session} os:erika look`,
    `audit os:erika session.freeze ${session} {"reason":"look"}`,
    `audit emil session.unfreeze ${session} {}`,
    `unfreeze ${session} emil`,
  ]);
  const person = await proven("ada");
  await expect(askAdmin(path, "POST", "/unfreeze", { session, person })).rejects.toMatchObject({
    code: "POLICY_REFUSED",
    message: "Nobody releases a session of their own.",
  });
});

test("a watch is upgraded by its own address alone; who is refused is told why", async () => {
  await open();
  const upgrade = (url: string) =>
    new Promise<string>((resolve, reject) => {
      const headers = { connection: "upgrade", upgrade: "websocket" };
      const outgoing = request({ socketPath: path, path: url, headers });
      outgoing.on("upgrade", (response) => resolve(`${response.statusCode}`));
      outgoing.on("response", async (response) => {
        let text = "";
        for await (const chunk of response) text += String(chunk);
        resolve(`${response.statusCode} ${text}`);
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  const address = ({ proof }: { proof: string }) => `/watch?session=${session}&proof=${proof}&escort=no`;
  const emil = await proven("emil");
  expect(await upgrade(address(emil))).toBe("101");
  expect(await upgrade(address(emil))).toContain("AUTH_FAILED");
  expect(await upgrade(address(await proven("ada")))).toBe(
    '400 {"code":"AUTH_FORBIDDEN","message":"ada may not watch sessions"}',
  );
  expect(await upgrade("/sessions")).toContain("it knows no such request");
  expect(done).toHaveLength(2);
  await expect(askAdmin(path, "GET", address(await proven("emil")))).rejects.toThrow("it knows no such request");
  await socket?.close();
  socket = null;
  expect(done.at(-1)).toBe("watches closed");
});

test("a ticket is given to whom policy lets in, and is in the audit with whose it is", async () => {
  await open();
  const request = { person: "erika", target: "hmi-1", operator: "os:root" };
  expect(await askAdmin(path, "POST", "/vnc-ticket", request)).toMatchObject({ ticket: "abcdefgh", port: 5910 });
  expect(done).toEqual(["ticket erika hmi-1", 'audit os:root vnc.ticket hmi-1 {"use":"viewer","person":"erika"}']);
  await expect(askAdmin(path, "POST", "/vnc-ticket", { ...request, more: 1 })).rejects.toThrow("bad value");
});

test("nobody acts in a person's name without that person's password and code", async () => {
  await open({ keeping: { release: async () => ({ released: done.push("released") }) } as unknown as LocalKeeping });
  const asked = (person: unknown) => ({ session, hold: "0123abcd", person, step: { step: "confirm" } });
  const bodies: [string, object][] = [
    ["/release-hold", asked("emil")],
    ["/place-hold", { session, person: "emil", wish: { caseId: "C", reason: "r" } }],
    ["/unfreeze", { session, person: "emil" }],
    ["/lift-stop", { scope: "all", person: "emil", reason: "" }],
    ["/confirm", { session, person: "emil", n: 1, answer: { given: true, reason: "" } }],
    ["/terminate", { session, operator: "emil", reason: "" }],
    ["/freeze", { session, operator: "emil", reason: "" }],
    ["/message", { session, operator: "emil", text: "x" }],
    ["/stop", { scope: "all", operator: "emil", what: { action: "end", reason: "x" } }],
    ["/retention-sweep", { operator: "emil", whole: false }],
    ["/vnc-ticket", { target: "hmi-1", operator: "os:x", person: "erika", factors: ["totp"] }],
  ];
  for (const [route, body] of bodies)
    await expect(askAdmin(path, "POST", route, body), route).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  const unknown = asked({ proof: "0".repeat(32) });
  await expect(askAdmin(path, "POST", "/release-hold", unknown)).rejects.toMatchObject({ code: "AUTH_FAILED" });
  expect(done).toEqual([]);
  const person = await proven("cora", { code: "123456" });
  await askAdmin(path, "POST", "/release-hold", asked(person));
  // For one request, and for a minute.
  await expect(askAdmin(path, "POST", "/release-hold", asked(person))).rejects.toMatchObject({ code: "AUTH_FAILED" });
  const late = await proven("emil");
  nowMs += 61_000;
  await expect(askAdmin(path, "POST", "/release-hold", asked(late))).rejects.toMatchObject({ code: "AUTH_FAILED" });
  expect(done).toEqual(["released"]);
});

test("who proves to be somebody stands in the audit, also who does not; others than admins and escorts control nothing", async () => {
  await open();
  const prove = (name: string, password: string) =>
    askAdmin(path, "POST", "/prove", { operator: "os:erika", name, password });
  await expect(prove("emil", "wrong")).rejects.toMatchObject({ code: "AUTH_FAILED" });
  await expect(prove("olga", "right")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
  await expect(proven("cora", { code: "000000" })).rejects.toMatchObject({ code: "AUTH_FAILED" });
  await prove("emil", "right");
  expect(done).toEqual([
    'audit os:erika sign-in-failed {"person":"emil"}',
    'audit os:erika sign-in-failed {"person":"cora"}',
    'audit os:erika sign-in {"person":"emil","method":"password+totp"}',
  ]);
  const body = async (name: string) => ({ session, operator: await proven(name), reason: "x" });
  await expect(askAdmin(path, "POST", "/terminate", await body("ada"))).rejects.toMatchObject({
    code: "AUTH_FORBIDDEN",
  });
  await askAdmin(path, "POST", "/terminate", await body("emil"));
  expect(done.at(-1)).toBe(`terminate ${session} emil x`);
  const ticket = { target: "hmi-1", operator: "os:x", person: await proven("cora", { code: "123456" }) };
  await askAdmin(path, "POST", "/vnc-ticket", ticket);
  expect(done.at(-1)).toContain('"person":"cora","factors":["password","totp"]');
});

test("what cannot be written into the audit does not happen", async () => {
  await open({ audit: () => Promise.reject(new Error("disk full, at /secret/path")) });
  await expect(askAdmin(path, "POST", "/terminate", { session, operator: "os:x", reason: "" })).rejects.toThrow(
    "a fault in the recorder; its log has the details",
  );
  expect(done).toEqual([]);
});

test("what is not live is not ended, and the audit says nothing of it", async () => {
  await open({ sessions: () => [] });
  const answer = await askAdmin(path, "POST", "/terminate", { session, operator: "os:erika", reason: "" });
  expect(answer).toEqual({ terminated: false });
  expect(done).toEqual([]);
});

test("a refusal has its own code on this side too; nothing of a fault does", async () => {
  const refusal = new AppError("POLICY_REFUSED", "erika may not reach hmi-1", { op: "session.open" });
  await open({ vncTicket: () => Promise.reject(refusal), status: () => Promise.reject(new Error("at /secret/path")) });
  const request = { person: "erika", target: "hmi-1", operator: "os:root" };
  await expect(askAdmin(path, "POST", "/vnc-ticket", request)).rejects.toMatchObject({
    code: "POLICY_REFUSED",
    message: "erika may not reach hmi-1",
  });
  await expect(askAdmin(path, "GET", "/nonsense")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  await expect(askAdmin(path, "GET", "/status")).rejects.toMatchObject({
    code: "INTERNAL",
    message: "a fault in the recorder; its log has the details",
  });
});

test.each([
  [{ session: "x", operator: "os:x", reason: "" }],
  [{ session, operator: "", reason: "" }],
  [{ session, operator: "os:x", reason: "", more: 1 }],
  [{ session, operator: "os:x", reason: "r".repeat(300) }],
  [null],
])("%j is refused", async (body) => {
  await open();
  await expect(askAdmin(path, "POST", "/terminate", body)).rejects.toMatchObject({
    code: "REQUEST_INVALID",
    message: expect.stringContaining("the request has a bad value") as string,
  });
  expect(done).toEqual([]);
});

test("what is wrong with a hold is said in words for whoever typed it", async () => {
  await open({ keeping: {} as LocalKeeping });
  const place = async (wish: object) =>
    askAdmin(path, "POST", "/place-hold", { session, person: await proven("emil"), wish });
  await expect(place({ caseId: "C", reason: " " })).rejects.toThrow("bad value (reason: empty)");
  await expect(place({ caseId: "c".repeat(101), reason: "r" })).rejects.toThrow("(case: longer than 100 characters)");
  await expect(place({ reason: "r" })).rejects.toThrow("(case: missing");
  await expect(askAdmin(path, "POST", "/place-hold", null)).rejects.toThrow("(it is no object of JSON)");
});

test("a body without end is cut off", async () => {
  await open();
  const ended = await new Promise<string>((resolve) => {
    const outgoing = request({ socketPath: path, method: "POST", path: "/terminate" }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
    });
    outgoing.on("error", () => resolve("cut off"));
    const more = () => {
      if (!outgoing.destroyed) outgoing.write("x".repeat(1024), more);
    };
    more();
  });
  expect(["400", "cut off"]).toContain(ended);
});

test("a socket that a crash left behind is replaced", async () => {
  // A bound socket whose process is gone leaves its file: here, a listener that closes without removing it.
  const left = createServer();
  await new Promise<void>((resolve) => left.listen(path, resolve));
  const { renameSync } = await import("node:fs");
  renameSync(path, `${path}.moved`);
  await new Promise((resolve) => left.close(resolve));
  renameSync(`${path}.moved`, path);
  await open();
  expect(await askAdmin(path, "GET", "/status")).toEqual({ version: "1" });
});

test("a running service's socket is not taken over", async () => {
  await open();
  await expect(openAdminSocket(path, administration)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(await askAdmin(path, "GET", "/sessions")).toEqual([live]);
});

test("where nothing listens, the answer says how to start it; a path too long, how to mend it", async () => {
  await expect(askAdmin(path, "GET", "/status")).rejects.toMatchObject({
    code: "SERVICE_UNREACHABLE",
    message: expect.stringContaining("start it with conduit serve") as string,
  });
  const deep = join(folder.path, "d".repeat(120));
  mkdirSync(deep);
  await expect(openAdminSocket(join(deep, "admin.sock"), administration)).rejects.toThrow(
    "a socket's path has at most 107 bytes. Name a shorter one in recorder.adminSocket",
  );
  writeFileSync(join(folder.path, "file"), "");
  await expect(openAdminSocket(join(folder.path, "file/admin.sock"), administration)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
  });
});
