// What a document is found by besides its words, each as one word of its own. Invariant: no text makes one of them, since
// they stand apart from its words in every database.
import { createHash } from "node:crypto";
import type { SearchKind } from "../../shared/api/search.ts";

export function kindFacet(kind: SearchKind): string {
  return `k${kind.replaceAll("-", "")}`;
}

/** One word for a name, whatever is in it. */
export function nameFacet(of: "person" | "target" | "conduit", name: string): string {
  return of.slice(0, 1) + createHash("sha256").update(name).digest("hex").slice(0, 16);
}
