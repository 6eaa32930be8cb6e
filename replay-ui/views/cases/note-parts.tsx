// How a note is shown, wherever it stands.
import type { Note } from "../../../shared/api/cases.ts";
import { formatMoment } from "../../format.ts";

export function NoteText({ note }: { note: Note }) {
  const { struck, text, tags } = note;
  const said = text === "" ? "Bookmark" : text;
  return (
    <>
      {struck === null ? (
        <p class="note-text">{said}</p>
      ) : (
        <p class="note-text">
          <s>{said}</s>
        </p>
      )}
      {tags.length === 0 ? null : (
        <p class="note-tags">
          {tags.map((tag) => (
            <span key={tag} class="tag">
              #{tag}
            </span>
          ))}
        </p>
      )}
      <p class="note-by">
        {note.author}, {formatMoment(note.createdAt)}
        {note.editedAt === null ? "" : ` · changed ${formatMoment(note.editedAt)}`}
        {struck === null ? "" : ` · struck out by ${struck.by}${struck.reason === null ? "" : `: ${struck.reason}`}`}
      </p>
    </>
  );
}

export function tagsIn(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((tag) => tag.replace(/^#/, "").toLowerCase())
    .filter((tag) => tag !== "");
}

export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
