// The demo controller's commands, apart from terminals: words in, lines and an exit code out.
import type { Controller } from "./controller.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { alarms, bold, status, tagLine, tagTable, trend, version } from "./views.ts";

export interface Answer {
  lines: string[];
  code: number;
}

export interface CommandContext {
  controller: Controller;
  files: MemoryFiles;
  privileged: boolean;
  columns: number;
}

const usage: [string, string][] = [
  ["show status | alarms | version", "state of the controller"],
  ["tags", "all tags with value and setpoint"],
  ["read TAG", "one tag"],
  ["write TAG VALUE", "a new setpoint (after enable)"],
  ["trend TAG", "its last minutes as a chart"],
  ["ack NUMBER", "acknowledge an alarm (after enable)"],
  ["top", "full-screen overview, q leaves"],
  ["ls, cat FILE", "the controller's files (sftp puts and gets them)"],
  ["enable, disable", "privileged mode on (asks a password) and off"],
  ["exit", "end the session"],
];

export const completions = [
  "help",
  "show status",
  "show alarms",
  "show version",
  "tags",
  "read ",
  "write ",
  "trend ",
  "ack ",
  "top",
  "ls",
  "cat ",
  "enable",
  "disable",
  "exit",
];

const fine = (lines: string[]): Answer => ({ lines, code: 0 });
const wrong = (text: string, code = 1): Answer => ({ lines: [`% ${text}`], code });

export function run(line: string, context: CommandContext): Answer {
  const [word = "", ...rest] = line.trim().split(/\s+/);
  const { controller } = context;
  controller.advance();
  switch (word.toLowerCase()) {
    case "":
      return fine([]);
    case "help":
    case "?":
      return fine(usage.map(([form, text]) => `${bold(form.padEnd(32))}${text}`));
    case "show":
      return show(rest[0] ?? "", controller);
    case "tags":
      return fine(tagTable(controller));
    case "read":
    case "trend":
      return onTag(word, rest, context);
    case "write":
      return write(rest, context);
    case "ack":
      if (!context.privileged) return wrong("Privileged mode is needed: enable.");
      return controller.acknowledge(Number(rest[0])) ? fine(["Acknowledged."]) : wrong("There is no such alarm.");
    case "ls":
      return fine(context.files.list("/").map(({ name, bytes }) => `${String(bytes).padStart(8)}  ${name}`));
    case "cat":
      return cat(rest[0] ?? "", context.files);
    default:
      return wrong(`Unknown command "${word}". Type help.`, 127);
  }
}

function show(what: string, controller: Controller): Answer {
  if (what === "status") return fine(status(controller));
  if (what === "alarms") return fine(alarms(controller));
  return what === "version" ? fine(version()) : wrong("show status, show alarms or show version");
}

function onTag(word: string, [name = ""]: string[], { controller, columns }: CommandContext): Answer {
  const tag = controller.find(name);
  if (tag === undefined) return wrong(`There is no tag "${name}". Type tags.`);
  return fine(word === "read" ? [tagLine(tag)] : trend(controller, tag, columns));
}

function write([name = "", value = ""]: string[], { controller, privileged }: CommandContext): Answer {
  const tag = controller.find(name);
  if (tag === undefined) return wrong(`There is no tag "${name}". Type tags.`);
  if (!privileged) return wrong("Privileged mode is needed: enable.");
  const refusal = value === "" ? "no value given" : controller.write(tag, Number(value));
  return refusal === null
    ? fine([`${tag.name} setpoint is now ${tag.setpoint} ${tag.unit}.`])
    : wrong(`Refused: ${refusal}.`);
}

function cat(name: string, files: MemoryFiles): Answer {
  const data = files.read(name.startsWith("/") ? name : `/${name}`);
  if (data === null) return wrong(`There is no file "${name}". Type ls.`);
  return fine(data.toString("utf8").replace(/\n$/, "").split("\n"));
}
