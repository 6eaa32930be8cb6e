// What targets and operators say, as it is said to people: it must not steer anybody's terminal.
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?").slice(0, 500);
}

/** Of a long path the end is what people know. */
export function printableName(path: string): string {
  return path.length <= 200 ? printable(path) : `…${printable(path.slice(-199))}`;
}
