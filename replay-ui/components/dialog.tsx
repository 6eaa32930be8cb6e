// A modal on the browser's own <dialog>: focus stays inside, Escape closes, focus returns.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "./icons.tsx";

export function Dialog(props: {
  title: string;
  testId?: string;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
  footer?: ComponentChildren;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    if (!dialog.open) dialog.showModal();
    // The dialog itself is the target only outside its body: on the backdrop.
    const onPointer = (event: PointerEvent) => {
      if (event.target === dialog) props.onClose();
    };
    dialog.addEventListener("pointerdown", onPointer);
    return () => {
      dialog.removeEventListener("pointerdown", onPointer);
      dialog.close();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={props.wide === true ? "dialog wide" : "dialog"}
      aria-label={props.title}
      data-testid={props.testId}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2>{props.title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={props.onClose}>
            <CloseIcon />
          </button>
        </header>
        <div class="dialog-content">{props.children}</div>
        {props.footer === undefined ? null : <footer class="dialog-foot">{props.footer}</footer>}
      </div>
    </dialog>
  );
}
