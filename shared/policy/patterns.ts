// Patterns of a policy, in linear time whatever they and the text are. The one place of shared that knows re2js.
import { RE2JS } from "re2js";

/** Does the whole text match? False where the pattern is none. */
export function matchesWhole(pattern: string, text: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(text).matches();
  } catch {
    return false;
  }
}
