// How a page looks when there is nothing to show: empty, failed, not allowed.
import type { ComponentChildren } from "preact";
import { ApiError, OfflineError } from "../api/client.ts";
import { sentence } from "../format.ts";
import { AlertIcon, RefreshIcon } from "./icons.tsx";

export function EmptyState(props: {
  icon: ComponentChildren;
  title: string;
  testId?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty" data-testid={props.testId}>
      <div class="empty-icon">{props.icon}</div>
      <h2>{props.title}</h2>
      {props.children === undefined ? null : <p>{props.children}</p>}
    </div>
  );
}

export function ErrorState(props: { error: unknown; onRetry?: () => void; children?: ComponentChildren }) {
  const { title, text } = explain(props.error);
  return (
    <div class="empty" role="alert" data-testid="error-state">
      <div class="empty-icon bad">
        <AlertIcon size={26} />
      </div>
      <h2>{title}</h2>
      <p>{text}</p>
      {props.onRetry === undefined ? null : (
        <button type="button" class="button" onClick={props.onRetry}>
          <RefreshIcon /> Try again
        </button>
      )}
      {props.children}
    </div>
  );
}

function explain(error: unknown): { title: string; text: string } {
  const text = sentence(error instanceof Error ? error.message : String(error));
  if (error instanceof OfflineError) return { title: "The recorder does not answer", text };
  if (!(error instanceof ApiError)) return { title: "Something here went wrong", text };
  if (error.status === 404) return { title: "Not found", text };
  return { title: error.status === 403 ? "Not allowed" : "That did not work", text };
}

export function errorText(error: unknown): string {
  return explain(error).text;
}
