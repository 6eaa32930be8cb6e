// A Unix socket for the people at this machine: `conduit sessions` and `conduit doctor` ask the running service through
// it. Who may open it is decided by the file system (0600 in a 0700 directory), and acts as the account of this machine;
// what is done in a person's name carries that person's proof (admin-proofs.ts). Invariant: nothing here reads a recording.
import { chmod, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { z } from "zod";
import type { LiveSession, VncTicket } from "../shared/api/types.ts";
import { AppError, type ErrorCode, errorCodes } from "../shared/errors.ts";
import { sessionIdPattern } from "../shared/ids.ts";
import { Factor } from "../shared/policy/factor.ts";
import { parseBody } from "./admin-body.ts";
import { controlRoutes, type LocalControls } from "./admin-controls.ts";
import { drainRoutes, type LocalDrain } from "./admin-drain.ts";
import { keepingRoutes, type LocalKeeping } from "./admin-keeping.ts";
import { type AdminProofs, attributed, CodeProof, PasswordProof } from "./admin-proofs.ts";
import { type LocalWatches, watchOf } from "./admin-watch.ts";
import type { ForwarderState } from "./siem/forwarder.ts";

export interface LocalAdministration {
  sessions(): LiveSession[];
  /** False when no such session is live. */
  terminate(session: string, by: string, reason: string): Promise<boolean>;
  /** False when no such session is live, or it is frozen already. */
  freeze(session: string, by: string, reason: string): Promise<boolean>;
  /** By a person who was proven. False when no such session is live, or it is not frozen. */
  unfreeze(session: string, person: string): Promise<boolean>;
  controls: LocalControls;
  /** Left out, the service keeps nothing. */
  keeping?: LocalKeeping;
  /** Left out, the service does not drain. */
  drain?: LocalDrain;
  watches: LocalWatches;
  proofs: AdminProofs;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    address: string;
    details: Record<string, unknown>;
  }): Promise<void>;
  /** A viewer's one-time ticket for this person; POLICY_REFUSED or REQUEST_NOT_FOUND say why not. */
  vncTicket(
    person: string,
    target: string,
    /** What the person proved at this machine. */
    factors: readonly Factor[],
  ): Promise<Pick<VncTicket, "ticket" | "target" | "expiresAt" | "userName" | "port" | "fingerprint" | "publicKeyPin">>;
  /** Signs a checkpoint of the ledger now. */
  ledgerCheckpoint(): Promise<{ size: number; note: string }>;
  /** How far each destination of `siem.destinations` is; left out, there is none. */
  siem?(): readonly ForwarderState[];
  /** What `conduit doctor` shows of the running service: versions, addresses, alarms. */
  status(): Promise<Record<string, unknown>>;
}

export interface AdminSocket {
  path: string;
  close(): Promise<void>;
}

export const Terminate = z.strictObject({
  session: z.string().regex(sessionIdPattern),
  operator: z.string().min(1).max(64),
  reason: z.string().max(200),
});

const Unfreeze = z.strictObject({ session: z.string().regex(sessionIdPattern), person: z.string().min(1).max(64) });

const VncTicketRequest = z.strictObject({
  person: z.string().min(1).max(64),
  target: z.string().min(1).max(64),
  operator: z.string().min(1).max(64),
  factors: z.array(Factor).max(8).default([]),
});

const maxBodyBytes = 4096;
/** Watchers are told that the service stops. */
const farewellMs = 1000;
/** `sun_path` of unix(7), without its end; a longer one would be cut short in silence. */
const maxPathBytes = 107;

