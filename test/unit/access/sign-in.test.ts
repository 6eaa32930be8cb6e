import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codeLimits, type GrantCredentials, type PendingCode, SignIn } from "../../../recorder/access/sign-in.ts";
import { Throttle } from "../../../recorder/access/throttle.ts";
import { MfaUnderTest, password } from "./mfa/mfa-under-test.ts";

const address = "192.0.2.1";
const grants: GrantCredentials = {
  password: async (name, given) => (given === "grant-only-now" ? { grant: "g-1", person: name } : null),
  key: async () => null,
};

let it_: MfaUnderTest;
let required: boolean;
let signIn: SignIn;
beforeEach(async () => {
  it_ = await MfaUnderTest.open();
  required = true;
  signIn = new SignIn({
    people: it_.people,
    mfa: it_.mfa,
    throttle: it_.throttle,
    mfaRequired: () => required,
    grants,
    codes: new Throttle(codeLimits, () => it_.nowMs),
  });
});
afterEach(() => it_.close());

async function pending(name: string, text = password): Promise<PendingCode> {
  const step = await signIn.password(name, text, address);
  if (step.outcome !== "second-step") throw new Error(step.outcome);
  return step;
}

describe("a sign-in with password", () => {
  it("is whole with the code, and says what was proven", async () => {
    const erika = await it_.enrol("Erika");
    const person = await (await pending("erika")).verify(erika.code());
    expect(person).toEqual({
      name: "Erika",
      roles: ["vendor"],
      mustChangePassword: false,
      authMethod: "password+totp",
      factors: ["password", "totp"],
    });
  });

  it("is whole without one of who is not enrolled", async () => {
    expect(await signIn.password("omar", password, address)).toMatchObject({
      outcome: "accepted",
      person: { name: "omar", authMethod: "password", factors: ["password"] },
    });
  });

  it("counts no credential of a grant where what it opens would outlive the grant", async () => {
    const own = (name: string, text: string) => signIn.password(name, text, address, { ownAlone: true });
    required = false;
    expect(await own("omar", "grant-only-now")).toEqual({ outcome: "refused" });
    expect(await own("omar", password)).toMatchObject({ outcome: "accepted" });
    const { code } = await it_.enrol("Erika");
    required = true;
    const step = await own("Erika", "grant-only-now");
    if (step.outcome !== "second-step") throw new Error(step.outcome);
    expect(await step.verify(code())).toBeNull();
  });

  it("takes a recovery code, and a grant's password, which names its grant", async () => {
    const { recoveryCodes, code } = await it_.enrol("Erika");
    expect(await (await pending("Erika")).verify(recoveryCodes[0] ?? "")).toMatchObject({
      authMethod: "password+recovery-code",
    });
    expect(await (await pending("Erika", "grant-only-now")).verify(code())).toMatchObject({
      grant: "g-1",
      factors: ["grant-password", "totp"],
      authMethod: "grant-password+totp",
    });
  });

  it("looks the same for a wrong password, an unknown name and a missing code, where policy wants a code", async () => {
    const erika = await it_.enrol("Erika");
    for (const [name, text] of [
      ["Erika", "wrong"],
      ["nobody", password],
      ["omar", "wrong"],
    ] as const) {
      const step = await pending(name, text);
      expect(step.mayRepeat).toBe(false);
      expect(await step.verify(erika.code())).toBeNull();
    }
    // And a code that came with a wrong password is not used up.
    it_.nowMs += 30_000;
    expect(await (await pending("Erika")).verify(erika.code())).not.toBeNull();
  });

  it("asks for no code after a wrong password where policy does not want one", async () => {
    required = false;
    await it_.enrol("Erika");
    expect(await signIn.password("Erika", "wrong", address)).toEqual({ outcome: "refused" });
    expect((await signIn.password("Erika", password, address)).outcome).toBe("second-step");
  });

  it("fails when the person is disabled while the code is typed", async () => {
    const erika = await it_.enrol("Erika");
    const step = await pending("Erika");
    await it_.people.setDisabled("Erika", true);
    expect(await step.verify(erika.code())).toBeNull();
  });
});

