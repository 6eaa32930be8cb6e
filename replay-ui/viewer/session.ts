// One VNC session in the browser, from ticket to end. The only file that knows noVNC. A session cannot be taken up again:
// whoever wants to go on takes a new ticket and gets a new session with a recording of its own.
import RFB from "@novnc/novnc";
import type { VncTicket } from "../../shared/api/types.ts";
import { Store } from "../store.ts";
import { endSentence } from "./end-reason.ts";

export type SessionState =
  | { phase: "connecting" }
  | { phase: "connected"; sinceMs: number }
  | { phase: "ended"; reason: string; wasConnected: boolean };

export class ViewerSession {
  readonly state = new Store<SessionState>({ phase: "connecting" });
  /** What the target calls itself. */
  readonly name = new Store("");
  /** What the recorder tells the person while the session goes on; it comes with the name. */
  readonly told = new Store("");
  private readonly rfb: RFB;
  private refusal = "";
  private wasConnected = false;
  private left = false;

  constructor(parent: HTMLElement, ticket: VncTicket) {
    // The ticket is a subprotocol: so it stands in no address, no log and no history.
    const socket = new WebSocket(addressOf(ticket.path), ["binary", `conduit.ticket.${ticket.ticket}`]);
    this.rfb = new RFB(parent, socket, { shared: true });
    this.rfb.scaleViewport = true;
    this.rfb.showDotCursor = true;
    this.rfb.background = "transparent";
    this.rfb.addEventListener("connect", () => {
      this.wasConnected = true;
      this.state.set({ phase: "connected", sinceMs: Date.now() });
      this.rfb.focus();
    });
    this.rfb.addEventListener("desktopname", (event) => {
      const { name, told } = readName(textIn(event, "name"));
      this.name.set(name);
      this.told.set(told);
    });
    this.rfb.addEventListener("securityfailure", (event) => {
      this.refusal = textIn(event, "reason");
    });
    // noVNC cannot continue when a target wants credentials from the person: the recorder has them.
    this.rfb.addEventListener("credentialsrequired", () => this.rfb.disconnect());
    socket.addEventListener("close", ({ code, reason }) => this.end({ code, reason }));
    this.rfb.addEventListener("disconnect", () => {
      // The socket's own end says more; it may come a moment later, or never.
      setTimeout(() => this.end({ code: 1006, reason: "" }), 500);
    });
  }

  setFit(fit: boolean): void {
    this.rfb.scaleViewport = fit;
    this.rfb.clipViewport = false;
  }

  ctrlAltDel(): void {
    this.rfb.sendCtrlAltDel();
    this.rfb.focus();
  }

  /** A key that was pressed and released; `code` where it has a place on a keyboard. */
  press(keysym: number, code: string | null): void {
    this.rfb.sendKey(keysym, code);
  }

  focus(): void {
    this.rfb.focus({ preventScroll: true });
  }

  leave(): void {
    this.left = true;
    if (this.state.get().phase !== "ended") this.rfb.disconnect();
  }

  private end(close: { code: number; reason: string }): void {
    if (this.state.get().phase === "ended") return;
    const words = this.left ? "You closed the session." : this.refusal !== "" ? this.refusal : endSentence(close);
    this.state.set({ phase: "ended", reason: words, wasConnected: this.wasConnected });
  }
}

/** The gateway's mark, and behind it what it has to say. */
function readName(text: string): { name: string; told: string } {
  const mark = " [recorded]";
  const at = text.lastIndexOf(`${mark} \u2014 `);
  if (at < 0) return { name: text.endsWith(mark) ? text.slice(0, -mark.length) : text, told: "" };
  return { name: text.slice(0, at), told: text.slice(at + mark.length + 3) };
}

function textIn(event: Event, member: "name" | "reason"): string {
  const value = (event as CustomEvent<Record<string, unknown>>).detail[member];
  return typeof value === "string" ? value : "";
}

/** On this host only, whatever the answer says. */
function addressOf(path: string): URL {
  const url = new URL(path, location.href);
  if (url.origin !== location.origin) throw new Error("the recorder named a place that is not its own");
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
