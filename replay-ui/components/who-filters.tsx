// Three fields that narrow a page to a person, a target or a conduit. Their test ids begin with the page's name.
export interface Who {
  person: string;
  target: string;
  conduit: string;
}

const fields = [
  ["person", "Person"],
  ["target", "Target"],
  ["conduit", "Conduit"],
] as const;

export function WhoFilters(props: { asked: Who; page: string; onChange: (next: Partial<Who>) => void }) {
  return (
    <>
      {fields.map(([name, label]) => (
        <label key={name} class="field">
          <span>{label}</span>
          <input
            type="search"
            placeholder="Any"
            maxLength={64}
            value={props.asked[name]}
            data-testid={`${props.page}-${name}`}
            onInput={(event) => props.onChange({ [name]: event.currentTarget.value })}
          />
        </label>
      ))}
    </>
  );
}
