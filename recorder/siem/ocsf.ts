// An event as OCSF 1.2.0 writes it. Every class has its required attributes; what has no place of its own is in `unmapped`.
import { isIP } from "node:net";
import { classes } from "./classes.ts";
import { activityName, eventId, type SiemEvent } from "./event.ts";
import { asciiJson } from "./rfc5424.ts";

export const ocsfVersion = "1.2.0";
export const product = { vendor_name: "Conduit", name: "Conduit Recorder" };
const severities = ["Unknown", "Informational", "Low", "Medium", "High", "Critical"];

/** In ASCII. `cut`: what was shortened to fit. */
export function ocsfText(event: SiemEvent, version: string, cut: readonly string[]): string {
  return asciiJson(ocsf(event, version, cut));
}

function ocsf(event: SiemEvent, version: string, cut: readonly string[]): Record<string, unknown> {
  const { mapping, action, actor, subject, address, facts, n, sha256, recorder } = event;
  const { uid, name, category, categoryName } = classes[mapping.class];
  const activity = activityName(event);
  return {
    class_uid: uid,
    class_name: name,
    category_uid: category,
    category_name: categoryName,
    activity_id: mapping.activity,
    activity_name: activity,
    type_uid: uid * 100 + mapping.activity,
    type_name: `${name}: ${activity}`,
    severity_id: mapping.severity,
    severity: severities[mapping.severity],
    // A finding's status is where it stands.
    ...(mapping.class === "finding" ? findingStatus(event) : status(event)),
    time: Date.parse(event.at),
    message: sentence(event),
    metadata: {
      version: ocsfVersion,
      product: { ...product, version },
      uid: eventId(event),
      sequence: n,
      event_code: action,
      log_name: "ledger",
      log_provider: recorder,
      original_time: event.at,
    },
    actor: { user: { name: actor } },
    ...(address === null ? {} : { src_endpoint: endpoint(address) }),
    ...ofClass(event),
    unmapped: {
      n,
      sha256,
      action,
      subject,
      ...(address === null ? {} : { address }),
      facts,
      ...(cut.length === 0 ? {} : { cut }),
    },
  };
}

function status({ mapping }: SiemEvent): Record<string, unknown> {
  return { status_id: mapping.status, status: mapping.status === 1 ? "Success" : "Failure" };
}

function findingStatus({ mapping }: SiemEvent): Record<string, unknown> {
  return mapping.activity === 3 ? { status_id: 4, status: "Resolved" } : { status_id: 1, status: "New" };
}

/** What the class requires besides what all have. */
function ofClass(event: SiemEvent): Record<string, unknown> {
  const { mapping, action, actor, subject, facts, recorder, address } = event;
  const own = { name: recorder };
  switch (mapping.class) {
    case "authentication":
      return { user: { name: actor }, service: { name: subject === "" ? recorder : subject }, dst_endpoint: own };
    case "account":
      return { user: { name: personOf(event) } };
    case "access":
      return { user: { name: personOf(event) }, privileges: [text(facts["target"] ?? facts["targets"] ?? subject)] };
    case "entity":
      return { entity: { name: named(subject), type: entityType(action), uid: named(subject) } };
    case "network":
    case "ssh":
      return {
        src_endpoint: endpoint(address ?? ""),
        dst_endpoint: { name: named(text(facts["target"] ?? subject)) },
        connection_info: { direction_id: 1, direction: "Inbound" },
      };
    case "finding":
      return { finding_info: { uid: eventId(event), title: text(facts["message"] ?? facts["code"] ?? action) } };
    case "resource":
      return { web_resources: [{ name: named(subject), uid: named(subject), type: "recording" }] };
    case "lifecycle":
      return { app: product };
    case "file": {
      const path = text(facts["path"] ?? subject);
      return {
        file: { name: named(path.split("/").at(-1) ?? ""), type_id: 0, path },
        src_endpoint: endpoint(address ?? ""),
      };
    }
    case "base":
      return {};
  }
}

/** Whose account it is; where the subject is a request or a grant, its facts say. */
function personOf({ facts, subject, actor }: SiemEvent): string {
  const person = facts["person"];
  if (typeof person === "string") return person;
  return subject === "" ? actor : subject;
}

function entityType(action: string): string {
  return action.startsWith("recording-") || action === "expired" ? "recording" : (action.split(/[.-]/)[0] ?? action);
}

function endpoint(address: string): Record<string, string> {
  return isIP(address) === 0 ? { name: named(address) } : { ip: address };
}

const named = (value: string) => (value === "" ? "unknown" : value);
const text = (value: string | number | boolean) => String(value);

/** One line for people. */
export function sentence({ action, actor, subject }: Pick<SiemEvent, "action" | "actor" | "subject">): string {
  return `${action}: ${actor}${subject === "" || subject === actor ? "" : ` on ${subject}`}`;
}
