// An event as CEF version 0 writes it: a header of fields between pipes, then keys and values.
import { isIP } from "node:net";
import { eventId, type SiemEvent } from "./event.ts";
import { product, sentence } from "./ocsf.ts";
import { visible } from "./rfc5424.ts";

/** 0 to 10; by OCSF's severity. */
const severities = [0, 1, 3, 5, 7, 10];

/** `cut`: what was shortened to fit. */
export function cefText(event: SiemEvent, version: string, cut: readonly string[]): string {
  const { mapping, action, actor, subject, address, facts, n, sha256, recorder } = event;
  const header = [product.vendor_name, product.name, version, action, sentence(event)].map(headerField);
  const { request, session, target, reason, path, person, ...more } = facts;
  const extension: Array<[string, string | number | boolean | undefined]> = [
    ["rt", Date.parse(event.at)],
    ["externalId", eventId(event)],
    ["dvchost", recorder],
    ["suser", actor],
    ["duser", person],
    ...source(address),
    ["dhost", target],
    ["outcome", mapping.status === 1 ? "success" : "failure"],
    ["reason", reason],
    ["filePath", path],
    ["cn1", n],
    ["cn1Label", "ledgerEntry"],
    ["cs1", subject],
    ["cs1Label", "subject"],
    ...labelled("cs2", "session", session),
    ...labelled("cs3", "request", request),
    ["cs4", sha256],
    ["cs4Label", "entrySha256"],
    ...labelled("cs5", "cut", cut.length === 0 ? undefined : cut.join(",")),
    ...Object.entries(more).map(([name, value]) => [`conduit${upper(name)}`, value] as [string, typeof value]),
  ];
  const pairs = extension.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${extensionValue(value)}`]));
  return `CEF:0|${header.join("|")}|${severities[mapping.severity] ?? 0}|${pairs.join(" ")}`;
}

function source(address: string | null): Array<[string, string]> {
  if (address === null) return [];
  const family = isIP(address);
  if (family === 4) return [["src", address]];
  // The dictionary has IPv6 addresses apart.
  if (family === 6)
    return [
      ["c6a2", address],
      ["c6a2Label", "Source IPv6 Address"],
    ];
  return [["shost", address]];
}

function labelled(key: string, label: string, value: string | number | boolean | undefined): Array<[string, string]> {
  return value === undefined
    ? []
    : [
        [key, String(value)],
        [`${key}Label`, label],
      ];
}

function upper(name: string): string {
  const kept = name.replace(/[^A-Za-z0-9]/g, "");
  return `${kept.slice(0, 1).toUpperCase()}${kept.slice(1)}`;
}

function headerField(value: string): string {
  return visible(value).replace(/[\\|]/g, "\\$&");
}

/** A value ends where the next ` key=` begins: an equals sign is escaped, and so no value can begin another key. */
function extensionValue(value: string | number | boolean): string {
  return visible(String(value)).replace(/[\\=]/g, "\\$&");
}
