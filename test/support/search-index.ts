// Recordings to be put into an index, and what a query finds of them.
import type {
  FoundPage,
  SearchDocument,
  SearchedSession,
  SearchIndex,
  SearchQuery,
} from "../../recorder/search/search-index.ts";
import { makeSessionId } from "../../shared/ids.ts";

export const startedAt = "2026-11-23T02:00:00.250000Z";

export function facts(number: number, more: Partial<SearchedSession> = {}): SearchedSession {
  return {
    session: makeSessionId(new Uint8Array(10).fill(number), Date.parse(startedAt) + number * 60_000),
    person: "erika",
    target: "plc-reactor-01",
    conduit: "reactor",
    protocol: "ssh",
    startedAt: new Date(Date.parse(startedAt) + number * 60_000).toISOString(),
    version: 1,
    contents: "all",
    damage: [],
    leftOut: {},
    ...more,
  };
}

export type Line = Omit<SearchDocument, "session">;

export const line = (text: string, atUs = 1): Line => ({ kind: "output", atUs, text });

export async function putInto(
  index: SearchIndex,
  about: SearchedSession,
  lines: readonly Line[],
): Promise<SearchedSession> {
  async function* documents() {
    for (const one of lines) yield { ...one, session: about.session };
  }
  await index.put(about.session, documents(), () => about);
  return about;
}

/** The texts of the hits, the newest first. */
export async function textsOf(index: SearchIndex, q: string, more: Partial<SearchQuery> = {}): Promise<string[]> {
  return (await index.search({ q, limit: 50, ...more })).items.map(({ snippet }) => snippet.text);
}

/** Of every page. */
export async function allPages(index: SearchIndex, query: SearchQuery, between?: (page: FoundPage) => Promise<void>) {
  const pages: FoundPage[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await index.search({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page);
    cursor = page.next;
    await between?.(page);
  }
  return pages;
}
