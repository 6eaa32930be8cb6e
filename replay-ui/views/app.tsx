import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../shared/api/types.ts";
import { account, accountError, leave, loadAccount } from "../account.ts";
import { ChevronDownIcon, Logo, SearchIcon, UserIcon } from "../components/icons.tsx";
import { Menu } from "../components/menu.tsx";
import { EmptyState, ErrorState, LoadingPage } from "../components/states.tsx";
import { ThemeToggle } from "../components/theme-toggle.tsx";
import { providerAnswer } from "../provider.ts";
import { leaveView, type Route, route } from "../router.ts";
import { Store, useStore } from "../store.ts";
import { zone } from "../zone.ts";
import { AuditView } from "./audit.tsx";
import { ChangePasswordView } from "./change-password.tsx";
import { EmergencyBanner } from "./emergency-banner.tsx";
import { LiveView } from "./live/live-page.tsx";
import { MainNav } from "./main-nav.tsx";
import { MustEnrolView } from "./mfa/must-enrol.tsx";
import { ProviderAnswerView } from "./provider-answer.tsx";
import { loadedRecordingView, loadRecordingView } from "./recording/prepare.ts";
import { RecordingSkeleton } from "./recording/skeleton.tsx";
import { RecordingsView } from "./recordings.tsx";
import { SignInView } from "./sign-in.tsx";
import { StopBanner } from "./stop-banner.tsx";
import { StoreBanner } from "./store-banner.tsx";

export function App() {
  const me = useStore(account);
  const error = useStore(accountError);
  const current = useStore(route);
  // Every page writes times: with another zone all of them are written anew.
  useStore(zone);
  const answer = useStore(providerAnswer);
  if (answer !== null) return <ProviderAnswerView query={answer} />;
  if (me === undefined && error !== null) {
    return (
      <main class="centred">
        <ErrorState error={error} onRetry={() => void loadAccount()} page />
      </main>
    );
  }
  if (me === null) return <SignInView />;
  if (me?.mustChangePassword === true) return <ChangePasswordView me={me} forced />;
  if (me?.mustEnrol === true) return <MustEnrolView me={me} />;
  return (
    <div class="app">
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <TopBar me={me} current={current} />
      {me === undefined ? null : <EmergencyBanner current={current} />}
      {me === undefined ? null : <StopBanner current={current} me={me} />}
      {me === undefined ? null : <StoreBanner current={current} />}
      <main id="main" class={`page page-${current.view}`} tabIndex={-1}>
        <View me={me} current={current} />
      </main>
      <LazyDisplay />
    </div>
  );
}

function View({ me, current }: { me: Me | undefined; current: Route }) {
  if (current.view === "recording") return <LazyRecording key={current.session} session={current.session} me={me} />;
  if (me === undefined) return null;
  switch (current.view) {
    case "recordings":
      return <RecordingsView me={me} />;
    case "live":
      return <LiveView me={me} />;
    case "audit":
      return <AuditView />;
    case "compare":
      return <LazyPage key={current.sessions.join(" ")} me={me} current={current} />;
    case "connect":
      return <LazyConnect key={current.target} target={current.target} />;
    case "account":
    case "targets":
    case "access":
    case "new-request":
    case "request":
    case "approvals":
    case "policy":
    case "report":
    case "ledger":
    case "attestation":
    case "people":
    case "search":
    case "activity":
    case "cases":
    case "case":
      return (
        <LazyPage
          key={current.view === "request" || current.view === "case" ? current.id : current.view}
          me={me}
          current={current}
        />
      );
    case "unknown":
      return (
        <div class="container">
          <div class="page-head">
            <h1>There is no such page</h1>
          </div>
          <div class="list-card">
            <EmptyState icon={<SearchIcon size={26} />} title="Nothing is at this address">
              It may be mistyped. <a href="/">Go to the recordings</a> or to <a href="/access">your access</a>.
            </EmptyState>
          </div>
        </div>
      );
  }
}

function LazyRecording({ session, me }: { session: string; me: Me | undefined }) {
  const [Page, setPage] = useState<ComponentType<{ session: string; me: Me | undefined }> | null>(
    () => loadedRecordingView()?.RecordingPage ?? null,
  );
  const [error, setError] = useState<unknown>(null);
  const load = () => {
    setError(null);
    loadRecordingView().then((module) => setPage(() => module.RecordingPage), setError);
  };
  useEffect(() => {
    if (Page === null) load();
  }, []);
  if (error !== null) return <ErrorState error={error} onRetry={load} page />;
  return Page === null ? <RecordingSkeleton /> : <Page session={session} me={me} />;
}

