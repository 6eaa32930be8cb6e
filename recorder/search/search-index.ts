// What the index of recordings' contents can do, whichever database has it. Fed by the indexer with what was read from
// stored recordings, and by notes; asked by the API. Invariant: it is a cache, and can be made again from the store.
import type { SearchCoverage, SearchKind, SearchPage } from "../../shared/api/search.ts";

/** Raised when what is taken from a recording changes: what an older one indexed is read again. */
export const extractorVersion = 3;
/** Of a recording of which all is in the index but the text on its screens. */
export const withoutScreensVersion = extractorVersion - 1;

export interface SearchDocument {
  session: string;
  kind: SearchKind;
  /** Session time. */
  atUs: number;
  endUs?: number;
  text: string;
  track?: string;
  exitStatus?: number;
  /** SHA-256 in hex. */
  digest?: string;
  bytes?: number;
}

export interface SearchedSession {
  session: string;
  person: string;
  target: string;
  conduit: string;
  protocol: "ssh" | "vnc";
  startedAt: string;
  /** Of the extractor. */
  version: number;
  /** Of an encrypted recording: the month of the service's key. */
  keyMonth?: string;
  /** `session`: the contents are encrypted, and were not read. */
  contents: "all" | "session";
  /** Why parts of it could not be read; empty where all could. */
  damage: string[];
  /** How many of a kind were left out, since there were too many. */
  leftOut: Partial<Record<SearchKind, number>>;
}

export type IndexedSession = Omit<SearchedSession, "person" | "target" | "conduit" | "protocol" | "startedAt">;

export interface SearchQuery {
  /** As somebody wrote it. */
  q: string;
  kinds?: readonly SearchKind[];
  /** A part of the name, or a pattern with * and ?. */
  person?: string;
  target?: string;
  conduit?: string;
  protocol?: "ssh" | "vnc";
  session?: string;
  /** RFC 3339; of the moment. */
  from?: string;
  to?: string;
  group?: "session";
  limit: number;
  cursor?: string;
}

export type FoundPage = Omit<SearchPage, "coverage">;

export interface SearchIndex {
  /**
   * Replaces everything known of the session from its recording, in one transaction; its notes stay. `about` is asked when
   * the documents are through.
   */
  put(session: string, documents: AsyncIterable<SearchDocument>, about: () => SearchedSession): Promise<void>;
  /** Replaces the notes of a session (kind `note`). Without the session's recording in the index they wait for it. */
  putNotes(session: string, notes: readonly SearchDocument[]): Promise<void>;
  /** With its notes; false where it was not there. */
  remove(session: string): Promise<boolean>;
  /** Those encrypted under a month's key, which is gone. */
  removeMonth(month: string): Promise<number>;
  state(session: string): Promise<IndexedSession | null>;
  /** Every session that is in it, with the extractor's version. */
  sessions(): Promise<Map<string, number>>;
  /** REQUEST_INVALID says what is wrong with the query. */
  search(query: SearchQuery): Promise<FoundPage>;
  coverage(): Promise<Omit<SearchCoverage, "waiting">>;
  /** Calls back each time that it was damaged, and begins anew without anything in it. */
  whenRemade?(then: () => void): void;
  /** What is being put is given up, and nothing is put any more: `put` and `putNotes` reject. */
  stopPutting?(): void;
  close(): Promise<void>;
}

/** Bounds of one document; what is longer is cut by whoever makes it. */
export const maxDocumentCharacters = 2_000;