describe("the throttle", () => {
  const tries = async (work: () => Promise<unknown>) => {
    for (let n = 1; n <= 40; n++) {
      try {
        await work();
      } catch (error) {
        expect(error).toMatchObject({ code: "AUTH_THROTTLED" });
        return n;
      }
    }
    return Number.POSITIVE_INFINITY;
  };

  it("counts the wrong codes of a person over all addresses, which only who knows the password can bring about", async () => {
    const erika = await it_.enrol("Erika");
    const from = async (n: number, text: string, code: string) => {
      const step = await signIn.password("Erika", text, `192.0.2.${n}`);
      return step.outcome === "second-step" ? step.verify(code) : null;
    };
    for (let n = 10; n < 60; n++) expect(await from(n, "a wrong one", erika.code())).toBeNull();
    it_.nowMs += 30_000;
    expect(await from(60, password, erika.code())).not.toBeNull();
    for (let n = 100; n < 130; n++) expect(await from(n, password, "000000")).toBeNull();
    it_.nowMs += 30_000;
    // As if it were wrong: the answer does not say that the password was right.
    for (let n = 130; n < 140; n++) await from(n, password, "000000");
    expect(await from(200, password, erika.code())).toBeNull();
    expect(await signIn.passwordWithCode("Erika", `${password},${erika.code()}`, "192.0.2.201")).toBeNull();
    expect(await from(202, password, erika.recoveryCodes[0] ?? "")).not.toBeNull();
    it_.nowMs += 16 * 60_000;
    expect(await from(203, password, erika.code())).not.toBeNull();
  });

  it("counts wrong codes after a right password as it counts wrong passwords", async () => {
    await it_.enrol("Erika");
    const codes = await tries(async () => (await pending("Erika")).verify("000000"));
    const other = await MfaUnderTest.open();
    const passwords = new SignIn({ ...other, mfaRequired: () => true });
    expect(codes).toBe(await tries(() => passwords.password("Erika", "wrong", address)));
    expect(codes).toBe(6);
    await other.close();
  });

  it("counts a right password whose code never comes: to see whether one is asked for tells nothing for free", async () => {
    await it_.enrol("Erika");
    expect(await tries(() => pending("Erika"))).toBe(6);
  });

  it("counts further codes of the same sign-in, and forgets all at success", async () => {
    const erika = await it_.enrol("Erika");
    const step = await pending("Erika");
    expect(await tries(() => step.verify("000000"))).toBe(6);
    it_.nowMs += 60_000;
    expect(await step.verify(erika.code())).not.toBeNull();
    expect(await tries(() => pending("Erika"))).toBe(6);
  });

  it("counts codes after a key, and fresh codes of who is signed in", async () => {
    await it_.enrol("Erika");
    expect(await tries(() => signIn.confirm("Erika", "000000", address))).toBe(6);
  });
});

describe("a password with the code at its end", () => {
  it("opens with a comma and without", async () => {
    const erika = await it_.enrol("Erika");
    expect(await signIn.passwordWithCode("erika", `${password},${erika.code()}`, address)).toMatchObject({
      name: "Erika",
      authMethod: "password+totp",
      factors: ["password", "totp"],
    });
    it_.nowMs += 30_000;
    expect(await signIn.passwordWithCode("erika", password + erika.code(), address)).not.toBeNull();
    const recovery = `${password},${erika.recoveryCodes[0]}`;
    expect(await signIn.passwordWithCode("erika", recovery, address)).toMatchObject({
      factors: ["password", "recovery-code"],
    });
  });

  it("is the password alone for who is not enrolled, digits and all", async () => {
    await it_.people.setPassword("omar", "trustno1,123456");
    expect(await signIn.passwordWithCode("omar", "trustno1,123456", address)).toMatchObject({ factors: ["password"] });
  });

  it("opens nothing without the code, with a used one, or with a wrong password, whose code stays good", async () => {
    const erika = await it_.enrol("Erika");
    const code = erika.code();
    expect(await signIn.passwordWithCode("erika", password, address)).toBeNull();
    expect(await signIn.passwordWithCode("erika", `wrong,${code}`, address)).toBeNull();
    expect(await signIn.passwordWithCode("erika", `${password},${code}`, address)).not.toBeNull();
    expect(await signIn.passwordWithCode("erika", `${password},${code}`, address)).toBeNull();
  });
});

