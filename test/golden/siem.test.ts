// Events to the byte, in both formats: what a plant's parsers were written against does not change unseen.
import { expect, test } from "vitest";
import { eventOf } from "../../recorder/siem/event.ts";
import { messageOf, type SiemFormat } from "../../recorder/siem/message.ts";
import { siemEntries } from "../support/siem-entries.ts";

test.each<SiemFormat>(["ocsf", "cef"])("%s", async (format) => {
  const lines = siemEntries.map((entry) => {
    const event = eventOf("plant-a", entry, "ab".repeat(32));
    const message = messageOf(event, { format, maxMessageBytes: 8192, hostname: "gateway", version: "0.1.0" });
    return message.toString("utf8").replace(` conduit-recorder ${process.pid} `, " conduit-recorder PID ");
  });
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`siem/${format}.txt`);
});
