// Channels that carry somebody else's connection through the target (RFC 4254 §7.2, OpenSSH's PROTOCOL §2.4). Where policy
// allows them they are recorded byte for byte in both directions, as a command without a terminal.
import type { Capability } from "../../../shared/policy/policy.ts";
import type { ChannelOffer } from "./mux.ts";
import { WireReader } from "./wire.ts";

export interface ForwardOffer {
  capability: Capability;
  /** What policy is asked about: an address and its port, or a socket's path and 0. */
  host: string;
  port: number;
  facts: Record<string, string | number>;
  /** How the channel is called in the recording. */
  command: string;
}

/** Undefined: not a forward. */
export function forwardOf(offer: ChannelOffer): ForwardOffer | undefined {
  const reader = new WireReader(offer.payload);
  if (offer.type === "direct-tcpip") {
    const host = reader.text();
    const address = host.slice(0, 256);
    const port = reader.uint32();
    return {
      capability: "local-forward",
      host,
      port,
      facts: { address, port, originator: reader.text().slice(0, 256), originatorPort: reader.uint32() },
      command: `direct-tcpip ${address}:${port}`,
    };
  }
  if (offer.type === "direct-streamlocal@openssh.com") {
    const host = reader.text();
    const path = host.slice(0, 1024);
    return { capability: "streamlocal-forward", host, port: 0, facts: { path }, command: `direct-streamlocal ${path}` };
  }
  return undefined;
}
