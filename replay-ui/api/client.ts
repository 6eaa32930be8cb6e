// The one place that talks HTTP. Answers are checked against shared/api/types.ts; failures become ApiError with the
// problem document's sentence, or OfflineError when the service does not answer at all.
import type { z } from "zod";
import type { Enrolment, MfaStatus, SecondStepNeeded } from "../../shared/api/mfa.ts";
import type {
  AuditPage,
  ExportFormat,
  Health,
  LiveSession,
  Me,
  PictureJob,
  PictureRequest,
  RecordingCustody,
  RecordingIndex,
  RecordingKeysAnswer,
  RecordingPage,
  RecordingSummary,
  SessionMark,
  SigningKey,
  Stop,
  VerifyReport,
  VncTicket,
} from "../../shared/api/types.ts";
import { ApiError, OfflineError } from "./failures.ts";
import { isMe, isRecordingIndex, isRecordingKeys, isRecordingSummary } from "./quick-checks.ts";

export { ApiError, OfflineError };

const base = "/api/v1";

let csrfToken = "";
const unauthenticatedListeners = new Set<() => void>();

/** Called when a request finds that the sign-in has ended. */
export function onSignedOut(listener: () => void): () => void {
  unauthenticatedListeners.add(listener);
  return () => unauthenticatedListeners.delete(listener);
}

/** Failures become `ApiError` or `OfflineError`. */
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json, application/problem+json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET") headers["x-csrf-token"] = csrfToken;
  let response: Response;
  try {
    response = await fetch(base + path, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new OfflineError(cause);
  }
  if (response.ok) return response;
  const error = await problemOf(response);
  if (response.status === 401 && !path.startsWith("/session"))
    for (const listener of unauthenticatedListeners) listener();
  throw error;
}

async function problemOf(response: Response): Promise<ApiError> {
  const { status } = response;
  const problem = (await response.json().catch(() => null)) as { code?: unknown; detail?: unknown } | null;
  if (typeof problem?.code === "string" && typeof problem.detail === "string") {
    return new ApiError(status, problem.code, problem.detail);
  }
  if (status >= 502 && status <= 504) {
    return new ApiError(status, "INTERNAL", "The recorder is not ready. Try again in a moment.");
  }
  return new ApiError(status, "INTERNAL", `The recorder answered ${status} without an explanation.`);
}

type Schemas = typeof import("./schemas.ts");

/** The schemas are fetched beside the answer. */
async function read<T>(schema: (all: Schemas) => z.ZodType<T>, response: Promise<Response>): Promise<T> {
  const [schemas, answer] = await Promise.all([import("./schemas.ts"), response]);
  return schema(schemas).parse(await answer.json());
}

/** As `read`, for answers that the first picture waits for; the schema only says what is wrong with a bad one. */
async function readQuickly<T>(
  check: (value: unknown) => value is T,
  schema: (all: Schemas) => z.ZodType<T>,
  response: Promise<Response>,
): Promise<T> {
  const value: unknown = await (await response).json();
  return check(value) ? value : schema(await import("./schemas.ts")).parse(value);
}

export const readMe = (response: Promise<Response>) => readQuickly(isMe, (all) => all.Me, response);

export function remember(me: Me): Me {
  csrfToken = me.csrfToken;
  return me;
}

function recordingPath(session: string, rest = ""): string {
  return `/recordings/${encodeURIComponent(session)}${rest}`;
}

