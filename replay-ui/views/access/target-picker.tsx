// The targets that may be asked for, searched by name, tag, conduit and description. What is prohibited is there and says so.
import { useState } from "preact/hooks";
import type { MyTarget } from "../../../shared/api/access.ts";
import { SearchIcon } from "../../components/icons.tsx";
import { ProtocolTag } from "../../components/protocol-tag.tsx";

/** Every word of the search stands somewhere in it. */
export function targetMatches(target: MyTarget, search: string): boolean {
  const text = [target.name, target.conduit, target.protocol, target.description, ...target.tags]
    .join(" ")
    .toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function TargetPicker(props: {
  targets: readonly MyTarget[];
  chosen: readonly string[];
  describedBy: string;
  onChange: (chosen: string[]) => void;
}) {
  const [search, setSearch] = useState("");
  const { chosen } = props;
  const order = (target: MyTarget) => (target.mayAsk ? 0 : target.prohibited ? 1 : 2);
  const shown = props.targets
    .filter((target) => targetMatches(target, search.trim()))
    .sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
  return (
    <fieldset class="picker" aria-describedby={props.describedBy}>
      <legend>Targets</legend>
      <label class="filter picker-search">
        <SearchIcon size={15} />
        <span class="visually-hidden">Search targets</span>
        <input
          type="search"
          placeholder="Name, tag, conduit"
          value={search}
          data-testid="target-search"
          onInput={(event) => setSearch(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.preventDefault();
          }}
        />
      </label>
      <ul class="picker-list" data-testid="target-list">
        {shown.length === 0 ? <li class="picker-none">No target is called so.</li> : null}
        {shown.map((target) => (
          <li key={target.name}>
            <label class={target.mayAsk ? "picker-row" : "picker-row shut"}>
              <input
                type="checkbox"
                disabled={!target.mayAsk && !chosen.includes(target.name)}
                checked={chosen.includes(target.name)}
                data-testid={`pick-${target.name}`}
                onChange={(event) =>
                  props.onChange(
                    event.currentTarget.checked
                      ? [...chosen, target.name]
                      : chosen.filter((name) => name !== target.name),
                  )
                }
              />
              <span class="picker-what">
                <strong>{target.name}</strong>
                <span class="dim">{target.mayAsk ? target.description || target.conduit : target.sentence}</span>
              </span>
              {target.prohibited ? <span class="tag bad">prohibited</span> : null}
              <ProtocolTag protocol={target.protocol === "vnc" ? "vnc" : "ssh"} />
            </label>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
