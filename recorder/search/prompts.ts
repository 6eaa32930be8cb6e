// Which text before the cursor asks for a command. Invariant: a question, and a prompt for a secret, is none.
const maxPrompt = 300;
const maxKnown = 64;
const question = /\?\s*$|\((?:y|yes)\/(?:n|no)[^)]*\)\W*$|\[(?:y|yes)\/(?:n|no)[^\]]*\]\W*$/i;
const secret = /(?:pass(?:word|phrase|code|wort)|\bpin\b|kennwort|verification code|token)[^$#>%]*$/i;
const shellEnd = /[$#>%»❯➜λ❱▶›][)\]]?\s*$/u;
const bracketEnd = /[)\]}]\s*$/;
/** What shells ask with for the rest of a command. */
const continuation = /^(?:>|\.\.\.|(?:[a-z]+ )*[a-z]*>)$/;

export class Prompts {
  readonly #known = new Set<string>();
  /** Seen once, and ending in no sign of a shell's: an answer's question is asked once, a prompt again and again. */
  readonly #weak = new Set<string>();

  /** Whether what is typed after this is a command. */
  accepts(text: string): boolean {
    const prompt = text.trimEnd();
    if (prompt === "" || prompt.length > maxPrompt || question.test(prompt) || secret.test(prompt)) return false;
    if (this.#known.has(prompt)) return true;
    if (shellEnd.test(prompt) || bracketEnd.test(prompt)) return true;
    if (this.#weak.has(prompt)) return true;
    remember(this.#weak, prompt);
    return false;
  }

  learn(text: string): void {
    const prompt = text.trimEnd();
    if (prompt !== "" && prompt.length <= maxPrompt) remember(this.#known, prompt);
  }

  isKnown(text: string): boolean {
    return this.#known.has(text.trimEnd());
  }

  /** Whether the cursor stands behind something that looks like a shell's. */
  looksLikeOne(text: string): boolean {
    return this.isKnown(text) || (shellEnd.test(text) && !question.test(text) && !secret.test(text));
  }

  /** The longest known one that a line begins with. */
  beginning(line: string): string | null {
    let longest: string | null = null;
    for (const prompt of this.#known) {
      if (line.startsWith(prompt) && prompt.length > (longest?.length ?? 0)) longest = prompt;
    }
    return longest;
  }
}

export function isContinuation(prompt: string): boolean {
  return continuation.test(prompt.trim());
}

function remember(set: Set<string>, prompt: string): void {
  set.add(prompt);
  if (set.size <= maxKnown) return;
  for (const oldest of set) {
    set.delete(oldest);
    break;
  }
}
