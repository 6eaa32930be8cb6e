// A target that says all it has to say with the confirmation of the channel, in one segment.
import type { Socket } from "node:net";
import ssh2, { type Connection } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChannelEnd } from "../../../recorder/tap/ssh/channel-end.ts";
import { Mux } from "../../../recorder/tap/ssh/mux.ts";
import { Transport } from "../../../recorder/tap/ssh/transport.ts";
import { generateSshKey } from "../../support/ssh-key.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { ssh } from "./clients.ts";
import { addressOf, startGateway, type TestGateway } from "./gateway.ts";

/** What the target does with a channel in the moment it accepts it. */
let behave: (channel: ChannelEnd) => void;
let gateway: TestGateway;
let stop: () => Promise<void>;

beforeAll(async () => {
  const dir = await createTempDir("early");
  const hostKey = await generateSshKey(dir.path, "host");
  const server = new ssh2.Server({ hostKeys: [hostKey.privatePem] }, (connection: Connection) => {
    const transport = new Transport(connection, (connection as unknown as { _sock: Socket })._sock);
    connection.on("error", () => undefined);
    connection.on("authentication", (context) => context.accept());
    connection.once("ready", () => {
      new Mux(transport, {
        onOffer: (offer) => behave(offer.accept()),
        onGlobalRequest: (_name, _payload, reply) => reply(false),
        onGone: () => undefined,
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  gateway = await startGateway(undefined, { capabilities: ["shell", "exec", "local-forward"] });
  gateway.targets.set("plc-1", {
    name: "plc-1",
    host: "127.0.0.1",
    port: (server.address() as { port: number }).port,
    account: "operator",
    credential: { kind: "password", password: "any" },
    hostKeys: [hostKey.publicLine.split(" ").slice(0, 2).join(" ")],
  });
  stop = async () => {
    await gateway.stop();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await dir.remove();
  };
});
afterAll(() => stop?.());

describe("with its confirmation of the channel", () => {
  it("a forward's bytes, end-of-file and close are recorded and passed on", async () => {
    behave = (channel) => {
      channel.write("stdout", Buffer.from("220 plc-1 ready\r\n"));
      channel.eof();
      channel.close();
    };
    const result = await ssh(addressOf(gateway), [], ["-W", "127.0.0.1:21"]);
    expect(result.stdout).toBe("220 plc-1 ready\r\n");
    await gateway.last().whenEnded();
    expect(gateway.last().output().toString()).toBe("220 plc-1 ready\r\n");
    expect(gateway.last().notices("eof")).toMatchObject([{ direction: "outbound" }]);
    expect(gateway.last().of("channel-close")).toHaveLength(1);
  });

  it("a session channel's close ends the client's channel", async () => {
    behave = (channel) => channel.close();
    const result = await ssh(addressOf(gateway), ["true"]);
    expect(result.code).toBe(255);
    await gateway.last().whenEnded();
    expect(gateway.last().endedWith).toBe("client-closed");
  });
});
