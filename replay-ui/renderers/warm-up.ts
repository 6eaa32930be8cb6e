// Draws one line on a terminal that nobody sees, while the list of recordings is looked at: the player's WebAssembly is
// compiled then, its code and its font are at hand, and the first picture of a recording waits for none of it.
import { createTerminalRenderer } from "./terminal.ts";

let warmed = false;

export async function warmUpTerminal(): Promise<void> {
  if (warmed) return;
  warmed = true;
  const host = document.createElement("div");
  host.className = "warm-up";
  host.ariaHidden = "true";
  host.inert = true;
  document.body.append(host);
  const terminal = await createTerminalRenderer(host, () => {});
  terminal.apply([{ op: "reset", cols: 80, rows: 24, data: "\u001b[1mready\u001b[0m\r\n" }]);
  requestAnimationFrame(() =>
    setTimeout(() => {
      terminal.dispose();
      host.remove();
    }),
  );
}
