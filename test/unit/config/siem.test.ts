import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { loadConfig } from "../../../recorder/config.ts";
import { createTempDir } from "../../support/temp-dir.ts";

const receiver = { address: "siem.example:6514", caFile: "ca.pem", certificateFile: "/a/own.pem", keyFile: "own.key" };

async function load(config: object) {
  const folder = await createTempDir("config-siem");
  try {
    const file = join(folder.path, "conduit.yaml");
    writeFileSync(file, stringify(config));
    return { folder: folder.path, config: loadConfig({ file, env: {}, directory: "/" }) };
  } finally {
    await folder.remove();
  }
}

test("files of a receiver stand beside the configuration, and an anchor has them as a destination does", async () => {
  const { folder, config } = await load({
    siem: { destinations: [receiver] },
    ledger: { anchors: [{ kind: "syslog", ...receiver }] },
  });
  const at = {
    host: "siem.example",
    port: 6514,
    caFile: join(folder, "ca.pem"),
    certificateFile: "/a/own.pem",
    keyFile: join(folder, "own.key"),
  };
  const rest = { name: "siem", format: "ocsf", from: "now", maxMessageBytes: 8192 };
  expect(config.siem).toEqual({ destinations: [{ ...rest, ...at }], backlogEvents: 10_000, backlogSeconds: 900 });
  expect(config.ledger.anchors).toEqual([{ kind: "syslog", ...at }]);
});

test("two of one name, and an address without a host or port, are refused", async () => {
  await expect(load({ siem: { destinations: [receiver, receiver] } })).rejects.toThrow("a name of its own for each");
  for (const address of [":6514", "siem.example:0", "siem.example"]) {
    await expect(load({ siem: { destinations: [{ ...receiver, address }] } })).rejects.toThrow(
      "siem.destinations[0].address",
    );
  }
});