describe("a passkey", () => {
  const assertion = {
    id: "key",
    rawId: "key",
    type: "public-key" as const,
    response: { clientDataJSON: "x", authenticatorData: "x", signature: "x" },
  };
  /** As if this challenge's answer were right, and Erika's; whether it was signed is the library's to say. */
  const withPasskeys = (right: string) =>
    new SignIn({
      people: it_.people,
      mfa: it_.mfa,
      throttle: it_.throttle,
      mfaRequired: () => true,
      passkeys: {
        ask: async () => ({ options: { challenge: "asked" }, challenge: "asked" }),
        verify: async (_answer, challenge) => (challenge === right ? { person: "erika" } : null),
      },
    });

  it("answers its question once, as second factor and alone", async () => {
    await it_.enrol("Erika");
    const at = withPasskeys("asked");
    const step = await at.password("Erika", password, address, { ownAlone: true, passkeys: true });
    if (step.outcome !== "second-step") throw new Error(step.outcome);
    expect(step.passkey).toEqual({ challenge: "asked" });
    expect(await step.verify(assertion)).toMatchObject({ authMethod: "password+webauthn" });
    expect(await step.verify(assertion)).toBeNull();
    const whole = await at.passkey(address);
    expect(await whole?.verify(assertion)).toMatchObject({ name: "Erika", factors: ["webauthn"] });
    expect(await whole?.verify(assertion)).toBeNull();
    // After a wrong password, or of somebody else, it opens nothing.
    for (const [name, text] of [
      ["Erika", "wrong"],
      ["omar", password],
    ] as const) {
      await it_.mfa.begin("omar");
      const other = await at.password(name, text, address, { ownAlone: true, passkeys: true });
      expect(other.outcome === "second-step" ? await other.verify(assertion) : null).toBeNull();
    }
  });

  it("that is rubbish keeps nobody of its address out, however often it comes, up to so many a minute", async () => {
    const at = withPasskeys("another");
    for (let i = 0; i < 59; i++) expect(await (await at.passkey(address))?.verify(assertion)).toBeNull();
    expect((await at.password("omar", password, address)).outcome).toBe("accepted");
    const more = await at.passkey(address);
    await expect(more?.verify(assertion)).rejects.toMatchObject({ code: "AUTH_THROTTLED" });
    it_.nowMs += 60_000;
    expect((await at.password("omar", password, address)).outcome).toBe("accepted");
  });

  it("of the portal's own stands in for it at a gateway: a code, once, within five minutes, and not at the portal", async () => {
    const { code } = await it_.enrol("Erika");
    const make = async () => (await it_.mfa.makePortalCode("Erika", { actor: "Erika", address })).code;
    const first = await make();
    const atPortal = await withPasskeys("x").password("Erika", password, address, { ownAlone: true, passkeys: true });
    expect(atPortal.outcome === "second-step" ? await atPortal.verify(first) : "no step").toBeNull();
    expect(await signIn.confirm("Erika", first, address)).toBeNull();
    expect(await (await pending("Erika")).verify(first)).toMatchObject({ authMethod: "password+portal-code" });
    expect(await (await pending("Erika")).verify(first)).toBeNull();
    const [replaced, last] = [await make(), await make()];
    expect(await (await pending("Erika")).verify(replaced)).toBeNull();
    it_.nowMs += 5 * 60_000;
    expect(await (await pending("Erika")).verify(last)).toBeNull();
    it_.nowMs += 3_600_000;
    expect(await signIn.passwordWithCode("Erika", `${password},${await make()}`, address)).toMatchObject({
      factors: ["password", "portal-code"],
    });
    expect(await signIn.confirm("Erika", code(), address)).toBe("totp");
  });
});
