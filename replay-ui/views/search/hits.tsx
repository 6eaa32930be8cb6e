// What was found: each line opens the player at its second.
import type { SearchGroup, SearchHit } from "../../../shared/api/search.ts";
import { ProtocolTag } from "../../components/protocol-tag.tsx";
import { formatBytes, formatDateTime, formatPlural, formatSessionTime } from "../../format.ts";
import { recordingPath } from "../../router.ts";
import { kindNames } from "./asked.ts";

/** A moment before an event, so that it is seen to happen. */
const beforeUs = 1_000_000;
/** Its words are on the screen at its moment, and not yet before it. */
const shownKinds: ReadonlySet<SearchHit["kind"]> = new Set(["command", "typed", "output", "screen-text"]);

/** The link to its moment in tenths of a second: never before words that were found can be read. */
export function placeOf({ session, atUs, track, kind }: SearchHit): string {
  const tenths = shownKinds.has(kind) ? Math.ceil(atUs / 100_000) : Math.floor(Math.max(0, atUs - beforeUs) / 100_000);
  const parameters = new URLSearchParams({ t: String(tenths / 10) });
  if (track !== undefined && /^(?:terminal|screen)-/.test(track)) parameters.set("track", track);
  return `${recordingPath(session)}?${parameters}`;
}

export function HitList({ hits }: { hits: readonly SearchHit[] }) {
  return (
    <ul class="hits">
      {hits.map((hit, i) => (
        <Hit key={`${hit.session} ${hit.atUs} ${hit.kind} ${i}`} hit={hit} withPlace />
      ))}
    </ul>
  );
}

export function GroupList({
  groups,
  onMore,
}: {
  groups: readonly SearchGroup[];
  onMore: (group: SearchGroup) => void;
}) {
  return (
    <ul class="hit-groups">
      {groups.map((group) => (
        <li key={group.session} class="hit-group" data-testid="search-group">
          <div class="hit-group-head">
            <a href={recordingPath(group.session)} class="hit-group-name">
              {group.person} → {group.target}
            </a>
            <ProtocolTag protocol={group.protocol} />
            <span class="hit-when">{formatDateTime(group.startedAt)}</span>
            <span class="hit-count">{formatPlural(group.count, "hit")}</span>
          </div>
          <ul class="hits">
            {group.hits.map((hit, i) => (
              <Hit key={`${hit.atUs} ${i}`} hit={hit} />
            ))}
          </ul>
          {group.count > group.hits.length ? (
            <button type="button" class="link-button hit-more" onClick={() => onMore(group)}>
              All {group.count} in this session
            </button>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function Hit({ hit, withPlace = false }: { hit: SearchHit; withPlace?: boolean }) {
  const { kind, atUs, at, snippet, exitStatus, bytes, digest } = hit;
  return (
    <li class="hit" data-testid="search-hit" data-kind={kind}>
      <a href={placeOf(hit)} class="hit-link">
        <span class="hit-facts">
          <span class="tag">{kindNames[kind]}</span>
          {kind === "screen-text" ? <span>read from the screen, may contain errors</span> : null}
          {withPlace ? (
            <span class="hit-place">
              {hit.person} → {hit.target}
            </span>
          ) : null}
          <span class="hit-when">{formatDateTime(at)}</span>
          <span class="hit-at">at {formatSessionTime(atUs, { hours: true })}</span>
          {exitStatus === undefined ? null : (
            <span class={exitStatus === 0 ? "hit-exit" : "hit-exit text-bad"}>exit {exitStatus}</span>
          )}
          {bytes === undefined ? null : <span>{formatBytes(bytes)}</span>}
        </span>
        <span class="hit-text">
          <Marked text={snippet.text} marks={snippet.marks} />
        </span>
        {digest === undefined ? null : <span class="hit-digest">SHA-256 {digest}</span>}
      </a>
    </li>
  );
}

function Marked({ text, marks }: SearchHit["snippet"]) {
  const pieces: preact.ComponentChild[] = [];
  let at = 0;
  for (const [from, to] of marks) {
    pieces.push(text.slice(at, from), <mark key={from}>{text.slice(from, to)}</mark>);
    at = to;
  }
  pieces.push(text.slice(at));
  return <>{pieces}</>;
}
