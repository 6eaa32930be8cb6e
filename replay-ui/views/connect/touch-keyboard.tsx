// Opens the keyboard of a touch screen and passes on what it types. The field holds a filler, so that such keyboards see
// something that their backspace can take away.
import { useRef } from "preact/hooks";
import { KeyboardIcon } from "../../components/icons.tsx";
import { useStore } from "../../store.ts";
import type { ViewerSession } from "../../viewer/session.ts";
import { namedKeysym, textKeysyms } from "../../viewer/soft-keys.ts";

const FILLER = "\u200b".repeat(8);

export function TouchKeyboard({ session }: { session: ViewerSession }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const phase = useStore(session.state, (state) => state.phase);
  if (phase !== "connected" || !matchMedia("(any-pointer: coarse)").matches) return null;
  const refill = () => {
    if (field.current !== null) field.current.value = FILLER;
  };
  return (
    <>
      <button
        type="button"
        class="icon-button"
        aria-label="Keyboard"
        title="Keyboard"
        data-testid="touch-keyboard"
        onClick={() => {
          refill();
          field.current?.focus();
        }}
      >
        <KeyboardIcon />
      </button>
      <textarea
        ref={field}
        class="touch-keys"
        aria-label="Text for the target"
        autocapitalize="off"
        autocomplete="off"
        spellcheck={false}
        data-testid="touch-keys"
        onKeyDown={(event) => {
          const keysym = namedKeysym(event.key);
          if (keysym === undefined) return;
          event.preventDefault();
          session.press(keysym, event.key);
        }}
        onInput={(event) => {
          if (event.isComposing) return;
          const { value } = event.currentTarget;
          for (let gone = value.length; gone < FILLER.length; gone++)
            session.press(namedKeysym("Backspace")!, "Backspace");
          for (const keysym of textKeysyms(value.replaceAll("\u200b", ""))) session.press(keysym, null);
          refill();
        }}
      />
    </>
  );
}
