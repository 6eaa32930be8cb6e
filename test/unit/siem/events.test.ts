// Events in both formats, read back by readers of the test's own, with everything in them that a hostile name can hold.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entryTypeOf } from "../../../recorder/catalog/audit-actions.ts";
import { classes, mappingOf, mappings, type OcsfClass } from "../../../recorder/siem/classes.ts";
import { eventOf } from "../../../recorder/siem/event.ts";
import { leastMessageBytes, messageOf, type SiemFormat } from "../../../recorder/siem/message.ts";
import { AccessEventType } from "../../../shared/api/access.ts";
import { entryTypes, type LedgerEntry } from "../../../shared/ledger/entry.ts";
import { siemEntries } from "../../support/siem-entries.ts";

const sha256 = "ab".repeat(32);
const at = (maxMessageBytes: number, format: SiemFormat) => ({
  format,
  maxMessageBytes,
  hostname: "gateway",
  version: "1",
});

function textOf(entry: LedgerEntry, format: SiemFormat, maxMessageBytes = 65_536): string {
  const message = messageOf(eventOf("plant-a", entry, sha256), at(maxMessageBytes, format));
  expect(message.length).toBeLessThanOrEqual(maxMessageBytes);
  const written = message.toString("utf8");
  const head =
    /^<\d+>1 \S+ gateway conduit-recorder \d+ [!-~]+ \[meta sequenceId="\d+"\]\[conduit@32473 id="[^"\\\]]+" n="\d+" format="\w+"(?: cut="yes")?\] \u{FEFF}?/u.exec(
      written,
    );
  expect(head).not.toBeNull();
  return written.slice(head?.[0].length ?? 0);
}

interface Ocsf {
  [name: string]: unknown;
  class_uid: number;
  type_uid: number;
  activity_id: number;
  message: string;
  metadata: { uid: string; sequence: number };
  unmapped: { n: number; subject: string; facts: Record<string, unknown>; cut?: string[] };
}

const ocsf = (entry: LedgerEntry, max?: number) => JSON.parse(textOf(entry, "ocsf", max)) as Ocsf;

/** As the CEF guide has it: a backslash keeps what comes next from ending a field. */
function cef(entry: LedgerEntry, max?: number) {
  const text = textOf(entry, "cef", max);
  const header =
    /^CEF:0\|((?:[^\\|]|\\.)*)\|((?:[^\\|]|\\.)*)\|((?:[^\\|]|\\.)*)\|((?:[^\\|]|\\.)*)\|((?:[^\\|]|\\.)*)\|(\d+)\|/su.exec(
      text,
    );
  const rest = text.slice(header?.[0].length ?? text.length);
  const values = new Map<string, string>();
  for (const [, key = "", value = ""] of rest.matchAll(/(?:^| )(\w+)=((?:[^\\=]|\\.)*?)(?= \w+=|$)/gsu)) {
    values.set(key, value.replace(/\\(.)/gsu, "$1"));
  }
  return { fields: header?.slice(1).map((one) => one.replace(/\\(.)/gsu, "$1")) ?? [], values };
}

/** In OCSF 1.2.0, of the class itself. */
const required: Record<number, readonly string[]> = {
  0: [],
  2004: ["finding_info"],
  3001: ["user"],
  3002: ["user", "service"],
  3004: ["entity"],
  3005: ["user", "privileges"],
  4001: ["src_endpoint", "dst_endpoint"],
  4007: ["src_endpoint", "dst_endpoint"],
  6001: ["web_resources"],
  6002: ["app"],
  6006: ["actor", "file", "src_endpoint"],
};

