// The events track as sentences: what is worth knowing of each event first, the rest in the tooltip.
import type { EventsLine } from "../../shared/events/stored.ts";
import { reasonSentences } from "../../shared/policy/decide.ts";
import { formatDuration } from "../format.ts";
import type { Decoded } from "../player/segments.ts";
import { type FactRow, factsText, words } from "./fact-row.ts";

export function eventRows(decoded: Decoded): FactRow[] {
  return decoded.kind === "events" ? decoded.lines.map(toRow) : [];
}

type Facts = Record<string, unknown>;
type Said = [title: string, detail: string, tone?: FactRow["tone"]];

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number => (typeof value === "number" ? value : 0);
const join = (...parts: string[]): string => parts.filter((part) => part !== "").join(" · ");

function reason(facts: Facts): string {
  const code = text(facts["reason"]);
  return (reasonSentences as Record<string, string>)[code] ?? words(code);
}

function terminal(value: unknown): string {
  const { term, cols, rows } = (value ?? {}) as Facts;
  return typeof cols === "number" && typeof rows === "number" ? join(text(term), `${cols} × ${rows}`) : text(term);
}

function auth(facts: Facts): Said {
  const how = facts["method"] === undefined ? "" : `by ${words(text(facts["method"]))}`;
  if (facts["side"] === "target") {
    return ["Connected to the target", join(`as ${text(facts["account"])}`, how, text(facts["software"]))];
  }
  return facts["side"] === "operator"
    ? ["Operator's connection", join(how, text(facts["software"]), text(facts["cipher"]))]
    : ["Signed in", how];
}

function decision(facts: Facts): Said {
  const allowed = facts["effect"] === "allow";
  const rule = text(facts["rule"]);
  return [
    allowed ? "Allowed by policy" : "Refused by policy",
    join(rule === "" ? "" : `rule ${rule}`, reason(facts)),
    allowed ? "good" : "bad",
  ];
}

function channelOpen(facts: Facts): Said {
  const command = text(facts["command"]);
  if (facts["request"] === "shell") return ["Shell opened", terminal(facts["pty"])];
  if (facts["request"] === "vnc") return ["Screen opened", ""];
  if (facts["request"] === "exec") return ["Command started", join(command, terminal(facts["pty"]))];
  return [`${command === "sftp" ? "SFTP" : command || "Subsystem"} opened`, terminal(facts["pty"])];
}

function exit(facts: Facts): Said {
  const signal = text(facts["signal"]);
  return signal === "" ? [`Exit status ${count(facts["status"])}`, ""] : [`Ended by signal ${signal}`, "", "warn"];
}

const said: Record<EventsLine["type"], (facts: Facts) => Said> = {
  "session-open": (facts) => ["Session opened", join(text(facts["person"]), text(facts["client"]))],
  auth,
  decision,
  "channel-open": channelOpen,
  "channel-refused": (facts) => ["Channel refused", join(text(facts["request"]), reason(facts)), "warn"],
  "pty-req": (facts) => ["Terminal requested", terminal(facts)],
  env: (facts) => ["Environment variable passed", factsText(facts)],
  "env-refused": (facts) => ["Environment variable refused", join(text(facts["name"]), reason(facts)), "warn"],
  signal: (facts) => ["Signal", factsText(facts)],
  eof: (facts) => ["End of input", facts["direction"] === "outbound" ? "from the target" : "from the operator"],
  exit,
  "channel-close": () => ["Channel closed", ""],
  "request-refused": (facts) => ["Request refused", join(text(facts["request"]), reason(facts)), "warn"],
  "forward-open": (facts) => ["Forwarding opened", factsText(facts)],
  "forward-close": (facts) => ["Forwarding closed", factsText(facts)],
  freeze: (facts) => ["Frozen", factsText(facts), "warn"],
  unfreeze: (facts) => ["Released", factsText(facts)],
  terminate: (facts) => ["Terminated", factsText(facts), "bad"],
  gap: (facts) => [
    "Gap in the recording",
    join(formatDuration(count(facts["toUs"]) - count(facts["fromUs"])), reason(facts)),
    "bad",
  ],
  health: (facts) => ["Recording health", factsText(facts), "warn"],
  redacted: (facts) => [facts["sealed"] === true ? "Password sealed" : "Password not kept", reason(facts)],
  unechoed: () => ["Input without echo", "kept, and flagged", "warn"],
  limit: (facts) => ["Limit reached", factsText(facts), "warn"],
  "session-close": (facts) => ["Session ended", reason(facts)],
  "vnc-init": (facts) => ["Screen connected", factsText(facts)],
  "vnc-encodings": (facts) => ["Encodings chosen", factsText(facts)],
  clipboard: (facts) => ["Clipboard passed", factsText(facts)],
  "clipboard-refused": (facts) => ["Clipboard refused", factsText(facts), "warn"],
  "file-transfer-refused": (facts) => ["File transfer refused", factsText(facts), "warn"],
  "vnc-xvp": (facts) => ["Power of the target", words(text(facts["action"])), "warn"],
  "vnc-desktop-size": (facts) => [
    "Another screen size asked for",
    `${count(facts["width"])} × ${count(facts["height"])}`,
  ],
  "decode-error": (facts) => ["Screen not readable", factsText(facts), "bad"],
};

function toRow(line: EventsLine): FactRow {
  const [title, detail, tone] = said[line.type](line.facts);
  return {
    atUs: line.t,
    tone: tone ?? "plain",
    title,
    detail: join(line.ch === undefined ? "" : `channel ${line.ch}`, detail),
    all: factsText(line.facts),
  };
}
