// An escort's page, in so far as the service can tell: the WebSocket of a live session, a word each second, and every way to
// fall silent.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { EscortState, LiveSession } from "../../shared/api/types.ts";
import { decodeFrame } from "../../shared/live/frame.ts";
import { type WatcherMessage, WatchMessage } from "../../shared/live/messages.ts";
import { waitFor } from "./wait-for.ts";

export interface EscortPage {
  /** Names the watch in the record. */
  readonly watch: string;
  readonly messages: readonly WatchMessage[];
  /** As the service told it last. */
  escorts(): EscortState | null;
  live(): LiveSession;
  /** The question that came last. */
  prompt(): { id: string; leftMs: number } | null;
  /** Why the service ended the watch; null while it goes on. */
  ended(): string | null;
  setVisible(visible: boolean): void;
  /** Says no more what it has shown, as a page whose process stands still. */
  fallSilent(): void;
  /** Goes on to say what it had shown by now, whatever comes. */
  fallBehind(): void;
  answer(id: string): void;
  /** Control, what is typed with it, and what is agreed to. */
  tell(message: WatcherMessage): void;
  /** The newest word on that. */
  told(): Extract<WatchMessage, { type: "answer" }> | null;
  /** By the way of a tab that is closed. */
  close(): Promise<void>;
  /** Without a word, as a line that is cut. */
  cut(): void;
}

/** Resolves once the watch counts, where `counting` is not false. */
export async function openEscortPage(
  portal: { url: string; cookie: string },
  session: string,
  options: { counting?: boolean; prompts?: "answer" | "leave" } = {},
): Promise<EscortPage> {
  const origin = new URL(portal.url).origin;
  const socket = new WebSocket(`${origin.replace("http", "ws")}/api/v1/sessions/${session}/watch`, {
    headers: { cookie: portal.cookie },
    origin,
  });
  const messages: WatchMessage[] = [];
  const state = { visible: true, silent: false, behind: false, seenUs: 0 };
  const beat = () => {
    if (state.silent || socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ type: "seen", us: state.seenUs, visible: state.visible }));
  };
  const shown = (us: number) => {
    if (!state.behind) state.seenUs = Math.max(state.seenUs, us);
  };
  const answer = (id: string) => socket.send(JSON.stringify({ type: "present", id }));
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) {
      shown(decodeFrame(data)?.endUs ?? 0);
      return;
    }
    const message = WatchMessage.parse(JSON.parse(data.toString("utf8")));
    messages.push(message);
    if (message.type === "hello" || message.type === "state") shown(message.atUs);
    if (message.type === "prompt" && options.prompts !== "leave") answer(message.id);
  });
  const timer = setInterval(beat, 1000);
  socket.on("close", () => clearInterval(timer));
  const failed = new Promise<never>((_resolve, reject) => {
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response) => {
      reject(new Error(`the watch was answered with ${response.statusCode}`));
    });
  });
  failed.catch(() => {});
  await Promise.race([once(socket, "open"), failed]);
  const hello = await waitFor(() => messages.find((message) => message.type === "hello"), {
    what: "the watch's hello",
  });
  beat();
  const last = <T extends WatchMessage["type"]>(type: T) =>
    messages.findLast((message): message is Extract<WatchMessage, { type: T }> => message.type === type);
  const page: EscortPage = {
    watch: hello.watch,
    messages,
    escorts: () => last("escort") ?? null,
    live: () => last("state")?.session ?? hello.session,
    prompt: () => last("prompt") ?? null,
    ended: () => last("ended")?.reason ?? null,
    setVisible: (visible) => {
      state.visible = visible;
      beat();
    },
    fallSilent: () => {
      state.silent = true;
    },
    fallBehind: () => {
      state.behind = true;
    },
    answer,
    tell: (message) => socket.send(JSON.stringify(message)),
    told: () => last("answer") ?? null,
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      await Promise.race([once(socket, "close"), sleep(2000)]);
      socket.terminate();
    },
    cut: () => socket.terminate(),
  };
  if (options.counting !== false) {
    const counts = () => page.escorts()?.watching.some(({ watch, counts: does }) => watch === hello.watch && does);
    await waitFor(counts, { what: "the watch to count" });
  }
  return page;
}
