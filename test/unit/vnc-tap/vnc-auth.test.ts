import { expect, it } from "vitest";
import { vncAuthResponse } from "../../../recorder/tap/vnc/vnc-auth.ts";

const challenge = Buffer.from(Array.from({ length: 16 }, (_, at) => at));

it("answers as single DES does with the bits of each key byte reversed", () => {
  // openssl enc -des-ecb -nopad -provider legacy -K 0e3686762eb4ec84
  expect(vncAuthResponse("plant-7!", challenge).toString("hex")).toBe("742d5f1c1065e56caa18471bc9885988");
});

it("counts eight bytes of a password, and fills up a shorter one", () => {
  expect(vncAuthResponse("plant-7!more", challenge)).toEqual(vncAuthResponse("plant-7!", challenge));
  expect(vncAuthResponse("abc", challenge)).toEqual(vncAuthResponse("abc\0\0\0\0\0", challenge));
});