/** CONFIG_INVALID when another service holds the socket; a socket that a crash left behind is replaced. */
export async function openAdminSocket(path: string, administration: LocalAdministration): Promise<AdminSocket> {
  const server = createServer((incoming, response) => {
    void answer(incoming, response, administration).catch((error: unknown) => fail(response, error));
  });
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (incoming, socket, head) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    socket.on("error", () => socket.destroy());
    void upgrade(incoming, socket, head, administration).catch((error: unknown) => refuse(socket, error));
  });
  server.requestTimeout = 10_000;
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new AppError(
      "CONFIG_INVALID",
      `${path}: a socket's path has at most ${maxPathBytes} bytes. Name a shorter one in recorder.adminSocket, such as /run/conduit/admin.sock.`,
      { op: "admin.open" },
    );
  }
  if (await isAnswering(path)) {
    throw new AppError(
      "CONFIG_INVALID",
      `${path}: another service is running on this data directory. Stop it, or give this one its own recorder.dataDirectory.`,
      { op: "admin.open" },
    );
  }
  await unlink(path).catch(() => undefined);
  await listen(server, path);
  await chmod(path, 0o600);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        administration.watches.close();
        const timer = setTimeout(() => {
          for (const socket of upgraded) socket.destroy();
        }, farewellMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const why = (cause as NodeJS.ErrnoException).code ?? "unknown error";
      const mend = "Check recorder.adminSocket: its directory must exist and be the service's own.";
      reject(
        new AppError("CONFIG_INVALID", `${path}: the admin socket cannot be opened (${why}). ${mend}`, {
          op: "admin.open",
          cause,
        }),
      );
    });
    server.listen(path, resolve);
  });
}

function isAnswering(path: string): Promise<boolean> {
  return askAdmin(path, "GET", "/status").then(
    () => true,
    (error: unknown) => !(error instanceof AppError && error.code === "SERVICE_UNREACHABLE"),
  );
}

async function answer(incoming: IncomingMessage, response: ServerResponse, admin: LocalAdministration): Promise<void> {
  const route = `${incoming.method} ${incoming.url}`;
  if (route === "GET /sessions") return send(response, 200, admin.sessions());
  if (route === "POST /ledger-checkpoint") return send(response, 200, await admin.ledgerCheckpoint());
  if (route === "GET /siem") return send(response, 200, admin.siem?.() ?? []);
  if (route === "GET /status") return send(response, 200, await admin.status());
  if (route === "POST /prove")
    return send(response, 200, await admin.proofs.password(await read(PasswordProof, incoming)));
  if (route === "POST /prove-code")
    return send(response, 200, await admin.proofs.code(await read(CodeProof, incoming)));
  if (route === "POST /vnc-ticket") return issueTicket(incoming, response, admin);
  if (route === "POST /freeze") return freeze(incoming, response, admin);
  if (route === "POST /unfreeze") return unfreeze(incoming, response, admin);
  const control = controlRoutes[route];
  if (control !== undefined) {
    const body = incoming.method === "POST" ? attributed(route, await readJson(incoming), admin.proofs) : null;
    return send(response, 200, await control(body, admin.controls, admin.audit));
  }
  const drain = drainRoutes[route];
  if (drain !== undefined && admin.drain !== undefined) {
    const body = incoming.method === "POST" ? attributed(route, await readJson(incoming), admin.proofs) : null;
    return send(response, 200, await drain(body, admin.drain, admin.audit));
  }
  const keep = keepingRoutes[route];
  if (keep !== undefined && admin.keeping !== undefined) {
    const body = incoming.method === "POST" ? attributed(route, await readJson(incoming), admin.proofs) : null;
    return send(response, 200, await keep(body, admin.keeping));
  }
  if (route !== "POST /terminate") throw notKnown();
  const { session, operator, reason } = await read(Terminate, incoming, admin.proofs);
  // Of what is not there nothing is ended, and the audit says nothing of it.
  if (!admin.sessions().some((live) => live.session === session)) return send(response, 200, { terminated: false });
  await admin.audit({
    actor: operator,
    action: "session.terminate",
    subject: session,
    address: "local",
    details: { reason },
  });
  return send(response, 200, { terminated: await admin.terminate(session, operator, reason) });
}

async function upgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  admin: LocalAdministration,
): Promise<void> {
  const asked = watchOf(incoming.url ?? "");
  if (asked === null) throw notKnown();
  const { session, proof, escort } = asked;
  const { name } = admin.proofs.redeem(proof);
  await admin.watches.upgrade({ session, person: name, escort }, incoming, socket, head);
}

async function freeze(incoming: IncomingMessage, response: ServerResponse, admin: LocalAdministration): Promise<void> {
  const { session, operator, reason } = await read(Terminate, incoming, admin.proofs);
  const done = await admin.freeze(session, operator, reason);
  const entry = { actor: operator, action: "session.freeze", subject: session, address: "local", details: { reason } };
  if (done) await admin.audit(entry);
  return send(response, 200, { frozen: done });
}

