import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../../../recorder/access/mfa/totp.ts";
import { WebSessions } from "../../../../recorder/access/web-sessions.ts";
import { isStateInPostgres, openState } from "../../../support/state.ts";
import { from, MfaUnderTest } from "./mfa-under-test.ts";

let it_: MfaUnderTest;
beforeEach(async () => {
  it_ = await MfaUnderTest.open();
});
afterEach(() => it_.close());

const by = { actor: "Erika", address: from.address };

describe("enrolment", () => {
  it("holds once it is confirmed with a code of the new secret, and tells of it", async () => {
    const begun = await it_.mfa.begin("Erika");
    expect(await it_.mfa.status("erika")).toMatchObject({ enrolled: false, since: null, recoveryCodesLeft: 0 });
    expect(await it_.mfa.confirm("Erika", "000000", by)).toBeNull();
    const code = totpCode(begun.secret, totpStepAt(it_.nowMs));
    expect((await it_.mfa.confirm("erika", code, by))?.recoveryCodes).toHaveLength(10);
    expect(await it_.mfa.status("ERIKA")).toEqual({
      enrolled: true,
      authenticator: true,
      passkeys: 0,
      since: "2026-11-23T10:00:00.000Z",
      recoveryCodesLeft: 10,
    });
    expect(it_.events).toEqual([
      { type: "mfa.enrolled", actor: "Erika", subject: "erika", address: from.address, details: { replaced: false } },
    ]);
    // The code of the enrolment opens nothing any more.
    expect(await it_.mfa.verify("Erika", code, from)).toBeNull();
  });

  it.skipIf(isStateInPostgres())(
    "leaves neither the secret nor a recovery code in the database in the clear",
    async () => {
      const { secret, recoveryCodes } = await it_.enrol("Erika");
      const bytes = ["", "-wal"].map((end) => readFileSync(it_.file + end, "latin1")).join("");
      expect(bytes).toContain("Erika");
      for (const text of [secret, ...recoveryCodes, ...recoveryCodes.map((code) => code.replaceAll("-", ""))]) {
        expect(bytes).not.toContain(text);
      }
    },
  );

  it("is over after 15 minutes, and when another was begun", async () => {
    const first = await it_.mfa.begin("Erika");
    await it_.mfa.begin("Erika");
    expect(await it_.mfa.confirm("Erika", totpCode(first.secret, totpStepAt(it_.nowMs)), by)).toBeNull();
    const third = await it_.mfa.begin("Erika");
    it_.nowMs += 15 * 60_000 + 1;
    const late = it_.mfa.confirm("Erika", totpCode(third.secret, totpStepAt(it_.nowMs)), by);
    await expect(late).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
  });

  it("of a new phone leaves the old one in force until it is confirmed, and no recovery code of it", async () => {
    const old = await it_.enrol("Erika");
    const next = await it_.mfa.begin("Erika");
    expect(await it_.mfa.verify("Erika", old.code(), from)).toBe("totp");
    it_.nowMs += 30_000;
    await it_.mfa.confirm("Erika", totpCode(next.secret, totpStepAt(it_.nowMs)), by);
    it_.nowMs += 30_000;
    expect(await it_.mfa.verify("Erika", old.code(), from)).toBeNull();
    expect(await it_.mfa.verify("Erika", old.recoveryCodes[0] ?? "", from)).toBeNull();
    expect(await it_.mfa.verify("Erika", totpCode(next.secret, totpStepAt(it_.nowMs)), from)).toBe("totp");
    expect(it_.events.at(-1)).toMatchObject({ type: "mfa.enrolled", details: { replaced: true } });
  });

  it("of one request alone succeeds when two come at once", async () => {
    const { secret } = await it_.mfa.begin("Erika");
    const code = totpCode(secret, totpStepAt(it_.nowMs));
    const outcomes = await Promise.allSettled([it_.mfa.confirm("Erika", code, by), it_.mfa.confirm("Erika", code, by)]);
    expect(outcomes.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("ends the portal sign-ins that did not prove it, and its reset ends all", async () => {
    const sessions = new WebSessions(it_.database.access);
    const before = await sessions.create("Erika", { ...from, userAgent: "x" });
    await it_.enrol("Erika");
    expect(await sessions.find(before.token)).toBeNull();
    const after = await sessions.create("Erika", { ...from, userAgent: "x" }, ["password", "totp"]);
    expect(await it_.mfa.reset("Erika", { actor: "admin", address: "local" }, "phone lost")).toBe(true);
    expect(await sessions.find(after.token)).toBeNull();
    expect(await it_.mfa.reset("Erika", by)).toBe(false);
    expect((await it_.mfa.status("Erika")).enrolled).toBe(false);
    expect(it_.events.at(-1)).toMatchObject({ type: "mfa.reset", actor: "admin", details: { reason: "phone lost" } });
  });
});

describe("a code", () => {
  it("opens once: not again, and not when its step has passed for a later one", async () => {
    const erika = await it_.enrol("Erika");
    const [code, next] = [erika.code(), totpCode(erika.secret, totpStepAt(it_.nowMs) + 1)];
    expect(await it_.mfa.verify("erika", next, from)).toBe("totp");
    expect(await it_.mfa.verify("erika", code, from)).toBeNull();
    expect(await it_.mfa.verify("erika", next, from)).toBeNull();
  });

  it("is somebody's own", async () => {
    const erika = await it_.enrol("Erika");
    await it_.enrol("omar");
    expect(await it_.mfa.verify("omar", erika.code(), from)).toBeNull();
    expect(await it_.mfa.verify("nobody", erika.code(), from)).toBeNull();
  });

  it("opens once when many bring it at the same moment, in two processes", async () => {
    const erika = await it_.enrol("Erika");
    const second = await openState(it_.file);
    try {
      const all = [it_.mfa, it_.another(second)].flatMap((mfa) =>
        Array.from({ length: 10 }, () => mfa.verify("Erika", erika.code(), from)),
      );
      expect((await Promise.all(all)).filter((outcome) => outcome !== null)).toEqual(["totp"]);
    } finally {
      await second.close();
    }
  });
});

describe("a recovery code", () => {
  it("opens once, whoever is first, and is counted", async () => {
    const { recoveryCodes } = await it_.enrol("Erika");
    const code = recoveryCodes[3] ?? "";
    const all = await Promise.all(Array.from({ length: 8 }, () => it_.mfa.verify("Erika", code, from)));
    expect(all.filter((outcome) => outcome !== null)).toEqual(["recovery-code"]);
    expect((await it_.mfa.status("Erika")).recoveryCodesLeft).toBe(9);
    expect(it_.events.at(-1)).toMatchObject({ type: "mfa.recovery-code-used", details: { left: 9 } });
  });

  it("opens nothing once there are new ones", async () => {
    const { recoveryCodes } = await it_.enrol("Erika");
    const renewed = await it_.mfa.renewRecoveryCodes("Erika", by);
    expect(await it_.mfa.verify("Erika", recoveryCodes[0] ?? "", from)).toBeNull();
    expect(await it_.mfa.verify("Erika", renewed[0] ?? "", from)).toBe("recovery-code");
    await expect(it_.mfa.renewRecoveryCodes("omar", by)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
  });
});

it("what the feed cannot take does not happen", async () => {
  const { Mfa } = await import("../../../../recorder/access/mfa/mfa.ts");
  const { MasterKey } = await import("../../../../recorder/access/master-key.ts");
  const { recoveryCodes } = await it_.enrol("Erika");
  const failing = new Mfa(it_.database.access, MasterKey.of(it_.database.access, it_.key), {
    issuer: "x",
    now: () => it_.nowMs,
    record: async () => {
      throw new Error("the feed is full");
    },
  });
  await expect(failing.verify("Erika", recoveryCodes[0] ?? "", from)).rejects.toThrow("the feed is full");
  await expect(failing.reset("Erika", by)).rejects.toThrow("the feed is full");
  expect(await it_.mfa.status("Erika")).toMatchObject({ enrolled: true, recoveryCodesLeft: 10 });
});
