import { useState } from "preact/hooks";
import { ClipboardIcon } from "./icons.tsx";

/** Says what happened in its title and to screen readers. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState<"" | "Copied" | "Not copied: select it by hand">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Not copied: select it by hand");
    }
  };
  return (
    <>
      <button
        type="button"
        class={said === "Copied" ? "icon-button copied" : "icon-button"}
        aria-label={`Copy ${what}`}
        title={said === "" ? "Copy" : said}
        data-testid="copy"
        onClick={() => void copy()}
      >
        <ClipboardIcon />
      </button>
      <span class="visually-hidden" role="status">
        {said}
      </span>
    </>
  );
}
