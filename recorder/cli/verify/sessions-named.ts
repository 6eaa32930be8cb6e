// The recordings that a person means by their ids or parts of them, as the store alone knows them.
import { AppError } from "../../../shared/errors.ts";
import { sessionIdPattern } from "../../../shared/ids.ts";
import { recordingsIn } from "../../catalog/rebuild.ts";
import type { ObjectStore } from "../../store/object-store.ts";
import { printable } from "../output.ts";

export async function sessionsNamed(
  store: ObjectStore,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  if (texts.every((text) => sessionIdPattern.test(text))) return [...texts];
  const known: string[] = [];
  for await (const { session } of recordingsIn(store)) {
    signal.throwIfAborted();
    known.push(session);
  }
  return texts.map((text) => {
    if (sessionIdPattern.test(text)) return text;
    const found = text === "latest" ? known.toSorted().slice(-1) : matching(known, text);
    const [session] = found;
    if (session !== undefined && found.length === 1) return session;
    const why =
      found.length === 0
        ? "no recording in the store has this id"
        : `${found.length} recordings fit; give more of the id`;
    throw new AppError("REQUEST_NOT_FOUND", `${printable(text.slice(0, 60))}: ${why}`, { op: "cli.verify" });
  });
}

function matching(known: readonly string[], text: string): string[] {
  if (!/^[0-9a-f-]{4,36}$/.test(text)) return [];
  return known.filter((session) => session.startsWith(text) || session.endsWith(text));
}
