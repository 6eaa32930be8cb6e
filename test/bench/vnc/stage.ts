// The stage of the VNC bench's tap part: the built service, a plain TCP relay and websockify, each in front of the same
// target, all on loopback.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort, waitForPort } from "../../support/free-port.ts";
import { openRules } from "../../support/open-rules.ts";
import { type RunningService, startRunningService } from "../../support/service.ts";
import { Child } from "./child.ts";
import type { Way } from "./rfb-client.ts";

export const person = { name: "bench", password: "seven slow river boats" };

export interface TargetAddress {
  name: string;
  host: string;
  port: number;
  password?: string;
  vnc?: Record<string, unknown>;
}

/** The built service in front of these targets, which the bench's person may all reach. */
export function startVncService(directory: string, targets: readonly TargetAddress[]): Promise<RunningService> {
  mkdirSync(directory, { recursive: true });
  return startRunningService({
    directory,
    // The bench's client speaks VncAuth, as the relay and the target beside the gateway do.
    config: { vnc: { listen: "127.0.0.1:0", security: ["vnc-auth"] } },
    people: [{ ...person, roles: ["vendor", "investigator"] }],
    secrets: targets.flatMap(({ name, password }) => (password === undefined ? [] : [{ name, password }])),
    targets: targets.map(({ name, host, port, password, vnc }) => ({
      name,
      protocol: "vnc",
      host,
      port,
      ...(password === undefined ? {} : { secret: name }),
      ...(vnc === undefined ? {} : { vnc }),
    })),
    policy: {
      ...openRules({ id: "bench", people: [person.name], targets: ["*"] }),
      limits: { maxSessionsPerPerson: 100, maxRecordedBytes: 1024 ** 4 },
    },
  });
}

interface Ticket {
  ticket: string;
  path: string;
  port: number;
}

/** The person, signed in at the portal: gives single-use ways to a target. */
export class Portal {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  private constructor(url: string, cookie: string, csrfToken: string) {
    this.#url = url;
    this.#headers = { cookie, "x-csrf-token": csrfToken };
  }

  static async signIn({ httpUrl }: RunningService): Promise<Portal> {
    const response = await fetch(`${httpUrl}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(person),
    });
    if (!response.ok) throw new Error(`sign-in answered ${response.status}: ${await response.text()}`);
    const { csrfToken } = (await response.json()) as { csrfToken: string };
    const cookie = response.headers.getSetCookie().map((one) => one.split(";")[0]);
    return new Portal(httpUrl, cookie.join("; "), csrfToken);
  }

  async viewer(target: string): Promise<Way> {
    const { ticket, port } = await this.#ticket(target, "viewer");
    return { kind: "tcp", port, password: ticket };
  }

  async browser(target: string): Promise<Way> {
    const { ticket, path } = await this.#ticket(target, "browser");
    return {
      kind: "ws",
      url: `${this.#url.replace("http", "ws")}${path}`,
      protocols: ["binary", `conduit.ticket.${ticket}`],
      cookie: this.#headers["cookie"] ?? "",
      origin: this.#url,
    };
  }

  async #ticket(target: string, use: "viewer" | "browser"): Promise<Ticket> {
    const response = await fetch(`${this.#url}/api/v1/targets/${target}/vnc-ticket`, {
      method: "POST",
      headers: { ...this.#headers, "content-type": "application/json" },
      body: JSON.stringify({ use }),
    });
    if (!response.ok) throw new Error(`a ticket was refused with ${response.status}: ${await response.text()}`);
    return (await response.json()) as Ticket;
  }
}

export const paths = ["direct", "relay", "gateway", "websockify", "gatewayWs"] as const;
export type Path = (typeof paths)[number];

export interface TapStage {
  service: RunningService;
  /** Single-use, as the gateway's are. */
  ways(): Promise<Record<Path, Way>>;
  stop(): Promise<void>;
}

export async function startTapStage(directory: string): Promise<TapStage> {
  const target = Child.script(new URL("./target.ts", import.meta.url));
  const children = [target];
  try {
    const targetPort = Number(await target.line());
    const relay = Child.script(new URL("./relay.ts", import.meta.url), String(targetPort));
    children.push(relay);
    const relayPort = Number(await relay.line());
    const bridgePort = await freePort();
    const addresses = [`127.0.0.1:${bridgePort}`, `127.0.0.1:${targetPort}`];
    children.push(Child.program("websockify", addresses, "ignore"));
    const address = { name: "target", host: "127.0.0.1", port: targetPort };
    const service = await startVncService(join(directory, "service"), [address]);
    await waitForPort(bridgePort);
    const portal = await Portal.signIn(service);
    return {
      service,
      ways: async () => ({
        direct: { kind: "tcp", port: targetPort },
        relay: { kind: "tcp", port: relayPort },
        gateway: await portal.viewer(address.name),
        websockify: { kind: "ws", url: `ws://127.0.0.1:${bridgePort}/`, protocols: ["binary"] },
        gatewayWs: await portal.browser(address.name),
      }),
      stop: async () => {
        await service.stop();
        for (const child of children) await child.stop();
      },
    };
  } catch (error) {
    for (const child of children) await child.stop();
    throw error;
  }
}
