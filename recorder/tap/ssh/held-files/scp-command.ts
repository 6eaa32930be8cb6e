// The command by which scp starts its other half (`scp -t PATH`, `scp -f PATH`), read as a POSIX shell would and written
// anew. Invariant: what is written anew runs the target's own scp and nothing else: only names, and patterns of names, reach
// the shell.
export interface ScpCommand {
  /** `inbound`: the target's scp is the sink (-t). */
  direction: "inbound" | "outbound";
  /** To be run at the target. */
  command: string;
}

/** Another folder's scp may be any program, brought there as a file. */
const programs: ReadonlySet<string> = new Set(["scp", "/bin/scp", "/usr/bin/scp", "/usr/local/bin/scp"]);

/** Quotes begin with an empty one: what they hold may be nothing, and a tilde beside them is only a tilde. */
type Character = { text: string; quoted: boolean };

/** `unreadable`: it calls scp in a way that cannot be followed. Undefined: it does not call scp. */
export function scpCommandOf(command: string): ScpCommand | "unreadable" | undefined {
  if (!/^\s*([^\s;&|<>()$`"'\\]*\/)?scp(\s|$)/.test(command)) return undefined;
  // Not UTF-8: what would be written anew is another name.
  const words = command.includes("\ufffd") ? undefined : splitWords(command);
  if (words === undefined) return "unreadable";
  const texts = words.map((word) => word.map(({ text }) => text).join(""));
  let at = 1;
  let letters = "";
  let hasEnd = false;
  for (; at < texts.length; at++) {
    const text = texts[at] ?? "";
    if (text === "--") {
      hasEnd = true;
      at++;
      break;
    }
    if (!text.startsWith("-")) break;
    if (!/^-[rpdvqtf1]+$/.test(text)) return "unreadable";
    letters += text.slice(1);
  }
  const isSink = letters.includes("t");
  if (isSink === letters.includes("f")) return letters === "" ? undefined : "unreadable";
  const [program = ""] = texts;
  if (!programs.has(program)) return "unreadable";
  const paths = words.slice(at);
  if (paths.length === 0 || (isSink && paths.length !== 1)) return "unreadable";
  const options = [...new Set(letters)].filter((letter) => "rpdv".includes(letter)).map((letter) => `-${letter}`);
  return {
    direction: isSink ? "inbound" : "outbound",
    command: [program, ...options, isSink ? "-t" : "-f", ...(hasEnd ? ["--"] : []), ...paths.map(quoteWord)].join(" "),
  };
}

/** Undefined where a shell would do more than split words and expand patterns and `~`. */
function splitWords(command: string): Character[][] | undefined {
  const words: Character[][] = [];
  let word: Character[] | undefined;
  const add = (text: string, quoted: boolean): void => {
    word ??= [];
    word.push({ text, quoted });
  };
  for (let at = 0; at < command.length; at++) {
    const text = command[at] ?? "";
    if (text === "\n" || text === "\r" || text === "\0") return undefined;
    if (text === " " || text === "\t") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (text === "\\") {
      const next = command[++at];
      if (next === undefined || next === "\n") return undefined;
      add(next, true);
    } else if (text === "'") {
      const end = command.indexOf("'", at + 1);
      if (end < 0) return undefined;
      add("", true);
      for (const inner of command.slice(at + 1, end)) add(inner, true);
      at = end;
    } else if (text === '"') {
      add("", true);
      for (at++; command[at] !== '"'; at++) {
        let inner = command[at];
        if (inner === undefined || inner === "$" || inner === "`") return undefined;
        if (inner === "\\" && /["\\$`]/.test(command[at + 1] ?? "")) inner = command[++at] ?? "";
        add(inner, true);
      }
    } else if (/[;&|<>()$`{}]/.test(text) || (text === "#" && word === undefined)) {
      return undefined;
    } else {
      add(text, false);
    }
  }
  if (word !== undefined) words.push(word);
  // A line break within quotes is a name's, but no shell needs to see it.
  return words.some((one) => one.some(({ text }) => /[\n\r\0]/.test(text))) ? undefined : words;
}

function quoteWord(word: Character[]): string {
  let written = "";
  let literal = "";
  const flush = (): void => {
    if (literal !== "") written += `'${literal}'`;
    literal = "";
  };
  const home = expandsHome(word);
  for (const [index, { text, quoted }] of word.entries()) {
    const passes = quoted ? /[A-Za-z0-9_./,:@%+=]/ : /[A-Za-z0-9_./,:@%+=*?[\]!-]/;
    if ((index === 0 && home) || (passes.test(text) && (literal === "" || !quoted))) {
      flush();
      written += text;
    } else if (text === "'") {
      flush();
      written += "\\'";
    } else {
      literal += text;
    }
  }
  flush();
  return written === "" ? "''" : written;
}

/** `~` or `~name` at the word's beginning, where nothing up to the slash is quoted (POSIX 2.6.1). */
function expandsHome(word: Character[]): boolean {
  if (word[0]?.text !== "~") return false;
  const slash = word.findIndex(({ text }) => text === "/");
  return word.slice(0, slash < 0 ? word.length : slash + 1).every(({ quoted }) => !quoted);
}
