// What a receiver finds in a message, read by a reader of its own: the grammar of RFC 5424 §6 and the frames of RFC 5425.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatMessage, frame, type SyslogMessage, syslogSeverity } from "../../../recorder/siem/rfc5424.ts";

const message: SyslogMessage = {
  severity: syslogSeverity.notice,
  at: "2026-11-24T08:00:00.123Z",
  hostname: "gateway",
  msgId: "ledger-checkpoint",
  text: "{}",
};
const grammar =
  /^<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) (-|(?:\[[^ ="\]]{1,32}(?: [^ ="\]]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+) (.*)$/su;
const text = () => fc.string({ unit: "binary", maxLength: 80 });

/** Reads frames as a receiver does: the digits, a space, so many bytes. */
function unframe(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(" ", at);
    const length = Number(bytes.toString("ascii", at, space));
    messages.push(bytes.subarray(space + 1, space + 1 + length));
    at = space + 1 + length;
  }
  return messages;
}

describe("a message of RFC 5424", () => {
  it("is what the RFC says, to the byte", () => {
    expect(formatMessage(message).toString()).toBe(
      `<109>1 2026-11-24T08:00:00.123Z gateway conduit-recorder ${process.pid} ledger-checkpoint - {}`,
    );
    const structuredData = { "x@32473": { path: 'C:\\a "b" [c]\n' } };
    expect(formatMessage({ ...message, hostname: "", structuredData, text: "Ventil öffnet" }).toString()).toBe(
      `<109>1 2026-11-24T08:00:00.123Z - conduit-recorder ${process.pid} ledger-checkpoint [x@32473 path="C:\\\\a \\"b\\" [c\\]<U+000A>"] \u{FEFF}Ventil öffnet`,
    );
  });

  it("keeps its shape whatever the fields hold", () => {
    fc.assert(
      fc.property(text(), text(), text(), text(), text(), (host, name, param, value, said) => {
        const structuredData = { [name]: { [param]: value } };
        const written = formatMessage({ ...message, hostname: host, msgId: name, structuredData, text: said });
        const [, , , , , , , data = "", rest = ""] = grammar.exec(written.toString("utf8")) ?? [];
        // Nothing in it draws, breaks or turns a line.
        expect(data).toMatch(/^\[[^\p{Cc}\p{Cf}\u2028\u2029]+ [^\p{Cc}\p{Cf}\u2028\u2029]*\]$/u);
        const shown = (one: string) =>
          one.replace(/<U\+([0-9A-F]+)>/g, (_all, hex) => String.fromCodePoint(Number.parseInt(hex, 16)));
        const read = / [^ ="\]]{1,32}="((?:[^"\\\]]|\\["\\\]])*)"\]$/u.exec(data)?.[1] ?? "none";
        const wellFormed = Buffer.from(value).toString();
        expect(shown(read.replace(/\\(["\\\]])/g, "$1"))).toBe(shown(wellFormed));
        expect(/^\p{ASCII}*$/u.test(said) ? rest : rest.slice(1)).toBe(Buffer.from(said).toString());
      }),
    );
  });

  it("comes out of its frame as it went in, beside others", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 8 }), (messages) => {
        expect(unframe(Buffer.concat(messages.map(frame))).map((one) => [...one])).toEqual(
          messages.map((one) => [...one]),
        );
      }),
    );
  });
});
