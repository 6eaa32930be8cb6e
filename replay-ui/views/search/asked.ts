// What somebody searches for, as the address has it: a search can be sent to a colleague, and be kept.
import { SavedQuery, SearchKind } from "../../../shared/api/search.ts";

export interface Asked {
  q: string;
  kinds: readonly SearchKind[];
  person: string;
  target: string;
  conduit: string;
  protocol: string;
  /** As `datetime-local` gives them. */
  from: string;
  to: string;
  bySession: boolean;
}

export const nothingAsked: Asked = {
  q: "",
  kinds: [],
  person: "",
  target: "",
  conduit: "",
  protocol: "",
  from: "",
  to: "",
  bySession: false,
};

export const kindNames: Readonly<Record<SearchKind, string>> = {
  command: "Commands",
  typed: "Typed text",
  output: "Output",
  file: "Files",
  clipboard: "Clipboard",
  "screen-keys": "Screen keys",
  "screen-text": "Screen text",
  event: "Events",
  note: "Notes",
  session: "Sessions",
};

export const offeredKinds: readonly SearchKind[] = SearchKind.options;

export function isAsked(asked: Asked): boolean {
  const { bySession: _how, kinds, ...texts } = asked;
  return kinds.length > 0 || Object.values(texts).some((text) => text.trim() !== "");
}

export function askedFrom(search: string): Asked {
  const parameters = new URLSearchParams(search);
  const text = (name: string) => parameters.get(name) ?? "";
  const kinds = text("kinds").split(",");
  return {
    q: text("q"),
    kinds: offeredKinds.filter((kind) => kinds.includes(kind)),
    person: text("person"),
    target: text("target"),
    conduit: text("conduit"),
    protocol: ["ssh", "vnc"].includes(text("protocol")) ? text("protocol") : "",
    from: text("from"),
    to: text("to"),
    bySession: text("group") === "session",
  };
}

export function addressOf(asked: Asked): string {
  const { bySession, kinds, ...texts } = asked;
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(texts)) if (value !== "") parameters.set(name, value);
  if (kinds.length > 0) parameters.set("kinds", kinds.join(","));
  if (bySession) parameters.set("group", "session");
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

export function requestOf(asked: Asked): Record<string, string> {
  const { bySession, kinds, from, to, ...texts } = asked;
  const wanted = {
    ...texts,
    kinds: kinds.join(","),
    from: instantOf(from),
    to: instantOf(to),
    group: bySession ? "session" : "",
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value.trim() !== ""));
}

export function savedOf(asked: Asked): SavedQuery {
  const { bySession: _how, kinds, ...texts } = asked;
  const kept = { ...texts, kinds: kinds.join(",") };
  return SavedQuery.parse(Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== "")));
}

export function askedOf(saved: SavedQuery, bySession: boolean): Asked {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(saved)) if (value !== undefined) parameters.set(name, value);
  return { ...askedFrom(`?${parameters}`), bySession };
}

function instantOf(local: string): string {
  const at = local === "" ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}
