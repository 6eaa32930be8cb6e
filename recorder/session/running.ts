// What an end would break off now: commands, open files, forwards. Read off the events of a session as they pass.
// Invariant: bounded, whatever a peer opens; while there is more than is kept, a file counts as open.
import type { RunningItem } from "../../shared/api/types.ts";
import type { FileEvent, SessionEvent } from "../../shared/events/session-event.ts";

const maxItems = 1024;
const maxListed = 100;
const maxText = 300;
/** The far ends of scp and rsync: their channel is one transfer. `-t` and a lone `--server` take files. */
const copies = /^\s*(?:\S*\/)?(?:scp\s(?:.*\s)?-[a-zA-Z]*([tf])\b|rsync\s+--server(\s+--sender)?\b)/;

export class Running {
  /** By channel, and by channel and handle. */
  readonly #items = new Map<string, RunningItem>();
  /** Forwards are told before their channel. */
  readonly #forwards = new Map<number, string>();
  #more = false;

  seen(event: SessionEvent): void {
    switch (event.type) {
      case "channel-open":
        this.#channelOpened(event.channel, event.request, event.command ?? "");
        break;
      case "channel-close":
        this.#forget(event.channel);
        break;
      case "exit":
        // A command that has ended, also where its channel stays for a moment.
        if (this.#items.get(`${event.channel}`)?.kind !== "forward") this.#drop(`${event.channel}`);
        break;
      case "file":
        this.#file(event.channel, event.event);
        break;
      case "notice":
        if (event.notice === "forward-open" && event.channel !== undefined && this.#forwards.size < maxItems) {
          this.#forwards.set(event.channel, addressOf(event.facts));
        }
        break;
      default:
    }
  }

  list(): RunningItem[] {
    return [...this.#items.values()].slice(0, maxListed);
  }

  get hasFiles(): boolean {
    if (this.#more) return true;
    for (const { kind } of this.#items.values()) if (kind === "file") return true;
    return false;
  }

  #channelOpened(channel: number, request: string, command: string): void {
    const forward = this.#forwards.get(channel);
    this.#forwards.delete(channel);
    if (forward !== undefined) {
      this.#add(`${channel}`, { kind: "forward", channel, what: forward });
    } else if (request === "exec") {
      const copy = copies.exec(command);
      const what = command.slice(0, maxText);
      if (copy === null) this.#add(`${channel}`, { kind: "command", channel, what });
      else {
        const direction = copy[1] === "f" || copy[2] !== undefined ? "outbound" : "inbound";
        this.#add(`${channel}`, { kind: "file", channel, what, direction });
      }
    }
  }

  #file(channel: number, event: FileEvent): void {
    if (event.handle === undefined) return;
    const key = `${channel}/${event.handle}`;
    const known = this.#items.get(key);
    if (event.op === "open" && event.status === "ok") {
      const inbound = event.flags?.includes("write") === true;
      const direction = inbound ? "inbound" : "outbound";
      this.#add(key, { kind: "file", channel, what: (event.path ?? "").slice(0, maxText), direction, bytes: 0 });
    } else if (event.op === "close" && event.status !== undefined) {
      this.#drop(key);
    } else if (known !== undefined && event.bytes !== undefined) {
      this.#items.set(key, { ...known, bytes: event.bytes, ...(event.direction && { direction: event.direction }) });
    }
  }

  #add(key: string, item: RunningItem): void {
    if (this.#items.size < maxItems) this.#items.set(key, item);
    else this.#more = true;
  }

  #drop(key: string): void {
    this.#items.delete(key);
    if (this.#items.size === 0) this.#more = false;
  }

  #forget(channel: number): void {
    for (const key of this.#items.keys()) {
      if (key === `${channel}` || key.startsWith(`${channel}/`)) this.#drop(key);
    }
    this.#forwards.delete(channel);
  }
}

function addressOf({ address, port, path }: Record<string, unknown>): string {
  if (typeof path === "string") return path.slice(0, maxText);
  return typeof address === "string" ? `${address.slice(0, maxText)}:${typeof port === "number" ? port : 0}` : "";
}
