// What the search says over HTTP: what was found, where in which session, and searches that somebody keeps.
import { z } from "zod";
import { CustodyReason } from "./types.ts";

export const SearchKind = z.enum([
  "command",
  "typed",
  "output",
  "file",
  "clipboard",
  "screen-keys",
  "screen-text",
  "event",
  "note",
  "session",
]);
export type SearchKind = z.infer<typeof SearchKind>;

const kinds = z
  .string()
  .max(200)
  .transform((text) => text.split(",").filter((kind) => kind !== ""))
  .pipe(z.array(SearchKind).max(SearchKind.options.length));

const filters = {
  /** Words that must all be there, "phrases", prefix*, -not. Empty: everything that the filters leave. */
  q: z.string().max(500).default(""),
  /** Separated by commas; left out: all. */
  kinds: kinds.optional(),
  /** A part of the name, or a pattern with * and ?. */
  person: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  conduit: z.string().max(64).optional(),
  protocol: z.enum(["ssh", "vnc"]).optional(),
  session: z.string().max(64).optional(),
  /** RFC 3339; of the moment that is found. */
  from: z.string().max(40).optional(),
  to: z.string().max(40).optional(),
};

export const SearchRequest = z.strictObject({
  ...filters,
  /** One line a session, with the number of what was found in it and the last of it. */
  group: z.literal("session").optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(40).optional(),
  /** Why, where policy asks for it. */
  reason: CustodyReason.optional(),
});
export type SearchRequest = z.infer<typeof SearchRequest>;

const place = {
  session: z.string(),
  person: z.string(),
  target: z.string(),
  conduit: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  startedAt: z.string(),
};

export const SearchHit = z.strictObject({
  ...place,
  kind: SearchKind,
  /** Session time. */
  atUs: z.int().nonnegative(),
  endUs: z.int().nonnegative().optional(),
  /** The same in wall time. */
  at: z.string(),
  snippet: z.strictObject({
    text: z.string(),
    /** Where what was asked for stands in it: from, and up to. */
    marks: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])),
  }),
  track: z.string().optional(),
  exitStatus: z.int().optional(),
  digest: z.string().optional(),
  bytes: z.int().nonnegative().optional(),
});
export type SearchHit = z.infer<typeof SearchHit>;

export const SearchGroup = z.strictObject({
  ...place,
  /** In this session; counted up to a bound over all sessions together. */
  count: z.int().positive(),
  /** The last of them. */
  hits: z.array(SearchHit),
});
export type SearchGroup = z.infer<typeof SearchGroup>;

/** What the index has of the recordings. */
export const SearchCoverage = z.strictObject({
  sessions: z.int().nonnegative(),
  /** Sealed, and not read yet. */
  waiting: z.int().nonnegative(),
  /** Parts of them could not be read. */
  damaged: z.int().nonnegative(),
  /** Something was left out, since there was too much of it. */
  shortened: z.int().nonnegative(),
  /** Encrypted, and indexed without their contents. */
  withoutContents: z.int().nonnegative(),
});
export type SearchCoverage = z.infer<typeof SearchCoverage>;

export const SearchPage = z.strictObject({
  items: z.array(SearchHit),
  /** Where they were asked for; `items` is empty then. */
  groups: z.array(SearchGroup).optional(),
  next: z.string().nullable(),
  coverage: SearchCoverage,
});
export type SearchPage = z.infer<typeof SearchPage>;

/** What is kept of a search: its words and filters, as in the address. */
export const SavedQuery = z.strictObject({
  q: z.string().max(500).optional(),
  kinds: z.string().max(200).optional(),
  person: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  conduit: z.string().max(64).optional(),
  protocol: z.enum(["ssh", "vnc"]).optional(),
  from: z.string().max(40).optional(),
  to: z.string().max(40).optional(),
});
export type SavedQuery = z.infer<typeof SavedQuery>;

export const SaveSearch = z.strictObject({
  name: z.string().trim().min(1).max(80),
  query: SavedQuery,
  /** Others who may search see it, too. */
  shared: z.boolean().default(false),
});
export type SaveSearch = z.infer<typeof SaveSearch>;

export const SavedSearch = SaveSearch.extend({
  id: z.string(),
  by: z.string(),
  savedAt: z.string(),
  shared: z.boolean(),
});
export type SavedSearch = z.infer<typeof SavedSearch>;
export const SavedSearchList = z.strictObject({ items: z.array(SavedSearch) });
export type SavedSearchList = z.infer<typeof SavedSearchList>;
