// File names as they are said to people: a target's or an operator's name must not steer anybody's terminal.
export function printableName(path: string): string {
  const shown = path.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
  return shown.length <= 200 ? shown : `…${shown.slice(-199)}`;
}
