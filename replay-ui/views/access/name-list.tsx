// Names, one after the other: Enter, a comma or leaving the field adds, Backspace in the empty field takes the last away.
import { useState } from "preact/hooks";
import { CloseIcon } from "../../components/icons.tsx";

export function NameList(props: {
  label: string;
  hint?: string;
  names: string[];
  /** Offered while typing. */
  known: readonly string[];
  testId: string;
  invalid: boolean;
  describedBy: string;
  onChange: (names: string[]) => void;
}) {
  const { names, testId } = props;
  const [typed, setTyped] = useState("");
  const add = (text: string) => {
    const fresh = text.split(/[\s,;]+/).filter((name) => name !== "");
    const all = [...names];
    for (const name of fresh) if (!all.some((one) => one.toLowerCase() === name.toLowerCase())) all.push(name);
    setTyped("");
    if (all.length !== names.length) props.onChange(all);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if ((event.key === "Enter" || event.key === ",") && typed.trim() !== "") {
      event.preventDefault();
      add(typed);
    } else if (event.key === "Backspace" && typed === "" && names.length > 0) {
      props.onChange(names.slice(0, -1));
    }
  };
  return (
    <div class="field">
      <label for={testId}>
        <span>{props.label}</span>
      </label>
      <div class="name-list">
        {names.map((name) => (
          <span key={name} class="chip name-chip">
            {name}
            <button
              type="button"
              aria-label={`Remove ${name}`}
              onClick={() => props.onChange(names.filter((one) => one !== name))}
            >
              <CloseIcon size={12} />
            </button>
          </span>
        ))}
        <input
          id={testId}
          value={typed}
          placeholder={names.length === 0 ? (props.hint ?? "") : ""}
          list={`${testId}-known`}
          autocapitalize="none"
          autocomplete="off"
          spellcheck={false}
          aria-label={props.label}
          aria-invalid={props.invalid}
          aria-describedby={props.describedBy}
          data-testid={testId}
          onInput={(event) => {
            const text = event.currentTarget.value;
            // A choice from the list arrives whole.
            if (props.known.includes(text)) add(text);
            else setTyped(text);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => add(typed)}
        />
        <datalist id={`${testId}-known`}>
          {props.known
            .filter((name) => !names.includes(name))
            .map((name) => (
              <option key={name} value={name} />
            ))}
        </datalist>
      </div>
    </div>
  );
}
