import { ChevronLeftIcon } from "./icons.tsx";

/** The way back from a page that stands below another. */
export function BackLink({ path, text }: { path: string; text: string }) {
  return (
    <a class="back-link" href={path}>
      <ChevronLeftIcon size={15} /> {text}
    </a>
  );
}