describe("an event", () => {
  it("has in OCSF what its class requires", () => {
    for (const entry of siemEntries) {
      const event = ocsf(entry);
      const has = Object.keys(event);
      const all = ["activity_id", "category_uid", "class_uid", "type_uid", "time", "metadata", "severity_id"];
      expect(has, String(event.class_uid)).toEqual(
        expect.arrayContaining([...all, ...(required[event.class_uid] ?? ["?"])]),
      );
      expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id);
    }
    // Every class is among them.
    const seen = new Set(siemEntries.map((entry) => ocsf(entry).class_uid));
    const all = Object.values(classes).map(({ uid }) => uid as number);
    expect([...seen].sort()).toEqual(all.filter((uid) => uid !== 4001 || seen.has(4001)).sort());
  });

  it("says nothing of what was typed, searched or said", () => {
    const everything = siemEntries.flatMap((entry) => [textOf(entry, "ocsf"), textOf(entry, "cef")]).join("\n");
    expect(everything).not.toMatch(/please stop|password[^"]*query|"query"/);
    const search = siemEntries.find(({ type }) => type === "search") as LedgerEntry;
    expect(textOf(search, "ocsf") + textOf(search, "cef")).not.toContain("password");
  });

  it("has a class for everything that this version writes", () => {
    const actions = [
      ...entryTypes,
      ...AccessEventType.options.map(entryTypeOf).map((type) => type.replace(/^audit:/, "")),
    ];
    expect(actions.filter((action) => mappingOf(action).class === "base")).toEqual([]);
    // And each row can be met: none stands behind one that takes all of its own.
    for (const [name, mapping] of mappings) expect(mappingOf(name.replace(".*", ".of-a-later-version"))).toBe(mapping);
  });

  it("can be read back in both formats whatever names hold, and keeps to the length", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc
        .array(
          fc.constantFrom("\n", "]", '"', "\\", "|", "=", " cn1=", "\u202e", "\u2028", "ö", "\ud800", "\0", "CEF:0|"),
          { maxLength: 400 },
        )
        .map((all) => all.join("")),
    );
    fc.assert(
      fc.property(
        nasty,
        nasty,
        nasty,
        fc.constantFrom(leastMessageBytes, 4096, 65_536),
        (actor, subject, reason, max) => {
          const entry: LedgerEntry = {
            ...(siemEntries[9] as LedgerEntry),
            n: 2 ** 40,
            actor,
            subject,
            address: reason,
            facts: { action: "recording.export", details: { reason, target: actor, format: "bundle" } },
          };
          const event = ocsf(entry, max);
          expect(event.unmapped.n).toBe(2 ** 40);
          if (event.unmapped.cut === undefined) {
            expect(event.unmapped.subject).toBe(subject);
            expect(event.unmapped.facts["reason"]).toBe(reason);
          } else expect(event.unmapped.cut).not.toEqual([]);
          expect(max === 65_536 ? event.unmapped.cut : undefined).toBeUndefined();
          const { fields, values } = cef(entry, max);
          expect(fields).toHaveLength(6);
          expect(values.get("cn1")).toBe(String(2 ** 40));
          expect(values.get("cs4")).toBe(sha256);
          expect([...values.values(), ...fields].join("")).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
          if (values.get("cs5") === undefined && /^[\w ö|\\]*$/.test(reason)) expect(values.get("reason")).toBe(reason);
        },
      ),
      { numRuns: 300 },
    );
  });
});

it("docs/siem.md has the table of classes as it is", () => {
  const page = readFileSync(new URL("../../../docs/siem.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (\d+) (.+?) \| (.+?) \|$/gm)].map(
    ([, uid, name, actions]) => `${uid} ${name}: ${actions}`,
  );
  const expected = Object.entries(classes).map(([key, { uid, name }]: [string, OcsfClass]) => {
    const actions = mappings.filter(([, mapping]) => mapping.class === key).map(([action]) => `\`${action}\``);
    const told =
      key === "ssh"
        ? "as 4001, where the session is one of SSH"
        : key === "base"
          ? "anything of a later version"
          : actions.join(", ");
    return `${uid} ${name}: ${told}`;
  });
  expect(rows).toEqual(expected);
});