async function unfreeze(
  incoming: IncomingMessage,
  response: ServerResponse,
  admin: LocalAdministration,
): Promise<void> {
  const { session, person } = await read(Unfreeze, incoming, admin.proofs);
  const entry = { actor: person, action: "session.unfreeze", subject: session, address: "local", details: {} };
  if (!admin.sessions().some((live) => live.session === session)) return send(response, 200, { released: false });
  // Written first: what passes once it is released has somebody who let it.
  await admin.audit(entry);
  return send(response, 200, { released: await admin.unfreeze(session, person) });
}

async function issueTicket(
  incoming: IncomingMessage,
  response: ServerResponse,
  admin: LocalAdministration,
): Promise<void> {
  const { person, target, operator, factors } = await read(VncTicketRequest, incoming, admin.proofs);
  const issued = await admin.vncTicket(person, target, factors);
  await admin.audit({
    actor: operator,
    action: "vnc.ticket",
    subject: issued.target,
    address: "local",
    details: { use: "viewer", person, ...(factors.length === 0 ? {} : { factors }) },
  });
  return send(response, 200, issued);
}

/** @param proofs left out: the request itself is the proof. */
async function read<T>(schema: z.ZodType<T>, incoming: IncomingMessage, proofs?: AdminProofs): Promise<T> {
  const body = await readJson(incoming);
  const route = `${incoming.method} ${incoming.url}`;
  return parseBody(schema, proofs === undefined ? body : attributed(route, body, proofs));
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > maxBodyBytes)
      throw new AppError("REQUEST_INVALID", "the request is too large", { op: "admin.read" });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body));
}

function notKnown(): AppError {
  const message = "it knows no such request: it may be of another version than this command";
  return new AppError("REQUEST_INVALID", message, { op: "admin.answer" });
}

function told(error: unknown): { code: string; message: string } {
  if (error instanceof AppError) return error;
  return { code: "INTERNAL", message: "a fault in the recorder; its log has the details" };
}

function refuse(socket: Duplex, error: unknown): void {
  const { code, message } = told(error);
  const body = JSON.stringify({ code, message });
  const head = ["HTTP/1.1 400 Bad Request", "content-type: application/json", "connection: close"];
  socket.end([...head, `content-length: ${Buffer.byteLength(body)}`, "", body].join("\r\n"));
}

function fail(response: ServerResponse, error: unknown): void {
  const { code, message } = told(error);
  if (response.headersSent) response.destroy();
  else send(response, code.startsWith("REQUEST_") || code === "POLICY_REFUSED" ? 400 : 500, { code, message });
}

/** SERVICE_UNREACHABLE when nothing answers on the socket; the service's own codes else. */
export function askAdmin(path: string, method: "GET" | "POST", url: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, method, path: url, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        try {
          const value = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { code?: string; message?: string };
          if (response.statusCode === 200) resolve(value);
          else reject(adminRefusal(value));
        } catch (cause) {
          reject(
            new AppError("INTERNAL", "the service's answer on the admin socket is not JSON", {
              op: "admin.ask",
              cause,
            }),
          );
        }
      });
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 10 s")));
    outgoing.on("error", (cause: NodeJS.ErrnoException) => {
      reject(adminUnreachable(path, cause));
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What the service answered in place of what was asked for. */
export function adminRefusal({ code, message }: { code?: string; message?: string }): AppError {
  return new AppError(known(code), message ?? "the service gave no reason", { op: "admin.ask" });
}

export function adminUnreachable(path: string, cause: NodeJS.ErrnoException): AppError {
  const absent = cause.code === "ENOENT" || cause.code === "ECONNREFUSED";
  const message = absent
    ? `no service answers on ${path}; start it with conduit serve, or name its configuration with --config`
    : `the service on ${path} cannot be asked: ${cause.message}`;
  return new AppError(absent ? "SERVICE_UNREACHABLE" : "INTERNAL", message, { op: "admin.ask", cause });
}

function known(code: string | undefined): ErrorCode {
  return code !== undefined && Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "INTERNAL";
}
