// A button with a small panel below it; closes on a choice, on Escape and on a click elsewhere.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export function Menu(props: {
  label: string;
  button: ComponentChildren;
  buttonClass: string;
  testId?: string;
  align?: "start" | "end";
  up?: boolean;
  children: (close: () => void) => ComponentChildren;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const onPointer = (event: PointerEvent) => {
      if (!(event.target instanceof Node) || root.current?.contains(event.target) !== true) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", onPointer);
    document.addEventListener("keydown", onKey, true);
    return () => {
      document.removeEventListener("pointerdown", onPointer);
      document.removeEventListener("keydown", onKey, true);
    };
  }, [open]);
  const panelClass = `menu-panel ${props.align === "start" ? "start" : "end"}${props.up === true ? " up" : ""}`;
  return (
    <div class="menu" ref={root}>
      <button
        ref={button}
        type="button"
        class={props.buttonClass}
        aria-label={props.label}
        aria-haspopup="true"
        aria-expanded={open}
        data-testid={props.testId}
        onClick={() => setOpen(!open)}
      >
        {props.button}
      </button>
      {open ? <div class={panelClass}>{props.children(() => setOpen(false))}</div> : null}
    </div>
  );
}
