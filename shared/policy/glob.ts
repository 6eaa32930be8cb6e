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

/** Whether every text that `narrow` matches is matched by `wide`, too. May say no where it is so, never yes where not. */
export function covers(wide: string, narrow: string): boolean {
  const [w, n] = [wide.toLowerCase(), narrow.toLowerCase()];
  // reach[i]: the first i of the wide pattern cover what was read of the narrow one.
  let reach = [true, ...Array.from(w, (_, i) => /^\*+$/.test(w.slice(0, i + 1)))];
  for (const taken of n) {
    const next: boolean[] = [false];
    for (let i = 0; i < w.length; i++) {
      const one = w[i];
      if (one === "*") next.push(reach[i + 1] === true || next[i] === true);
      else next.push(reach[i] === true && taken !== "*" && (one === "?" || one === taken));
    }
    reach = next;
  }
  return reach[w.length] === true;
}
