// Names with `*` and `?`, letter case aside, in linear time.

/** Case-insensitive glob with `*` and `?` only; linear time. */
export function matchesGlob(pattern: string, text: string): boolean {
  return matchesLowered(pattern.toLowerCase(), text.toLowerCase());
}

/** The same for a pattern and a text that are lowercase already. */
export function matchesLowered(p: string, s: string): boolean {
  let pi = 0;
  let si = 0;
  let star = -1;
  let mark = 0;
  while (si < s.length) {
    // The star first: a literal `*` in the text must not be taken for a match of the pattern's own.
    if (p[pi] === "*") {
      star = pi++;
      mark = si;
    } else if (pi < p.length && (p[pi] === "?" || p[pi] === s[si])) {
      pi++;
      si++;
    } else if (star >= 0) {
      pi = star + 1;
      si = ++mark;
    } else {
      return false;
    }
  }
  while (p[pi] === "*") pi++;
  return pi === p.length;
}
