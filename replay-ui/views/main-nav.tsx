// The pages of this person: tabs where they fit, else one menu.
import { useEffect } from "preact/hooks";
import type { Me } from "../../shared/api/types.ts";
import { ListIcon } from "../components/icons.tsx";
import { Menu } from "../components/menu.tsx";
import { navFor } from "../nav.ts";
import type { Route } from "../router.ts";
import { useStore } from "../store.ts";
import { waiting, watchWaiting } from "../waiting.ts";

export function MainNav({ me, current }: { me: Me | undefined; current: Route }) {
  const { count } = useStore(waiting);
  const roles = me?.roles.join(" ");
  useEffect(() => (me === undefined ? undefined : watchWaiting(me.roles)), [me?.name, roles]);
  const items = navFor(me?.roles ?? [], count);
  const here = items.find(({ views }) => views.includes(current.view));
  const link = (item: (typeof items)[number], linkClass: string, onClick?: () => void) => (
    <a
      key={item.path}
      class={linkClass}
      href={item.path}
      aria-current={item === here ? "page" : undefined}
      onClick={onClick}
    >
      {item.text}
      {item.path === "/approvals" && count > 0 ? (
        <>
          {" "}
          <span class="nav-count" data-testid="nav-count">
            {count}
            <span class="visually-hidden"> waiting</span>
          </span>
        </>
      ) : null}
    </a>
  );
  return (
    <nav class={items.length > 9 ? "nav many most" : items.length > 3 ? "nav many" : "nav"} aria-label="Main">
      <div class="nav-tabs">{items.map((item) => link(item, "nav-link"))}</div>
      <div class="nav-menu">
        <Menu
          label={here === undefined ? "Pages" : `Pages; this is ${here.text}`}
          testId="nav-menu"
          buttonClass="account-button"
          align="start"
          button={
            <>
              <ListIcon />
              <span>{here?.text ?? "Pages"}</span>
              {count > 0 ? <span class="nav-dot" aria-hidden="true" /> : null}
            </>
          }
        >
          {(close) => items.map((item) => link(item, "menu-item", close))}
        </Menu>
      </div>
    </nav>
  );
}
