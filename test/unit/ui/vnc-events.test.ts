import { describe, expect, it } from "vitest";
import { eventRows } from "../../../replay-ui/lists/event-rows.ts";
import { NoticeType } from "../../../shared/events/session-event.ts";
import type { EventsLine } from "../../../shared/events/stored.ts";

const row = (type: EventsLine["type"], facts: EventsLine["facts"]) =>
  eventRows({ kind: "events", lines: [{ t: 1, s: 0, type, facts }] })[0]!;
const say = (type: EventsLine["type"], facts: EventsLine["facts"]) => {
  const { title, detail } = row(type, facts);
  return [title, detail];
};

const init = {
  viewer: { version: "003.008", security: "x509-plain", tls: "TLSv1.3" },
  target: { version: "003.008", security: "vnc-auth", tls: "", fingerprint: "" },
  width: 1280,
  height: 800,
  name: "HMI reactor",
};

describe("events of a VNC session", () => {
  it("say how both sides are connected", () => {
    expect(say("vnc-init", init)).toEqual([
      "Screen connected",
      "HMI reactor · 1280 × 800 · viewer: RFB 3.8, name and password, certificate, TLSv1.3 · target: RFB 3.8, VNC password",
    ]);
    expect(say("auth", { side: "target", account: "", method: "password", ...init.target })).toEqual([
      "Connected to the target",
      "by password · RFB 3.8, VNC password",
    ]);
  });

  it("name the encodings that passed, and count the others", () => {
    expect(say("vnc-encodings", { asked: ["CopyRect", "Tight", "H.264"], passed: ["CopyRect", "Tight"] })).toEqual([
      "Encodings chosen",
      "CopyRect, Tight · 1 more asked for, not passed",
    ]);
  });

  it("say which way a clipboard went, and why it did not", () => {
    expect(say("clipboard", { direction: "outbound", bytes: 12 })[1]).toBe("from the target to the operator · 12 B");
    expect(
      say("clipboard-refused", { direction: "inbound", reason: "too-long", bytes: 300_000, most: 262_144 }),
    ).toEqual(["Clipboard refused", "from the operator to the target · too long: 300 kB, at most 262 kB may pass"]);
    expect(say("clipboard-refused", { direction: "inbound", reason: "not-text" })[1]).toMatch(/not text$/);
  });

  it("say what was asked of the target, and what was refused", () => {
    expect(say("vnc-xvp", { code: 3, action: "reboot", rule: "vendors" })).toEqual([
      "The operator asked the target to restart",
      "rule vendors",
    ]);
    expect(say("vnc-desktop-size", { width: 800, height: 600, screens: [] })[1]).toBe("800 × 600");
    expect(
      say("request-refused", {
        request: "xvp",
        code: 2,
        action: "shutdown",
        reason: "capability-not-allowed",
        rule: "v",
      }),
    ).toEqual([
      "Power of the target refused",
      "shutdown · The rule that allows this session does not allow this kind of request. · rule v",
    ]);
    expect(say("request-refused", { request: "qemu-audio", reason: "unrecordable" })[0]).toBe("Sound refused");
    expect(say("request-refused", { request: "x11-req", reason: "unrecordable" })[0]).toBe("Request refused");
  });

  it("say what could not be read, and which limit was met", () => {
    expect(say("decode-error", { where: "output", code: "PROTOCOL_MALFORMED", message: "no such encoding" })).toEqual([
      "Screen not readable from here on",
      "no such encoding",
    ]);
    expect(say("limit", { code: "limit-idle" })[1]).toBe("nobody acted for as long as the policy allows");
    expect(say("terminate", { by: "erika", code: "terminated", sentence: "The window is over." })[1]).toBe(
      "by erika · The window is over.",
    );
  });

  it("show no JSON, whatever the facts are", () => {
    for (const type of NoticeType.options) {
      const { title, detail, all } = row(type, { ...init, list: ["a", { b: 1 }], what: { deep: [null] } });
      expect(`${title} ${detail} ${all}`).not.toMatch(/[{}[\]"]/);
    }
  });
});
