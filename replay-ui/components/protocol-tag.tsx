import { ScreenIcon, TerminalIcon } from "./icons.tsx";

export function ProtocolTag({ protocol }: { protocol: "ssh" | "vnc" }) {
  return (
    <span class="tag protocol" data-testid="protocol">
      {protocol === "vnc" ? <ScreenIcon size={13} /> : <TerminalIcon size={13} />}
      {protocol.toUpperCase()}
    </span>
  );
}