type PageProps = { me: Me; current: Route };
type Page = ComponentType<PageProps>;

/** Each is a part of the program of its own, so that the list of recordings is as light as it was. */
const lazyPages: Record<string, () => Promise<{ default: ComponentType<never> }>> = {
  compare: () => import("./compare/compare-page.tsx"),
  account: () => import("./account.tsx"),
  targets: () => import("./targets.tsx"),
  access: () => import("./access/my-access.tsx"),
  "new-request": () => import("./access/new-request.tsx"),
  request: () => import("./access/request-page.tsx"),
  approvals: () => import("./approvals/approvals.tsx"),
  policy: () => import("./policy/policy-page.tsx"),
  report: () => import("./report/report-page.tsx"),
  ledger: () => import("./ledger/ledger-page.tsx"),
  attestation: () => import("./attestation/attestation-page.tsx"),
  people: () => import("./people/people-page.tsx"),
  search: () => import("./search/search-page.tsx"),
  activity: () => import("./activity/activity-page.tsx"),
  cases: () => import("./cases/cases-page.tsx"),
  case: () => import("./cases/case-page.tsx"),
};

function LazyPage(props: PageProps) {
  const [Page, setPage] = useState<Page | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = () => {
    setError(null);
    lazyPages[props.current.view]?.().then((module) => setPage(() => module.default as Page), setError);
  };
  useEffect(load, []);
  if (error !== null) return <ErrorState error={error} onRetry={load} page />;
  return Page === null ? <LoadingPage /> : <Page {...props} />;
}

/** The viewer's code is large and not needed for anything else. */
function LazyConnect({ target }: { target: string }) {
  const [Page, setPage] = useState<ComponentType<{ target: string }> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = () => {
    setError(null);
    import("./connect/connect.tsx").then((module) => setPage(() => module.ConnectPage), setError);
  };
  useEffect(load, []);
  if (error !== null) return <ErrorState error={error} onRetry={load} page />;
  return Page === null ? <div class="connect-page" aria-busy="true" /> : <Page target={target} />;
}

function TopBar({ me, current }: { me: Me | undefined; current: Route }) {
  return (
    <header class="topbar">
      <a class="brand" href="/" aria-label="Conduit Recorder, recordings">
        <Logo />
        <span class="brand-name">
          Conduit<span class="brand-second"> Recorder</span>
        </span>
      </a>
      <MainNav me={me} current={current} />
      <div class="topbar-end">
        <ThemeToggle />
        {me === undefined ? null : <AccountMenu me={me} />}
      </div>
    </header>
  );
}

/** Not within the top bar: a dialog has a head of its own. */
const displayOpen = new Store(false);

function LazyDisplay() {
  const open = useStore(displayOpen);
  return open ? <Display onClose={() => displayOpen.set(false)} /> : null;
}

function Display({ onClose }: { onClose: () => void }) {
  const [Display, setDisplay] = useState<ComponentType<{ onClose: () => void }> | null>(null);
  useEffect(() => {
    import("../components/display-dialog.tsx").then((module) => setDisplay(() => module.DisplayDialog), onClose);
  }, []);
  return Display === null ? null : <Display onClose={onClose} />;
}

function AccountMenu({ me }: { me: Me }) {
  const [changing, setChanging] = useState(false);
  return (
    <>
      <Menu
        label={`Account of ${me.name}`}
        testId="account-menu"
        buttonClass="account-button"
        button={
          <>
            <UserIcon />
            <span class="account-name">{me.name}</span>
            <ChevronDownIcon size={14} />
          </>
        }
      >
        {(close) => (
          <>
            <div class="menu-note">
              <strong>{me.name}</strong>
              <span>{me.roles.join(", ")}</span>
            </div>
            <a class="menu-item" href="/account" data-testid="account-link" onClick={() => close()}>
              My account
            </a>
            <button
              type="button"
              class="menu-item"
              data-testid="display"
              onClick={() => {
                close();
                displayOpen.set(true);
              }}
            >
              Colours and time zone
            </button>
            <button
              type="button"
              class="menu-item"
              onClick={() => {
                close();
                setChanging(true);
              }}
            >
              Change password
            </button>
            <button
              type="button"
              class="menu-item"
              data-testid="sign-out"
              onClick={() => leaveView(() => void leave())}
            >
              Sign out
            </button>
          </>
        )}
      </Menu>
      {changing ? <ChangePasswordView me={me} forced={false} onDone={() => setChanging(false)} /> : null}
    </>
  );
}
