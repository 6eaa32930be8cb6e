// What the page of the search asks the service. Loaded with it, its schemas included.
import "../zod-without-eval.ts";
import { SavedSearch, SavedSearchList, type SaveSearch, SearchPage } from "../../shared/api/search.ts";
import { query, send } from "./client.ts";

export type SearchAsked = Partial<
  Record<
    | "q"
    | "kinds"
    | "person"
    | "target"
    | "conduit"
    | "protocol"
    | "from"
    | "to"
    | "session"
    | "group"
    | "cursor"
    | "reason",
    string
  >
> & { limit?: number };

export async function searchRecordings(asked: SearchAsked, signal?: AbortSignal): Promise<SearchPage> {
  return SearchPage.parse(await (await send("GET", `/search${query(asked)}`, undefined, signal)).json());
}

export async function listSearches(): Promise<SavedSearch[]> {
  return SavedSearchList.parse(await (await send("GET", "/searches")).json()).items;
}

export async function saveSearch(search: SaveSearch): Promise<SavedSearch> {
  return SavedSearch.parse(await (await send("POST", "/searches", search)).json());
}

export async function forgetSearch(id: string): Promise<void> {
  await send("DELETE", `/searches/${encodeURIComponent(id)}`);
}
