// How a page looks when there is nothing to show: empty, failed, not allowed.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, OfflineError } from "../api/failures.ts";
import { sentence } from "../format.ts";
import { AlertIcon, RefreshIcon } from "./icons.tsx";

export function EmptyState(props: {
  icon: ComponentChildren;
  title: string;
  testId?: string;
  /** It is all that the page has: its title is the page's. */
  page?: boolean;
  children?: ComponentChildren;
}) {
  const Title = props.page === true ? "h1" : "h2";
  return (
    <div class="empty" data-testid={props.testId}>
      <div class="empty-icon">{props.icon}</div>
      <Title>{props.title}</Title>
      {props.children === undefined ? null : <p>{props.children}</p>}
    </div>
  );
}

/** What is asked for is on its way: shown only when it takes a moment. */
export function Loading({ rows = 5 }: { rows?: number }) {
  return (
    <div class="skeleton-list late" aria-label="Loading" role="status">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} class="skeleton-row">
          <span class="skeleton" style={{ width: `${180 + ((i * 47) % 120)}px` }} />
          <span class="skeleton" style={{ width: "72px" }} />
        </div>
      ))}
    </div>
  );
}

export function LoadingPage() {
  return (
    <div class="container" aria-busy="true">
      <div class="page-head">
        <h1>{"\u00a0"}</h1>
      </div>
      <div class="list-card">
        <Loading />
      </div>
    </div>
  );
}

const RETRY_MS = 5_000;

export function ErrorState(props: {
  error: unknown;
  onRetry?: () => void;
  /** What the address names: what the service does not know by it is not there, and asking again is no use. */
  missing?: string;
  /** It is all that the page has: its title is the page's. */
  page?: boolean;
  children?: ComponentChildren;
}) {
  const { onRetry } = props;
  const Title = props.page === true ? "h1" : "h2";
  const isMissing = props.missing !== undefined && namesNothing(props.error);
  const { title, text } = isMissing
    ? { title: `There is no such ${props.missing}`, text: "Its address is mistyped, or it is not yours to see." }
    : explain(props.error);
  const retry = useRef(onRetry);
  retry.current = onRetry;
  const retries = props.error instanceof OfflineError;
  useEffect(() => {
    if (!retries) return;
    const timer = setInterval(() => {
      if (document.visibilityState !== "hidden") retry.current?.();
    }, RETRY_MS);
    return () => clearInterval(timer);
  }, [retries]);
  return (
    <div class="empty" role="alert" data-testid="error-state">
      <div class="empty-icon bad">
        <AlertIcon size={26} />
      </div>
      <Title>{title}</Title>
      <p>{text}</p>
      {onRetry === undefined || isMissing ? null : (
        <button type="button" class="button" onClick={onRetry}>
          <RefreshIcon /> Try again
        </button>
      )}
      {props.children}
    </div>
  );
}

function namesNothing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.code === "REQUEST_INVALID");
}

function explain(error: unknown): { title: string; text: string } {
  const text = sentence(error instanceof Error ? error.message : String(error));
  if (error instanceof OfflineError) {
    return { title: "The recorder does not answer", text: "Check the network. This page tries again by itself." };
  }
  if (!(error instanceof ApiError)) return { title: "Something here went wrong", text };
  if (error.status === 404) return { title: "Not found", text };
  return { title: error.status === 403 ? "Not allowed" : "That did not work", text };
}

export function errorText(error: unknown): string {
  if (error instanceof OfflineError) return "The recorder does not answer. Check the network.";
  return explain(error).text;
}
