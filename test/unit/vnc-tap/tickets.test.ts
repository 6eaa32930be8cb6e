import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { looksLikeTicket, VncTickets } from "../../../recorder/tap/vnc/tickets.ts";
import { vncAuthResponse } from "../../../recorder/tap/vnc/vnc-auth.ts";

let nowMs: number;
let tickets: VncTickets;
const grant = { person: "ada", target: "hmi-1" };
const challenge = randomBytes(16);
const answer = (ticket: string) => tickets.redeemResponse(challenge, vncAuthResponse(ticket, challenge));

beforeEach(() => {
  nowMs = Date.parse("2026-11-23T10:00:00Z");
  tickets = new VncTickets({ lifetimeMs: 60_000, now: () => nowMs });
});

describe("a ticket", () => {
  it("of a viewer is eight characters that nobody mistakes, and opens once", () => {
    const { ticket, expiresAt } = tickets.issue(grant, "viewer");
    expect(ticket).toMatch(/^[A-HJ-NP-Za-km-z2-9]{8}$/);
    expect(expiresAt).toBe("2026-11-23T10:01:00.000Z");
    expect(answer(ticket)).toEqual(grant);
    expect(answer(ticket)).toBeUndefined();
  });

  it("of a browser opens once, and is of no use as a viewer's", () => {
    const { ticket } = tickets.issue(grant, "browser");
    expect(answer(ticket.slice(0, 8))).toBeUndefined();
    expect(tickets.redeemToken(`${ticket}x`, grant)).toBe(false);
    expect(tickets.redeemToken(ticket, grant)).toBe(true);
    expect(tickets.redeemToken(ticket, grant)).toBe(false);
    expect(tickets.redeemToken(tickets.issue(grant, "viewer").ticket, grant)).toBe(false);
  });

  it("of a browser that somebody else presents, or for another target, is still its holder's", () => {
    const { ticket } = tickets.issue(grant, "browser");
    expect(tickets.redeemToken(ticket, { ...grant, person: "eve" })).toBe(false);
    expect(tickets.redeemToken(ticket, { ...grant, target: "hmi-2" })).toBe(false);
    expect(tickets.redeemToken(ticket, { person: "Ada", target: "HMI-1" })).toBe(true);
  });

  it("of a viewer is taken as typed too, once in either way", () => {
    const issued = [0, 1].map(() => tickets.issue(grant, "viewer").ticket);
    const [typed = "", answered = ""] = issued;
    expect(tickets.redeemText(typed.toLowerCase())).toBeUndefined();
    expect(tickets.redeemText(typed)).toEqual(grant);
    expect(tickets.redeemText(typed)).toBeUndefined();
    expect(answer(typed)).toBeUndefined();
    expect(answer(answered)).toEqual(grant);
    expect(tickets.redeemText(answered)).toBeUndefined();
    expect(tickets.redeemText(tickets.issue(grant, "browser").ticket)).toBeUndefined();
    expect(issued.every(looksLikeTicket)).toBe(true);
    expect(["a vendor's long password", "short", "abcdefgl", ""].some(looksLikeTicket)).toBe(false);
  });

  it("is too old after its time", () => {
    const { ticket } = tickets.issue(grant, "viewer");
    const token = tickets.issue(grant, "browser").ticket;
    nowMs += 60_000;
    expect(answer(ticket)).toBeUndefined();
    expect(tickets.redeemToken(token, grant)).toBe(false);
    expect(tickets.redeemText(ticket)).toBeUndefined();
  });

  it("among others tells whose it is", () => {
    const people = ["ada", "bob", "eve"];
    const issued = people.map((person) => tickets.issue({ person, target: `hmi-${person}` }, "viewer").ticket);
    for (const [at, ticket] of issued.entries()) expect(answer(ticket)?.person).toBe(people[at]);
  });
});

describe("too many tickets", () => {
  it("of one person drop the oldest", () => {
    const issued = Array.from({ length: 9 }, () => tickets.issue(grant, "viewer").ticket);
    expect(answer(issued[0] ?? "")).toBeUndefined();
    expect(answer(issued[1] ?? "")).toEqual(grant);
  });

  it("of one person in a minute are refused, also when each was used", () => {
    const takeOne = (person: string) => answer(tickets.issue({ ...grant, person }, "viewer").ticket);
    for (let n = 0; n < 30; n++) {
      nowMs += 1000;
      expect(takeOne("ada")).toEqual(grant);
    }
    expect(() => takeOne("Ada")).toThrow(expect.objectContaining({ code: "REQUEST_CONFLICT", retryable: true }));
    expect(takeOne("bob")?.person).toBe("bob");
    nowMs += 31_000;
    expect(takeOne("ada")).toEqual(grant);
    expect(() => takeOne("ada")).toThrow(/30 tickets a minute/);
  });

  it("of all people are refused until some are used or too old", () => {
    for (let n = 0; n < 200; n++) tickets.issue({ person: `p${n}`, target: "hmi-1" }, "viewer");
    expect(() => tickets.issue(grant, "viewer")).toThrow(/too many tickets/);
    expect(tickets.issue(grant, "browser").ticket).toHaveLength(43);
    nowMs += 60_000;
    expect(answer(tickets.issue(grant, "viewer").ticket)).toEqual(grant);
  });
});
