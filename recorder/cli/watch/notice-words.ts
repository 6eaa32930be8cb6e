// What happens to a live session, in a line for whoever watches it in a terminal.

import type { NoticeType } from "../../../shared/events/session-event.ts";
import type { EventsLine } from "../../../shared/events/stored.ts";

type Facts = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const because = (value: unknown): string => (text(value) === "" ? "" : `: ${text(value)}`);

const confirmWhats: Record<string, string> = {
  upload: "An upload",
  command: "A command",
  keys: "A combination of keys",
};

const waitsWith = (input: unknown) => (input === "kept" ? "has what it was sent by then" : "was sent nothing before");

const words: Partial<Record<NoticeType, (facts: Facts) => string>> = {
  freeze: ({ by, reason }) => `Frozen by ${text(by)}${because(reason)}`,
  unfreeze: ({ by }) => `Goes on, let by ${text(by)}`,
  message: ({ by, text: said }) => `${text(by)} tells the person: ${text(said)}`,
  note: ({ by, text: said }) => `Note of ${text(by)}: ${text(said)}`,
  bookmark: ({ by, text: said }) => `Bookmark of ${text(by)}${because(said)}`,
  terminate: ({ by, sentence }) => `Ended by ${text(by)}${because(sentence)}`,
  gap: ({ reason }) => `Something is missing from the recording${because(reason)}`,
  health: ({ code, sentence }) => `The recording or the connection has a fault: ${text(sentence) || text(code)}`,
  "escort-begin": ({ by }) => `${text(by)} escorts`,
  "escort-end": ({ by, why }) => `${text(by)} escorts no more (${text(why)})`,
  "escort-lost": () => "Nobody escorts any more",
  "program-waits": ({ request, command, input }) =>
    `Waits for the release, and runs then: ${text(command) || text(request)}. It ${waitsWith(input)}`,
  "control-begin": ({ by, exclusive }) =>
    exclusive === true ? `${text(by)} types in the person's place` : `${text(by)} types in this session, too`,
  "control-end": ({ by, why }) => `${text(by)} types no more (${text(why)})`,
  "confirm-asked": ({ n, what, path, command, keys, needs }) =>
    `${confirmWhats[text(what)] ?? "Something"} waits for an ${text(needs)} to agree, as number ${text(n)}: ${text(path) || text(command) || text(keys) || "(not shown)"}`,
  "confirm-given": ({ n, by }) => `${text(by)} agreed to number ${text(n)}`,
  "confirm-refused": ({ n, by, reason }) => `${text(by)} did not agree to number ${text(n)}${because(reason)}`,
  "confirm-expired": ({ n }) => `Nobody agreed to number ${text(n)} in time: it was not sent`,
  "confirm-cancelled": ({ n, why }) => `Number ${text(n)} waits no more (${text(why)})`,
  "pattern-matched": ({ pattern, in: where, action }) =>
    `Pattern ${text(pattern)} was found in ${text(where)}: ${text(action)}`,
  "file-refused": ({ path, reason }) => `A file was refused${because(path)}${because(reason)}`,
  "session-close": ({ reason }) => `The session is closed${because(reason)}`,
};

/** Null: it is not worth a line. Not yet printable: it has words of people and of targets. */
export function wordsOf({ type, facts }: EventsLine): string | null {
  return words[type]?.(facts) ?? null;
}
