import type { RefObject } from "preact";

/** Digits of an authenticator, or a recovery code: phones offer what arrived, and the right keys. */
export function CodeField(props: {
  value: string;
  onInput: (value: string) => void;
  testId: string;
  label?: string;
  recovery?: boolean;
  field?: RefObject<HTMLInputElement | null>;
}) {
  const recovery = props.recovery === true;
  return (
    <label class="field">
      <span>{props.label ?? (recovery ? "Recovery code" : "Verification code")}</span>
      <input
        class={recovery ? "code-input mono" : "code-input digits mono"}
        name="one-time-code"
        autocomplete={recovery ? "off" : "one-time-code"}
        inputMode={recovery ? "text" : "numeric"}
        autocapitalize="none"
        spellcheck={false}
        required
        maxLength={recovery ? 30 : 9}
        placeholder={recovery ? "xxxx-xxxx-xxxx-xxxx" : "123 456"}
        value={props.value}
        ref={props.field ?? null}
        data-testid={props.testId}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
    </label>
  );
}
