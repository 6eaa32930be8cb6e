// Does a line of output ask for a secret? Patterns are data: words of the languages that plants and their vendors use.
// A wrong "yes" costs little (the line is kept if it was echoed), a wrong "no" may leave a password in the recording.

const words = [
  "pass(?:word|phrase|code|wd)",
  "pass phrase",
  "passwor[dt]",
  "kennwort",
  "mot de passe",
  "contrase(?:ñ|n)a",
  "clave",
  "palavra-passe",
  "senha",
  "parola d'ordine",
  "parola",
  "wachtwoord",
  "lösenord",
  "adgangskode",
  "kodeord",
  "passord",
  "salasana",
  "hasło",
  "haslo",
  "heslo",
  "jelszó",
  "şifre",
  "sifre",
  "пароль",
  "κωδικός",
  "密码",
  "密碼",
  "口令",
  "パスワード",
  "暗証番号",
  "암호",
  "비밀번호",
  "(?<![a-z])pin(?![a-z])",
  "(?<![a-z])puk(?![a-z])",
  "(?<![a-z])token(?![a-z])",
  "(?<![a-z])[th]?otp(?![a-z])",
  "one[- ]time",
  "verification code",
  "verifizierungscode",
  "bestätigungscode",
  "security code",
  "auth(?:entication)? code",
  "second factor",
  "(?<![a-z])2fa(?![a-z])",
  "secret",
  "enable code",
];
const asks = new RegExp(`(?:${words.join("|")})`, "iu");
// What stands after the word: "for key '/x'", "(again)", "[user]"; then a mark that an answer is awaited, or nothing.
const ends = /(?:[:：?？>»\])]|(?:word|phrase|code|wort|pin|token|wd))\s*$/iu;
const maxPromptChars = 240;

export function asksForSecret(line: string): boolean {
  const text = line.trimEnd();
  if (text.length === 0 || text.length > maxPromptChars) return false;
  return asks.test(text) && ends.test(text);
}

// Without a pty nothing is ever echoed, so the line alone decides: it must be a prompt in full, with its colon.
const plainPrompt = new RegExp(`^[^:：]{0,120}(?:${words.join("|")})[^:：=]{0,80}[:：]$`, "iu");

export function isPlainPrompt(line: string): boolean {
  return plainPrompt.test(line.trimEnd());
}

/** What an output stream leaves of itself on its last line, escape sequences taken out. */
export function lastLineOf(output: string): string {
  const plain = output
    // OSC and the other string sequences, then CSI, then two-byte escapes.
    .replace(/\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)/g, "")
    .replace(/\x1b\[[0-?]*[ -/]*(?:[@-~]|$)/g, "")
    .replace(/\x1b[ -/]*(?:[0-~]|$)/g, "");
  const line = plain.split("\n").at(-1) ?? "";
  const parts = line.split("\r");
  const last = parts.at(-1) ?? "";
  return (last === "" && parts.length > 1 ? (parts.at(-2) ?? "") : last).replace(/[\x00-\x1f\x7f]/g, "");
}
