/** Whose sessions a stop is about, at the start of a sentence. */
export function stopScopeWords(scope: string): string {
  return scope === "all" ? "All sessions are" : `Sessions through ${scope.slice("conduit:".length)} are`;
}