export function query(parameters: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

/** Who is signed in, or null. */
export async function currentSession(): Promise<Me | null> {
  try {
    return remember(await readMe(send("GET", "/session")));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Who is signed in, or what is to follow. */
export async function signIn(name: string, password: string): Promise<Me | SecondStepNeeded> {
  const value: unknown = await (await send("POST", "/session", { name, password })).json();
  if (isMe(value)) return remember(value);
  const { Me, SecondStepNeeded } = await import("./schemas.ts");
  const next = SecondStepNeeded.safeParse(value);
  return next.success ? next.data : remember(Me.parse(value));
}

export async function giveCode(pending: string, code: string): Promise<Me> {
  return remember(await readMe(send("POST", "/session/second-step", { pending, code })));
}

/** A fresh code of the person who is signed in, for what asks for one. */
export async function confirmWithCode(code: string): Promise<void> {
  await send("POST", "/session/confirm", { code });
}

export function getMfa(): Promise<MfaStatus> {
  return read((all) => all.MfaStatus, send("GET", "/me/mfa"));
}

export function beginEnrolment(): Promise<Enrolment> {
  return read((all) => all.Enrolment, send("POST", "/me/mfa/enrolment", {}));
}

/** The refreshed sign-in comes with it. */
export async function confirmEnrolment(code: string): Promise<{ recoveryCodes: string[]; me: Me }> {
  const answer = await read((all) => all.ConfirmedEnrolment, send("POST", "/me/mfa/enrolment/confirm", { code }));
  remember(answer.me);
  return answer;
}

/** Without a code where one, or a passkey, was given in the last minutes. */
export async function renewRecoveryCodes(code?: string): Promise<string[]> {
  const body = code === undefined ? {} : { code };
  return (await read((all) => all.RecoveryCodes, send("POST", "/me/mfa/recovery-codes", body))).recoveryCodes;
}

export async function signOut(): Promise<void> {
  await send("DELETE", "/session");
  csrfToken = "";
}

/** Ends every other sign-in of this person; resolves to the refreshed one. */
export async function changePassword(current: string, next: string): Promise<Me> {
  return remember(await readMe(send("POST", "/me/password", { current, next })));
}

export interface RecordingFilters {
  person?: string | undefined;
  target?: string | undefined;
  state?: string | undefined;
  protocol?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  request?: string | undefined;
  cursor?: string | undefined;
  limit?: number | undefined;
  /** Asked where policy says so. */
  reason?: string | undefined;
}

export function listRecordings(filters: RecordingFilters, signal?: AbortSignal): Promise<RecordingPage> {
  return read((all) => all.RecordingPage, send("GET", `/recordings${query({ ...filters })}`, undefined, signal));
}

export function getRecording(session: string): Promise<RecordingSummary> {
  return readQuickly(isRecordingSummary, (all) => all.RecordingSummary, send("GET", recordingPath(session)));
}

export function getIndex(session: string, signal?: AbortSignal): Promise<RecordingIndex> {
  const answer = send("GET", recordingPath(session, "/index"), undefined, signal);
  return readQuickly(isRecordingIndex, (all) => all.RecordingIndex, answer);
}

/** The stored bytes of segment `n`, as they lie in the object store. */
export async function getSegment(session: string, n: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const response = await send("GET", recordingPath(session, `/segments/${n}`), undefined, signal);
  return readBody(response);
}

/** Data keys of an encrypted recording, as far as the service has them and this person may have them. */
export async function getKeys(session: string): Promise<RecordingKeysAnswer> {
  const answer: unknown = await (await send("GET", recordingPath(session, "/keys"))).json();
  return isRecordingKeys(answer) ? answer : (await import("./schemas.ts")).RecordingKeysAnswer.parse(answer);
}

/** A stored object, e.g. `open.json` or `manifest.json.sig`. */
export async function getObject(session: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
  return readBody(await send("GET", recordingPath(session, `/objects/${name}`)));
}

async function readBody(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new OfflineError(cause);
  }
}

/** @param reason kept in the custody log; asked where policy says so. */
export async function recordView(session: string, reason?: string): Promise<void> {
  await send("POST", recordingPath(session, "/view"), reason === undefined ? undefined : { reason });
}

export function verifyRecording(session: string, reason?: string): Promise<VerifyReport> {
  const body = reason === undefined ? undefined : { reason };
  return read((all) => all.VerifyReport, send("POST", recordingPath(session, "/verify"), body));
}

export function exportUrl(
  session: string,
  format: ExportFormat,
  asked: { track?: string; reason?: string; fromSeconds?: number; toSeconds?: number } = {},
): string {
  return `${base}${recordingPath(session, "/export")}${query({ format, ...asked })}`;
}

export function getCustody(session: string): Promise<RecordingCustody> {
  return read((all) => all.RecordingCustody, send("GET", recordingPath(session, "/custody")));
}

/** What is left out of the wish has the API's default. */
export function beginPicture(session: string, wish: Partial<PictureRequest>): Promise<PictureJob> {
  return read((all) => all.PictureJob, send("POST", recordingPath(session, "/pictures"), wish));
}

export function getPicture(job: string): Promise<PictureJob> {
  return read((all) => all.PictureJob, send("GET", `/pictures/${job}`));
}

export async function dropPicture(job: string): Promise<void> {
  await send("DELETE", `/pictures/${job}`);
}

export function pictureUrl(job: string): string {
  return `${base}/pictures/${job}/file`;
}

export async function listLiveSessions(): Promise<LiveSession[]> {
  return (await read((all) => all.SessionList, send("GET", "/sessions"))).items;
}

/** `viewer`: a password for somebody's own VNC viewer instead of a token for the page's. */
export function takeVncTicket(target: string, use: "browser" | "viewer"): Promise<VncTicket> {
  return read((all) => all.VncTicket, send("POST", `/targets/${encodeURIComponent(target)}/vnc-ticket`, { use }));
}

/** `reason` is told to the person and kept. */
export async function freezeSession(session: string, reason: string): Promise<void> {
  await send("POST", `/sessions/${encodeURIComponent(session)}/freeze`, { reason });
}

export async function unfreezeSession(session: string): Promise<void> {
  await send("POST", `/sessions/${encodeURIComponent(session)}/unfreeze`, {});
}

/** `when-finished`: frozen, and ended as soon as no file is open. */
export async function terminateSession(
  session: string,
  reason: string,
  mode: "now" | "when-finished" = "now",
): Promise<void> {
  await send("POST", `/sessions/${encodeURIComponent(session)}/terminate`, { reason, mode });
}

export async function messageSession(session: string, text: string): Promise<void> {
  await send("POST", `/sessions/${encodeURIComponent(session)}/message`, { text });
}

/** To what waits under this number. */
export async function confirmAction(session: string, n: number, given: boolean, reason = ""): Promise<void> {
  await send("POST", `/sessions/${encodeURIComponent(session)}/confirmations/${n}`, { given, reason });
}

export async function markSession(session: string, mark: SessionMark): Promise<void> {
  await send("POST", `/sessions/${encodeURIComponent(session)}/marks`, mark);
}

export function getHealth(): Promise<Health> {
  return read((all) => all.Health, send("GET", "/health"));
}

export async function listStops(): Promise<Stop[]> {
  return (await read((all) => all.StopList, send("GET", "/stops"))).items;
}

/** @returns how many live sessions were frozen or ended. */
export async function setStop(scope: string, action: Stop["action"], reason: string): Promise<number> {
  const path = `/stops/${encodeURIComponent(scope)}`;
  return (await read((all) => all.StopSet, send("PUT", path, { action, reason }))).sessions;
}

export async function liftStop(scope: string, reason: string): Promise<void> {
  await send("DELETE", `/stops/${encodeURIComponent(scope)}${query({ reason })}`);
}

export function listAudit(cursor?: string): Promise<AuditPage> {
  return read((all) => all.AuditPage, send("GET", `/audit${query({ cursor, limit: 100 })}`));
}

export async function listKeys(): Promise<SigningKey[]> {
  return (await read((all) => all.SigningKeyList, send("GET", "/keys"))).items;
}
