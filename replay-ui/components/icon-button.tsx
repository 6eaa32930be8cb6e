// A control that is an icon: named for who does not see it, with the key that does the same.
export function IconButton(props: {
  label: string;
  /** The key that does the same. */
  hint: string;
  testId: string;
  small?: boolean;
  onClick: () => void;
  children: preact.ComponentChildren;
}) {
  return (
    <button
      type="button"
      class={props.small === true ? "icon-button small" : "icon-button"}
      aria-label={props.label}
      title={`${props.label} (${props.hint})`}
      data-testid={props.testId}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
