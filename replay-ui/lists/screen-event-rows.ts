// The events of VNC sessions as sentences.
import { formatBytes, formatCount } from "../format.ts";
import { words } from "./fact-row.ts";
import { count, type Facts, factsIn, join, reason, type Said, text } from "./said.ts";

const securities: Record<string, string> = {
  none: "no password",
  "vnc-auth": "VNC password",
  plain: "name and password",
  "x509-plain": "name and password, certificate",
  "x509-vnc": "VNC password, certificate",
  "x509-none": "no password, certificate",
  "tls-plain": "name and password",
  "tls-vnc": "VNC password",
  "tls-none": "no password",
  tight: "Tight",
  wss: "browser, encrypted",
  ws: "browser, not encrypted",
};

const security = (code: unknown): string => securities[text(code)] ?? words(text(code));

/** `003.008` is how RFB writes 3.8. */
function rfbVersion(said: unknown): string {
  const [major, minor] = text(said).split(".");
  return major === undefined || minor === undefined ? text(said) : `RFB ${Number(major)}.${Number(minor)}`;
}

function leg(value: unknown): string {
  const facts = factsIn(value);
  const tls = text(facts["tls"]);
  const parts = [rfbVersion(facts["version"]), security(facts["security"]), tls];
  return parts.filter((part) => part !== "").join(", ");
}

const size = (facts: Facts): string => `${count(facts["width"])} × ${count(facts["height"])}`;

/** Of the connection alone; `account` is empty where only a password is asked for. */
export function screenSecurity(facts: Facts): string {
  return facts["security"] === undefined ? "" : leg(facts);
}

export function screenConnected(facts: Facts): Said {
  const viewer = leg(facts["viewer"]);
  const target = leg(facts["target"]);
  return [
    "Screen connected",
    join(
      text(facts["name"]),
      size(facts),
      viewer === "" ? "" : `viewer: ${viewer}`,
      target === "" ? "" : `target: ${target}`,
    ),
  ];
}

const names = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

export function encodingsChosen(facts: Facts): Said {
  const passed = names(facts["passed"]);
  const kept = names(facts["asked"]).filter((name) => !passed.includes(name)).length;
  return [
    "Encodings chosen",
    join(passed.join(", ") || "none", kept === 0 ? "" : `${formatCount(kept)} more asked for, not passed`),
  ];
}

const way = (facts: Facts): string =>
  facts["direction"] === "outbound" ? "from the target to the operator" : "from the operator to the target";

export function clipboardPassed(facts: Facts): Said {
  return ["Clipboard passed", join(way(facts), formatBytes(count(facts["bytes"])))];
}

const clipboardReasons: Record<string, string> = {
  "extended-not-offered": "in a form that was not offered",
  "not-text": "not text",
  malformed: "not well formed",
};

export function clipboardRefused(facts: Facts): Said {
  const { bytes, most } = facts;
  const why = text(facts["reason"]);
  const long = [
    "too long",
    typeof bytes === "number" ? `: ${formatBytes(bytes)}` : "",
    typeof most === "number" ? `, at most ${formatBytes(most)} may pass` : "",
  ].join("");
  return [
    "Clipboard refused",
    join(way(facts), why === "too-long" ? long : (clipboardReasons[why] ?? reason(facts))),
    "warn",
  ];
}

export function fileTransferRefused(facts: Facts): Said {
  return ["File transfer refused", join(words(text(facts["family"])), "files do not pass through a screen"), "warn"];
}

/** Null where the request is not one of a screen. */
export function screenRequestRefused(facts: Facts): Said | null {
  const why = facts["reason"] === "unknown-request" ? "This recorder does not know the request." : reason(facts);
  if (facts["request"] === "qemu-audio") return ["Sound refused", why, "warn"];
  if (facts["request"] !== "xvp") return null;
  const action = text(facts["action"]);
  const rule = text(facts["rule"]);
  return [
    "Power of the target refused",
    join(action === "" || action === "unknown" ? "" : words(action), why, rule === "" ? "" : `rule ${rule}`),
    "warn",
  ];
}

export function powerAsked(facts: Facts): Said {
  const rule = text(facts["rule"]);
  return [`The operator asked the target to ${powerVerb(facts)}`, rule === "" ? "" : `rule ${rule}`, "warn"];
}

function powerVerb(facts: Facts): string {
  const action = text(facts["action"]);
  return { shutdown: "shut down", reboot: "restart", reset: "reset" }[action] ?? words(action);
}

export function sizeAsked(facts: Facts): Said {
  return ["The operator asked for another screen size", size(facts)];
}

const places: Record<string, string> = {
  hole: "after missing bytes",
  gap: "after a gap in the recording",
};

export function screenUnreadable(facts: Facts): Said {
  const why = text(facts["sentence"]) || text(facts["message"]);
  if (facts["what"] === "protocol") return ["Not understood as VNC", why, "bad"];
  const what = facts["where"] === "input" ? "Keys and clicks" : "Screen";
  return [`${what} not readable from here on`, join(places[text(facts["where"])] ?? "", why), "bad"];
}
