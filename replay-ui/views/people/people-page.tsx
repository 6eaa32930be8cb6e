// People: who may sign in, with roles, second factor and keys. Administrators change them; others who may look, look.
import "../../styles/access.css";
import "../../styles/people.css";
import { useState } from "preact/hooks";
import type { PersonView } from "../../../shared/api/people.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { listPeople } from "../../api/access-client.ts";
import { SearchIcon, UserIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatPlural } from "../../format.ts";
import { AddPersonDialog } from "./add-person.tsx";
import { PersonDialog } from "./person-dialog.tsx";

export default function PeoplePage({ me }: { me: Me }) {
  const people = useLoad(listPeople);
  const [search, setSearch] = useState("");
  const [adding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<string | null>(null);
  const mayChange = hasRole(me, "admin");
  const words = search.toLowerCase().split(/\s+/);
  const shown = (people.value ?? []).filter(({ name, roles }) =>
    words.every((word) => `${name} ${roles.join(" ")}`.toLowerCase().includes(word)),
  );
  const open = people.value?.find(({ name }) => name === chosen);
  return (
    <div class="container">
      <div class="page-head with-actions">
        <h1>People</h1>
        <span class="page-count" aria-live="polite">
          {people.value === null ? "\u00a0" : formatPlural(people.value.length, "person", "people")}
        </span>
        <div class="page-actions">
          {mayChange ? (
            <button type="button" class="button primary" data-testid="add-person" onClick={() => setAdding(true)}>
              Add a person
            </button>
          ) : null}
        </div>
      </div>
      <div class="filters">
        <label class="filter filter-text">
          <SearchIcon size={15} />
          <span class="visually-hidden">Search people</span>
          <input
            type="search"
            placeholder="Name or role"
            value={search}
            data-testid="people-search"
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      </div>
      {people.error !== null && people.value !== null ? (
        <p class="notice warn" role="status">
          {errorText(people.error)}
        </p>
      ) : null}
      <div class="list-card people-card">
        {people.value === null ? (
          people.error === null ? (
            <Loading />
          ) : (
            <ErrorState error={people.error} onRetry={people.reload} />
          )
        ) : shown.length === 0 ? (
          <EmptyState icon={<UserIcon size={26} />} title="Nobody is called so" />
        ) : (
          <ul data-testid="people">
            {shown.map((person) => (
              <PersonRow key={person.name} person={person} isMe={person.name === me.name} onOpen={setChosen} />
            ))}
          </ul>
        )}
      </div>
      {adding ? (
        <AddPersonDialog
          onClose={() => {
            setAdding(false);
            people.reload();
          }}
        />
      ) : null}
      {open === undefined ? null : (
        <PersonDialog
          person={open}
          me={me}
          mayChange={mayChange}
          onChanged={people.reload}
          onClose={() => setChosen(null)}
        />
      )}
    </div>
  );
}

function PersonRow(props: { person: PersonView; isMe: boolean; onOpen: (name: string) => void }) {
  const { person } = props;
  return (
    <li class="person-row" data-testid="person" data-person={person.name}>
      <span class="grow">
        <button type="button" class="person-name" data-testid="open-person" onClick={() => props.onOpen(person.name)}>
          {person.name}
        </button>
        {props.isMe ? <span class="dim"> (you)</span> : null}
        <span class="cell-details">{person.roles.join(", ")}</span>
      </span>
      <span class="person-tags">
        {person.disabled ? <span class="tag bad">disabled</span> : null}
        {person.mustChangePassword ? <span class="tag warn">one-time password</span> : null}
        {person.mfa.enrolled ? (
          <span class="tag good">second factor</span>
        ) : (
          <span class="tag warn">no second factor</span>
        )}
        {person.keys.length === 0 ? null : <span class="tag">{formatPlural(person.keys.length, "key")}</span>}
      </span>
    </li>
  );
}
