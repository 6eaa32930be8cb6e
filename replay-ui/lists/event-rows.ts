// The events track as sentences: what is worth knowing of each event first, the rest in the tooltip.
import type { EventsLine } from "../../shared/events/stored.ts";
import { formatBytes, formatDuration, formatPlural } from "../format.ts";
import type { Decoded } from "../player/segments.ts";
import { type FactRow, factsText, words } from "./fact-row.ts";
import { count, type Facts, join, reason, type Said, text } from "./said.ts";
import {
  clipboardPassed,
  clipboardRefused,
  encodingsChosen,
  fileTransferRefused,
  powerAsked,
  screenConnected,
  screenRequestRefused,
  screenSecurity,
  screenUnreadable,
  sizeAsked,
} from "./screen-event-rows.ts";

export function eventRows(decoded: Decoded): FactRow[] {
  return decoded.kind === "events" ? decoded.lines.map(factOf) : [];
}

function terminal(value: unknown): string {
  const { term, cols, rows } = (value ?? {}) as Facts;
  return typeof cols === "number" && typeof rows === "number" ? join(text(term), `${cols} × ${rows}`) : text(term);
}

function auth(facts: Facts): Said {
  const how = facts["method"] === undefined ? "" : `by ${words(text(facts["method"]))}`;
  if (facts["side"] === "target") {
    const account = text(facts["account"]);
    const as = account === "" ? "" : `as ${account}`;
    return ["Connected to the target", join(as, how, text(facts["software"]), screenSecurity(facts))];
  }
  return facts["side"] === "operator"
    ? ["Operator's connection", join(how, text(facts["software"]), text(facts["cipher"]), screenSecurity(facts))]
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

const confirmWhats: Readonly<Record<string, string>> = {
  upload: "An upload waits to be agreed to",
  command: "A command waits to be agreed to",
  keys: "Keys wait to be agreed to",
};

function confirmWhat(facts: Facts): string {
  return confirmWhats[text(facts["what"])] ?? "Something waits to be agreed to";
}

function confirmed(facts: Facts): string {
  return join(`number ${count(facts["n"])}`, `rule ${text(facts["rule"])}`);
}

function exit(facts: Facts): Said {
  const signal = text(facts["signal"]);
  return signal === "" ? [`Exit status ${count(facts["status"])}`, ""] : [`Ended by signal ${signal}`, "", "warn"];
}

const limits: Record<string, string> = {
  "limit-duration": "the longest time that a session may last",
  "limit-idle": "nobody acted for as long as the policy allows",
  "limit-recorded-bytes": "the largest size of a recording",
};

function limit(facts: Facts): Said {
  // Of recordings from when held input waited.
  if (facts["what"] === "held-input") {
    const most = `the session was frozen, and at most ${count(facts["most"])} messages wait`;
    return ["Keys and clicks dropped", most, "warn"];
  }
  if (facts["what"] === "terminal-size") {
    const size = `${count(facts["cols"])} × ${count(facts["rows"])}`;
    return ["Limit reached", join("terminal larger than a recording shows", size), "warn"];
  }
  const code = text(facts["code"]);
  return ["Limit reached", limits[code] ?? factsText(facts), "warn"];
}

function inputDropped(facts: Facts): Said {
  const closed = facts["closed"] === true;
  const told = [
    formatBytes(count(facts["bytes"])),
    facts["messages"] === undefined ? "" : formatPlural(count(facts["messages"]), "message"),
    facts["requests"] === undefined ? "" : formatPlural(count(facts["requests"]), "request"),
    facts["recorded"] === undefined ? "" : `of it recorded before: ${formatBytes(count(facts["recorded"]))}`,
    words(text(facts["hold"])),
  ];
  return [closed ? "Channel closed: input came while it was held" : "Input dropped", join(...told), "warn"];
}

function health(facts: Facts): Said {
  const what = text(facts["what"]);
  if (what === "target") {
    const lost = facts["code"] === "connection-lost" ? "the connection ended" : words(text(facts["code"]));
    return ["The target failed", text(facts["sentence"]) || lost, "warn"];
  }
  return ["Recording health", text(facts["sentence"]) || factsText(facts), "warn"];
}

/** Who did it, and why. */
const byWhom = (facts: Facts): string => {
  const by = text(facts["by"]);
  const why = text(facts["sentence"]) || (facts["reason"] === undefined ? words(text(facts["code"])) : reason(facts));
  return join(by === "" ? "" : `by ${by}`, why);
};

const mark =
  (title: string) =>
  (facts: Facts): Said => [title, join(`by ${text(facts["by"])}`, text(facts["text"]))];

const heldFile = (facts: Facts): string =>
  join(text(facts["path"]), facts["direction"] === "outbound" ? "from the target" : "to the target");

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
  "request-refused": (facts) =>
    screenRequestRefused(facts) ?? ["Request refused", join(text(facts["request"]), reason(facts)), "warn"],
  "forward-open": (facts) => ["Forwarding opened", factsText(facts)],
  "forward-close": (facts) => ["Forwarding closed", factsText(facts)],
  freeze: (facts) => ["Frozen", byWhom(facts), "warn"],
  unfreeze: (facts) => ["Released", byWhom(facts)],
  "input-dropped": inputDropped,
  "program-waits": (facts) => [
    "Waits for the release",
    join(
      text(facts["request"]),
      text(facts["command"]),
      facts["input"] === "kept"
        ? "begins with it, and has what it was sent by then"
        : "begins with it, sent nothing before",
    ),
    "warn",
  ],
  "watch-begin": (facts) => ["Watched live", `by ${text(facts["by"])}`],
  "watch-end": (facts) => ["No longer watched", join(`by ${text(facts["by"])}`, `${count(facts["seconds"])} s`)],
  "escort-begin": (facts) => ["Escort watches", text(facts["by"]), "good"],
  "escort-end": (facts) => [
    "Escort's watch ended",
    join(text(facts["by"]), words(text(facts["why"])), `after ${count(facts["seconds"])} s`),
  ],
  "escort-lost": (facts) => ["Nobody escorts any more", join(text(facts["last"]), words(text(facts["why"]))), "bad"],
  "control-begin": (facts) => [
    facts["exclusive"] === true ? "Control taken from the person" : "Somebody else types, too",
    `by ${text(facts["by"])}`,
    "warn",
  ],
  "control-end": (facts) => [
    "Control given back",
    join(`by ${text(facts["by"])}`, words(text(facts["why"])), `after ${count(facts["seconds"])} s`),
  ],
  "confirm-asked": (facts) => [
    confirmWhat(facts),
    join(text(facts["path"]) || text(facts["command"]) || text(facts["keys"]), `for an ${text(facts["needs"])}`),
    "warn",
  ],
  "confirm-given": (facts) => ["Agreed to", join(`by ${text(facts["by"])}`, confirmed(facts)), "good"],
  "confirm-refused": (facts) => ["Not agreed to", join(byWhom(facts), confirmed(facts)), "bad"],
  "confirm-expired": (facts) => ["Nobody agreed in time", confirmed(facts), "bad"],
  "confirm-cancelled": (facts) => ["Waits no more", join(words(text(facts["why"])), confirmed(facts))],
  message: (facts) => ["Message to the person", join(`by ${text(facts["by"])}`, text(facts["text"]))],
  note: mark("Note"),
  bookmark: mark("Bookmark"),
  terminate: (facts) => ["Terminated", byWhom(facts), "bad"],
  gap: (facts) => [
    "Gap in the recording",
    join(formatDuration(count(facts["toUs"]) - count(facts["fromUs"])), reason(facts)),
    "bad",
  ],
  health,
  redacted: (facts) => [facts["sealed"] === true ? "Password sealed" : "Password not kept", reason(facts)],
  unechoed: () => ["Input without echo", "kept, and flagged", "warn"],
  limit,
  warned: (facts) => [
    "Person was warned",
    join(
      limits[text(facts["code"])] ?? words(text(facts["code"])),
      facts["secondsLeft"] === undefined ? "" : `${count(facts["secondsLeft"])} s before`,
    ),
  ],
  "pattern-matched": (facts) => [
    "Pattern of the policy found",
    join(text(facts["pattern"]), `in the ${text(facts["in"])}`, words(text(facts["action"]))),
    facts["action"] === "alert" ? "warn" : "bad",
  ],
  "content-withheld": (facts) => [
    "Not recorded, as the policy says",
    join(
      facts["input"] === undefined ? "" : `${formatPlural(count(facts["input"]), "packet")} of input`,
      facts["output"] === undefined ? "" : `${formatBytes(count(facts["output"]))} of output`,
    ),
  ],
  "session-close": (facts) => ["Session ended", reason(facts)],
  "vnc-init": screenConnected,
  "vnc-encodings": encodingsChosen,
  clipboard: clipboardPassed,
  "clipboard-refused": clipboardRefused,
  "file-transfer-refused": fileTransferRefused,
  "file-held": (facts) => ["File held until scanned", heldFile(facts)],
  "file-released": (facts) => ["File scanned and handed on", heldFile(facts)],
  "file-refused": (facts) => [
    "File refused",
    join(heldFile(facts), text(facts["signature"]) || text(facts["sentence"]) || reason(facts)),
    "bad",
  ],
  "vnc-xvp": powerAsked,
  "vnc-desktop-size": sizeAsked,
  "decode-error": screenUnreadable,
};

export function factOf(line: EventsLine): FactRow {
  const [title, detail, tone] = said[line.type](line.facts);
  return {
    atUs: line.t,
    tone: tone ?? "plain",
    title,
    detail: join(line.ch === undefined ? "" : `channel ${line.ch}`, detail),
    all: factsText(line.facts),
  };
}
